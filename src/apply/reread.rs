//! The look just before writing: whose value is no longer the one the plan saw is left alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::settle::read_made;
use super::{Outcome, Status};
use crate::crm::{Crm, CrmError, Record, WriteOperation};
use crate::golden::is_same_value;
use crate::plan::{Action, After, FieldChange};

/// Reads the actions' records again and splits them into those to send and the outcomes of the rest.
///
/// What a record already holds is not sent again, and neither is a create whose key a record already
/// carries: it was done before, and people may have worked on it since. A record drifted when a
/// field to be written holds neither the plan's `before` nor its `after`, or when it is gone; what is
/// to be removed drifted when it was changed at all.
///
/// # Errors
/// When the records cannot be read.
pub async fn leave_out(
    crm: &dyn Crm,
    actions: Vec<Action>,
    now: &str,
) -> Result<(Vec<Action>, Vec<Outcome>), CrmError> {
    let live = read_live(crm, &actions).await?;
    let made = read_made(crm, &actions).await?;
    let mut to_send = Vec::with_capacity(actions.len());
    let mut left_out = Vec::new();
    for action in actions {
        let found = match (&action.record_id, &action.create_key) {
            (Some(id), _) => look(&action, live.get(&(action.object.clone(), id.clone())), now),
            (None, Some((_, key))) => made
                .get(&(action.object.clone(), key.clone()))
                .map(|record| already(&action, record, now)),
            (None, None) => None,
        };
        match found {
            Some(outcome) => left_out.push(outcome),
            None => to_send.push(action),
        }
    }
    Ok((to_send, left_out))
}

/// Says why an update need not, or must not, be sent; `None` when it is to be sent.
fn look(action: &Action, record: Option<&Record>, now: &str) -> Option<Outcome> {
    let drift = |code: &str, field: Option<&str>| Outcome {
        code: Some(code.to_owned()),
        field: field.map(str::to_owned),
        ..Outcome::new(action, Status::Drift, now)
    };
    let is_delete = action.operation == WriteOperation::Delete;
    let Some(record) = record else {
        let gone = Outcome {
            code: Some("already_gone".to_owned()),
            ..Outcome::new(action, Status::Already, now)
        };
        return Some(if is_delete { gone } else { drift("gone", None) });
    };
    if !is_delete && action.changes.iter().all(|change| holds(record, change)) {
        return Some(already(action, record, now));
    }
    let changed = action.changes.iter().find(|change| {
        let live = live_value(record, change);
        !is_same_value(change.field_type, live, change.before.as_deref()) && !holds(record, change)
    })?;
    Some(drift("changed", Some(&changed.target_field)))
}

fn already(action: &Action, record: &Record, now: &str) -> Outcome {
    Outcome {
        record_id: Some(record.id.clone()),
        code: Some("already_there".to_owned()),
        ..Outcome::new(action, Status::Already, now)
    }
}

/// Says whether a record holds what a change would write.
pub fn holds(record: &Record, change: &FieldChange) -> bool {
    let live = live_value(record, change);
    match &change.after {
        After::Value(value) => is_same_value(change.field_type, live, Some(value)),
        After::Clear => is_same_value(change.field_type, live, None),
        After::RecordIdOf(_) => false,
    }
}

fn live_value<'a>(record: &'a Record, change: &FieldChange) -> Option<&'a str> {
    record.values.get(&change.target_field).and_then(Option::as_deref)
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
