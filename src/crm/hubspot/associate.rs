//! Associations: inline with a create, and of many records in one call, judged pair by pair.
//!
//! Chosen: `batch/create` with the primary type. `batch/associate/default` makes the plain type, which
//! only leads to a primary company where the contact has none yet. Both change nothing when repeated.
//! The answer names both ends of what was made; an error names no pair that could be relied on, so
//! whoever is not in the answer beside an error was refused together with others like it.
//!
//! Source: HubSpot's associations guide and specification, read in November 2026.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::HubSpot;
use super::error::ErrorBody;
use super::read::unexpected;
use crate::crm::transport::{Purpose, Refusal, Reply, Request};
use crate::crm::url::encode;
use crate::crm::{Association, CrmError, WriteBatch, WriteOutcome, WriteRecord};

const OPERATION: &str = "association";

/// The vendor's type of the association that leads from a contact to its primary company.
const CONTACT_TO_PRIMARY_COMPANY: u32 = 1;

#[derive(Deserialize)]
struct Answer {
    results: Vec<Pair>,
    #[serde(default)]
    errors: Vec<ErrorBody>,
}

/// Ids are numbers in the vendor's examples and texts in its specification.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pair {
    from_object_id: Value,
    to_object_id: Value,
}

/// Associates every record of a batch with the one that it names; all of them lead to one object.
pub async fn associate(crm: &HubSpot, batch: &WriteBatch) -> Result<Vec<WriteOutcome>, CrmError> {
    let ends: Vec<(&str, &Association)> =
        batch.records.iter().map(ends).collect::<Result<_, _>>()?;
    let Some((_, first)) = ends.first() else { return Ok(Vec::new()) };
    if ends.iter().any(|(_, to)| to.object != first.object) {
        return Err(unexpected(OPERATION, "a call leads to one object"));
    }
    let types = types(&batch.object, &first.object)?;
    let inputs: Vec<Value> = ends
        .iter()
        .map(|(from, to)| {
            json!({ "from": { "id": from }, "to": { "id": to.record_id }, "types": types })
        })
        .collect();
    let path = format!(
        "/crm/associations/{}/{}/{}/batch/create",
        crm.version,
        encode(&batch.object),
        encode(&first.object)
    );
    let operation = format!("{} {OPERATION} create", batch.object);
    let body = json!({ "inputs": inputs }).to_string();
    let request = Request::post_json(operation, Purpose::Write, path, body);
    Ok(match crm.transport.send(&request, &crm.bearer).await? {
        Reply::Done(answer) => judge(&ends, &answer.body),
        Reply::Refused(Refusal { code, message, .. }) => {
            vec![WriteOutcome::RefusedTogether { code, message }; ends.len()]
        }
        Reply::Lost { reason } => vec![WriteOutcome::Unknown { reason }; ends.len()],
    })
}

/// Writes the associations of a new record as a create takes them.
pub fn inline(object: &str, record: &WriteRecord) -> Result<Vec<Value>, CrmError> {
    let inline = |to: &Association| {
        Ok(json!({ "to": { "id": to.record_id }, "types": types(object, &to.object)? }))
    };
    record.associations.iter().map(inline).collect()
}

/// Judges a 200, 201 or 207: one outcome for each pair.
pub fn judge(ends: &[(&str, &Association)], body: &str) -> Vec<WriteOutcome> {
    let Ok(answer) = serde_json::from_str::<Answer>(body) else {
        let reason = "the answer has another shape".to_owned();
        return vec![WriteOutcome::Unknown { reason }; ends.len()];
    };
    let made: HashSet<(String, String)> =
        answer.results.iter().map(|p| (text(&p.from_object_id), text(&p.to_object_id))).collect();
    let outcome = |(from, to): &(&str, &Association)| {
        if made.contains(&((*from).to_owned(), to.record_id.clone())) {
            return WriteOutcome::Accepted {
                record_id: (*from).to_owned(),
                is_created: false,
                stored: BTreeMap::new(),
            };
        }
        match answer.errors.first() {
            Some(error) => {
                WriteOutcome::RefusedTogether { code: error.code(), message: error.text() }
            }
            None => WriteOutcome::Unknown {
                reason: "the answer does not speak of this record".to_owned(),
            },
        }
    };
    ends.iter().map(outcome).collect()
}

fn ends(record: &WriteRecord) -> Result<(&str, &Association), CrmError> {
    match (record.record_id.as_deref(), record.associations.as_slice()) {
        (Some(from), [to]) => Ok((from, to)),
        _ => Err(unexpected(OPERATION, "an association has two ends")),
    }
}

/// Names the type by which one object leads to another.
fn types(from: &str, to: &str) -> Result<Value, CrmError> {
    match (from, to) {
        ("contacts", "companies") => Ok(json!([{
            "associationCategory": "HUBSPOT_DEFINED",
            "associationTypeId": CONTACT_TO_PRIMARY_COMPANY,
        }])),
        _ => Err(unexpected(OPERATION, &format!("no type is known from {from} to {to}"))),
    }
}

fn text(id: &Value) -> String {
    match id {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
