//! Part of a plan: the first actions of it, or a canary of each object.

use std::collections::{BTreeMap, BTreeSet};

use super::Action;

/// Records of an object that are sent and looked at again before the others go.
pub const CANARY_RECORDS: usize = 10;

/// Returns the ids of the first `n` actions that are not done, in the order of the plan, with what
/// depends on a create among them: a create and what is told of it are never torn apart.
pub fn first(actions: &[Action], done: &BTreeSet<String>, n: usize) -> BTreeSet<String> {
    let open = actions.iter().filter(|action| !done.contains(&action.action_id));
    whole(actions, open.take(n).map(|action| action.action_id.clone()).collect())
}

/// Returns the ids of the first `n` actions on each of `objects`, with what depends on them. An action
/// whose create is not among them waits.
pub fn canary(actions: &[Action], objects: &BTreeSet<String>, n: usize) -> BTreeSet<String> {
    let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
    let mut chosen = BTreeSet::new();
    for action in actions.iter().filter(|action| objects.contains(&action.object)) {
        let is_ready = action.depends_on.as_ref().is_none_or(|create| chosen.contains(create));
        let taken = taken.entry(&action.object).or_default();
        if is_ready && *taken < n {
            *taken += 1;
            chosen.insert(action.action_id.clone());
        }
    }
    whole(actions, chosen)
}

fn whole(actions: &[Action], mut chosen: BTreeSet<String>) -> BTreeSet<String> {
    let follows =
        |action: &&Action| action.depends_on.as_ref().is_some_and(|create| chosen.contains(create));
    let followers: Vec<String> =
        actions.iter().filter(follows).map(|action| action.action_id.clone()).collect();
    chosen.extend(followers);
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crm::{CrmKind, WriteOperation};

    fn action(id: &str, object: &str, depends_on: Option<&str>) -> Action {
        Action {
            action_id: id.to_owned(),
            call: 1,
            api: crate::crm::WriteApi::Batch,
            system: CrmKind::Salesforce,
            object: object.to_owned(),
            operation: WriteOperation::Update,
            record_id: None,
            create_key: None,
            golden_id: String::new(),
            depends_on: depends_on.map(str::to_owned),
            changes: Vec::new(),
        }
    }

    fn ids(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|&id| id.to_owned()).collect()
    }

    #[test]
    fn the_first_actions_bring_what_depends_on_them_and_leave_out_what_is_done() {
        let actions = [
            action("1", "Lead", None),
            action("2", "Lead", None),
            action("3", "Lead", None),
            action("4", "contacts", Some("1")),
            action("5", "contacts", Some("3")),
            action("6", "contacts", None),
        ];
        assert_eq!(first(&actions, &ids(&[]), 1), ids(&["1", "4"]));
        assert_eq!(first(&actions, &ids(&["1", "4"]), 2), ids(&["2", "3", "5"]));
        assert_eq!(first(&actions, &ids(&["1", "2", "3", "4", "5"]), 9), ids(&["6"]));
        assert_eq!(first(&actions, &ids(&[]), 0), ids(&[]));

        assert_eq!(canary(&actions, &ids(&["Lead"]), 2), ids(&["1", "2", "4"]));
        assert_eq!(canary(&actions, &ids(&["contacts"]), 2), ids(&["6"]));
        assert_eq!(canary(&actions, &ids(&["Lead", "contacts"]), 1), ids(&["1", "4"]));
    }
}
