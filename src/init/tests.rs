//! Drafts load, whatever the metadata holds.

use super::values::match_values;
use super::*;
use crate::check::Metadata;
use crate::config::{CreatePolicy, EntityName, Overrides, read_field_map, read_project};
use crate::schema::PicklistValue;

fn value(value: &str, label: &str) -> PicklistValue {
    PicklistValue {
        object: "contacts".to_owned(),
        field: "x".to_owned(),
        value: value.to_owned(),
        label: label.to_owned(),
        is_active: true,
        sort_order: 0,
    }
}

#[test]
fn a_project_without_crms_is_read() {
    let map = draft(&Metadata::default());
    let text = project_file("Acme \"and\" sons", jiff::civil::date(2026, 11, 24));
    let project = read_project(std::path::Path::new("."), &text, Some(&map), &Overrides::default());
    let project = project.unwrap_or_else(|error| panic!("{error}: {map}"));
    assert_eq!((project.name.as_str(), project.period.as_str()), ("Acme and sons", "2026-Q4"));
    let person = project.field_map.entity(EntityName::Person).expect("people are mapped");
    assert_eq!(person.create.salesforce, CreatePolicy::Included);
    assert!(person.field("email").is_some() && person.field("lead_status").is_none());
    assert!(project.connections.values().any(|connection| connection.url == PLACEHOLDER_URL));
}

#[test]
fn values_are_matched_by_value_label_or_initials() {
    let ours = [
        value("smb", "Small"),
        value("mid_market", "Mid market"),
        value("marketingqualifiedlead", "Marketing Qualified Lead"),
        value("startup", "Startup"),
    ];
    let theirs = [
        value("SMB", "SMB"),
        value("Mid-Market", "Mid-Market"),
        value("MQL", "MQL"),
        value("Enterprise", "Enterprise"),
    ];
    let matched =
        match_values(&ours.iter().collect::<Vec<_>>(), &theirs.iter().collect::<Vec<_>>());
    let pairs: Vec<(&str, &str)> =
        matched.pairs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(
        pairs,
        [("smb", "SMB"), ("mid_market", "Mid-Market"), ("marketingqualifiedlead", "MQL")]
    );
    assert_eq!(
        (matched.only_hubspot, matched.only_salesforce),
        (vec!["startup".to_owned()], vec!["Enterprise".to_owned()])
    );
}

#[test]
fn without_metadata_an_admin_makes_everything() {
    let map = read_field_map(&draft(&Metadata::default())).expect("the draft is read");
    let steps = admin_steps(&map, &Metadata::default());
    let names: Vec<String> = steps.iter().map(|s| format!("{}.{}", s.object, s.field)).collect();
    assert_eq!(names.len(), 10, "{names:?}");
    assert!(names.contains(&"contacts.concord_key".to_owned()), "{names:?}");
    let key = steps.iter().find(|step| step.object == "Lead" && step.field == "Concord_Key__c");
    assert!(key.is_some_and(|step| step.sentence.contains("External ID")));
}
