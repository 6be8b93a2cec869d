//! A new project, from nothing to its first night.

use concord::sandbox::company::CompanyOptions;

use crate::support::{Company, rows};

#[test]
fn without_crms_a_project_is_written_once_and_can_be_read() {
    let company = Company::empty();
    let first = company.good(&["init", "acme"]);
    for part in [
        "wrote acme/concord.toml",
        "wrote acme/field_map.toml",
        "to make in HubSpot",
        "contacts.concord_key",
        "concord init acme",
    ] {
        assert!(first.stdout.contains(part), "{part}: {}", first.stdout);
    }
    company.good(&["config", "show", "--project", "acme"]);
    company.edit("acme/concord.toml", "name = \"acme\"", "name = \"Acme\"");
    company.edit("acme/field_map.toml", "owner = \"hubspot\"", "owner = \"compare\"");
    let map = std::fs::read_to_string(company.path("acme/field_map.toml")).expect("a map");
    let second = company.good(&["init", "acme"]);
    assert!(!second.stdout.contains("wrote"), "{}", second.stdout);
    assert_eq!(map, std::fs::read_to_string(company.path("acme/field_map.toml")).expect("a map"));
}

#[test]
fn a_draft_from_both_crms_is_checked_and_runs() {
    let company = Company::new(&CompanyOptions::small(5));
    for file in ["concord.toml", "field_map.toml"] {
        std::fs::remove_file(company.path(file)).expect("the file was there");
    }
    let made = company.good(&["init", "--sandbox"]);
    assert!(made.stdout.contains("concord check --sandbox"), "{}", made.stdout);
    // The demo's admin made every key and link field.
    assert!(!made.stdout.contains("to make in"), "{}", made.stdout);
    let map = std::fs::read_to_string(company.path("field_map.toml")).expect("a draft");
    for part in [
        "[person.fields.lifecycle_stage.values]\nsubscriber = \"Subscriber\"",
        "marketingqualifiedlead = \"MQL\"",
        "[person.fields.segment]",
        "# values of HubSpot without a counterpart: startup",
        "salesforce = { Lead = \"Lead_Score__c\", Contact = \"Lead_Score__c\" }",
        "[deal.fields.amount]",
    ] {
        assert!(map.contains(part), "{part}: {map}");
    }
    let found = company.concord(&["check", "--sandbox", "--format", "csv"]);
    assert_eq!(found.code, 0, "{}", found.stdout);
    assert!(rows(&found).iter().all(|row| row["severity"] != "error"));
    let night = company.concord(&["run", "--sandbox"]);
    assert!(matches!(night.code, 0 | 5), "{}: {}{}", night.code, night.stdout, night.stderr);
    assert!(night.stderr.contains("plan"), "{}", night.stderr);
}
