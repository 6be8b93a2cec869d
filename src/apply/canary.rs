//! The second look at a canary: whether something in the CRM wrote to what was just written.

use std::collections::BTreeMap;

use super::reread::read_live;
use super::{Outcome, Status};
use crate::crm::{Crm, CrmError, CrmKind, WriteOperation};
use crate::golden::is_same_value;
use crate::plan::{Action, After};

/// A field that no longer holds what it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WroteBack {
    pub system: CrmKind,
    pub object: String,
    pub record_id: String,
    /// Vendor's name.
    pub field: String,
    pub sent: Option<String>,
    /// `None` also where the record is gone.
    pub found: Option<String>,
}

/// Reads what was accepted again and lists the fields that hold neither what was sent, nor what the
/// CRM answered that it stored, nor a form in which it is known to store it.
///
/// # Errors
/// When the records cannot be read.
pub async fn look_again(
    crm: &dyn Crm,
    actions: &[Action],
    outcomes: &BTreeMap<String, Outcome>,
    is_stored_form: &(dyn Fn(CrmKind, &str, &str, &str, &str) -> bool + Sync),
) -> Result<Vec<WroteBack>, CrmError> {
    let accepted: Vec<(Action, &Outcome)> = actions
        .iter()
        .filter(|action| action.system == crm.kind() && action.operation != WriteOperation::Delete)
        .filter_map(|action| {
            let outcome = outcomes.get(&action.action_id)?;
            let record_id = outcome.record_id.clone();
            let is_accepted = outcome.status == Status::Accepted && record_id.is_some();
            is_accepted.then(|| (Action { record_id, ..action.clone() }, outcome))
        })
        .collect();
    let records: Vec<Action> = accepted.iter().map(|(action, _)| action.clone()).collect();
    let live = read_live(crm, &records).await?;
    let mut wrote_back = Vec::new();
    for (action, outcome) in accepted {
        let Some(record_id) = action.record_id else { continue };
        let record = live.get(&(action.object.clone(), record_id.clone()));
        for change in action.changes {
            let sent = match change.after {
                After::Value(value) => Some(value),
                After::Clear => None,
                After::RecordIdOf(id) => outcomes.get(&id).and_then(|made| made.record_id.clone()),
            };
            let found = record.and_then(|record| record.values.get(&change.target_field).cloned());
            let found = found.flatten();
            let holds = |value: Option<&str>| {
                record.is_some() && is_same_value(change.field_type, found.as_deref(), value)
            };
            let stored = outcome.stored.get(&change.target_field).map(Option::as_deref);
            let is_form = sent.as_deref().zip(found.as_deref()).is_some_and(|(sent, found)| {
                is_stored_form(action.system, &action.object, &change.target_field, sent, found)
            });
            if !(holds(sent.as_deref()) || stored.is_some_and(holds) || is_form) {
                wrote_back.push(WroteBack {
                    system: action.system,
                    object: action.object.clone(),
                    record_id: record_id.clone(),
                    field: change.target_field,
                    sent,
                    found,
                });
            }
        }
    }
    Ok(wrote_back)
}
