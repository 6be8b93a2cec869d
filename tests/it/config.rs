//! Files that people write: each wrong one says where, what, and what to do.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use concord::config::{
    ConfigError, Overrides, field_map_schema, project_schema, read_field_map, read_project,
};
use serde_json::Value;

use crate::support::json_schema::faults;

/// Files named `project_*` stand for `concord.toml`, `field_map_*` for `field_map.toml`.
#[test]
fn invalid_files_point_at_the_line_and_say_what_to_do() {
    let mut text = String::new();
    for path in files("tests/configs/invalid") {
        let name = file_name(&path);
        let found = read(&path).expect_err(&name);
        let ConfigError::Invalid { problems } = found else { panic!("{name}: {found}") };
        writeln!(text, "# {name}").expect("writing to a String does not fail");
        for problem in problems {
            writeln!(text, "error: {problem}").expect("writing to a String does not fail");
            if let Some(hint) = problem.hint {
                writeln!(text, "hint: {hint}").expect("writing to a String does not fail");
            }
        }
        text.push('\n');
    }
    assert!(!text.contains("hunter2"), "a secret was shown");
    insta::assert_snapshot!("invalid", text);
}

#[test]
fn valid_files_are_read() {
    for path in files("tests/configs/valid") {
        if let Err(error) = read(&path) {
            panic!("{}: {error}", file_name(&path));
        }
    }
}

#[test]
fn the_schemas_that_are_shipped_are_current() {
    let schemas =
        [("concord.schema.json", project_schema()), ("field_map.schema.json", field_map_schema())];
    for (name, schema) in schemas {
        let shipped = fs::read_to_string(Path::new("schemas").join(name)).expect("it is shipped");
        let hint = "write it again: concord config schema project, or field-map";
        assert_eq!(shipped, format!("{schema:#}\n"), "{name}: {hint}");
    }
}

#[test]
fn files_that_are_read_follow_their_schema() {
    let mut all = files("tests/configs/valid");
    all.extend(["concord.toml", "field_map.toml"].map(PathBuf::from));
    for path in all {
        assert_eq!(faults(&schema_of(&path), &json(&path)), Vec::<String>::new(), "{path:?}");
    }
}

/// What an editor can say of wrong files; the rest takes the reader.
#[test]
fn the_schema_refuses_what_is_wrong_in_one_place() {
    let wrong = [
        ("field_map_key_unknown", "person.fields.lead_source: unknown key `claer`"),
        ("field_map_owner_missing", "person.fields.lead_source: missing `owner`"),
        ("field_map_owner_unknown", "person.fields.lead_source.owner: none of the words"),
        ("field_map_company_created", "company.create.salesforce: none of the words"),
        ("field_map_object_of_no_entity", "none of the words"),
        ("project_share_out_of_range", "above 1"),
        ("project_secret_inline", "not object"),
        ("project_period_bad", "period: does not match"),
        ("project_claim_alone", "fewer than 2 keys"),
        ("project_connection_kind_unknown", "kind: none of the words"),
    ];
    for (name, expected) in wrong {
        let path = Path::new("tests/configs/invalid").join(format!("{name}.toml"));
        let found = faults(&schema_of(&path), &json(&path)).join("\n");
        assert!(found.contains(expected), "{name}: {expected}: {found}");
    }
}

fn schema_of(path: &Path) -> Value {
    if file_name(path).starts_with("field_map") { field_map_schema() } else { project_schema() }
}

fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("the file can be read");
    toml::from_str(&text).expect("TOML")
}

fn read(path: &Path) -> Result<(), ConfigError> {
    let text = fs::read_to_string(path).expect("a fixture can be read");
    if file_name(path).starts_with("field_map_") {
        return read_field_map(&text)
            .map(|_| ())
            .map_err(|problems| ConfigError::Invalid { problems });
    }
    let map = fs::read_to_string("field_map.toml").expect("the demo has a field map");
    read_project(Path::new("."), &text, Some(&map), &Overrides::default()).map(|_| ())
}

fn files(dir: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("the fixtures are there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
