//! Updates of many records as one import.
//!
//! An import names no records in its answer, and how it reads dates, owners, blank cells and the
//! record's own id is documented loosely. So every row fills every column, and what an import did is
//! what the records hold afterwards: whoever asks for outcomes is told to read back, and what was not
//! written goes by batch, where HubSpot says more of each record than an import does. Only where a
//! batch is refused as a whole does the list of the import's errors tell whom it is about.
//!
//! Source: HubSpot's imports guide, read in November 2026.

use std::collections::HashMap;

use csv::{QuoteStyle, WriterBuilder};
use serde::Deserialize;
use serde_json::json;

use super::read::unexpected;
use super::{HubSpot, KIND};
use crate::crm::transport::{Body, Method, Purpose, Reply, Request, shown_code};
use crate::crm::url::encode;
use crate::crm::{
    BulkJob, BulkState, CrmError, WriteBatch, WriteOperation, WriteOutcome, WriteRecord,
};
use crate::digest::short_digest;

const OPERATION: &str = "import";
const ID_COLUMN: &str = "Record ID";
const ID_PROPERTY: &str = "hs_object_id";
const FILE_NAME: &str = "records.csv";

/// Errors that one page lists, and most of such pages.
const ERRORS_PER_PAGE: usize = 100;
const ERROR_PAGES_MAX: usize = 20_000;

/// Errors that a batch would find as well. Others may lie in how an import reads a cell, or pass.
const ERRORS_OF_THE_RECORD: [&str; 7] = [
    "INVALID_EMAIL",
    "INVALID_ENUMERATION_OPTION",
    "INVALID_CUSTOM_PROPERTY_VALIDATION",
    "MISSING_REQUIRED_PROPERTY",
    "INVALID_REQUIRED_PROPERTY",
    "DUPLICATE_UNIQUE_PROPERTY_VALUE",
    "GDPR_BLACKLISTED_EMAIL",
];

/// Imports that one page lists.
const IMPORTS_PER_PAGE: usize = 100;

/// Pages looked through for an import by its name.
const IMPORT_PAGES_MAX: usize = 20;

#[derive(Deserialize)]
struct Imports {
    results: Vec<Import>,
    paging: Option<Paging>,
}

#[derive(Deserialize)]
struct Paging {
    next: Option<Next>,
}

