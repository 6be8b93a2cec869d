//! Ingest jobs: many rows of one object written by one operation.

use csv::StringRecord;

use super::super::answer::Answer;
use super::super::call::Call;
use super::super::errors::Fault;
use super::super::one_row;
use super::super::org::{Assignment, Org, WriteOptions};
use super::super::rows::lookup_key;
use super::super::schema::Object;
use super::super::writes;
use super::job::{self, Job, Kind, State};
use super::store::{self, Outcome};
use super::upload::{self, Column, Upload};

/// Most bytes of a job's data.
const DATA_BYTES_MAX: usize = 100_000_000;
/// Most characters of data that come with the job itself.
const ATTACHED_CHARACTERS_MAX: usize = 100_000;
/// Rows that are saved together, within which a key may stand once.
const CHUNK_ROWS: usize = 200;
/// Rows that one look at a job saves at most, so that the look is answered in time.
const ROWS_A_POLL_MAX: u64 = 50_000;
const CELL_CHARACTERS_MAX: usize = 131_072;
const ROW_CHARACTERS_MAX: usize = 400_000;

/// Answers `POST jobs/ingest`, with or without data.
///
/// # Errors
/// When the job asks for what is not there.
pub fn create(org: &Org<'_>, call: &Call) -> Result<Answer, Fault> {
    let body = call.json_object()?;
    let name = job::text(&body, "object").unwrap_or_default();
    let object = org.catalog.object(&name).ok_or_else(|| {
        Fault::new(400, "INVALIDENTITY", format!("Unable to find object: {name}"))
    })?;
    let mut job = Job::asked_for(org, call, Kind::Ingest, &body, &object.name)?;
    job.external_id_field = job::text(&body, "externalIdFieldName");
    job.assignment_rule_id = job::text(&body, "assignmentRuleId");
    match (job.operation.as_str(), &job.external_id_field) {
        ("hardDelete", _) if !org.rules.permissions.is_hard_delete_allowed => {
            let message = "hardDelete operation requires special user profile permission, please contact your system administrator";
            return Err(Fault::new(400, "FEATURENOTENABLED", message));
        }
        ("insert" | "update" | "delete" | "hardDelete", _) => {}
        ("upsert", Some(field)) => {
            lookup_key(object, field).map_err(|fault| Fault {
                status: 400,
                code: "INVALIDJOB",
                ..fault
            })?;
        }
        ("upsert", None) => {
            let message = "externalIdFieldName is required for upsert";
            return Err(Fault::new(400, "INVALIDJOB", message));
        }
        (other, _) => {
            let message = format!("operation of an ingest job cannot be '{other}'");
            return Err(Fault::new(400, "INVALIDOPERATION", message));
        }
    }
    if let Some(content) = &call.content {
        if String::from_utf8_lossy(content).chars().count() > ATTACHED_CHARACTERS_MAX {
            let message =
                format!("Content of a multipart job exceeds {ATTACHED_CHARACTERS_MAX} characters");
            return Err(Fault::new(400, "CLIENTINPUTERROR", message));
        }
        store::put_file(org, &job, content)?;
        job.state = State::UploadComplete;
    }
    store::put(org, &job)?;
    Ok(Answer::json(200, &job.view(org)))
}

/// Answers `PUT jobs/ingest/<id>/batches`.
///
/// # Errors
/// When the job is not open, has data already, or the data is too large.
pub fn upload(org: &Org<'_>, call: &Call, id: &str) -> Result<Answer, Fault> {
    let job = store::get(org, Kind::Ingest, id)?;
    if job.state != State::Open {
        let message = format!("Job is not open: {}", job.id);
        return Err(Fault::new(400, "INVALIDJOBSTATE", message));
    }
    if store::has_file(org, &job)? {
        let message = format!(
            "Found multiple contents for job: <{}>, please 'Close' / 'Abort' / 'Delete' the \
             current Job then create a new Job and make sure you only do 'PUT' once on a given Job.",
            job.id
        );
        return Err(Fault::new(400, "CLIENTINPUTERROR", message));
    }
    if call.body.len() > DATA_BYTES_MAX {
        let message = format!("Data of a job exceeds {DATA_BYTES_MAX} bytes");
        return Err(Fault::new(400, "CLIENTINPUTERROR", message));
    }
    store::put_file(org, &job, &call.body)?;
    Ok(Answer::bare(201))
}

/// Answers `PATCH jobs/ingest/<id>`: the upload is complete, or nothing shall come of it.
pub fn close(org: &Org<'_>, call: &Call, id: &str) -> Result<Answer, Fault> {
    let mut job = store::get(org, Kind::Ingest, id)?;
    match job::wanted_state(call)? {
        State::Aborted => job.abort(org)?,
        _ if job.state != State::Open => {
            let message = format!("Job is not open: {}", job.id);
            return Err(Fault::new(400, "INVALIDJOBSTATE", message));
        }
        _ if !store::has_file(org, &job)? => {
            let message = format!("No data was uploaded for job: {}", job.id);
            return Err(Fault::new(400, "INVALIDJOBSTATE", message));
        }
        state => {
            job.state = state;
            job.modified_at = org.now;
        }
    }
    store::put(org, &job)?;
    Ok(Answer::json(200, &job.view(org)))
}

