//! Where jobs, what was uploaded for them and what became of each row are kept.

use jiff::SignedDuration;
use rusqlite::{OptionalExtension, params};

use super::super::errors::Fault;
use super::super::ids;
use super::super::org::Org;
use super::job::{Job, Kind};

const PREFIX: &str = "750";
/// How long a job and its results are kept.
const LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Internal batches of 24 hours.
pub const BATCHES_MAX: u64 = 15_000;
/// Rows of one internal batch of an ingest job.
const BATCH_ROWS: u64 = 10_000;

/// Tables of jobs.
pub const TABLES: &str = "\
create table if not exists sandbox_jobs (number integer primary key, id text not null unique, job text not null);
create table if not exists sandbox_job_files (job text primary key, content blob not null);
create table if not exists sandbox_job_rows \
(job text, row integer, id text, is_created integer, error text, primary key (job, row)) without rowid;
";

/// What became of one uploaded row.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Empty where none is known.
    pub id: String,
    pub is_created: bool,
    /// `None` for a row that was saved.
    pub error: Option<String>,
}

/// Returns an unused job id.
pub fn mint(org: &Org<'_>) -> Result<String, Fault> {
    Ok(ids::mint(PREFIX, org.next_number()?))
}

pub fn put(org: &Org<'_>, job: &Job) -> Result<(), Fault> {
    let text = serde_json::to_string(job).map_err(|error| {
        tracing::error!(%error, "a job cannot be kept");
        Fault::new(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred")
    })?;
    org.connection
        .prepare_cached(
            "insert into sandbox_jobs (id, job) values (?1, ?2) \
             on conflict (id) do update set job = excluded.job",
        )?
        .execute(params![job.id, text])?;
    Ok(())
}

/// Returns a job by its id in either form.
///
/// # Errors
/// `NOT_FOUND` for one that is unknown, deleted, too old or of the other kind.
pub fn get(org: &Org<'_>, kind: Kind, id: &str) -> Result<Job, Fault> {
    let id = ids::normalize(id).ok_or_else(Fault::not_found)?;
    let text: Option<String> = org
        .connection
        .prepare_cached("select job from sandbox_jobs where id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    text.and_then(|text| serde_json::from_str::<Job>(&text).ok())
        .filter(|job| job.kind == kind && org.now.duration_since(job.created_at) < LIFETIME)
        .ok_or_else(Fault::not_found)
}

/// Returns every job of a kind that is still kept, newest first.
pub fn all(org: &Org<'_>, kind: Kind) -> Result<Vec<Job>, Fault> {
    let mut statement =
        org.connection.prepare_cached("select job from sandbox_jobs order by number desc")?;
    let texts = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut jobs = Vec::new();
    for text in texts {
        let job = serde_json::from_str::<Job>(&text?).ok();
        jobs.extend(
            job.filter(|job| job.kind == kind && org.now.duration_since(job.created_at) < LIFETIME),
        );
    }
    Ok(jobs)
}

/// Forgets a job with its data and results.
pub fn remove(org: &Org<'_>, job: &Job) -> Result<(), Fault> {
    for table in ["sandbox_job_files", "sandbox_job_rows"] {
        org.connection.execute(&format!("delete from {table} where job = ?1"), [&job.id])?;
    }
    org.connection.execute("delete from sandbox_jobs where id = ?1", [&job.id])?;
    Ok(())
}

/// Returns the query jobs and the ingest batches of the last 24 hours.
pub fn used_today(org: &Org<'_>) -> Result<(u64, u64), Fault> {
    let is_new = |job: &Job| org.now.duration_since(job.created_at) < DAY;
    let n_queries = all(org, Kind::Query)?.iter().filter(|job| is_new(job)).count();
    // An ingest job has one batch more than its rows need.
    let n_batches = all(org, Kind::Ingest)?
        .iter()
        .filter(|job| is_new(job))
        .map(|job| job.n_rows.div_ceil(BATCH_ROWS) + 1)
        .sum();
    Ok((u64::try_from(n_queries).unwrap_or(u64::MAX), n_batches))
}

/// Keeps a job's data: what was uploaded, or the row numbers that a query found.
pub fn put_file(org: &Org<'_>, job: &Job, content: &[u8]) -> Result<(), Fault> {
    org.connection
        .prepare_cached("insert into sandbox_job_files values (?1, ?2)")?
        .execute(params![job.id, content])?;
    Ok(())
}

/// Returns a job's data, `None` when it has none.
pub fn file(org: &Org<'_>, job: &Job) -> Result<Option<Vec<u8>>, Fault> {
    Ok(org
        .connection
        .prepare_cached("select content from sandbox_job_files where job = ?1")?
        .query_row([&job.id], |row| row.get(0))
        .optional()?)
}

pub fn has_file(org: &Org<'_>, job: &Job) -> Result<bool, Fault> {
    Ok(org
        .connection
        .prepare_cached("select 1 from sandbox_job_files where job = ?1")?
        .exists([&job.id])?)
}

/// Returns some of the bytes of a job's data.
pub fn file_slice(org: &Org<'_>, job: &Job, start: u64, length: u64) -> Result<Vec<u8>, Fault> {
    let found: Option<Vec<u8>> = org
        .connection
        .prepare_cached("select substr(content, ?2, ?3) from sandbox_job_files where job = ?1")?
        .query_row(params![job.id, stored(start + 1), stored(length)], |row| row.get(0))
        .optional()?;
    Ok(found.unwrap_or_default())
}

pub fn put_outcome(org: &Org<'_>, job: &Job, row: u64, outcome: &Outcome) -> Result<(), Fault> {
    org.connection
        .prepare_cached("insert into sandbox_job_rows values (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![job.id, stored(row), outcome.id, outcome.is_created, outcome.error])?;
    Ok(())
}

/// Returns the outcomes of a job by row, of those that were looked at.
pub fn outcomes(org: &Org<'_>, job: &Job) -> Result<Vec<Option<Outcome>>, Fault> {
    let mut outcomes = vec![None; usize::try_from(job.n_rows).unwrap_or_default()];
    let mut statement = org
        .connection
        .prepare_cached("select row, id, is_created, error from sandbox_job_rows where job = ?1")?;
    let mut rows = statement.query([&job.id])?;
    while let Some(row) = rows.next()? {
        let outcome = Outcome { id: row.get(1)?, is_created: row.get(2)?, error: row.get(3)? };
        let number = usize::try_from(row.get::<_, i64>(0)?).unwrap_or(usize::MAX);
        if let Some(slot) = outcomes.get_mut(number) {
            *slot = Some(outcome);
        }
    }
    Ok(outcomes)
}

/// Returns a count as the database keeps it.
fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