#[derive(Deserialize)]
struct Next {
    after: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Import {
    id: String,
    state: String,
    import_name: Option<String>,
}

#[derive(Deserialize)]
struct RowErrors {
    results: Vec<RowError>,
    paging: Option<Paging>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RowError {
    error_type: String,
    error_message: Option<String>,
    invalid_value: Option<String>,
    #[serde(default)]
    source_data: SourceData,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SourceData {
    row_data: Vec<String>,
}

/// Names the import that will carry a batch; nothing is sent yet.
pub fn open(name: &str) -> BulkJob {
    BulkJob { id: name.to_owned() }
}

pub async fn start(crm: &HubSpot, job: &BulkJob, batch: &WriteBatch) -> Result<(), CrmError> {
    let columns = columns(batch)?;
    let about = about(job, batch, &columns);
    let rows = rows(batch, &columns)?;
    let boundary = format!("concord-{}", short_digest(&rows));
    let text = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"importRequest\"\r\n\r\n{about}\r\n\
         --{boundary}\r\ncontent-disposition: form-data; name=\"files\"; filename=\"{FILE_NAME}\"\r\n\
         content-type: text/csv\r\n\r\n{rows}\r\n--{boundary}--\r\n"
    );
    let request = Request {
        method: Method::POST,
        body: Body::Text {
            content_type: format!("multipart/form-data; boundary={boundary}"),
            text,
        },
        ..Request::get(OPERATION, Purpose::Write, path(crm, ""))
    };
    match crm.transport.send(&request, &crm.bearer).await? {
        Reply::Lost { .. } => Ok(()),
        reply => reply.done(KIND, OPERATION).map(drop),
    }
}

pub async fn state(crm: &HubSpot, job: &BulkJob, n_records: usize) -> Result<BulkState, CrmError> {
    let Some(import) = find(crm, job).await? else { return Ok(BulkState::Gone) };
    match import.state.as_str() {
        "STARTED" | "PROCESSING" | "DEFERRED" => Ok(BulkState::Running),
        "DONE" | "FAILED" | "CANCELED" | "REVERTED" => {
            let reason = "an import names no record".to_owned();
            Ok(BulkState::Ended(vec![WriteOutcome::Unknown { reason }; n_records]))
        }
        other => {
            let state = shown_code(other).unwrap_or("that is no code");
            Err(unexpected(OPERATION, &format!("an import is in a state {state}")))
        }
    }
}

/// Reads the errors of an import's rows, which are told apart by the record's id in their first cell.
pub async fn refusals(
    crm: &HubSpot,
    job: &BulkJob,
    batch: &WriteBatch,
) -> Result<Vec<(usize, WriteOutcome)>, CrmError> {
    let Some(import) = find(crm, job).await? else { return Ok(Vec::new()) };
    let records = batch.records.iter().enumerate();
    let places: HashMap<&str, usize> =
        records.filter_map(|(place, record)| Some((record.record_id.as_deref()?, place))).collect();
    let operation = "import errors";
    let mut refusals = HashMap::new();
    let mut after: Option<String> = None;
    for _ in 0..ERROR_PAGES_MAX {
        let next = after.map(|after| format!("&after={}", encode(&after))).unwrap_or_default();
        let rest = format!(
            "/{}/errors?limit={ERRORS_PER_PAGE}&includeErrorMessage=true&includeRowData=true{next}",
            encode(&import.id)
        );
        let request = Request::get(operation, Purpose::Read, path(crm, &rest));
        let page: RowErrors = crm.ask(&request).await?.json(KIND, operation)?;
        for error in page.results {
            let id = error.source_data.row_data.first().map(String::as_str);
            let Some(&place) = id.and_then(|id| places.get(id)) else { continue };
            if ERRORS_OF_THE_RECORD.contains(&error.error_type.as_str()) {
                let record = &batch.records[place];
                refusals.entry(place).or_insert_with(|| refusal(record, error));
            }
        }
        after = page.paging.and_then(|paging| paging.next).map(|next| next.after);
        if after.is_none() || refusals.len() == batch.records.len() {
            break;
        }
    }
    Ok(refusals.into_iter().collect())
}

/// Judges a row's error as the fault of its record. The field is the one that alone holds the value at
/// fault: how columns are numbered is not documented.
fn refusal(record: &WriteRecord, error: RowError) -> WriteOutcome {
    let mut at_fault = record
        .values
        .iter()
        .filter(|(_, value)| value.is_some() && *value == error.invalid_value)
        .map(|(field, _)| field.clone());
    let field = match (at_fault.next(), at_fault.next()) {
        (Some(field), None) => Some(field),
        _ => None,
    };
    let message = error.error_message.unwrap_or_else(|| error.error_type.clone());
    WriteOutcome::Rejected { code: error.error_type, message, field }
}

pub async fn abort(crm: &HubSpot, job: &BulkJob) -> Result<(), CrmError> {
    let Some(import) = find(crm, job).await? else { return Ok(()) };
    let cancel = path(crm, &format!("/{}/cancel", encode(&import.id)));
    let request = Request::post_json("import cancel", Purpose::Fixed, cancel, "{}".to_owned());
    // One that has just ended by itself refuses, which is as good.
    crm.transport.send(&request, &crm.bearer).await?;
    Ok(())
}

/// Finds an import by the name that it was given.
async fn find(crm: &HubSpot, job: &BulkJob) -> Result<Option<Import>, CrmError> {
    let mut after = None;
    for _ in 0..IMPORT_PAGES_MAX {
        let next = after.map(|after: String| format!("&after={}", encode(&after)));
        let query = format!("?limit={IMPORTS_PER_PAGE}{}", next.unwrap_or_default());
        let request = Request::get("import state", Purpose::Fixed, path(crm, &query));
        let page: Imports = crm.ask(&request).await?.json(KIND, OPERATION)?;
        after = page.paging.and_then(|paging| paging.next).map(|next| next.after);
        let is_ours = |import: &Import| import.import_name.as_ref() == Some(&job.id);
        if let Some(found) = page.results.into_iter().find(is_ours) {
            return Ok(Some(found));
        }
        if after.is_none() {
            break;
        }
    }
    Ok(None)
}

/// Names the properties that every record of the batch writes.
fn columns<'a>(batch: &'a WriteBatch) -> Result<Vec<&'a str>, CrmError> {
    let fields = |record: &'a WriteRecord| -> Vec<&'a str> {
        record.values.iter().map(|(field, _)| field.as_str()).collect()
    };
    let mut sets = batch.records.iter().map(fields);
    let first = sets.next().unwrap_or_default();
    if batch.operation != WriteOperation::Update || sets.any(|set| set != first) {
        return Err(unexpected(OPERATION, "an import takes updates of one set of properties"));
    }
    Ok(first)
}

