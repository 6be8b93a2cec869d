//! One small company at every stage of a night, so that a test may begin anywhere.

use std::collections::BTreeMap;
use std::path::Path;

use concord::sandbox::company::CompanyOptions;
use concord::snapshot::Manifest;
use concord::warehouse::Warehouse;
use datafusion::arrow::util::display::array_value_to_string;
use jiff::SignedDuration;
use serde_json::Value;

use super::Company;
use super::end_state::{EndState, end_state};
use super::hosted::{Extent, Hosted};
use crate::creates::let_cross_to_hubspot;
use crate::edits::{self, Edit};
use crate::laws;

/// A company before each stage, and what undisturbed stages make of it.
pub struct Prepared {
    /// Before the pull.
    pub fresh: Company,
    pub built: Company,
    pub planned: Company,
    /// The plan that waits in `planned`.
    pub plan: String,
    pub pull: Extent,
    pub planning: Extent,
    pub apply: Extent,
    /// After the apply, which was the run `run`.
    pub applied: Company,
    pub run: String,
    pub undo: Extent,
    pub night: Extent,
    /// Every snapshot table's rows by key, with their fingerprints.
    pub pulled: Pulled,
    /// Both CRMs once the plan is carried out, and once that is undone.
    pub end: EndState,
    pub undone: EndState,
}

pub type Pulled = BTreeMap<String, Vec<String>>;

/// Calls to one CRM that the project lets a run make.
pub const CALLS_PER_RUN_MAX: u64 = 400;

/// Retries as ever, but with waits that a test can afford; one walk at a time, so that the order of
/// the calls is the same every time; and a budget that a bad night can reach.
const SETTINGS: [(&str, &str); 6] = [
    ("first_wait_ms = 500", "first_wait_ms = 1"),
    ("longest_wait_ms = 60000", "longest_wait_ms = 10"),
    ("longest_job_wait_ms = 300000", "longest_job_wait_ms = 2"),
    ("parallel = 4", "parallel = 1"),
    ("calls_per_run_max = 20000", "calls_per_run_max = 400"),
    ("calls_per_run_max = 10000", "calls_per_run_max = 400"),
];

impl Prepared {
    /// Prepares the company of a seed. Those of odd seeds create in HubSpot as well, and write by
    /// asynchronous jobs where they can; every third has a night behind it, and a day on which people
    /// edited both CRMs.
    pub fn new(seed: u64) -> Self {
        let fresh = Company::new(&CompanyOptions::small(seed));
        for (usual, own) in SETTINGS {
            fresh.edit("concord.toml", usual, own);
        }
        if !seed.is_multiple_of(2) {
            let_cross_to_hubspot(&fresh);
            fresh.edit("concord.toml", "creates_share_max = 0.1", "creates_share_max = 1.0");
            fresh.edit("concord.toml", "[apply]\n", "[apply]\nroute = \"bulk\"\n");
        }
        let hosted = Hosted::new(fresh);
        if seed % 3 == 2 {
            hosted.good(&["run", "--sandbox"]);
            edits::make(&hosted.sandbox, &laws::lead_pairs(&hosted.company), &a_day_of_edits());
            hosted.sandbox.clock().advance(SignedDuration::from_hours(23));
        }
        // The worlds are loaded once; every copy goes on from there.
        let fresh = hosted.company.copy();
        let (_, pull) = hosted.measure(&["pull", "--sandbox"]);
        let pulled = pulled(&hosted);
        let (_, build) = hosted.measure(&["build", "--sandbox"]);
        let built = hosted.company.copy();
        let (planned, planning) = hosted.measure(&["plan", "--sandbox"]);
        let plan = plan_named(&planned.stdout);
        let planned = hosted.company.copy();
        let before = calls(&hosted);
        let (_, apply) = hosted.measure(&["apply", "--sandbox", &plan]);
        costs_what_was_said(&hosted, &plan, &before);
        let end = end_state(&hosted.sandbox);
        let applied = hosted.company.copy();
        let run = run_named(&applied);
        let (_, undo) = hosted.measure(&["undo", "--sandbox", &run, "--creates", "--yes"]);
        let night = [pull, build, planning, apply].into_iter().reduce(Extent::and).expect("some");
        Self {
            built,
            planned,
            plan,
            pull,
            planning,
            apply,
            applied,
            run,
            undo,
            night,
            pulled,
            end,
            undone: end_state(&hosted.sandbox),
            fresh,
        }
    }
}

