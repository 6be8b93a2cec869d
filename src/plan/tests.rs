use std::collections::BTreeSet;

use super::*;
use crate::config::WriteRoute;

fn change(system: CrmKind, object: &str, id: Option<&str>, golden: &str, field: &str) -> Change {
    Change {
        golden_id: golden.to_owned(),
        entity: "person".to_owned(),
        target_system: system,
        target_object: object.to_owned(),
        target_id: id.map(str::to_owned),
        operation: if id.is_some() { WriteOperation::Update } else { WriteOperation::Create },
        field: field.to_owned(),
        target_field: Some(field.to_owned()),
        before: None,
        after: Some("x".to_owned()),
        after_ref: None,
        status: ChangeStatus::Action,
        reason_code: None,
        rule: "owner_hubspot".to_owned(),
        depends_on: None,
    }
}

const NO_CANARY: &BTreeSet<String> = &BTreeSet::new();

/// Without reading again, and without a canary.
const PLAIN: Care<'_> = Care { is_reread: false, canary: NO_CANARY };
const REREAD: Care<'_> = Care { is_reread: true, canary: NO_CANARY };

fn actions_of(changes: &[Change]) -> Vec<Action> {
    let mut actions =
        build_actions(changes, &Parents::new(), &FieldMap::empty()).expect("no clash");
    choose_routes(&mut actions, WriteRoute::Cheapest, false);
    actions
}

/// Updates of one field of `n` records.
fn updates(system: CrmKind, object: &str, n: usize) -> Vec<Change> {
    (0..n)
        .map(|i| change(system, object, Some(&format!("{i:05}")), &format!("p_{i}"), "f"))
        .collect()
}

#[test]
fn fields_of_one_record_are_one_action() {
    let changes = [
        change(CrmKind::Salesforce, "Lead", Some("1"), "p_1", "Phone"),
        change(CrmKind::Salesforce, "Lead", Some("1"), "p_1", "Title"),
        change(CrmKind::Salesforce, "Lead", Some("2"), "p_2", "Title"),
    ];
    let actions = actions_of(&changes);
    assert_eq!(actions.len(), 2);
    assert_eq!(actions[0].changes.len(), 2);
}

#[test]
fn a_new_record_is_made_before_the_other_side_is_told_its_id() {
    let mut back = change(CrmKind::HubSpot, "contacts", Some("7"), "p_1", "(link)");
    back.after = None;
    back.after_ref = Some("p_1".to_owned());
    back.depends_on = Some("p_1".to_owned());
    let mut key = change(CrmKind::Salesforce, "Lead", None, "p_1", "(key)");
    key.after = Some("c_1".to_owned());
    let changes = [back, change(CrmKind::Salesforce, "Lead", None, "p_1", "LastName"), key];
    let actions = actions_of(&changes);
    assert_eq!(actions[0].create_key, Some(("(key)".to_owned(), "c_1".to_owned())));
    assert_eq!(actions[1].depends_on.as_deref(), Some("a-00000001"));
    assert_eq!(actions[1].changes[0].after, After::RecordIdOf("a-00000001".to_owned()));
    assert!(actions[0].call < actions[1].call);
}

/// A contact to be made, and the lead that is told its id.
fn made_in_hubspot(n: usize) -> [Change; 3] {
    let golden = format!("p_{n:04}");
    let mut key = change(CrmKind::HubSpot, "contacts", None, &golden, "(key)");
    key.after = Some(format!("c_{n}"));
    let mut back = change(CrmKind::Salesforce, "Lead", Some(&n.to_string()), &golden, "(link)");
    (back.after, back.after_ref) = (None, Some(golden.clone()));
    back.depends_on = Some(golden.clone());
    [back, change(CrmKind::HubSpot, "contacts", None, &golden, "email"), key]
}

#[test]
fn a_contact_is_made_before_salesforce_is_told_and_waits_with_what_it_is_told() {
    let changes: Vec<Change> = (0..150).flat_map(made_in_hubspot).collect();
    let actions = actions_of(&changes);
    let calls: Vec<u32> = actions.iter().map(|action| action.call).collect();
    assert!(calls.is_sorted() && calls[149] == 2 && calls[150] == 3, "{calls:?}");
    assert_eq!(actions[150].changes[0].after, After::RecordIdOf(actions[0].action_id.clone()));

    // Two fixed calls, one that reads keys, one that writes: a hundred contacts.
    let left = BTreeMap::from([(CrmKind::HubSpot, 4)]);
    let (kept, carried) = fit(actions, REREAD, &left);
    let of = |actions: &[Action], system| actions.iter().filter(|a| a.system == system).count();
    assert_eq!((of(&kept, CrmKind::HubSpot), of(&kept, CrmKind::Salesforce)), (100, 100));
    assert_eq!((of(&carried, CrmKind::HubSpot), of(&carried, CrmKind::Salesforce)), (50, 50));
}

