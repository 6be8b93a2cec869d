//! Writes as Bulk API 2.0 ingest jobs.
//!
//! A job is opened, given its rows and closed in calls of their own, and nothing is written before
//! it is closed. Its results come in any order and are joined to the records by the record id, or
//! by the key of a create. A job that failed or was aborted keeps what it had saved by then, so its
//! results are read however it ended.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::sync::Arc;

use csv::{QuoteStyle, ReaderBuilder, StringRecord, Terminator, WriterBuilder};
use serde::Deserialize;
use serde_json::json;

use super::error::judge_entry;
use super::{KIND, Salesforce, soql};
use crate::crm::transport::{Body, Method, Purpose, Reply, Request, Spool};
use crate::crm::{
    BulkJob, BulkState, CrmError, WriteBatch, WriteOperation, WriteOutcome, WriteRecord,
};

/// What a cell holds to clear its field; an empty one leaves the field alone.
pub const NULL: &str = "#N/A";

const ID_COLUMN: &str = "Id";
const OPERATION: &str = "bulk ingest";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JobAnswer {
    id: String,
    state: String,
    #[serde(default)]
    number_records_failed: u64,
}

pub async fn open(crm: &Salesforce, batch: &WriteBatch) -> Result<BulkJob, CrmError> {
    let object = soql::name(&batch.object)?;
    let mut job = json!({
        "object": object,
        "operation": "update",
        "contentType": "CSV",
        "columnDelimiter": "COMMA",
        "lineEnding": "LF",
    });
    if batch.operation == WriteOperation::Create {
        job["operation"] = json!("upsert");
        job["externalIdFieldName"] = json!(soql::name(key_column(batch)?)?);
    }
    let path = crm.path("/jobs/ingest");
    let request =
        Request::post_json("bulk ingest open", Purpose::Write, path, job.to_string()).repeatable();
    let answer = crm.ask(&request).await?;
    let job: JobAnswer = answer.json(KIND, OPERATION)?;
    Ok(BulkJob { id: job.id })
}

pub async fn start(crm: &Salesforce, job: &BulkJob, batch: &WriteBatch) -> Result<(), CrmError> {
    let upload = Request {
        method: Method::PUT,
        body: Body::Text { content_type: "text/csv".to_owned(), text: rows(batch)? },
        ..Request::get("bulk ingest upload", Purpose::Write, path_of(crm, job, "/batches"))
    };
    // The rows lie there untouched until the job is closed.
    let sent = crm.transport.send(&upload.preparing(), &crm.bearer).await?;
    if let Reply::Lost { .. } = sent {
        return Ok(());
    }
    change_state(crm, job, "UploadComplete", Purpose::Write).await?;
    Ok(())
}

pub async fn state(
    crm: &Salesforce,
    job: &BulkJob,
    batch: &WriteBatch,
) -> Result<BulkState, CrmError> {
    let request = Request::get("bulk ingest state", Purpose::Fixed, path_of(crm, job, ""));
    let answer = match crm.transport.send(&request, &crm.bearer).await? {
        Reply::Refused(refusal) if refusal.status == 404 => return Ok(BulkState::Gone),
        reply => reply.done(KIND, OPERATION)?,
    };
    let known: JobAnswer = answer.json(KIND, OPERATION)?;
    match known.state.as_str() {
        // Opened and not closed: whether the rows arrived does not matter any more.
        "Open" => match change_state(crm, job, "Aborted", Purpose::Fixed).await? {
            Reply::Done(_) => Ok(BulkState::NotStarted),
            Reply::Refused(_) | Reply::Lost { .. } => Ok(BulkState::Running),
        },
        "UploadComplete" | "InProgress" => Ok(BulkState::Running),
        "JobComplete" | "Failed" | "Aborted" => {
            Ok(BulkState::Ended(outcomes(crm, job, batch, &known).await?))
        }
        _ => Err(shape("a job is in a state that is not known")),
    }
}

/// Ends a job; one that has just ended by itself refuses, which is as good.
pub async fn abort(crm: &Salesforce, job: &BulkJob) -> Result<(), CrmError> {
    change_state(crm, job, "Aborted", Purpose::Fixed).await?;
    Ok(())
}

async fn change_state(
    crm: &Salesforce,
    job: &BulkJob,
    state: &str,
    purpose: Purpose,
) -> Result<Reply, CrmError> {
    let request = Request {
        method: Method::PATCH,
        body: Body::Json(json!({ "state": state }).to_string()),
        ..Request::get("bulk ingest close", purpose, path_of(crm, job, ""))
    };
    crm.transport.send(&request, &crm.bearer).await
}

