//! Query jobs: the records a query finds, as files of many rows.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::params_from_iter;
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::call::Call;
use super::super::errors::Fault;
use super::super::org::Org;
use super::super::query::for_each_row;
use super::super::soql::{self, Plan, Shape};
use super::job::{self, Job, Kind, State};
use super::store;
use super::table::{self, Column, Writer};

/// Pages that one answer of `resultPages` names.
const PAGES_MAX: usize = 5;
/// Bytes of one row number in a job's data.
const NUMBER_BYTES: u64 = 8;
/// Query jobs of 24 hours.
pub const JOBS_MAX: u64 = 10_000;

/// Helper tables that the vendor keeps out of bulk queries.
const UNSUPPORTED: [&str; 11] = [
    "AttachedContentNote",
    "CaseStatus",
    "ContractStatus",
    "LeadStatus",
    "OpportunityStage",
    "OrderStatus",
    "PartnerRole",
    "RecentlyViewed",
    "SolutionStatus",
    "TaskPriority",
    "TaskStatus",
];
const UNSUPPORTED_ENDINGS: [&str; 2] = ["EventRelation", "WhoRelation"];

/// Where a page starts and how many rows it has.
struct Page {
    offset: u64,
    n_rows: u64,
}

/// Answers `POST jobs/query`.
///
/// # Errors
/// When the query is wrong, or right but not for bulk.
pub fn create(org: &Org<'_>, call: &Call) -> Result<Answer, Fault> {
    let body = call.json_object()?;
    let Some(query) = job::text(&body, "query") else {
        return Err(Fault::new(400, "INVALIDJOB", "query is required"));
    };
    let operation = job::text(&body, "operation").unwrap_or_default();
    if !matches!(operation.as_str(), "query" | "queryAll") {
        let message = format!("operation of a query job cannot be '{operation}'");
        return Err(Fault::new(400, "INVALIDOPERATION", message));
    }
    let (n_jobs, _) = store::used_today(org)?;
    if n_jobs >= JOBS_MAX {
        let message = format!("Max bulk v2 query jobs ({JOBS_MAX}) per 24 hrs has been reached");
        return Err(Fault::new(400, "EXCEEDEDQUOTA", message));
    }
    let (plan, _) = plan(org, &query, operation == "queryAll")?;
    let mut job = Job::asked_for(org, call, Kind::Query, &body, &plan.object)?;
    job.query = Some(query);
    store::put(org, &job)?;
    Ok(Answer::json(200, &job.view(org)))
}

/// Answers `GET jobs/query/<id>`, which moves a running job on.
pub fn poll(org: &Org<'_>, id: &str) -> Result<Answer, Fault> {
    let mut job = store::get(org, Kind::Query, id)?;
    if job.state.is_running() {
        if job.n_polls == 0 {
            find_rows(org, &mut job)?;
        }
        job.n_processed = job.advance(org, u64::MAX - job.n_processed);
        job.finish(org);
        store::put(org, &job)?;
    }
    Ok(Answer::json(200, &job.full_view(org)))
}

/// Answers `PATCH jobs/query/<id>`, which can only abort.
pub fn close(org: &Org<'_>, call: &Call, id: &str) -> Result<Answer, Fault> {
    let mut job = store::get(org, Kind::Query, id)?;
    if job::wanted_state(call)? != State::Aborted {
        return Err(Fault::new(400, "INVALIDJOBSTATE", "A query job can only be aborted"));
    }
    job.abort(org)?;
    store::put(org, &job)?;
    Ok(Answer::json(200, &job.view(org)))
}

/// Answers `GET jobs/query/<id>/results`.
///
/// # Errors
/// When the job has no results yet, or was made by another API version.
pub fn results(org: &Org<'_>, call: &Call, id: &str) -> Result<Answer, Fault> {
    let job = finished(org, call, id)?;
    let max = match call.parameter("maxRecords") {
        None => None,
        Some(text) => Some(text.parse::<u64>().ok().filter(|max| *max > 0).ok_or_else(|| {
            Fault::new(400, "INVALIDJOB", format!("maxRecords cannot be {text}"))
        })?),
    };
    let located = call.parameter("locator").map(|text| read_locator(&job, text)).transpose()?;
    let offset = located.as_ref().map_or(0, |page| page.offset);
    let n_rows = max.or(located.map(|page| page.n_rows)).unwrap_or_else(|| page_rows(org));
    let (plan, columns) =
        plan(org, job.query.as_deref().unwrap_or_default(), job.operation == "queryAll")?;
    let end = job.n_processed.min(offset.saturating_add(n_rows));
    let numbers: Vec<i64> =
        store::file_slice(org, &job, offset * NUMBER_BYTES, (end - offset) * NUMBER_BYTES)?
            .chunks_exact(8)
            .filter_map(|bytes| bytes.try_into().ok().map(i64::from_le_bytes))
            .collect();
    let mut writer = Writer::new(&job, &org.rules.bulk);
    writer.line(columns.iter().map(|column| column.name.as_str()));
    let mut n_written = 0_u64;
    for_each_row(org, &plan, &numbers, |row| {
        n_written += 1;
        writer.record(row, &columns)
    })?;
    let next = Page { offset: end, n_rows };
    let locator = if end < job.n_processed { locator(&job, &next) } else { "null".to_owned() };
    Ok(Answer::csv(writer.out)
        .with("sforce-locator", locator)
        .with("sforce-numberofrecords", n_written.to_string()))
}

