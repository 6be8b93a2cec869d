//! The look just before writing: whose value is no longer the one the plan saw is left alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::settle::read_made;
use super::{Outcome, Status};
use crate::crm::{Crm, CrmError, Record};
use crate::plan::{Action, After};

/// Reads the actions' records again and splits them into those to send and the outcomes of the rest.
///
/// A record drifted when a field to be written holds another value than the plan's `before`, unless
/// it already holds the value to write; a record that is gone drifted too. A create whose key a
/// record already carries was done before, and is not sent again over what people did since.
///
/// # Errors
/// When the records cannot be read.
pub async fn leave_out_drift(
    crm: &dyn Crm,
    actions: Vec<Action>,
    now: &str,
) -> Result<(Vec<Action>, Vec<Outcome>), CrmError> {
    let live = read_live(crm, &actions).await?;
    let made = read_made(crm, &actions).await?;
    let mut to_send = Vec::with_capacity(actions.len());
    let mut drifted = Vec::new();
    for action in actions {
        let Some(id) = action.record_id.clone() else {
            let key = action.create_key.as_ref().map(|(_, key)| key.clone()).unwrap_or_default();
            match made.get(&(action.object.clone(), key)) {
                None => to_send.push(action),
                Some(record) => drifted.push(Outcome {
                    action_id: action.action_id,
                    status: Status::Accepted,
                    record_id: Some(record.id.clone()),
                    is_created: false,
                    code: Some("already_there".to_owned()),
                    message: None,
                    field: None,
                    stored: BTreeMap::new(),
                    at: now.to_owned(),
                }),
            }
            continue;
        };
        let record = live.get(&(action.object.clone(), id.clone()));
        match drift(&action, record) {
            None => to_send.push(action),
            Some((code, field)) => drifted.push(Outcome {
                action_id: action.action_id,
                status: Status::Drift,
                record_id: Some(id),
                is_created: false,
                code: Some(code.to_owned()),
                message: None,
                field,
                stored: BTreeMap::new(),
                at: now.to_owned(),
            }),
        }
    }
    Ok((to_send, drifted))
}

/// Reads every record of the actions, with the fields to be written.
pub async fn read_live(
    crm: &dyn Crm,
    actions: &[Action],
) -> Result<HashMap<(String, String), Record>, CrmError> {
    let mut wanted: BTreeMap<&str, (Vec<String>, BTreeSet<String>)> = BTreeMap::new();
    for action in actions {
        let Some(id) = &action.record_id else { continue };
        let (ids, fields) = wanted.entry(&action.object).or_default();
        ids.push(id.clone());
        fields.extend(action.changes.iter().map(|change| change.target_field.clone()));
    }
    let mut live = HashMap::new();
    for (object, (ids, fields)) in wanted {
        let fields: Vec<String> = fields.into_iter().collect();
        for ids in ids.chunks(crm.kind().records_per_read()) {
            for record in crm.read_by_id(object, ids, &fields).await? {
                live.insert((object.to_owned(), record.id.clone()), record);
            }
        }
    }
    Ok(live)
}

fn drift(action: &Action, record: Option<&Record>) -> Option<(&'static str, Option<String>)> {
    let Some(record) = record else { return Some(("gone", None)) };
    action.changes.iter().find_map(|change| {
        let live = record.values.get(&change.target_field).and_then(Option::as_deref);
        let is_as_planned = filled(live) == filled(change.before.as_deref());
        let is_done = match &change.after {
            After::Value(value) => live == Some(value.as_str()),
            After::Clear => filled(live).is_none(),
            After::RecordIdOf(_) => false,
        };
        (!is_as_planned && !is_done).then(|| ("changed", Some(change.target_field.clone())))
    })
}

/// HubSpot shows a cleared property as blank text in some answers and null in others.
fn filled(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.is_empty())
}