/// Writes the rows: the column that identifies a record first, then every field of any record.
fn rows(batch: &WriteBatch) -> Result<String, CrmError> {
    let fields: BTreeSet<&str> = batch
        .records
        .iter()
        .flat_map(|record| record.values.iter().map(|(field, _)| field.as_str()))
        .collect();
    let places: BTreeMap<&str, usize> = fields.into_iter().zip(1..).collect();
    let mut writer = WriterBuilder::new()
        .quote_style(QuoteStyle::Always)
        .terminator(Terminator::Any(b'\n'))
        .from_writer(Vec::new());
    let unwritable = |error: csv::Error| shape(&format!("rows cannot be laid out: {error}"));
    let own = own_column(batch)?;
    let header: Vec<&str> = std::iter::once(own).chain(places.keys().copied()).collect();
    writer.write_record(&header).map_err(unwritable)?;
    for record in &batch.records {
        let mut cells = vec![""; header.len()];
        cells[0] = own_name(record).ok_or_else(|| shape("a record has neither id nor key"))?;
        for (field, value) in &record.values {
            let place = places[field.as_str()];
            cells[place] = value.as_deref().filter(|value| !value.is_empty()).unwrap_or(NULL);
        }
        writer.write_record(&cells).map_err(unwritable)?;
    }
    let bytes = writer.into_inner().map_err(|error| unwritable(error.into_error().into()))?;
    String::from_utf8(bytes).map_err(|_| shape("rows are not UTF-8"))
}

fn own_name(record: &WriteRecord) -> Option<&str> {
    record.record_id.as_deref().or(record.create_key.as_ref().map(|(_, key)| key.as_str()))
}

/// Names the column that identifies a record in a job's rows and results.
fn own_column(batch: &WriteBatch) -> Result<&str, CrmError> {
    match batch.operation {
        WriteOperation::Create => key_column(batch),
        WriteOperation::Update => Ok(ID_COLUMN),
        WriteOperation::Delete => Err(shape("deletes go in collections")),
        WriteOperation::Associate => Err(shape("Salesforce keeps links as fields")),
    }
}

fn key_column(batch: &WriteBatch) -> Result<&str, CrmError> {
    let mut fields = batch.records.iter().map(|record| record.create_key.as_ref());
    match fields.next() {
        Some(Some((first, _)))
            if fields.all(|key| key.is_some_and(|(field, _)| field == first)) =>
        {
            Ok(first)
        }
        _ => Err(shape("the creates of a job need one key field")),
    }
}

/// Fetches the results of a job that has ended, in the order of the batch.
async fn outcomes(
    crm: &Salesforce,
    job: &BulkJob,
    batch: &WriteBatch,
    known: &JobAnswer,
) -> Result<Vec<WriteOutcome>, CrmError> {
    let own = own_column(batch)?;
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (place, record) in batch.records.iter().enumerate() {
        places.insert(own_name(record).unwrap_or_default(), place);
    }
    let mut outcomes: Vec<Option<WriteOutcome>> = vec![None; batch.records.len()];
    let is_complete = known.state == "JobComplete";
    let mut take = |rows: Vec<(String, WriteOutcome)>| {
        for (name, outcome) in rows {
            if let Some(place) = places.get(name.as_str())
                && let Some(empty @ None) = outcomes.get_mut(*place)
            {
                *empty = Some(outcome);
            }
        }
        outcomes.iter().filter(|outcome| outcome.is_none()).count()
    };
    let mut n_open = take(results(crm, job, "successfulResults", own, accepted).await?);
    if n_open > 0 && (known.number_records_failed > 0 || !is_complete) {
        n_open = take(results(crm, job, "failedResults", own, rejected).await?);
    }
    if n_open > 0 {
        take(results(crm, job, "unprocessedrecords", own, left_undone).await?);
    }
    let no_word = || WriteOutcome::Unknown {
        reason: "the job's results do not speak of this record".to_owned(),
    };
    Ok(outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(no_word)).collect())
}

/// A results file's row, by column name.
struct ResultRow<'a> {
    columns: &'a HashMap<String, usize>,
    row: &'a StringRecord,
}

impl ResultRow<'_> {
    fn cell(&self, column: &str) -> &str {
        self.columns.get(column).and_then(|place| self.row.get(*place)).unwrap_or_default()
    }
}

