//! Files that people write: each wrong one says where, what, and what to do.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use concord::config::{ConfigError, Overrides, read_field_map, read_project};

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
