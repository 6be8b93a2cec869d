//! Writes as sObject collections inside one composite call.
//!
//! A create is an upsert by the key minted in the plan, so repeating it finds its own record.
//! Collections answer 200 whatever happens inside, in the order of their records.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::composite::{self, COLLECTIONS_MAX, SubAnswer};
use super::error::{ErrorEntry, first_error};
use super::{KIND, Salesforce, soql};
use crate::crm::transport::{Purpose, Refusal, Reply};
use crate::crm::url::encode;
use crate::crm::{CrmError, WriteBatch, WriteCall, WriteOperation, WriteOutcome, WriteRecord};

const AUTO_ASSIGN: &str = "Sforce-Auto-Assign";
const OWNER_FIELD: &str = "OwnerId";

/// Records of one batch that travel in one subrequest.
struct Part<'a> {
    batch: &'a WriteBatch,
    /// Where each record's outcome goes in the call's answer.
    positions: Vec<usize>,
    records: Vec<&'a WriteRecord>,
    /// Lets the org's assignment rules choose the owner.
    is_assigned: bool,
}

#[derive(Deserialize)]
struct RowAnswer {
    id: Option<String>,
    success: bool,
    #[serde(default)]
    created: Option<bool>,
    #[serde(default)]
    errors: Vec<ErrorEntry>,
}

pub async fn write(crm: &Salesforce, call: &WriteCall) -> Result<Vec<WriteOutcome>, CrmError> {
    let parts = parts(call);
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    let n_records = call.batches.iter().map(|batch| batch.records.len()).sum();
    if parts.len() > COLLECTIONS_MAX {
        // Creates with and without an owner travel apart; halves of the call need fewer parts.
        let code = "TOO_MANY_COLLECTIONS".to_owned();
        let message = format!("{} collections where a call takes {COLLECTIONS_MAX}", parts.len());
        return Ok(vec![WriteOutcome::RefusedTogether { code, message }; n_records]);
    }
    let mut subrequests = Vec::with_capacity(parts.len());
    for (index, part) in parts.iter().enumerate() {
        subrequests.push(subrequest(crm, part, &format!("c{index}"))?);
    }
    let request = composite::request(crm, "collections write", Purpose::Write, &subrequests);
    match crm.transport.send(&request, &crm.bearer).await? {
        Reply::Done(answer) => Ok(judge(&parts, n_records, &answer.body)),
        Reply::Refused(Refusal { code, message, .. }) => {
            Ok(vec![WriteOutcome::RefusedTogether { code, message }; n_records])
        }
        Reply::Lost { reason } => Ok(vec![WriteOutcome::Unknown { reason }; n_records]),
    }
}

/// Splits batches into subrequests. Creates with and without an owner go apart, because the
/// header that keeps assignment rules from replacing the owner holds for a whole subrequest.
fn parts(call: &WriteCall) -> Vec<Part<'_>> {
    let mut parts: Vec<Part<'_>> = Vec::new();
    let mut position = 0;
    for batch in &call.batches {
        let first_part = parts.len();
        for record in &batch.records {
            let has_owner =
                record.values.iter().any(|(field, value)| field == OWNER_FIELD && value.is_some());
            let is_assigned = batch.operation == WriteOperation::Create && !has_owner;
            let own =
                parts.iter_mut().skip(first_part).find(|part| part.is_assigned == is_assigned);
            match own {
                Some(part) => {
                    part.positions.push(position);
                    part.records.push(record);
                }
                None => parts.push(Part {
                    batch,
                    positions: vec![position],
                    records: vec![record],
                    is_assigned,
                }),
            }
            position += 1;
        }
    }
    parts
}

fn subrequest(crm: &Salesforce, part: &Part<'_>, reference_id: &str) -> Result<Value, CrmError> {
    let object = soql::name(&part.batch.object)?;
    let key_field = part.records.iter().find_map(|record| record.create_key.as_ref());
    let url = match (part.batch.operation, key_field) {
        (WriteOperation::Create, Some((field, _))) => {
            crm.path(&format!("/composite/sobjects/{object}/{}", soql::name(field)?))
        }
        (WriteOperation::Create, None) => return Err(shape_error("a create has no key")),
        (WriteOperation::Update, _) => crm.path("/composite/sobjects"),
        (WriteOperation::Delete, _) => return deletion(crm, part, reference_id),
        (WriteOperation::Associate, _) => {
            return Err(shape_error("Salesforce keeps links as fields"));
        }
    };
    let mut records = Vec::with_capacity(part.records.len());
    for record in &part.records {
        let mut body = Map::new();
        body.insert("attributes".to_owned(), json!({ "type": object }));
        match (part.batch.operation, &record.create_key, &record.record_id) {
            (WriteOperation::Create, Some((field, key)), _)
                if key_field.is_some_and(|(first, _)| first == field) =>
            {
                body.insert(field.clone(), json!(key));
            }
            (WriteOperation::Create, _, _) => {
                return Err(shape_error("a create has another key field than its batch"));
            }
            (_, _, Some(id)) => {
                body.insert("id".to_owned(), json!(id));
            }
            (_, _, None) => return Err(shape_error("an update has no record id")),
        }
        for (field, value) in &record.values {
            body.insert(field.clone(), json!(value));
        }
        records.push(Value::Object(body));
    }
    let auto_assign = if part.is_assigned { "TRUE" } else { "FALSE" };
    Ok(json!({
        "method": "PATCH",
        "url": url,
        "referenceId": reference_id,
        "httpHeaders": { AUTO_ASSIGN: auto_assign },
        "body": { "allOrNone": false, "records": records },
    }))
}

