//! Snapshots and marts as another engine sees them, without any of our code.

use std::process::Command;

use concord::sandbox::company::CompanyOptions;
use serde_json::Value;

use crate::support::Company;

/// Reads every file of the latest snapshots and build, and prints counts and column types.
const READ_ALL: &str = r#"
import duckdb, glob, json, os, sys
root = sys.argv[1]
duck = duckdb.connect()
tables = {}
for connection in ("hubspot", "salesforce"):
    for path in glob.glob(f"{root}/snapshots/{connection}/*/snapshot=*"):
        name = path.split("/")[-2]
        if name == "_schema":
            continue
        parts = f"{path}/*.parquet"
        if not glob.glob(parts):
            continue
        source = f"read_parquet('{parts}', hive_partitioning = false)"
        count = duck.execute(f"select count(*) from {source}").fetchone()[0]
        types = {r[0]: r[1] for r in duck.execute(f"describe select * from {source}").fetchall()}
        tables[f"{connection}.{name}"] = {"rows": count, "types": types}
build = sorted(os.listdir(f"{root}/builds"))[-1]
for path in glob.glob(f"{root}/builds/{build}/*/part-*.parquet"):
    name = path.split("/")[-2]
    source = f"read_parquet('{path}', hive_partitioning = false)"
    count = duck.execute(f"select count(*) from {source}").fetchone()[0]
    types = {r[0]: r[1] for r in duck.execute(f"describe select * from {source}").fetchall()}
    tables[name] = {"rows": count, "types": types}
print(json.dumps(tables))
"#;

#[test]
fn duckdb_reads_snapshots_and_marts_with_the_same_counts_and_sensible_types() {
    let Some(python) = python_with_duckdb() else { return };
    let company = Company::new(&CompanyOptions::small(1));
    company.good(&["pull", "--sandbox"]);
    company.good(&["build", "--sandbox"]);
    let root = company.path(".concord/sandbox/warehouse");
    let output =
        Command::new(python).args(["-c", READ_ALL]).arg(&root).output().expect("python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).expect("JSON");

    for (sql, table) in [
        ("select count(*) from hubspot.contacts", "hubspot.contacts"),
        ("select count(*) from salesforce.lead", "salesforce.lead"),
        ("select count(*) from people", "people"),
        ("select count(*) from crosswalk", "crosswalk"),
        ("select count(*) from gap_reasons", "gap_reasons"),
    ] {
        assert_eq!(seen[table]["rows"].as_u64(), Some(company.count(sql)), "{table}");
    }
    let type_of =
        |table: &str, column: &str| seen[table]["types"][column].as_str().map(str::to_owned);
    assert_eq!(type_of("hubspot.contacts", "email").as_deref(), Some("VARCHAR"));
    assert_eq!(type_of("hubspot.contacts", "_archived").as_deref(), Some("BOOLEAN"));
    assert_eq!(
        type_of("hubspot.contacts", "_pulled_at").as_deref(),
        Some("TIMESTAMP WITH TIME ZONE")
    );
    assert_eq!(type_of("people", "golden_id").as_deref(), Some("VARCHAR"));
    assert_eq!(type_of("people", "is_included").as_deref(), Some("BOOLEAN"));
    assert_eq!(
        type_of("stg_hubspot__contacts", "created_at").as_deref(),
        Some("TIMESTAMP WITH TIME ZONE")
    );
    assert_eq!(type_of("stg_hubspot__contacts", "lead_score").as_deref(), Some("DOUBLE"));
}

/// Finds the Python that `.ci/run` prepared, or the desk's own; skips loudly outside CI.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "the test's own variables, and a skip that must be seen"
)]
fn python_with_duckdb() -> Option<String> {
    let python = std::env::var("CONCORD_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has_duckdb = Command::new(&python)
        .args(["-c", "import duckdb"])
        .output()
        .is_ok_and(|output| output.status.success());
    if has_duckdb {
        return Some(python);
    }
    assert!(std::env::var("CI").is_err(), "CI needs the duckdb package: run .ci/run");
    eprintln!("SKIPPED: `{python}` has no duckdb package (pip install duckdb)");
    None
}
