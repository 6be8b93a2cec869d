//! The inverse of a run: what it wrote goes back to what was there before, where nobody has changed it
//! since.
//!
//! The changes come out in the shape of `sync_changes`, so that an undo becomes a plan like any
//! other: actions, what is held back, and what is left alone, each with its reason.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Action, After, Change, ChangeStatus, FieldChange};
use crate::config::{Entity, Field, FieldMap, FieldType};
use crate::crm::{CrmKind, Record, Standing, WriteOperation};
use crate::golden::is_same_value;

/// An action of a run that its CRM accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// As the journal holds it: ids of other new records are filled in.
    pub action: Action,
    pub record_id: String,
    pub is_created: bool,
    /// Written fields as the CRM echoed them, where it did.
    pub stored: BTreeMap<String, Option<String>>,
}

/// Which part of a run is undone; nothing named is the whole of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Name in the field map, or `(link)`.
    pub field: Option<String>,
    /// Rule by which the run wrote.
    pub rule: Option<String>,
    /// Golden ids and record ids of one person, company or deal.
    pub ids: Option<BTreeSet<String>>,
    /// Records that the run made go as well.
    pub is_with_creates: bool,
}

impl Selection {
    fn holds(&self, written: &Written) -> bool {
        self.ids.as_ref().is_none_or(|ids| {
            ids.contains(&written.action.golden_id) || ids.contains(&written.record_id)
        })
    }

    fn holds_field(&self, change: &FieldChange) -> bool {
        self.field.as_ref().is_none_or(|field| *field == change.field)
            && self.rule.as_ref().is_none_or(|rule| *rule == change.rule)
    }

    fn is_of_fields(&self) -> bool {
        self.field.is_some() || self.rule.is_some()
    }
}

/// What an undo is made from.
pub struct Undoing<'a> {
    pub written: &'a [Written],
    /// Records of the run as they are now, by object and id.
    pub live: &'a HashMap<(String, String), Record>,
    /// What ties the records that the run made, by object and id.
    pub standings: &'a HashMap<(String, String), Standing>,
    /// Says whether a CRM is known to keep what it was sent in the form that it now holds: system,
    /// object, field, sent, held.
    pub is_stored_form: &'a dyn Fn(CrmKind, &str, &str, &str, &str) -> bool,
    pub field_map: &'a FieldMap,
}

/// Reason for what need not be undone: the record is no longer there.
const GONE: &str = "gone_since";

/// Lists what undoes a run, and what of it cannot be undone or needs not, in the order of the run.
pub fn invert(undoing: &Undoing<'_>, selection: &Selection) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut removed: BTreeSet<&str> = BTreeSet::new();
    let selected = || undoing.written.iter().filter(|written| selection.holds(written));
    for written in selected().filter(|w| w.action.operation == WriteOperation::Create) {
        if selection.is_of_fields() {
            continue;
        }
        let change = removal(undoing, written, selection.is_with_creates);
        // An undo that was cut short has removed some already, and not yet what hangs on them.
        if change.status == ChangeStatus::Action || change.reason_code.as_deref() == Some(GONE) {
            removed.insert(&written.action.action_id);
        }
        changes.push(change);
    }
    for written in selected().filter(|w| w.action.operation.is_of_live_record()) {
        let create = written.action.depends_on.as_deref();
        for field in written.action.changes.iter().filter(|field| selection.holds_field(field)) {
            // What was written because of a create goes with it, and only with it.
            let stays = create.is_some_and(|id| !removed.contains(id));
            changes.push(if stays {
                left(undoing, written, field, "made_by_run")
            } else {
                restoration(undoing, written, field)
            });
        }
    }
    changes
}

/// Says what the run did that no write takes back.
pub fn lasting(written: &[Written], field_map: &FieldMap) -> Vec<String> {
    let n_created = written.iter().filter(|written| written.is_created).count();
    let on_hubspot =
        |written: &&Written| written.action.system == CrmKind::HubSpot && !written.is_created;
    let n_staged = written.iter().filter(on_hubspot).filter(|written| {
        written.action.changes.iter().any(|change| is_stage(field_map, &written.action, change))
    });
    let n_associated = written.iter().filter(on_hubspot).filter(|written| {
        written.action.changes.iter().any(|change| change.field_type == FieldType::Email)
    });
    let n_linked = written
        .iter()
        .filter(|written| written.action.operation == WriteOperation::Associate)
        .count();
    let n_removed =
        written.iter().filter(|written| written.action.operation == WriteOperation::Delete).count();
    let counted = [
        (n_created, "new records ran assignment rules and automations"),
        (n_staged.count(), "contacts keep the dates on which they entered a stage"),
        (
            n_associated.count(),
            "contacts keep the companies that HubSpot associated by e-mail address",
        ),
        (n_linked, "contacts keep the companies with which the run associated them"),
        (n_removed, "removed records come back only from the recycle bin"),
    ];
    counted.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect()
}