#[test]
fn associations_are_calls_of_their_own_and_larger_ones() {
    let company = |n: usize| {
        let id = n.to_string();
        let mut company =
            change(CrmKind::HubSpot, "contacts", Some(&id), &format!("p_{n}"), COMPANY);
        company.operation = WriteOperation::Associate;
        company
    };
    let mut changes: Vec<Change> = (0..2001).map(company).collect();
    changes.push(change(CrmKind::HubSpot, "contacts", Some("1"), "p_1", "phone"));
    let actions = actions_of(&changes);
    let n_of = |call| actions.iter().filter(|action| action.call == call).count();
    assert_eq!((n_of(1), n_of(2), n_of(3)), (1, 2000, 1));
    assert_eq!(actions[0].operation, WriteOperation::Update);
}

#[test]
fn two_values_for_one_field_are_refused() {
    let changes = [
        change(CrmKind::Salesforce, "Lead", Some("1"), "p_1", "Phone"),
        change(CrmKind::Salesforce, "Lead", Some("1"), "p_1", "Phone"),
    ];
    assert!(matches!(
        build_actions(&changes, &Parents::new(), &FieldMap::empty()),
        Err(PlanError::TwoChanges { .. })
    ));
}

#[test]
fn calls_are_filled_to_the_vendors_ceiling() {
    let calls = |changes: Vec<Change>| actions_of(&changes).last().map_or(0, |action| action.call);
    assert_eq!(calls(updates(CrmKind::HubSpot, "contacts", 100)), 1);
    assert_eq!(calls(updates(CrmKind::HubSpot, "contacts", 101)), 2);
    assert_eq!(calls(updates(CrmKind::Salesforce, "Lead", 1000)), 1);
    assert_eq!(calls(updates(CrmKind::Salesforce, "Lead", 1001)), 2);
    // 300 contacts take two collections, 700 leads four: six do not fit one composite.
    let mut mixed = updates(CrmKind::Salesforce, "Contact", 300);
    mixed.extend(updates(CrmKind::Salesforce, "Lead", 700));
    assert_eq!(calls(mixed), 2);
}

#[test]
fn records_of_one_parent_stand_together_whatever_the_order_of_the_rows_and_at_the_same_price() {
    let mut changes = updates(CrmKind::Salesforce, "Contact", 1_500);
    changes.extend(updates(CrmKind::Salesforce, "Opportunity", 700));
    changes.extend(updates(CrmKind::Salesforce, "Lead", 100));
    let account = |i: usize| format!("001{:03}", i * 7 % 30);
    let parents: Parents = ["Contact", "Opportunity"]
        .into_iter()
        .flat_map(|object| {
            (0..1_500).map(move |i| ((object.to_owned(), format!("{i:05}")), account(i)))
        })
        .collect();
    let built = |changes: &[Change]| {
        let mut actions = build_actions(changes, &parents, &FieldMap::empty()).expect("no clash");
        choose_routes(&mut actions, WriteRoute::Cheapest, false);
        actions
    };
    let actions = built(&changes);
    let mut met: Vec<(String, String)> = Vec::new();
    for action in &actions {
        let key = (action.object.clone(), action.record_id.clone().expect("an update"));
        let Some(parent) = parents.get(&key) else { continue };
        let family = (action.object.clone(), parent.clone());
        if met.last() != Some(&family) {
            assert!(!met.contains(&family), "{family:?} comes twice");
            met.push(family);
        }
    }
    assert_eq!(met.len(), 60, "thirty accounts for each object");
    assert!(actions.iter().map(|action| action.call).is_sorted());
    let plain = price(&actions_of(&changes), REREAD, &BTreeMap::new());
    assert_eq!(price(&actions, REREAD, &BTreeMap::new()), plain);
    changes.reverse();
    assert_eq!(digest(&built(&changes)), digest(&actions));
}

#[test]
fn the_digest_follows_the_actions_and_not_their_source_order() {
    let mut changes = vec![
        change(CrmKind::Salesforce, "Lead", Some("1"), "p_1", "Phone"),
        change(CrmKind::Salesforce, "Lead", Some("2"), "p_2", "Phone"),
    ];
    let one = digest(&actions_of(&changes));
    changes.reverse();
    assert_eq!(one, digest(&actions_of(&changes)));
    changes[0].after = Some("y".to_owned());
    assert_ne!(one, digest(&actions_of(&changes)));
}

