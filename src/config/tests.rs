//! The repository's own project, and laws that no invalid file can show.

use std::path::Path;

use super::*;

const PROJECT: &str = include_str!("../../concord.toml");
const FIELD_MAP: &str = include_str!("../../field_map.toml");

fn project() -> Project {
    match read_project(Path::new("."), PROJECT, Some(FIELD_MAP), &Overrides::default()) {
        Ok(project) => project,
        Err(ConfigError::Invalid { problems }) => panic!("{problems:#?}"),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn the_demo_project_reads_as_the_company_runs() {
    let project = project();
    assert_eq!(project.period, "2026-Q3");
    assert!(project.connections.values().all(|connection| connection.access == Access::Read));
    assert_eq!(project.apply.mode, Mode::Review);
    let reported: Vec<i64> = project.metrics["mql"]
        .claims
        .values()
        .filter_map(|claim| claim.reported.get("2026-Q3").copied())
        .collect();
    assert_eq!(reported, [412, 280]);

    let person = project.field_map.entity(EntityName::Person).expect("the demo has people");
    assert_eq!(person.create.as_object, "Lead");
    let segment = person.field("segment").expect("the demo has segments");
    assert_eq!(segment.to_salesforce("mid_market"), Some("Mid-Market"));
    assert_eq!(segment.to_hubspot("SMB"), Some("smb"));
    assert_eq!(segment.to_salesforce("startup"), None);
    let phone = person.field("phone").expect("the demo has phones");
    assert_eq!((phone.owner, phone.because.len()), (Owner::TwoWay, 2));
    let status = person.field("lead_status").expect("the demo has statuses");
    assert_eq!(status.values[0].0, "NEW", "values keep the order of the file");
    assert!(!status.salesforce.contains_key("Contact"));
}

#[test]
fn the_digest_follows_the_meaning_and_not_the_layout() {
    let digest = |text: &str| read_field_map(text).map(|map| map.digest).expect("a valid map");
    let plain = digest(FIELD_MAP);
    let signed = format!(
        "{FIELD_MAP}\n# signed\n[[sign_offs]]\nname = \"Ana\"\ndate = \"2026-10-01\"\ndigest = \"{}\"\n",
        &plain[..8]
    );
    assert_eq!(plain, digest(&signed));
    assert_eq!(plain, digest(&FIELD_MAP.replace(" = ", "  =  ").replace('\n', "\r\n")));
    assert_ne!(plain, digest(&FIELD_MAP.replace("tie = \"salesforce\"", "tie = \"hubspot\"")));

    let map = read_field_map(&signed).expect("a valid map");
    assert!(map.sign_offs[0].covers(&map));
}

#[test]
fn settings_say_what_won() {
    let overrides = Overrides {
        period: Period::parse("2026-08").ok().map(|p| (p, Origin::Flag("--period".to_owned()))),
        ..Overrides::default()
    };
    let project =
        read_project(Path::new("."), PROJECT, Some(FIELD_MAP), &overrides).expect("valid");
    let setting = |name: &str| project.settings.iter().find(|s| s.name == name).expect(name);
    assert_eq!(project.period, "2026-08");
    assert_eq!(setting("period").origin, Origin::Flag("--period".to_owned()));
    assert!(matches!(setting("apply.mode").origin, Origin::File { .. }));
    assert_eq!(setting("connections.hubspot.api_version").origin, Origin::Default);
    assert_eq!(setting("connections.hubspot.token").value, "environment variable `HUBSPOT_TOKEN`");
}

#[test]
fn in_the_sandbox_nothing_real_is_reachable() {
    let account = |kind, url: &str| SandboxAccount {
        kind,
        url: url.to_owned(),
        account_id: "1".to_owned(),
        credentials: Credentials::Token(Secret::Known(SecretValue::new("sandbox"))),
    };
    let accounts = [
        account(crate::crm::CrmKind::HubSpot, "http://127.0.0.1:1"),
        account(crate::crm::CrmKind::Salesforce, "http://127.0.0.1:2"),
    ];
    let project = project().in_sandbox(&accounts);
    assert!(project.connections.values().all(|c| c.url.starts_with("http://127.0.0.1:")));
    assert_eq!(project.apply.mode, Mode::Auto);
    assert_ne!(project.warehouse.url, "file://./warehouse");
}

#[test]
fn whoever_is_created_in_hubspot_is_named_by_a_rule() {
    let map =
        FIELD_MAP.replace("hubspot = \"never\", as_object", "hubspot = \"included\", as_object");
    let read = |text: &str| read_project(Path::new("."), text, Some(&map), &Overrides::default());
    let project = read(PROJECT).expect("the demo has rules for that way");
    assert_eq!(project.inclusion.to_hubspot.len(), 3);

    let first = PROJECT.find("[[inclusion.to_hubspot]]").expect("a rule");
    let after = PROJECT.find("# A person handed over").expect("what follows the rules");
    let without = format!("{}{}", &PROJECT[..first], &PROJECT[after..]);
    let Err(ConfigError::Invalid { problems }) = read(&without) else { panic!("it was read") };
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains("who is created in HubSpot"), "{problems:?}");
    assert_eq!(problems[0].name, "inclusion");
}