fn removal(undoing: &Undoing<'_>, written: &Written, is_wanted: bool) -> Change {
    let key = (written.action.object.clone(), written.record_id.clone());
    let standing = undoing.standings.get(&key);
    let mut change = change(undoing, written, WriteOperation::Delete);
    "(record)".clone_into(&mut change.field);
    "undo included".clone_into(&mut change.rule);
    let (status, reason) = match standing {
        _ if !written.is_created => (ChangeStatus::Held, Some("before_unknown")),
        _ if !is_wanted => (ChangeStatus::Noop, Some("made_by_run")),
        None => (ChangeStatus::Noop, Some(GONE)),
        Some(standing) => match standing.ties.first() {
            Some(tie) => (ChangeStatus::Held, Some(tie.code())),
            None => (ChangeStatus::Action, None),
        },
    };
    change.status = status;
    change.reason_code = reason.map(str::to_owned);
    if let Some(standing) = standing {
        change.target_field = Some(standing.stamp_field.clone());
        change.before.clone_from(&standing.stamp);
    }
    change
}

fn restoration(undoing: &Undoing<'_>, written: &Written, field: &FieldChange) -> Change {
    let action = &written.action;
    let key = (action.object.clone(), written.record_id.clone());
    let Some(record) = undoing.live.get(&key) else {
        return left(undoing, written, field, GONE);
    };
    let live = record.values.get(&field.target_field).and_then(Option::as_deref);
    let is_same = |value: Option<&str>| is_same_value(field.field_type, live, value);
    if is_same(field.before.as_deref()) {
        return left(undoing, written, field, "already_undone");
    }
    let sent = match &field.after {
        After::Value(value) | After::RecordIdOf(value) => Some(value.as_str()),
        After::Clear => None,
    };
    let stored = written.stored.get(&field.target_field).map(Option::as_deref);
    let is_form = sent.zip(live).is_some_and(|(sent, live)| {
        (undoing.is_stored_form)(action.system, &action.object, &field.target_field, sent, live)
    });
    if !(is_same(sent) || stored.is_some_and(is_same) || is_form) {
        return left(undoing, written, field, "changed_since");
    }
    if field.is_association() && field.before.is_none() {
        let held = left(undoing, written, field, "association_stays");
        return Change { status: ChangeStatus::Held, ..held };
    }
    let is_back = action.system == CrmKind::HubSpot
        && field.before.as_deref().is_some_and(|before| !before.is_empty())
        && is_stage(undoing.field_map, action, field);
    if is_back {
        let held = left(undoing, written, field, "lifecycle_back");
        return Change { status: ChangeStatus::Held, ..held };
    }
    Change {
        before: live.map(str::to_owned),
        status: ChangeStatus::Action,
        reason_code: None,
        ..left(undoing, written, field, "")
    }
}

/// Makes the change of a field that is left alone for a reason.
fn left(undoing: &Undoing<'_>, written: &Written, field: &FieldChange, reason: &str) -> Change {
    Change {
        field: field.field.clone(),
        target_field: Some(field.target_field.clone()),
        after: field.before.clone().filter(|before| !before.is_empty()),
        reason_code: Some(reason.to_owned()),
        rule: inverse_rule(&field.rule),
        ..change(undoing, written, written.action.operation)
    }
}

fn change(undoing: &Undoing<'_>, written: &Written, operation: WriteOperation) -> Change {
    let action = &written.action;
    let entity = entity_of(undoing.field_map, action).map_or("", |entity| entity.name.as_str());
    Change {
        golden_id: action.golden_id.clone(),
        entity: entity.to_owned(),
        target_system: action.system,
        target_object: action.object.clone(),
        target_id: Some(written.record_id.clone()),
        operation,
        field: String::new(),
        target_field: None,
        before: None,
        after: None,
        after_ref: None,
        status: ChangeStatus::Noop,
        reason_code: None,
        rule: String::new(),
        depends_on: None,
    }
}

/// Names the rule by which a write of a rule is undone: `undo owner_hubspot`. What an undo put back is
/// done again by `redo owner_hubspot`, which holds nothing.
fn inverse_rule(rule: &str) -> String {
    match (rule.strip_prefix("undo "), rule.strip_prefix("redo ")) {
        (Some(undone), _) => format!("redo {undone}"),
        (None, Some(redone)) => format!("undo {redone}"),
        (None, None) => format!("undo {rule}"),
    }
}

fn entity_of<'a>(field_map: &'a FieldMap, action: &Action) -> Option<&'a Entity> {
    field_map.entities.iter().find(|entity| match action.system {
        CrmKind::HubSpot => entity.hubspot == action.object,
        CrmKind::Salesforce => entity.salesforce.contains(&action.object),
    })
}