#[test]
fn creates_with_and_without_an_owner_are_batches_of_their_own() {
    let map = std::fs::read_to_string("field_map.toml").expect("the demo has a map");
    let map = crate::config::read_field_map(&map).expect("the map is valid");
    let create = |n: usize| {
        let golden = format!("p_{n:04}");
        let mut key = change(CrmKind::Salesforce, "Lead", None, &golden, "(key)");
        key.after = Some(format!("c_{n}"));
        let mut changes = vec![key, change(CrmKind::Salesforce, "Lead", None, &golden, "LastName")];
        if n.is_multiple_of(2) {
            changes.push(change(CrmKind::Salesforce, "Lead", None, &golden, "owner"));
        }
        changes
    };
    let changes: Vec<Change> = (0..1000).flat_map(create).collect();
    let mut actions = build_actions(&changes, &Parents::new(), &map).expect("no clash");
    choose_routes(&mut actions, WriteRoute::Cheapest, false);
    let owners: Vec<bool> = actions.iter().map(Action::names_owner).collect();
    assert!(owners.is_sorted(), "one kind after the other");
    // Three batches of each kind: six do not fit one call.
    assert_eq!(actions.last().map(|action| action.call), Some(2));
    assert_eq!(price(&actions, PLAIN, &BTreeMap::new())[0].write_calls, 2);
}

#[test]
fn what_does_not_fit_the_budget_is_carried_by_priority_and_with_what_depends_on_it() {
    let create = |n: usize| {
        let golden = format!("p_{n}");
        let mut key = change(CrmKind::Salesforce, "Lead", None, &golden, "(key)");
        key.after = Some(format!("c_{n}"));
        let mut back =
            change(CrmKind::HubSpot, "contacts", Some(&n.to_string()), &golden, "(link)");
        (back.after, back.after_ref) = (None, Some(golden.clone()));
        back.depends_on = Some(golden.clone());
        [key, change(CrmKind::Salesforce, "Lead", None, &golden, "LastName"), back]
    };
    let mut changes: Vec<Change> = (0..1500).flat_map(create).collect();
    changes.push(change(CrmKind::Salesforce, "Lead", Some("1"), "p_x", "Phone"));
    let actions = actions_of(&changes);
    let n_actions = actions.len();
    let left = |calls| BTreeMap::from([(CrmKind::Salesforce, calls)]);

    let (kept, carried) = fit(actions.clone(), REREAD, &left(1000));
    assert_eq!((kept.len(), carried.len()), (n_actions, 0));

    // Two fixed calls, one write and two reads by key: a thousand creates, and what follows them.
    let (kept, carried) = fit(actions.clone(), REREAD, &left(5));
    let creates = |actions: &[Action]| {
        actions.iter().filter(|action| action.operation == WriteOperation::Create).count()
    };
    assert_eq!((creates(&kept), creates(&carried)), (1000, 500));
    assert_eq!(kept.len() + carried.len(), n_actions);
    assert!(carried.iter().any(|action| action.golden_id == "p_x"), "updates come after creates");
    let prices = price(&kept, REREAD, &BTreeMap::new());
    assert!(prices.iter().all(|p| p.system != CrmKind::Salesforce || p.total() <= 5));
    let kept_ids: Vec<&String> = kept.iter().map(|action| &action.action_id).collect();
    assert!(kept.iter().all(|a| a.depends_on.as_ref().is_none_or(|id| kept_ids.contains(&id))));

    let n_held = |changes: &[Change]| {
        changes.iter().filter(|change| change.status == ChangeStatus::Held).count()
    };
    hold_carried(&mut changes, &carried);
    assert_eq!(n_held(&changes), carried.len(), "one for each record: these change one field each");
    let (kept, carried) = fit(actions, REREAD, &left(0));
    assert!(kept.is_empty() && carried.len() == n_actions);
}

