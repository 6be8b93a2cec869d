//! Batch writes, judged record by record.
//!
//! Every input carries a trace id: without it one bad record refuses the whole batch. Results
//! come in any order and do not reliably repeat the trace id, so a create is recognised by its
//! key property and an update by its record id.
//!
//! Chosen: `batch/create`, which alone takes associations and so makes a contact and its company link
//! in one call, instead of `batch/upsert` by the key. A repeated create is refused, for the key or the
//! address, by a word that names the holder; an upsert would overwrite what people changed since.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::HubSpot;
use super::associate::{associate, inline};
use super::error::ErrorBody;
use super::read::unexpected;
use crate::crm::transport::{Purpose, Refusal, Reply, Request};
use crate::crm::url::encode;
use crate::crm::wire::wire_text;
use crate::crm::{CrmError, WriteBatch, WriteCall, WriteOperation, WriteOutcome, WriteRecord};

const TRACE_ID: &str = "objectWriteTraceId";

#[derive(Deserialize)]
struct BatchAnswer<'a> {
    #[serde(borrow)]
    results: Vec<BatchResult<'a>>,
    #[serde(default)]
    errors: Vec<ErrorBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchResult<'a> {
    id: String,
    #[serde(borrow)]
    properties: HashMap<std::borrow::Cow<'a, str>, &'a serde_json::value::RawValue>,
    object_write_trace_id: Option<String>,
}

pub async fn write(crm: &HubSpot, call: &WriteCall) -> Result<Vec<WriteOutcome>, CrmError> {
    let [batch] = call.batches.as_slice() else {
        return Err(unexpected("batch write", "a call takes exactly one batch"));
    };
    if batch.records.is_empty() {
        return Ok(Vec::new());
    }
    let (verb, body) = match batch.operation {
        WriteOperation::Create => ("create", create_body(batch)?),
        WriteOperation::Update => ("update", update_body(batch)?),
        WriteOperation::Delete => ("archive", archive_body(batch)?),
        WriteOperation::Associate => return associate(crm, batch).await,
    };
    let operation = format!("{} batch {verb}", batch.object);
    let path = format!("/crm/objects/{}/{}/batch/{verb}", crm.version, encode(&batch.object));
    let request = Request::post_json(operation, Purpose::Write, path, body.to_string());
    match crm.transport.send(&request, &crm.bearer).await? {
        Reply::Done(_) if batch.operation == WriteOperation::Delete => Ok(all_archived(batch)),
        Reply::Done(answer) => Ok(judge_batch(batch, &answer.body)),
        Reply::Refused(Refusal { code, message, .. }) => {
            Ok(vec![WriteOutcome::RefusedTogether { code, message }; batch.records.len()])
        }
        Reply::Lost { reason } => Ok(all_unknown(batch, &reason)),
    }
}

fn create_body(batch: &WriteBatch) -> Result<Value, CrmError> {
    let mut inputs = Vec::with_capacity(batch.records.len());
    for (index, record) in batch.records.iter().enumerate() {
        let mut properties = properties_of(record);
        if let Some((field, key)) = &record.create_key {
            properties.insert(field.clone(), json!(key));
        }
        let mut input = json!({ "properties": properties, TRACE_ID: index.to_string() });
        if !record.associations.is_empty() {
            input["associations"] = json!(inline(&batch.object, record)?);
        }
        inputs.push(input);
    }
    Ok(json!({ "inputs": inputs }))
}

fn update_body(batch: &WriteBatch) -> Result<Value, CrmError> {
    let mut inputs = Vec::with_capacity(batch.records.len());
    for (index, record) in batch.records.iter().enumerate() {
        let id = record_id(record)?;
        let properties = properties_of(record);
        inputs.push(json!({ "id": id, "properties": properties, TRACE_ID: index.to_string() }));
    }
    Ok(json!({ "inputs": inputs }))
}

fn archive_body(batch: &WriteBatch) -> Result<Value, CrmError> {
    let ids: Vec<&str> = batch.records.iter().map(record_id).collect::<Result<_, _>>()?;
    let inputs: Vec<Value> = ids.into_iter().map(|id| json!({ "id": id })).collect();
    Ok(json!({ "inputs": inputs }))
}

