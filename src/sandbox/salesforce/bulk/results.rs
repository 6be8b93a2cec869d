//! What became of an ingest job's rows, as three files.

use sha2::{Digest, Sha256};

use super::super::answer::Answer;
use super::super::errors::Fault;
use super::super::org::Org;
use super::job::{Job, Kind};
use super::store::{self, Outcome};
use super::table::Writer;
use super::upload::Upload;

/// From this version on a failed row shows its id where one is known.
const FAILED_ID_SINCE: u32 = 53;

/// Answers `GET jobs/ingest/<id>/successfulResults`.
///
/// # Errors
/// When the job is unknown or not over.
pub fn successful(org: &Org<'_>, id: &str) -> Result<Answer, Fault> {
    file(org, id, &["sf__Id", "sf__Created"], |_, outcome| match outcome {
        Some(Outcome { id, is_created, error: None }) => Some([id.clone(), is_created.to_string()]),
        _ => None,
    })
}

/// Answers `GET jobs/ingest/<id>/failedResults`.
///
/// # Errors
/// As [`successful`].
pub fn failed(org: &Org<'_>, id: &str) -> Result<Answer, Fault> {
    file(org, id, &["sf__Id", "sf__Error"], |job, outcome| match outcome {
        Some(Outcome { id, error: Some(error), .. }) => {
            let version = job.version.trim_start_matches('v').trim_end_matches(".0");
            let is_id_shown = version.parse().is_ok_and(|own: u32| own >= FAILED_ID_SINCE);
            Some([if is_id_shown { id.clone() } else { String::new() }, error.clone()])
        }
        _ => None,
    })
}

/// Answers `GET jobs/ingest/<id>/unprocessedrecords`.
///
/// # Errors
/// As [`successful`].
pub fn unprocessed(org: &Org<'_>, id: &str) -> Result<Answer, Fault> {
    file(org, id, &[], |_, outcome| match outcome {
        None => Some([]),
        Some(_) => None,
    })
}

/// Writes the rows that `lead` takes, in an order of the job's own, behind the values it gives.
fn file<const N: usize>(
    org: &Org<'_>,
    id: &str,
    leading: &[&str; N],
    lead: impl Fn(&Job, Option<&Outcome>) -> Option<[String; N]>,
) -> Result<Answer, Fault> {
    let job = store::get(org, Kind::Ingest, id)?;
    if !job.state.is_over() {
        let message = format!("Results of a job in state {:?} cannot be read", job.state);
        return Err(Fault::new(400, "INVALIDJOBSTATE", message));
    }
    let data = store::file(org, &job)?.unwrap_or_default();
    let upload = match Upload::read(&job, &data) {
        Ok(upload) => upload,
        // No row of a file that could not be read was processed.
        Err(_) if N == 0 => return Ok(Answer::csv(String::from_utf8_lossy(&data).into_owned())),
        Err(_) => return Ok(Answer::csv(String::new())),
    };
    let outcomes = store::outcomes(org, &job)?;
    let mut order: Vec<usize> = (0..upload.rows.len()).collect();
    order.sort_by_cached_key(|row| Sha256::digest(format!("{}:{row}", job.id)).to_vec());
    let mut writer = Writer::new(&job, &org.rules.bulk);
    writer.line(leading.iter().copied().chain(&upload.headers));
    for index in order {
        let outcome = outcomes.get(index).and_then(Option::as_ref);
        if let (Some(values), Some(row)) = (lead(&job, outcome), upload.rows.get(index)) {
            writer.line(values.iter().map(String::as_str).chain(row));
        }
    }
    Ok(Answer::csv(writer.out))
}
