//! A pull that is killed, and the one that goes on with it.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use concord::sandbox::Sandbox;
use concord::sandbox::company::CompanyOptions;
use tokio::runtime::Runtime;

use crate::support::Company;

const PATIENCE: Duration = Duration::from_mins(2);

/// Pages that may be in flight, or written and not yet noted, when the process dies.
const PAGES_LOST_MAX: u64 = 8;

fn start(company: &Company, sandbox: &Sandbox) -> Child {
    let world = sandbox.world();
    Command::new(env!("CARGO_BIN_EXE_concord"))
        .arg("pull")
        .current_dir(company.path(""))
        .env("HUBSPOT_TOKEN", &world.hubspot.token)
        .env("SALESFORCE_CLIENT_ID", &world.salesforce.client_id)
        .env("SALESFORCE_CLIENT_SECRET", &world.salesforce.client_secret)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts")
}

/// Counts the calls that read records and what belongs to them.
fn data_calls(sandbox: &Sandbox) -> u64 {
    let counts = sandbox.counters().counts();
    let is_data = |family: &str| matches!(family, "objects" | "lists.memberships" | "composite");
    counts.iter().filter(|(key, _)| is_data(&key.family)).map(|(_, calls)| calls).sum()
}

#[test]
fn a_killed_pull_is_gone_on_with_by_the_next_one() {
    let company = Company::new(&CompanyOptions::small(21));
    let runtime = Runtime::new().expect("a runtime");
    let sandbox = Sandbox::open(&company.path("data/demo"), None).expect("the sandbox opens");
    let running = runtime.block_on(sandbox.serve()).expect("the sandbox listens");
    company.edit("concord.toml", "https://api.hubapi.com", &running.hubspot_url);
    company.edit("concord.toml", "https://lumenforge.my.salesforce.com", &running.salesforce_url);
    let counts = "select (select count(*) from hubspot.contacts) as contacts, \
                  (select count(*) from hubspot.contacts_history) as history, \
                  (select count(*) from salesforce.lead) as leads";
    let status = start(&company, &sandbox).wait().expect("the program ends");
    assert!(status.success());
    let undisturbed = data_calls(&sandbox);
    let expect = company.query_real(counts);
    for n_calls in [2, 5, 9] {
        std::fs::remove_dir_all(company.path("warehouse")).expect("the warehouse is removed");
        sandbox.counters().reset();
        let mut child = start(&company, &sandbox);
        let started = Instant::now();
        while data_calls(&sandbox) < n_calls && child.try_wait().expect("asked").is_none() {
            assert!(started.elapsed() < PATIENCE, "no page after {PATIENCE:?}");
            std::thread::sleep(Duration::from_micros(200));
        }
        child.kill().expect("the signal is sent");
        child.wait().expect("the program ends");
        let status = start(&company, &sandbox).wait().expect("the program ends");
        assert!(status.success(), "killed after {n_calls} calls");
        assert_eq!(company.query_real(counts), expect, "killed after {n_calls} calls");
        let calls = data_calls(&sandbox);
        assert!(calls <= undisturbed + PAGES_LOST_MAX, "{n_calls}: {calls} of {undisturbed}");
        let notes = company.path("warehouse/snapshots/hubspot/_pulling");
        let left = std::fs::read_dir(notes).map_or(0, |entries| {
            entries
                .filter_map(Result::ok)
                .filter(|entry| entry.path().join("pull.json").exists())
                .count()
        });
        assert_eq!(left, 0, "notes of a finished pull are gone");
    }
}
