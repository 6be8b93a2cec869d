//! What an interrupted run leaves behind, and what the next one makes of it. Killed ones are in
//! `crash`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use concord::sandbox::company::CompanyOptions;

use crate::support::Company;
use crate::support::end_state::{differences, end_state};

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

    let undisturbed = Company::new(&CompanyOptions::small(5));
    for company in [&company, &undisturbed] {
        company.good(&["run", "--sandbox"]);
    }
    let again = company.good(&["run", "--sandbox"]);
    assert!(again.stdout.contains("nothing to do"), "{}", again.stdout);
    let [found, expected] = [&company, &undisturbed].map(|it| end_state(&it.sandbox()));
    let differences = differences(&found, &expected);
    assert!(differences.is_empty(), "{differences:#?}");
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
