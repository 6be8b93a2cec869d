//! Settling calls whose answer was lost: read back, and only then decide.

use std::collections::{BTreeMap, HashMap};

use super::reread::{holds, read_live};
use super::{Answered, Outcome, Status};
use crate::crm::{Crm, CrmError, Record, WriteOperation};
use crate::plan::Action;

/// Reads back what a call may have written: actions found written, and records found removed, are
/// accepted; the others are known not to have been.
///
/// # Errors
/// When the records cannot be read; the call stays unsettled.
pub async fn settle(crm: &dyn Crm, actions: &[Action], now: &str) -> Result<Answered, CrmError> {
    let live = read_live(crm, actions).await?;
    let made = read_made(crm, actions).await?;
    let mut answered = Answered::default();
    for action in actions {
        if let (WriteOperation::Delete, Some(id)) = (action.operation, &action.record_id) {
            if live.contains_key(&(action.object.clone(), id.clone())) {
                answered.not_written.push(action.action_id.clone());
            } else {
                answered.outcomes.push(read_back(action, id, now));
            }
            continue;
        }
        let (record, is_created) = match (&action.record_id, &action.create_key) {
            (Some(id), _) => (live.get(&(action.object.clone(), id.clone())), false),
            (None, Some((_, key))) => (made.get(&(action.object.clone(), key.clone())), true),
            (None, None) => (None, false),
        };
        let is_written =
            |record: &&Record| is_created || action.changes.iter().all(|c| holds(record, c));
        match record.filter(is_written) {
            Some(record) => {
                let found = read_back(action, &record.id, now);
                answered.outcomes.push(Outcome { is_created, ..found });
            }
            None => answered.not_written.push(action.action_id.clone()),
        }
    }
    Ok(answered)
}

fn read_back(action: &Action, record_id: &str, now: &str) -> Outcome {
    Outcome {
        record_id: Some(record_id.to_owned()),
        code: Some("read_back".to_owned()),
        ..Outcome::new(action, Status::Accepted, now)
    }
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
