//! Bulk API 2.0: jobs that read or write many rows, their data and results as CSV.
//!
//! A job moves on when somebody looks at it, never by time, so that the same calls give the same
//! answers while the clock stands still. Jobs live in the database; a restarted server goes on
//! with them.

mod ingest_job;
mod job;
mod query_job;
mod results;
mod store;
mod table;
mod upload;

use super::answer::Answer;
use super::call::Call;
use super::errors::Fault;
use super::org::Org;

pub use job::Kind;
pub use query_job::JOBS_MAX as QUERY_JOBS_MAX;
pub use store::{BATCHES_MAX, TABLES, used_today};

/// Answers what is under `jobs/query`.
///
/// # Errors
/// When the call is refused.
pub fn query(org: &Org<'_>, call: &Call, rest: &[&str]) -> Result<Answer, Fault> {
    let method = call.method.as_str();
    match (method, rest) {
        ("POST", []) => query_job::create(org, call),
        ("GET", []) => job::list(org, call, Kind::Query),
        ("GET", [id]) => query_job::poll(org, id),
        ("PATCH", [id]) => query_job::close(org, call, id),
        ("DELETE", [id]) => job::delete(org, Kind::Query, id),
        ("GET", [id, part]) => match part.to_ascii_lowercase().as_str() {
            "results" => query_job::results(org, call, id),
            "resultpages" => query_job::result_pages(org, call, id),
            _ => Err(Fault::not_found()),
        },
        (_, []) => Err(Fault::method_not_allowed(method, "GET,POST")),
        (_, [_]) => Err(Fault::method_not_allowed(method, "DELETE,GET,PATCH")),
        _ => Err(Fault::not_found()),
    }
}

/// Answers what is under `jobs/ingest`.
///
/// # Errors
/// When the call is refused.
pub fn ingest(org: &Org<'_>, call: &Call, rest: &[&str]) -> Result<Answer, Fault> {
    let method = call.method.as_str();
    match (method, rest) {
        ("POST", []) => ingest_job::create(org, call),
        ("GET", []) => job::list(org, call, Kind::Ingest),
        ("GET", [id]) => ingest_job::poll(org, id),
        ("PATCH", [id]) => ingest_job::close(org, call, id),
        ("DELETE", [id]) => job::delete(org, Kind::Ingest, id),
        ("PUT", [id, "batches"]) => ingest_job::upload(org, call, id),
        ("GET", [id, part]) => match part.to_ascii_lowercase().as_str() {
            "successfulresults" => results::successful(org, id),
            "failedresults" => results::failed(org, id),
            "unprocessedrecords" => results::unprocessed(org, id),
            _ => Err(Fault::not_found()),
        },
        (_, []) => Err(Fault::method_not_allowed(method, "GET,POST")),
        (_, [_]) => Err(Fault::method_not_allowed(method, "DELETE,GET,PATCH")),
        _ => Err(Fault::not_found()),
    }
}

/// Names the endpoint family of a call under `jobs`, without ids in it.
pub fn family(rest: &[&str]) -> Option<String> {
    const PARTS: [(&str, &str); 6] = [
        ("batches", "batches"),
        ("results", "results"),
        ("resultpages", "result_pages"),
        ("successfulresults", "successful_results"),
        ("failedresults", "failed_results"),
        ("unprocessedrecords", "unprocessed_records"),
    ];
    let (kind, rest) = rest.split_first()?;
    let kind = ["query", "ingest"].into_iter().find(|own| own == kind)?;
    match rest {
        [] => Some(format!("jobs.{kind}")),
        [_] => Some(format!("jobs.{kind}.job")),
        [_, part] => {
            let part = part.to_ascii_lowercase();
            let (_, shown) = PARTS.into_iter().find(|(own, _)| *own == part)?;
            Some(format!("jobs.{kind}.{shown}"))
        }
        _ => None,
    }
}