#[test]
fn records_go_by_the_api_that_takes_the_fewest_calls() {
    let routed = |n: usize| {
        let mut changes = updates(CrmKind::Salesforce, "Lead", n);
        changes.extend(updates(CrmKind::HubSpot, "contacts", n));
        actions_of(&changes)
    };
    let bulk = |actions: &[Action]| actions.iter().filter(|a| a.api == WriteApi::Bulk).count();
    // Eighteen calls of a hundred, or an import: two calls and about sixteen questions.
    assert_eq!(bulk(&routed(1_800)), 0);
    assert_eq!(bulk(&routed(1_801)), 1_801, "HubSpot's alone");
    // Twelve calls of a thousand, or a job: four calls and about eight questions.
    assert_eq!(bulk(&routed(12_000)), 12_000, "HubSpot's alone");
    let actions = routed(12_001);
    assert_eq!(bulk(&actions), 24_002);
    assert_eq!(actions.iter().map(|action| action.call).max(), Some(2), "one job is one call");
    let prices = price(&actions, PLAIN, &BTreeMap::new());
    assert_eq!(prices.iter().map(|price| price.write_calls).collect::<Vec<_>>(), [2, 4]);
}

#[test]
fn a_job_that_spares_reads_is_chosen_from_fewer_records() {
    let api_of = |n: usize| {
        let changes = updates(CrmKind::Salesforce, "Lead", n);
        let mut actions =
            build_actions(&changes, &Parents::new(), &FieldMap::empty()).expect("no clash");
        let routes = choose_routes(&mut actions, WriteRoute::Cheapest, true);
        let calls: Vec<u64> = routes[0].options.iter().map(|option| option.calls).collect();
        (actions[0].api, calls, price(&actions, REREAD, &BTreeMap::new()).remove(0))
    };
    // A thousand records are read and written in two calls; a job reads ten thousand in one.
    let (api, calls, price) = api_of(6_000);
    assert_eq!((api, calls), (WriteApi::Batch, vec![12, 13]));
    assert_eq!((price.write_calls, price.reread_calls), (6, 6));
    let (api, calls, price) = api_of(6_001);
    assert_eq!((api, calls), (WriteApi::Bulk, vec![14, 13]));
    assert_eq!((price.write_calls, price.reread_calls), (4, 1));
    let (_, _, price) = api_of(10_001);
    assert_eq!(price.reread_calls, 2);
}

#[test]
fn a_canary_costs_calls_of_its_own_and_a_look() {
    let mut changes = updates(CrmKind::Salesforce, "Lead", 1_500);
    changes.extend(updates(CrmKind::HubSpot, "contacts", 8));
    let actions = actions_of(&changes);
    let of = |objects: &[&str]| {
        let canary = objects.iter().map(|&object| object.to_owned()).collect();
        let care = Care { is_reread: true, canary: &canary };
        let prices = price(&actions, care, &BTreeMap::new());
        prices.iter().map(|price| (price.canary_calls, price.total())).collect::<Vec<_>>()
    };
    assert_eq!(of(&[]), [(0, 4), (0, 6)]);
    // Ten leads are read, written and looked at; the others go as planned.
    assert_eq!(of(&["Lead"]), [(0, 4), (3, 9)]);
    // All eight contacts are the canary: only the look is more.
    assert_eq!(of(&["contacts"]), [(1, 5), (0, 6)]);
    // A budget that does not cover the canary carries what it would have sent.
    let canary = BTreeSet::from(["Lead".to_owned()]);
    let care = Care { is_reread: true, canary: &canary };
    let left = BTreeMap::from([(CrmKind::Salesforce, 7)]);
    let (kept, carried) = fit(actions.clone(), care, &left);
    assert_eq!((kept.len(), carried.len()), (1_008, 500));
}

#[test]
fn what_a_job_cannot_say_goes_by_batch() {
    let mut changes = updates(CrmKind::Salesforce, "Lead", 3);
    changes[1].after = Some("#N/A".to_owned());
    let mut key = change(CrmKind::Salesforce, "Lead", None, "p_9", "(key)");
    key.after = Some("c_9".to_owned());
    changes.push(key);
    let mut actions =
        build_actions(&changes, &Parents::new(), &FieldMap::empty()).expect("no clash");
    let routes = choose_routes(&mut actions, WriteRoute::Bulk, false);
    let by_api: Vec<(&str, WriteApi)> =
        actions.iter().map(|a| (a.golden_id.as_str(), a.api)).collect();
    assert_eq!(
        by_api,
        [
            // Its owner is for assignment rules to choose.
            ("p_9", WriteApi::Batch),
            ("p_0", WriteApi::Bulk),
            ("p_1", WriteApi::Batch),
            ("p_2", WriteApi::Bulk),
        ]
    );
    let update = routes.iter().find(|route| route.operation == WriteOperation::Update);
    let records: Vec<u64> =
        update.expect("a route").options.iter().map(|option| option.records).collect();
    assert_eq!(records, [3, 2]);
}
