//! What a run wrote, from its journal: the ground on which it is undone.

use std::collections::HashMap;

use super::{ApplyError, Journal, Outcome, Status};
use crate::plan::{Action, Written};
use crate::warehouse::Warehouse;

/// Returns the actions of a run that their CRM accepted, in the order of the plan.
///
/// # Errors
/// When the journal cannot be read.
pub async fn written_by(warehouse: &Warehouse, run: &str) -> Result<Vec<Written>, ApplyError> {
    let (_, records) = Journal::open(warehouse, run).await?;
    let mut actions: HashMap<String, Action> = HashMap::new();
    let mut outcomes: HashMap<String, Outcome> = HashMap::new();
    for record in records {
        actions.extend(record.intent.actions.into_iter().map(|a| (a.action_id.clone(), a)));
        let known = record.answered.outcomes.into_iter();
        outcomes.extend(known.map(|outcome| (outcome.action_id.clone(), outcome)));
    }
    let mut written: Vec<Written> = outcomes
        .into_values()
        .filter(|outcome| outcome.status == Status::Accepted)
        .filter_map(|outcome| {
            Some(Written {
                action: actions.remove(&outcome.action_id)?,
                record_id: outcome.record_id?,
                is_created: outcome.is_created,
                stored: outcome.stored,
            })
        })
        .collect();
    written.sort_by(|a, b| a.action.action_id.cmp(&b.action.action_id));
    Ok(written)
}
