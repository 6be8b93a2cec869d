//! Settling calls whose answer was lost: read back, and only then decide.

use std::collections::{BTreeMap, HashMap};

use super::reread::read_live;
use super::{Intent, Outcome, Status};
use crate::crm::{Crm, CrmError, Record, WriteOperation};
use crate::plan::{Action, After};

/// Reads back what a call may have written. The answer holds the actions found written, as accepted,
/// and the actions found not written, to be sent again.
///
/// # Errors
/// When the records cannot be read; the call stays unsettled.
pub async fn settle(
    crm: &dyn Crm,
    intent: &Intent,
    now: &str,
) -> Result<(Vec<Outcome>, Vec<Action>), CrmError> {
    let live = read_live(crm, &intent.actions).await?;
    let made = read_made(crm, &intent.actions).await?;
    let mut accepted = Vec::new();
    let mut unsent = Vec::new();
    for action in &intent.actions {
        let (record, is_created) = match (&action.record_id, &action.create_key) {
            (Some(id), _) => (live.get(&(action.object.clone(), id.clone())), false),
            (None, Some((_, key))) => (made.get(&(action.object.clone(), key.clone())), true),
            (None, None) => (None, false),
        };
        match record.filter(|record| is_created || is_written(action, record)) {
            Some(record) => accepted.push(Outcome {
                action_id: action.action_id.clone(),
                status: Status::Accepted,
                record_id: Some(record.id.clone()),
                is_created,
                code: Some("read_back".to_owned()),
                message: None,
                field: None,
                stored: BTreeMap::new(),
                at: now.to_owned(),
            }),
            None => unsent.push(action.clone()),
        }
    }
    Ok((accepted, unsent))
}

/// Finds the records that creates made, by their keys.
pub async fn read_made(
    crm: &dyn Crm,
    actions: &[Action],
) -> Result<HashMap<(String, String), Record>, CrmError> {
    let mut wanted: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for action in actions.iter().filter(|action| action.operation == WriteOperation::Create) {
        if let Some((field, key)) = &action.create_key {
            wanted.entry((&action.object, field)).or_default().push(key.clone());
        }
    }
    let mut made = HashMap::new();
    for ((object, field), keys) in wanted {
        for keys in keys.chunks(crm.kind().records_per_key_read()) {
            for record in crm.read_by_key(object, field, keys, &[field.to_owned()]).await? {
                if let Some(Some(key)) = record.values.get(field) {
                    made.insert((object.to_owned(), key.clone()), record.clone());
                }
            }
        }
    }
    Ok(made)
}

fn is_written(action: &Action, record: &Record) -> bool {
    action.changes.iter().all(|change| {
        let live = record.values.get(&change.target_field).and_then(Option::as_deref);
        match &change.after {
            After::Value(value) => live == Some(value.as_str()),
            After::Clear => live.is_none_or(str::is_empty),
            After::RecordIdOf(_) => false,
        }
    })
}