/// Answers `GET jobs/query/<id>/resultPages`: where the pages are, a few an answer.
///
/// # Errors
/// As [`results`].
pub fn result_pages(org: &Org<'_>, call: &Call, id: &str) -> Result<Answer, Fault> {
    let job = finished(org, call, id)?;
    let mut page = match call.parameter("locator") {
        Some(text) => read_locator(&job, text)?,
        None => Page { offset: 0, n_rows: page_rows(org) },
    };
    let path = |part: &str, page: &Page| {
        call.url(&format!("jobs/query/{}/{part}?locator={}", job.id, locator(&job, page)))
    };
    let mut pages: Vec<Value> = Vec::new();
    while pages.len() < PAGES_MAX && (page.offset < job.n_processed || page.offset == 0) {
        pages.push(json!({"resultUrl": path("results", &page)}));
        page.offset += page.n_rows;
    }
    let next = (page.offset < job.n_processed).then(|| path("resultPages", &page));
    Ok(Answer::json(
        200,
        &json!({"resultPages": pages, "nextRecordsUrl": next, "done": next.is_none()}),
    ))
}

/// Fixes which records the job is about, so that later writes move no page.
fn find_rows(org: &Org<'_>, job: &mut Job) -> Result<(), Fault> {
    let (plan, _) =
        plan(org, job.query.as_deref().unwrap_or_default(), job.operation == "queryAll")?;
    let mut statement = org.connection.prepare_cached(&plan.sql)?;
    let mut rows = statement.query(params_from_iter(&plan.parameters))?;
    let mut numbers = Vec::new();
    while let Some(row) = rows.next()? {
        numbers.extend_from_slice(&row.get::<_, i64>(0)?.to_le_bytes());
        job.n_rows += 1;
    }
    store::put_file(org, job, &numbers)
}

/// Reads a query, refusing what bulk jobs cannot do.
fn plan(
    org: &Org<'_>,
    text: &str,
    is_deleted_included: bool,
) -> Result<(Plan, Vec<Column>), Fault> {
    let query = soql::parse(text)?;
    let plan = soql::translate(&org.frame(), text, &query, is_deleted_included)?;
    let name = plan.object.as_str();
    let is_unsupported = UNSUPPORTED.contains(&name)
        || UNSUPPORTED_ENDINGS.iter().any(|ending| name.ends_with(ending));
    if is_unsupported {
        let message = format!("Entity '{name}' is not supported by the Bulk API.");
        return Err(Fault::new(400, "INVALIDENTITY", message));
    }
    let refused = match plan.shape {
        Shape::Count | Shape::Aggregate => Some("Aggregate Relationships"),
        Shape::Rows if query.offset.is_some() => Some("OFFSET clause"),
        Shape::Rows => None,
    };
    if let Some(refused) = refused {
        return Err(Fault::new(400, "API_ERROR", format!("{refused} not supported in Bulk Query")));
    }
    let columns = table::columns(&plan)?;
    Ok((plan, columns))
}

fn finished(org: &Org<'_>, call: &Call, id: &str) -> Result<Job, Fault> {
    let job = store::get(org, Kind::Query, id)?;
    if job.state != State::JobComplete {
        let message = format!("Results of a job in state {:?} cannot be read", job.state);
        return Err(Fault::new(400, "INVALIDJOBSTATE", message));
    }
    if job.version != call.version {
        let message = format!("Job was created with API version {}", job.version);
        return Err(Fault::new(409, "API_ERROR", message));
    }
    Ok(job)
}

fn page_rows(org: &Org<'_>) -> u64 {
    u64::try_from(org.rules.bulk.result_page_rows.max(1)).unwrap_or(u64::MAX)
}

fn locator(job: &Job, page: &Page) -> String {
    let part = format!("0Ga{}", job.id.get(3..).unwrap_or_default());
    URL_SAFE_NO_PAD.encode(format!("{}:{part}:{}", page.offset, page.n_rows))
}

fn read_locator(job: &Job, text: &str) -> Result<Page, Fault> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let mut parts = text.split(':');
        let (offset, part, n_rows) = (parts.next()?, parts.next()?, parts.next()?);
        let is_own = part.get(3..) == job.id.get(3..);
        let page = Page { offset: offset.parse().ok()?, n_rows: n_rows.parse().ok()? };
        (is_own && page.offset <= job.n_processed && page.n_rows > 0).then_some(page)
    };
    read().ok_or_else(|| Fault::new(400, "INVALIDJOB", format!("Invalid locator: {text}")))
}