/// A collection of deletes has its ids in the address and no body.
fn deletion(crm: &Salesforce, part: &Part<'_>, reference_id: &str) -> Result<Value, CrmError> {
    let id = |record: &&WriteRecord| record.record_id.clone();
    let ids: Vec<String> = part.records.iter().filter_map(id).collect();
    if ids.len() < part.records.len() {
        return Err(shape_error("a delete has no record id"));
    }
    let ids = encode(&ids.join(","));
    Ok(json!({
        "method": "DELETE",
        "url": crm.path(&format!("/composite/sobjects?ids={ids}&allOrNone=false")),
        "referenceId": reference_id,
    }))
}

/// Judges a composite's answer; records that it does not speak of are unknown.
fn judge(parts: &[Part<'_>], n_records: usize, body: &str) -> Vec<WriteOutcome> {
    let unknown = |reason: &str| WriteOutcome::Unknown { reason: reason.to_owned() };
    let Ok(answer) = serde_json::from_str::<composite::CompositeAnswer>(body) else {
        return vec![unknown("the answer has another shape"); n_records];
    };
    let mut outcomes = vec![unknown("the answer does not speak of this record"); n_records];
    for (index, part) in parts.iter().enumerate() {
        let reference_id = format!("c{index}");
        let sub = answer.composite_response.iter().find(|sub| sub.reference_id == reference_id);
        let Some(sub) = sub else { continue };
        for (position, outcome) in part.positions.iter().zip(judge_part(part, sub)) {
            if let Some(place) = outcomes.get_mut(*position) {
                *place = outcome;
            }
        }
    }
    outcomes
}

fn judge_part(part: &Part<'_>, sub: &SubAnswer<'_>) -> Vec<WriteOutcome> {
    let all = |outcome: WriteOutcome| vec![outcome; part.records.len()];
    match sub.http_status_code {
        200..=299 => {}
        400..=499 => {
            let said = first_error(sub.body.get()).map(|error| (error.code(), error.message));
            let (code, message) = said.unwrap_or_else(|| {
                (sub.http_status_code.to_string(), "the collection was refused".to_owned())
            });
            return all(WriteOutcome::RefusedTogether { code, message });
        }
        status => return all(WriteOutcome::Unknown { reason: format!("status {status}") }),
    }
    let Ok(rows) = serde_json::from_str::<Vec<RowAnswer>>(sub.body.get()) else {
        return all(WriteOutcome::Unknown { reason: "the answer has another shape".to_owned() });
    };
    if rows.len() != part.records.len() {
        return all(WriteOutcome::Unknown {
            reason: "the answer speaks of another number of records".to_owned(),
        });
    }
    let is_delete = part.batch.operation == WriteOperation::Delete;
    let judge = |(row, record): (RowAnswer, &&WriteRecord)| judge_row(row, record, is_delete);
    rows.into_iter().zip(&part.records).map(judge).collect()
}

fn judge_row(row: RowAnswer, record: &WriteRecord, is_delete: bool) -> WriteOutcome {
    match (row.success, row.id.or_else(|| record.record_id.clone()), row.errors.first()) {
        (true, Some(record_id), _) => WriteOutcome::Accepted {
            record_id,
            is_created: row.created.unwrap_or(false),
            stored: BTreeMap::new(),
        },
        // Whoever was to be deleted and is gone needs nothing more.
        (false, Some(record_id), Some(error)) if is_delete && error.says_gone() => {
            WriteOutcome::Accepted { record_id, is_created: false, stored: BTreeMap::new() }
        }
        (false, _, Some(error)) => error.rejection(),
        (false, _, None) => WriteOutcome::Rejected {
            code: "UNSPECIFIED".to_owned(),
            message: "refused without a reason".to_owned(),
            field: None,
        },
        (true, None, _) => {
            WriteOutcome::Unknown { reason: "the answer names no record id".to_owned() }
        }
    }
}

fn shape_error(message: &str) -> CrmError {
    CrmError::Unexpected {
        kind: KIND,
        operation: "collections write".to_owned(),
        message: message.to_owned(),
    }
}