/// Reads one of a job's three results files: what identifies each record, and its outcome. The file
/// repeats the rows, and has the reason of every refusal beside them, so that it may be larger than
/// what was sent.
async fn results(
    crm: &Salesforce,
    job: &BulkJob,
    file: &str,
    own: &str,
    judge: fn(&ResultRow<'_>) -> WriteOutcome,
) -> Result<Vec<(String, WriteOutcome)>, CrmError> {
    let unwritable = |error: std::io::Error| shape(&format!("`{file}` cannot be kept: {error}"));
    let spool = Spool::new().map(Arc::new).map_err(unwritable)?;
    let path = path_of(crm, job, &format!("/{file}"));
    let request = Request::get(format!("bulk ingest {file}"), Purpose::Read, path)
        .header("accept", "text/csv")
        .into_spool(&spool);
    crm.ask(&request).await?;
    let rows = File::open(spool.path()).map_err(unwritable)?;
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(rows);
    let broken = |error: csv::Error| {
        let line = error.position().map_or(0, csv::Position::line);
        shape(&format!("`{file}` is no CSV at line {line}"))
    };
    let columns: HashMap<String, usize> = reader
        .headers()
        .map_err(broken)?
        .iter()
        .enumerate()
        .map(|(place, name)| (name.to_owned(), place))
        .collect();
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.map_err(broken)?;
        let row = ResultRow { columns: &columns, row: &row };
        rows.push((row.cell(own).to_owned(), judge(&row)));
    }
    Ok(rows)
}

fn accepted(row: &ResultRow<'_>) -> WriteOutcome {
    match row.cell("sf__Id") {
        "" => WriteOutcome::Unknown { reason: "the result names no record id".to_owned() },
        id => WriteOutcome::Accepted {
            record_id: id.to_owned(),
            is_created: row.cell("sf__Created") == "true",
            stored: BTreeMap::new(),
        },
    }
}

fn rejected(row: &ResultRow<'_>) -> WriteOutcome {
    let (code, message, field) = split_error(row.cell("sf__Error"));
    judge_entry(code, &message, field)
}

fn left_undone(_: &ResultRow<'_>) -> WriteOutcome {
    WriteOutcome::RefusedTogether {
        code: "UNPROCESSED".to_owned(),
        message: "the job ended before this record".to_owned(),
    }
}

/// Splits `CODE:message:Field1 Field2 --`; the message may hold colons of its own.
fn split_error(text: &str) -> (String, String, Option<String>) {
    let Some((code, rest)) = text.split_once(':') else {
        return ("UNSPECIFIED".to_owned(), text.to_owned(), None);
    };
    let (message, fields) = rest.rsplit_once(':').unwrap_or((rest, ""));
    let field = fields.trim().trim_end_matches("--").split_whitespace().next();
    (code.to_owned(), message.to_owned(), field.map(str::to_owned))
}

fn path_of(crm: &Salesforce, job: &BulkJob, rest: &str) -> String {
    crm.path(&format!("/jobs/ingest/{}{rest}", crate::crm::url::encode(&job.id)))
}

fn shape(message: &str) -> CrmError {
    CrmError::Unexpected {
        kind: KIND,
        operation: OPERATION.to_owned(),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_code_message_and_field() {
        let split = |text| {
            let (code, message, field) = split_error(text);
            (code, message, field.unwrap_or_default())
        };
        let of = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(
            split("REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --"),
            of("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", "LastName")
        );
        assert_eq!(
            split("INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--"),
            of("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", "")
        );
        assert_eq!(split("odd"), of("UNSPECIFIED", "odd", ""));
    }

    #[test]
    fn rows_leave_alone_what_a_record_does_not_write_and_clear_what_it_clears() {
        let record = |id: &str, values: &[(&str, Option<&str>)]| WriteRecord {
            action_id: id.to_owned(),
            record_id: Some(id.to_owned()),
            create_key: None,
            values: values
                .iter()
                .map(|(field, value)| ((*field).to_owned(), value.map(str::to_owned)))
                .collect(),
            associations: Vec::new(),
        };
        let batch = WriteBatch {
            object: "Lead".to_owned(),
            operation: WriteOperation::Update,
            records: vec![
                record("1", &[("Title", Some("a \"b\"\nc")), ("Phone", None)]),
                record("2", &[("City", Some("Ulm"))]),
            ],
        };
        let expected = "\"Id\",\"City\",\"Phone\",\"Title\"\n\"1\",\"\",\"#N/A\",\"a \"\"b\"\"\nc\"\n\"2\",\"Ulm\",\"\",\"\"\n";
        assert_eq!(rows(&batch).expect("rows"), expected);
    }
}
