//! sObject Collections: up to 200 rows a call, each with its own outcome.

use serde::Serialize;
use serde_json::{Map, Value};

use super::answer::Answer;
use super::call::Call;
use super::errors::{Fault, RowError};
use super::org::Org;
use super::query::{for_each_row, write_record};
use super::schema::Object;
use super::{ids, one_row, rows, writes};

/// Rows of one write.
const ROWS_MAX: usize = 200;
/// Runs of rows of one object in one write.
const CHUNKS_MAX: usize = 10;
/// Ids of one read.
const IDS_MAX: usize = 2_000;

/// One row's outcome, keys in the vendor's order.
#[derive(Serialize)]
struct RowResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    success: bool,
    errors: Vec<RowError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<bool>,
}

type RowOutcome = Result<(String, Option<bool>), Fault>;

struct Batch {
    is_all_or_none: bool,
    records: Vec<Map<String, Value>>,
}

/// Answers `POST composite/sobjects`.
pub fn create(org: &Org<'_>, call: &Call) -> Result<Answer, Fault> {
    let batch = batch(call)?;
    let objects = objects(org, &batch.records)?;
    write(org, call, batch.is_all_or_none, batch.records.len(), |index| {
        let (Some(record), Some(&object)) = (batch.records.get(index), objects.get(index)) else {
            return Err(no_type());
        };
        Ok((writes::create(org, object, record)?, None))
    })
}

/// Answers `PATCH composite/sobjects`.
pub fn update(org: &Org<'_>, call: &Call) -> Result<Answer, Fault> {
    let batch = batch(call)?;
    let objects = objects(org, &batch.records)?;
    write(org, call, batch.is_all_or_none, batch.records.len(), |index| {
        let (Some(record), Some(&object)) = (batch.records.get(index), objects.get(index)) else {
            return Err(no_type());
        };
        Ok((one_row::update(org, object, record)?, None))
    })
}

/// Answers `PATCH composite/sobjects/X/<field>`.
pub fn upsert(org: &Org<'_>, call: &Call, object: &Object, key: &str) -> Result<Answer, Fault> {
    let field = rows::lookup_key(object, key)?;
    let batch = batch(call)?;
    let is_of_one_type = batch
        .records
        .iter()
        .all(|record| record_type(record).is_none_or(|own| own.eq_ignore_ascii_case(&object.name)));
    if !is_of_one_type {
        let message = format!("Records must all be of type {}", object.name);
        return Err(Fault::new(400, "INVALID_INPUT", message));
    }
    let is_by_id = field.name == "Id";
    if !is_by_id && batch.records.iter().any(|record| one_row::record_id(record).is_some()) {
        let message = "The Id field should not be specified in the sobject data.";
        return Err(Fault::new(400, "INVALID_FIELD", message));
    }
    let keys: Vec<Option<String>> =
        batch.records.iter().map(|record| one_row::key_text(record, field)).collect();
    write(org, call, batch.is_all_or_none, batch.records.len(), |index| {
        let Some(record) = batch.records.get(index) else { return Err(no_type()) };
        let earlier = keys.get(..index).unwrap_or_default();
        let done = one_row::upsert(org, object, field, record, earlier)?;
        Ok((done.id, Some(done.is_created)))
    })
}

/// Answers `DELETE composite/sobjects?ids=`.
pub fn delete(org: &Org<'_>, call: &Call) -> Result<Answer, Fault> {
    let ids: Vec<String> = call
        .parameter("ids")
        .unwrap_or_default()
        .split(',')
        .map(|id| id.trim().to_owned())
        .filter(|id| !id.is_empty())
        .collect();
    if ids.is_empty() {
        return Err(Fault::new(400, "MISSING_ARGUMENT", "The ids parameter is required"));
    }
    require_few(ids.len())?;
    let is_all_or_none = call.parameter("allOrNone") == Some("true");
    write(org, call, is_all_or_none, ids.len(), |index| {
        let id = ids.get(index).map(String::as_str).unwrap_or_default();
        Ok((one_row::delete(org, None, id)?, None))
    })
}

/// Answers `GET` and `POST composite/sobjects/X`: records in the order of their ids.
pub fn retrieve(org: &Org<'_>, call: &Call, object: &Object) -> Result<Answer, Fault> {
    let (wanted, fields) = if call.method == "POST" {
        let body = call.json_object()?;
        let list = |key: &str| -> Vec<String> {
            body.get(key)
                .and_then(Value::as_array)
                .map(|items| items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
                .unwrap_or_default()
        };
        (list("ids"), list("fields").join(","))
    } else {
        let ids = call.parameter("ids").unwrap_or_default();
        let ids = ids.split(',').map(str::trim).filter(|id| !id.is_empty());
        (ids.map(str::to_owned).collect(), call.parameter("fields").unwrap_or_default().to_owned())
    };
    if wanted.is_empty() || fields.is_empty() {
        let missing = if wanted.is_empty() { "ids" } else { "fields" };
        return Err(Fault::new(
            400,
            "MISSING_ARGUMENT",
            format!("The {missing} parameter is required"),
        ));
    }
    if wanted.len() > IDS_MAX {
        let message =
            format!("record limit reached. cannot submit more than {IDS_MAX} records in one call");
        return Err(Fault::new(400, "EXCEEDED_ID_LIMIT", message));
    }
    let plan = rows::plan(org, object, Some(&fields))?;
    let mut out = String::from("[");
    for (index, id) in wanted.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        let row = match ids::normalize(id) {
            Some(id) => org.row(object, &id)?.filter(|row| !row.is_deleted(object)),
            None => None,
        };
        let row = match row {
            Some(row) if org.is_kept_from(object, &row, false)? => None,
            row => row,
        };
        match row {
            Some(row) => for_each_row(org, &plan, &[row.row], |row| {
                write_record(org, &mut out, call, row, &plan)
            })?,
            None => out.push_str("null"),
        }
    }
    out.push(']');
    Ok(Answer::text(200, out))
}