/// Says what the file holds: the record's id, then one property a column.
fn about(job: &BulkJob, batch: &WriteBatch, columns: &[&str]) -> String {
    let object_type = object_type_id(&batch.object);
    let id_column = json!({
        "columnObjectTypeId": object_type,
        "columnName": ID_COLUMN,
        "propertyName": ID_PROPERTY,
        "columnType": "HUBSPOT_OBJECT_ID",
    });
    let others = columns.iter().map(|&column| {
        json!({
            "columnObjectTypeId": object_type,
            "columnName": column,
            "propertyName": column,
            "columnType": "STANDARD",
        })
    });
    let mappings: Vec<_> = std::iter::once(id_column).chain(others).collect();
    json!({
        "name": job.id,
        "importOperations": { object_type: "UPDATE" },
        "dateFormat": "YEAR_MONTH_DAY",
        "timeZone": "UTC",
        "marketableContactImport": false,
        "createContactListFromImport": false,
        "files": [{
            "fileName": FILE_NAME,
            "fileFormat": "CSV",
            "fileImportPage": { "hasHeader": true, "columnMappings": mappings },
        }],
    })
    .to_string()
}

/// Returns an object's type id, by which imports name it; a custom object has no other name.
fn object_type_id(object: &str) -> &str {
    match object {
        "contacts" => "0-1",
        "companies" => "0-2",
        "deals" => "0-3",
        other => other,
    }
}

fn rows(batch: &WriteBatch, columns: &[&str]) -> Result<String, CrmError> {
    let unwritable = |error: csv::Error| unexpected(OPERATION, &error.to_string());
    let mut writer = WriterBuilder::new().quote_style(QuoteStyle::Always).from_writer(Vec::new());
    let header: Vec<&str> = std::iter::once(ID_COLUMN).chain(columns.iter().copied()).collect();
    writer.write_record(header).map_err(unwritable)?;
    for record in &batch.records {
        let mut cells = Vec::with_capacity(columns.len() + 1);
        cells.push(record.record_id.as_deref().unwrap_or_default());
        for (_, value) in &record.values {
            let value = value.as_deref().filter(|value| !value.is_empty());
            cells.push(value.ok_or_else(|| unexpected(OPERATION, "an import cannot clear"))?);
        }
        writer.write_record(cells).map_err(unwritable)?;
    }
    let bytes = writer.into_inner().map_err(|error| unwritable(error.into_error().into()))?;
    String::from_utf8(bytes).map_err(|_| unexpected(OPERATION, "rows are not UTF-8"))
}

fn path(crm: &HubSpot, rest: &str) -> String {
    format!("/crm/imports/{}{rest}", crm.version)
}