/// Answers `GET jobs/ingest/<id>`, which moves a running job on.
pub fn poll(org: &Org<'_>, id: &str) -> Result<Answer, Fault> {
    let mut job = store::get(org, Kind::Ingest, id)?;
    if job.state.is_running() {
        let data = store::file(org, &job)?.unwrap_or_default();
        match prepare(org, &mut job, &data) {
            Ok((object, upload, columns)) => run(org, &mut job, object, &upload, &columns)?,
            Err(message) => job.fail(message),
        }
        store::put(org, &job)?;
    }
    Ok(Answer::json(200, &job.full_view(org)))
}

/// Holds the data against the schema, or says why the job fails as a whole.
fn prepare<'a>(
    org: &Org<'a>,
    job: &mut Job,
    data: &[u8],
) -> Result<(&'a Object, Upload, Vec<Column>), String> {
    let upload = Upload::read(job, data)?;
    job.n_rows = u64::try_from(upload.rows.len()).unwrap_or_default();
    let object = org
        .catalog
        .object(&job.object)
        .ok_or_else(|| format!("InvalidBatch : Unable to find object: {}", job.object))?;
    let columns = upload.columns(org, object)?;
    let is_delete = matches!(job.operation.as_str(), "delete" | "hardDelete");
    let is_id = |column: &Column| matches!(column, Column::Field(name) if name == "Id");
    if is_delete && !(columns.len() == 1 && columns.iter().all(is_id)) {
        return Err(format!("InvalidBatch : The '{}' batch must contain only ids", job.operation));
    }
    Ok((object, upload, columns))
}

fn run(
    org: &Org<'_>,
    job: &mut Job,
    object: &Object,
    upload: &Upload,
    columns: &[Column],
) -> Result<(), Fault> {
    // Headers reach no job; an assignment rule runs where the job names it.
    let assignment = job.assignment_rule_id.as_deref().map_or(Assignment::Off, Assignment::named);
    let org = &Org { options: WriteOptions { assignment, ..WriteOptions::default() }, ..*org };
    let due = job.advance(org, ROWS_A_POLL_MAX);
    let key = job.external_id_field.as_deref().and_then(|name| object.field(name));
    let mut earlier: Vec<Option<String>> = Vec::with_capacity(CHUNK_ROWS);
    let first = usize::try_from(job.n_processed).unwrap_or(usize::MAX);
    let last = usize::try_from(due).unwrap_or(usize::MAX);
    for (index, row) in upload.rows.iter().enumerate().take(last).skip(first) {
        if index % CHUNK_ROWS == 0 {
            earlier.clear();
        }
        let body = upload::body(columns, row);
        let known_id = one_row::record_id(&body).unwrap_or_default().to_owned();
        let saved = org.attempt(|| {
            refuse_oversized(row)?;
            match (job.operation.as_str(), key) {
                ("insert", _) => {
                    if !known_id.is_empty() {
                        let message = "cannot specify Id in an insert call";
                        return Err(Fault::row(
                            "INVALID_FIELD_FOR_INSERT_UPDATE",
                            message,
                            &["Id"],
                        ));
                    }
                    Ok((writes::create(org, object, &body)?, true))
                }
                ("update", _) => Ok((one_row::update(org, object, &body)?, false)),
                ("upsert", Some(key)) => one_row::upsert(org, object, key, &body, &earlier)
                    .map(|done| (done.id, done.is_created)),
                ("delete", _) => Ok((one_row::delete(org, Some(object), &known_id)?, false)),
                ("hardDelete", _) => Ok((one_row::delete_for_good(org, object, &known_id)?, false)),
                (operation, _) => {
                    let message = format!("operation {operation} has no key");
                    Err(Fault::new(400, "INVALIDJOB", message))
                }
            }
        });
        earlier.push(key.and_then(|key| one_row::key_text(&body, key)));
        let outcome = match saved {
            Ok((id, is_created)) => Outcome { id, is_created, error: None },
            Err(fault) => {
                job.n_failed += 1;
                Outcome { id: known_id, is_created: false, error: Some(fault.to_csv_error()) }
            }
        };
        let number = u64::try_from(index).unwrap_or_default();
        store::put_outcome(org, job, number, &outcome)?;
        job.n_processed += 1;
    }
    job.finish(org);
    Ok(())
}

fn refuse_oversized(row: &StringRecord) -> Result<(), Fault> {
    let is_cell_long = row
        .iter()
        .any(|cell| cell.len() > CELL_CHARACTERS_MAX && cell.chars().count() > CELL_CHARACTERS_MAX);
    let is_row_long = row.as_slice().len() > ROW_CHARACTERS_MAX
        && row.as_slice().chars().count() > ROW_CHARACTERS_MAX;
    if !is_cell_long && !is_row_long {
        return Ok(());
    }
    let message =
        format!("a field takes {CELL_CHARACTERS_MAX} characters and a record {ROW_CHARACTERS_MAX}");
    Err(Fault::row("LIMIT_EXCEEDED", message, &[]))
}