/// Edits on both sides, some of the same people.
fn a_day_of_edits() -> Vec<Edit> {
    (0..24)
        .map(|n| {
            let (pair, value) = (n * 5 % 18, format!("+1 415 555 {:04}", 100 + n));
            match n % 4 {
                0 => Edit::HubSpot { pair, property: "phone", value },
                1 => Edit::Salesforce { pair, field: "Phone", value },
                2 => Edit::HubSpot { pair, property: "jobtitle", value: format!("Lead {n}") },
                _ => Edit::Salesforce { pair, field: "Status", value: "Accepted".to_owned() },
            }
        })
        .collect()
}

/// Reads the id of a plan off the words of `concord plan`.
pub fn plan_named(stdout: &str) -> String {
    stdout.split_whitespace().nth(1).expect("the plan's id").to_owned()
}

/// Calls that each CRM has counted.
fn calls(hosted: &Hosted) -> BTreeMap<&'static str, u64> {
    let counters = hosted.sandbox.counters();
    ["hubspot", "salesforce"].map(|system| (system, counters.total(system))).into()
}

/// Law 5: a plan that nothing disturbs takes the calls at which it was priced, and at most those
/// further ones that its jobs may make.
fn costs_what_was_said(hosted: &Hosted, plan: &str, before: &BTreeMap<&'static str, u64>) {
    let path = hosted.warehouse().join(format!("plans/{plan}/plan.json"));
    let text = std::fs::read_to_string(path).expect("the plan is there");
    let plan: Value = serde_json::from_str(&text).expect("JSON");
    let after = calls(hosted);
    for price in plan["price"].as_array().expect("prices") {
        let system = price["system"].as_str().expect("a system");
        let of = |what: &str| price[what].as_u64().expect("a number");
        let said = of("write_calls") + of("reread_calls") + of("canary_calls");
        let made = after[system] - before[system];
        // The account is always asked for; a token that still serves is not.
        let (least, most) = (said + 1, said + of("fixed_calls") + of("job_calls_max"));
        let met = || {
            hosted.company.query(&format!(
                "select family, count(*) as n from ops.requests \
                 where stage like 'apply%' and connection = '{system}' group by family order by family"
            ))
        };
        assert!((least..=most).contains(&made), "{made} calls, priced at {price}: {:?}", met());
    }
}

/// Returns the id of the last run that carried out a plan.
fn run_named(company: &Company) -> String {
    let runs = company.query("select max(run_id) as run from ops.runs where plan_id is not null");
    runs[0]["run"].clone()
}

/// Reads what the latest snapshots hold.
pub fn pulled(hosted: &Hosted) -> Pulled {
    let url = format!("file://{}", hosted.warehouse().display());
    let warehouse = Warehouse::open(&url, Path::new("/")).expect("the warehouse opens");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut tables = Pulled::new();
        for connection in ["hubspot", "salesforce"] {
            let manifest = Manifest::latest(&warehouse, connection).await.expect("it is read");
            for table in manifest.expect("a snapshot").tables {
                let mut rows = Vec::new();
                for file in &table.files {
                    for batch in warehouse.read_parquet(file).await.expect("it is read") {
                        let print = batch.column_by_name("_fingerprint").expect("a fingerprint");
                        rows.extend(
                            (0..batch.num_rows())
                                .map(|row| array_value_to_string(print, row).expect("text")),
                        );
                    }
                }
                rows.sort();
                tables.insert(format!("{connection}.{}", table.name), rows);
            }
        }
        tables
    })
}