/// Writes each row by itself, or all together when the caller wants all or none.
fn write(
    org: &Org<'_>,
    call: &Call,
    is_all_or_none: bool,
    n_rows: usize,
    mut row: impl FnMut(usize) -> RowOutcome,
) -> Result<Answer, Fault> {
    let is_all_or_none = is_all_or_none || call.is_all_or_none_forced;
    let mut outcomes: Vec<RowOutcome> = Vec::with_capacity(n_rows);
    let rolled_back = org.attempt(|| {
        for index in 0..n_rows {
            let outcome = org.attempt(|| row(index));
            if let Err(fault) = &outcome
                && matches!(fault.code, "JSON_PARSER_ERROR" | "UNKNOWN_EXCEPTION")
            {
                // A body that does not parse is refused before any row is looked at.
                return Err(Fault { fields: None, ..fault.clone() });
            }
            outcomes.push(outcome);
        }
        if is_all_or_none && outcomes.iter().any(Result::is_err) {
            return Err(Fault::row(
                "ALL_OR_NONE_OPERATION_ROLLED_BACK",
                "Record rolled back because not all records were valid and the request was using AllOrNone header",
                &[],
            ));
        }
        Ok(())
    });
    if let Err(fault) = rolled_back {
        if fault.code != "ALL_OR_NONE_OPERATION_ROLLED_BACK" {
            return Err(fault);
        }
        for outcome in &mut outcomes {
            if outcome.is_ok() {
                *outcome = Err(fault.clone());
            }
        }
    }
    let results: Vec<RowResult> = outcomes
        .into_iter()
        .map(|outcome| match outcome {
            Ok((id, created)) => {
                RowResult { id: Some(id), success: true, errors: Vec::new(), created }
            }
            Err(fault) => RowResult {
                id: None,
                success: false,
                errors: vec![fault.to_row_error()],
                created: None,
            },
        })
        .collect();
    Ok(Answer::json(200, &results))
}

fn batch(call: &Call) -> Result<Batch, Fault> {
    let mut body = call.json_object()?;
    let is_all_or_none = body.get("allOrNone").and_then(Value::as_bool).unwrap_or(false);
    let Some(Value::Array(records)) = body.remove("records") else {
        return Err(Fault::new(400, "MISSING_ARGUMENT", "The records parameter is required"));
    };
    require_few(records.len())?;
    let records = records
        .into_iter()
        .map(|record| match record {
            Value::Object(record) => Ok(record),
            other => Err(Fault::json(format!(
                "Cannot deserialize instance of sObject from value {other} or request may be missing a required field"
            ))),
        })
        .collect::<Result<_, _>>()?;
    Ok(Batch { is_all_or_none, records })
}

fn require_few(n_rows: usize) -> Result<(), Fault> {
    if n_rows <= ROWS_MAX {
        return Ok(());
    }
    let message =
        format!("record limit reached. cannot submit more than {ROWS_MAX} records in one call");
    Err(Fault::new(400, "EXCEEDED_ID_LIMIT", message))
}

/// Finds each record's object and holds the call to its number of same-object runs.
fn objects<'a>(org: &Org<'a>, records: &[Map<String, Value>]) -> Result<Vec<&'a Object>, Fault> {
    let mut objects = Vec::with_capacity(records.len());
    let mut n_chunks = 0;
    let mut previous: Option<&str> = None;
    for record in records {
        let name = record_type(record).ok_or_else(no_type)?;
        let object = org.catalog.object(name).ok_or_else(|| {
            Fault::new(400, "INVALID_TYPE", format!("sObject type '{name}' is not supported."))
        })?;
        n_chunks += usize::from(previous != Some(object.name.as_str()));
        previous = Some(&object.name);
        objects.push(object);
    }
    if n_chunks > CHUNKS_MAX {
        let message = format!(
            "Operation has more than {CHUNKS_MAX} chunks: sort the records by type in one call"
        );
        return Err(Fault::new(400, "INVALID_INPUT", message));
    }
    Ok(objects)
}

fn record_type(record: &Map<String, Value>) -> Option<&str> {
    record.get("attributes")?.get("type")?.as_str()
}

fn no_type() -> Fault {
    Fault::new(400, "INVALID_TYPE", "The attributes.type of each record is required")
}
