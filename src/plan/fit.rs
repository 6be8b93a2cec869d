//! What of a plan fits tonight's budget; the rest is carried to another night.
//!
//! Priority: people who have no record yet, then the links that tell the two sides apart from
//! strangers, then all other fields. Within a priority the plan's own order holds, so that the same
//! work is carried whatever the order of the rows.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Care, Change, ChangeStatus, cut_into_calls, price};
use crate::crm::{CrmKind, WriteOperation};

/// Reason code of what is carried.
pub const OVER_BUDGET: &str = "over_budget";

/// Splits actions into those whose calls fit and those that wait. `calls_left` is what may still be
/// spent on each CRM; a CRM that it does not name is not limited.
///
/// An action that depends on a create that waits, waits too.
pub fn fit(
    actions: Vec<Action>,
    care: Care<'_>,
    calls_left: &BTreeMap<CrmKind, u64>,
) -> (Vec<Action>, Vec<Action>) {
    let mut waiting: BTreeSet<String> = BTreeSet::new();
    for system in [CrmKind::Salesforce, CrmKind::HubSpot] {
        let (mut ranked, orphans): (Vec<&Action>, Vec<&Action>) = actions
            .iter()
            .filter(|action| action.system == system)
            .partition(|action| action.depends_on.as_ref().is_none_or(|id| !waiting.contains(id)));
        waiting.extend(orphans.iter().map(|action| action.action_id.clone()));
        let Some(left) = calls_left.get(&system) else { continue };
        ranked.sort_by_key(|action| (priority(action), action.action_id.clone()));
        let n_fitting = most_that_fit(&ranked, care, *left);
        waiting.extend(ranked[n_fitting..].iter().map(|action| action.action_id.clone()));
    }
    // Each CRM is told of what is created in the other, also in the one that was looked at first.
    let orphans: Vec<String> = actions
        .iter()
        .filter(|action| action.depends_on.as_ref().is_some_and(|id| waiting.contains(id)))
        .map(|action| action.action_id.clone())
        .collect();
    waiting.extend(orphans);
    let (carried, mut kept): (Vec<Action>, Vec<Action>) =
        actions.into_iter().partition(|action| waiting.contains(&action.action_id));
    cut_into_calls(&mut kept);
    (kept, carried)
}

fn priority(action: &Action) -> u8 {
    let is_link = action.changes.iter().any(|change| change.field == "(link)");
    match action.operation {
        WriteOperation::Create => 0,
        WriteOperation::Update if is_link => 1,
        WriteOperation::Update | WriteOperation::Associate => 2,
        WriteOperation::Delete => 3,
    }
}

/// Returns how many of the first actions cost at most `left` calls. The cost grows with them, but for
/// a step where one more fills a call better; such a step is taken.
fn most_that_fit(ranked: &[&Action], care: Care<'_>, left: u64) -> usize {
    let cost = |n: usize| {
        let mut first: Vec<Action> = ranked[..n].iter().map(|&action| action.clone()).collect();
        first.sort_by(|a, b| a.action_id.cmp(&b.action_id));
        cut_into_calls(&mut first);
        price(&first, care, &BTreeMap::new()).iter().map(super::Price::usual).sum::<u64>()
    };
    if cost(ranked.len()) <= left {
        return ranked.len();
    }
    let (mut fits, mut too_many) = (0, ranked.len());
    while too_many - fits > 1 {
        let middle = usize::midpoint(fits, too_many);
        if cost(middle) <= left { fits = middle } else { too_many = middle }
    }
    while fits < ranked.len() && cost(fits + 1) <= left {
        fits += 1;
    }
    fits
}

/// Turns the changes of carried actions into changes that are held back until there is budget; a
/// create becomes one change of the whole record.
pub fn hold_carried(changes: &mut Vec<Change>, carried: &[Action]) {
    type Key<'a> = (CrmKind, &'a str, Option<&'a str>, &'a str);
    let waiting: BTreeSet<Key<'_>> = carried
        .iter()
        .map(|a| (a.system, a.object.as_str(), a.record_id.as_deref(), a.golden_id.as_str()))
        .collect();
    let mut creates: BTreeSet<(CrmKind, String)> = BTreeSet::new();
    changes.retain_mut(|change| {
        let key: Key<'_> = (
            change.target_system,
            &change.target_object,
            change.target_id.as_deref(),
            &change.golden_id,
        );
        if change.status != ChangeStatus::Action || !waiting.contains(&key) {
            return true;
        }
        change.status = ChangeStatus::Held;
        change.reason_code = Some(OVER_BUDGET.to_owned());
        if change.operation != WriteOperation::Create {
            return true;
        }
        "(record)".clone_into(&mut change.field);
        change.target_field = None;
        change.after = None;
        creates.insert((change.target_system, change.golden_id.clone()))
    });
}
