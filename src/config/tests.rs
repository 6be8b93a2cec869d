//! The repository's own project, and laws that no invalid file can show.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use toml::de::DeTable;

use super::reader::Reader;
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

/// Files in which every table occurs that a reader may open.
const WHOLE_PROJECT: &str = r#"
name = "Whole"
period = "2026"
[sources.s]
url = "data/s.csv"
format = "csv"
[warehouse]
url = "s3://bucket/prefix"
[warehouse.settings]
secret_access_key = { env = "K" }
[connections.a]
kind = "hubspot"
token = { env = "T" }
[connections.b]
kind = "hubspot"
client_id = { env = "I" }
client_secret = { env = "S" }
refresh_token = { env = "R" }
[connections.c]
kind = "salesforce"
url = "https://c.my.salesforce.com"
client_id = { env = "I" }
username = "u@c.example"
private_key = { file = "k.pem" }
[budget.a]
reserve_share = 0.5
[[inclusion.rules]]
name = "r"
sql = "true"
sentence = "never"
[[inclusion.to_hubspot]]
name = "r"
sql = "true"
sentence = "never"
[metrics.m]
label = "M"
[metrics.m.claims.a]
label = "A"
model = "a"
time_zone = "UTC"
[metrics.m.claims.b]
label = "B"
model = "b"
time_zone = "UTC"
[alerts]
webhook = { env = "W" }
"#;

const WHOLE_MAP: &str = r#"
[person]
hubspot = "contacts"
salesforce = ["Lead"]
[person.fields.f]
type = "text"
hubspot = "f"
salesforce = { Lead = "F" }
owner = "hubspot"
[company]
hubspot = "companies"
salesforce = ["Account"]
[company.fields.f]
type = "text"
hubspot = "f"
salesforce = { Account = "F" }
owner = "hubspot"
[company.fields.money]
type = "currency"
currency = { hubspot = "USD", salesforce = "CurrencyIsoCode" }
hubspot = "money"
salesforce = { Account = "Money" }
owner = "warehouse"
from = { model = "m", column = "c" }
[deal]
hubspot = "deals"
salesforce = ["Opportunity"]
[deal.fields.f]
type = "text"
hubspot = "f"
salesforce = { Opportunity = "F" }
owner = "hubspot"
[[sign_offs]]
name = "A"
date = "2026-10-01"
digest = "01234567"
"#;

type Asked = BTreeMap<String, BTreeSet<String>>;

#[test]
fn the_schemas_and_the_readers_know_the_same_keys() {
    let reader = Reader::new(FIELD_MAP_FILE, WHOLE_MAP);
    let root = DeTable::parse(WHOLE_MAP).expect("TOML");
    let map = field_map_file::read(&reader, root.get_ref());
    let of_map = reader.asked();
    assert_eq!(reader.into_problems(), []);

    let reader = Reader::new(PROJECT_FILE, WHOLE_PROJECT);
    let root = DeTable::parse(WHOLE_PROJECT).expect("TOML");
    let project = project_file::read(reader.root(root.get_ref()), Path::new("."), map);
    let of_project = reader.asked();
    assert_eq!(reader.into_problems(), []);
    assert!(project.is_some());

    agree(&project_schema(), &of_project);
    agree(&field_map_schema(), &of_map);
}

/// Demands that every table the reader opened has the same keys in the schema, and that it opened
/// every table of the schema.
fn agree(schema: &Value, asked: &Asked) {
    let mut known = Vec::new();
    for (name, keys) in asked {
        let table = table_of(schema, name);
        let properties = table["properties"].as_object().expect("a table with keys");
        let properties: BTreeSet<String> = properties.keys().cloned().collect();
        assert_eq!(*keys, properties, "`{name}`");
        known.push(table);
    }
    let mut open = vec![schema];
    while let Some(node) = open.pop() {
        // Objects are asked for by the entity's list, and not one by one.
        let is_by_object = node["description"] == "Salesforce field by object";
        let is_table = node["properties"].is_object() && node["type"] == "object" && !is_by_object;
        assert!(!is_table || known.contains(&node), "no reader opens {node:#}");
        match node {
            Value::Object(keys) => open.extend(keys.values()),
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
}

/// Finds a table of the schema by the name that messages give it.
fn table_of<'a>(schema: &'a Value, name: &str) -> &'a Value {
    let mut node = schema;
    for word in name.split('.').filter(|word| !word.is_empty()) {
        let next = [&node["properties"][word], &node["additionalProperties"]];
        let next = next.into_iter().find(|next| next.is_object());
        // Messages call a field of an entity by its name, without `fields`.
        node = next.unwrap_or(&node["properties"]["fields"]["additionalProperties"]);
        if node["items"].is_object() {
            node = &node["items"];
        }
        if let Some(either) = node["anyOf"].as_array() {
            node = either.iter().find(|one| one["properties"].is_object()).expect("a table");
        }
    }
    node
}
