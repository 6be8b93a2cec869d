//! What an interrupted or killed run leaves behind, and what the next one makes of it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use concord::sandbox::company::CompanyOptions;

use crate::support::{Company, Row};

/// Longest wait for a sign of life; a machine under load is slow, not wrong.
const PATIENCE: Duration = Duration::from_mins(2);

#[test]
fn ctrl_c_ends_a_night_between_two_stages_and_the_next_night_is_whole() {
    let company = Company::new(&CompanyOptions::small(5));
    let mut night = start(&company);
    let stderr = night.stderr.take().expect("standard error is piped");
    let mut lines = BufReader::new(stderr).lines();
    lines
        .by_ref()
        .find(|line| line.as_ref().is_ok_and(|line| line.starts_with("pull       hubspot")))
        .expect("the first stage ends")
        .expect("a line");
    signal(&night, "INT");
    let rest: Vec<String> = lines.map(|line| line.expect("a line")).collect();
    let status = night.wait().expect("the program ends");
    assert_eq!(status.code(), Some(1), "{rest:?}");
    assert!(rest.iter().any(|line| line.starts_with("stopping after")), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("interrupted")), "{rest:?}");
    assert_eq!(company.count("select count(*) from ops.outcomes"), 0);
    let statuses = company.query("select status from ops.runs");
    assert_eq!(statuses[0]["status"], "interrupted");

    company.good(&["run", "--sandbox"]);
    settles_as(&company, &undisturbed());
}

#[test]
fn a_run_killed_at_any_call_is_resumed_without_a_duplicate_or_a_loss() {
    let undisturbed = undisturbed();
    let creates = {
        let company = Company::new(&CompanyOptions::small(5));
        company.good(&["run", "--sandbox"]);
        company
            .count("select count(distinct action_id) from ops.outcomes where operation = 'create'")
    };
    // The journal has two files for each call: killed after the first, the answer is lost.
    for n_files in 1..=6 {
        let company = Company::new(&CompanyOptions::small(5));
        let mut night = start(&company);
        wait_for_journal(&company, &mut night, n_files);
        signal(&night, "KILL");
        night.wait().expect("the program ends");
        // By the plan, or by the next night: either settles what was left open.
        let plan = company.query("select max(plan_id) as plan from ops.runs")[0]["plan"].clone();
        assert!(!plan.is_empty(), "{n_files}: the plan of a killed run is on record");
        if n_files % 2 == 0 {
            let resumed = company.concord(&["apply", "--sandbox", &plan]);
            assert_eq!(resumed.code, 0, "{n_files}: {}{}", resumed.stdout, resumed.stderr);
        }
        company.good(&["run", "--sandbox"]);
        let accepted = company.count(
            "select count(distinct action_id) from ops.outcomes where operation = 'create' and status = 'accepted'",
        );
        assert_eq!(accepted, creates, "{n_files}: every create has its outcome, once");
        settles_as(&company, &undisturbed);
    }
}

/// The same company after two nights in which nothing happened.
fn undisturbed() -> Vec<Row> {
    let company = Company::new(&CompanyOptions::small(5));
    company.good(&["run", "--sandbox"]);
    company.good(&["run", "--sandbox"]);
    both_crms(&company)
}

fn settles_as(company: &Company, undisturbed: &[Row]) {
    let again = company.good(&["run", "--sandbox"]);
    assert!(again.stdout.contains("nothing to do"), "{}", again.stdout);
    let doubled = "select \"Concord_Key__c\" from salesforce.lead where \"Concord_Key__c\" is not null \
                   group by 1 having count(*) > 1";
    assert!(company.query(doubled).is_empty(), "a lead was made twice");
    assert_eq!(both_crms(company), undisturbed);
}

/// What both CRMs say of everyone, without ids and times of what Concord made.
fn both_crms(company: &Company) -> Vec<Row> {
    company.query(
        "select people.golden_id, people.display_name, provenance.field, provenance.winning_raw, provenance.losing_raw, \
             people.hubspot_id, people.n_hubspot_records, people.n_salesforce_records \
         from people inner join provenance on people.golden_id = provenance.golden_id \
         order by people.golden_id, provenance.field",
    )
}

fn start(company: &Company) -> Child {
    Command::new(env!("CARGO_BIN_EXE_concord"))
        .args(["run", "--sandbox"])
        .current_dir(company.path(""))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "the signal is sent");
}

/// Waits until the journal holds so many files, or the run is over.
fn wait_for_journal(company: &Company, night: &mut Child, n_files: usize) {
    let started = Instant::now();
    while journal_files(company).len() < n_files {
        if night.try_wait().expect("the program can be asked").is_some() {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "no journal after {PATIENCE:?}");
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn journal_files(company: &Company) -> Vec<PathBuf> {
    let entries = |path: PathBuf| {
        std::fs::read_dir(path).into_iter().flatten().filter_map(Result::ok).map(|e| e.path())
    };
    entries(company.path(".concord/sandbox/warehouse/runs"))
        .flat_map(|run| entries(run.join("journal")))
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect()
}