fn is_stage(field_map: &FieldMap, action: &Action, change: &FieldChange) -> bool {
    entity_of(field_map, action)
        .and_then(|entity| entity.field(&change.field))
        .is_some_and(Field::is_lifecycle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crm::WriteApi;

    fn written(id: &str, operation: WriteOperation, field: &str, target: &str) -> Written {
        let change = FieldChange {
            field: field.to_owned(),
            target_field: target.to_owned(),
            field_type: FieldType::Text,
            before: Some("old".to_owned()),
            after: After::Value("new".to_owned()),
            rule: "owner_salesforce".to_owned(),
        };
        let action = Action {
            action_id: format!("a-{id}"),
            call: 1,
            api: WriteApi::Batch,
            system: CrmKind::HubSpot,
            object: "contacts".to_owned(),
            operation,
            record_id: Some(id.to_owned()),
            create_key: None,
            golden_id: format!("p_{id}"),
            depends_on: None,
            changes: vec![change],
        };
        Written { action, record_id: id.to_owned(), is_created: false, stored: BTreeMap::new() }
    }

    /// Undoes one write of a record that holds `live` now; returns status, reason and what is written.
    fn undone(
        written: &Written,
        live: Option<&str>,
    ) -> (ChangeStatus, Option<String>, Option<String>) {
        let map = std::fs::read_to_string("field_map.toml").expect("the demo has a map");
        let field_map = crate::config::read_field_map(&map).expect("the map is valid");
        let key = (written.action.object.clone(), written.record_id.clone());
        let target = written.action.changes[0].target_field.clone();
        let record = |value: &str| Record {
            id: written.record_id.clone(),
            modified_at: None,
            values: BTreeMap::from([(target.clone(), Some(value.to_owned()))]),
        };
        let undoing = Undoing {
            written: std::slice::from_ref(written),
            live: &live.map(|value| (key.clone(), record(value))).into_iter().collect(),
            standings: &HashMap::new(),
            is_stored_form: &|_, _, _, sent, held| (sent, held) == ("new", "NEW"),
            field_map: &field_map,
        };
        let selection = Selection { is_with_creates: true, ..Selection::default() };
        let change = invert(&undoing, &selection).pop().expect("a change");
        (change.status, change.reason_code, change.after)
    }

    #[test]
    fn what_the_record_holds_now_decides_whether_a_write_is_taken_back() {
        use ChangeStatus::{Action, Held, Noop};
        let title = written("1", WriteOperation::Update, "job_title", "jobtitle");
        let stage = written("1", WriteOperation::Update, "lifecycle_stage", "lifecyclestage");
        let create = written("1", WriteOperation::Create, "job_title", "jobtitle");
        let mut company =
            written("1", WriteOperation::Associate, "(company)", "associatedcompanyid");
        let moved = company.clone();
        company.action.changes[0].before = None;
        let mut echoed = title.clone();
        echoed.stored.insert("jobtitle".to_owned(), Some("New!".to_owned()));
        let cases = [
            (&title, Some("new"), Action, None),
            (&title, Some("NEW"), Action, None),
            (&echoed, Some("New!"), Action, None),
            (&title, Some("New!"), Noop, Some("changed_since")),
            (&title, Some("old"), Noop, Some("already_undone")),
            (&title, None, Noop, Some("gone_since")),
            (&stage, Some("new"), Held, Some("lifecycle_back")),
            (&create, Some("new"), Held, Some("before_unknown")),
            (&moved, Some("new"), Action, None),
            (&moved, Some("another"), Noop, Some("changed_since")),
            (&company, Some("new"), Held, Some("association_stays")),
        ];
        for (written, live, status, reason) in cases {
            let (found, code, after) = undone(written, live);
            assert_eq!((found, code.as_deref()), (status, reason), "{live:?}");
            assert!(status != Action || after.as_deref() == Some("old"), "{live:?}");
        }
    }

    #[test]
    fn a_link_to_a_record_that_was_removed_before_is_taken_back() {
        let mut made = written("1", WriteOperation::Create, "job_title", "jobtitle");
        made.is_created = true;
        let mut link = written("2", WriteOperation::Update, "(link)", "salesforce_record_id");
        link.action.depends_on = Some(made.action.action_id.clone());
        let map = std::fs::read_to_string("field_map.toml").expect("the demo has a map");
        let field_map = crate::config::read_field_map(&map).expect("the map is valid");
        let record = Record {
            id: "2".to_owned(),
            modified_at: None,
            values: [("salesforce_record_id".to_owned(), Some("new".to_owned()))].into(),
        };
        let undoing = Undoing {
            written: &[made, link],
            live: &[(("contacts".to_owned(), "2".to_owned()), record)].into(),
            standings: &HashMap::new(),
            is_stored_form: &|_, _, _, _, _| false,
            field_map: &field_map,
        };
        let undone = |is_with_creates| {
            let selection = Selection { is_with_creates, ..Selection::default() };
            let changes = invert(&undoing, &selection).into_iter();
            changes.map(|change| (change.status, change.reason_code)).collect::<Vec<_>>()
        };
        let noop = |reason: &str| (ChangeStatus::Noop, Some(reason.to_owned()));
        assert_eq!(undone(true), [noop("gone_since"), (ChangeStatus::Action, None)]);
        assert_eq!(undone(false), [noop("made_by_run"), noop("made_by_run")]);
    }

    #[test]
    fn an_undo_of_an_undo_holds_nothing() {
        assert_eq!(inverse_rule("owner_hubspot"), "undo owner_hubspot");
        assert_eq!(inverse_rule("undo owner_hubspot"), "redo owner_hubspot");
        assert_eq!(inverse_rule("redo owner_hubspot"), "undo owner_hubspot");
    }
}