fn record_id(record: &WriteRecord) -> Result<&str, CrmError> {
    record.record_id.as_deref().ok_or_else(|| unexpected("batch write", "a record has no id"))
}

/// An archive is answered without a body: every record of it is gone, those that were gone before
/// included.
fn all_archived(batch: &WriteBatch) -> Vec<WriteOutcome> {
    let archived = |record: &WriteRecord| WriteOutcome::Accepted {
        record_id: record.record_id.clone().unwrap_or_default(),
        is_created: false,
        stored: BTreeMap::new(),
    };
    batch.records.iter().map(archived).collect()
}

/// An empty string is how a property is cleared; null is ignored.
fn properties_of(record: &WriteRecord) -> Map<String, Value> {
    record
        .values
        .iter()
        .map(|(field, value)| (field.clone(), json!(value.as_deref().unwrap_or_default())))
        .collect()
}

/// Judges a 200, 201 or 207: one outcome a record, `Unknown` for those it does not speak of.
pub fn judge_batch(batch: &WriteBatch, body: &str) -> Vec<WriteOutcome> {
    let Ok(answer) = serde_json::from_str::<BatchAnswer>(body) else {
        return all_unknown(batch, "the answer has another shape");
    };
    let mut outcomes: Vec<Option<WriteOutcome>> = vec![None; batch.records.len()];
    for result in &answer.results {
        let Some(index) = index_of_result(batch, result) else { continue };
        let Some(record) = batch.records.get(index) else { continue };
        let stored = stored_values(record, result);
        if let Some(outcome) = outcomes.get_mut(index) {
            *outcome = Some(WriteOutcome::Accepted {
                record_id: result.id.clone(),
                is_created: batch.operation == WriteOperation::Create,
                stored,
            });
        }
    }
    for error in &answer.errors {
        for index in indexes_of_error(batch, error) {
            if let Some(outcome @ None) = outcomes.get_mut(index) {
                *outcome = Some(error.rejection());
            }
        }
    }
    outcomes
        .into_iter()
        .map(|outcome| {
            outcome.unwrap_or_else(|| WriteOutcome::Unknown {
                reason: "the answer does not speak of this record".to_owned(),
            })
        })
        .collect()
}

fn index_of_result(batch: &WriteBatch, result: &BatchResult<'_>) -> Option<usize> {
    let by_trace = || {
        let index: usize = result.object_write_trace_id.as_ref()?.parse().ok()?;
        (index < batch.records.len()).then_some(index)
    };
    let by_own = match batch.operation {
        WriteOperation::Update | WriteOperation::Associate | WriteOperation::Delete => batch
            .records
            .iter()
            .position(|record| record.record_id.as_deref() == Some(result.id.as_str())),
        WriteOperation::Create => batch.records.iter().position(|record| {
            record.create_key.as_ref().is_some_and(|(field, key)| {
                let echoed = result.properties.get(field.as_str()).and_then(|raw| wire_text(raw));
                echoed.as_ref() == Some(key)
            })
        }),
    };
    by_own.or_else(by_trace)
}

/// Finds the records an error speaks of, by trace id, else by record id.
fn indexes_of_error(batch: &WriteBatch, error: &ErrorBody) -> Vec<usize> {
    let traced: Vec<usize> =
        error.context_values(TRACE_ID).iter().filter_map(|id| id.parse().ok()).collect();
    if !traced.is_empty() {
        return traced;
    }
    let ids = ["ids", "id"].iter().flat_map(|key| error.context_values(key));
    ids.filter_map(|id| {
        batch.records.iter().position(|record| record.record_id.as_ref() == Some(id))
    })
    .collect()
}

/// Keeps the written fields as they were echoed. A lifecycle stage that could only have moved
/// backward is echoed with its old value, while the record itself is saved.
fn stored_values(
    record: &WriteRecord,
    result: &BatchResult<'_>,
) -> BTreeMap<String, Option<String>> {
    record
        .values
        .iter()
        .filter_map(|(field, _)| {
            let raw = result.properties.get(field.as_str())?;
            Some((field.clone(), wire_text(raw)))
        })
        .collect()
}

fn all_unknown(batch: &WriteBatch, reason: &str) -> Vec<WriteOutcome> {
    vec![WriteOutcome::Unknown { reason: reason.to_owned() }; batch.records.len()]
}
