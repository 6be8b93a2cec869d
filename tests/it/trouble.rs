//! What goes wrong on a first day: each ends in words that say what to do, and nothing is half done.

use concord::sandbox::company::CompanyOptions;
use concord::sandbox::{Running, Sandbox};
use tokio::runtime::Runtime;

use crate::support::{Company, Output};

/// A project that reaches simulated CRMs the way it would reach real ones: by address and secret.
struct Connected {
    company: Company,
    running: Running,
    _runtime: Runtime,
}

impl Connected {
    fn new() -> Self {
        let company = Company::new(&CompanyOptions::small(7));
        let runtime = Runtime::new().expect("a runtime");
        let sandbox = Sandbox::open(&company.path("data/demo"), None).expect("the sandbox opens");
        let running = runtime.block_on(sandbox.serve()).expect("the sandbox listens");
        company.edit("concord.toml", "https://api.hubapi.com", &running.hubspot_url);
        company.edit(
            "concord.toml",
            "https://lumenforge.my.salesforce.com",
            &running.salesforce_url,
        );
        Self { company, running, _runtime: runtime }
    }

    fn concord(&self, arguments: &[&str], token: &str) -> Output {
        let variables = [
            ("HUBSPOT_TOKEN", token),
            ("SALESFORCE_CLIENT_ID", "sandbox"),
            ("SALESFORCE_CLIENT_SECRET", "sandbox"),
        ];
        self.company.concord_with(arguments, &variables)
    }

    fn has_snapshot(&self) -> bool {
        let directory = self.company.path("warehouse/snapshots/hubspot");
        std::fs::read_dir(directory).is_ok_and(|mut entries| {
            entries.any(|entry| {
                entry
                    .is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("manifest="))
            })
        })
    }
}

const TOKEN: &str = "pat-na1-sandbox";

#[test]
fn a_project_that_may_only_read_is_planned_and_never_written() {
    let connected = Connected::new();
    let run = connected.concord(&["run"], TOKEN);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("not applied: `[apply] mode` is `review`"), "{}", run.stderr);
    let plan = run
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("plan "))
        .and_then(|line| line.split_whitespace().next().map(str::to_owned))
        .expect("the plan's id");
    let digest = run.stdout.split("digest ").nth(1).and_then(|rest| rest.split_whitespace().next());
    let digest = digest.expect("the plan's digest");
    let unconfirmed = connected.concord(&["apply", &plan], TOKEN);
    assert_eq!(unconfirmed.code, 5, "{}", unconfirmed.stderr);
    let apply = connected.concord(&["apply", &plan, "--confirm", digest], TOKEN);
    assert_eq!(apply.code, 5, "{}", apply.stderr);
    assert!(apply.stderr.contains("connection may only read"), "{}", apply.stderr);
    let written = connected.concord(
        &["query", "--format", "csv", "select count(*) from ops.stages where stage = 'apply'"],
        TOKEN,
    );
    assert_eq!(written.stdout.lines().nth(1), Some("0"), "{}{}", written.stdout, written.stderr);
}

#[test]
fn wrong_credentials_are_named_and_leave_no_snapshot() {
    let connected = Connected::new();
    let pull = connected.concord(&["pull"], "pat-na1-wrong-SECRET");
    assert_eq!(pull.code, 1);
    assert!(pull.stderr.contains("refused the credentials"), "{}", pull.stderr);
    assert!(!pull.stderr.contains("SECRET"), "{}", pull.stderr);
    assert!(!connected.has_snapshot());
}

#[test]
fn an_unreachable_server_is_named() {
    let connected = Connected::new();
    let url = connected.running.hubspot_url.clone();
    connected.company.edit("concord.toml", &url, "http://127.0.0.1:9");
    let pull = connected.concord(&["pull", "--connection", "hubspot"], TOKEN);
    assert_eq!(pull.code, 1);
    assert!(pull.stderr.contains("http://127.0.0.1:9"), "{}", pull.stderr);
    assert!(!connected.has_snapshot());
}

#[test]
fn the_wrong_portal_is_refused_before_anything_is_read() {
    let connected = Connected::new();
    connected.company.edit("concord.toml", "# account_id = \"4471923\"", "account_id = \"1\"");
    let pull = connected.concord(&["pull"], TOKEN);
    assert_eq!(pull.code, 5, "{}", pull.stderr);
    assert!(pull.stderr.contains("4471923"), "{}", pull.stderr);
    assert!(!connected.has_snapshot());
}

#[test]
fn a_missing_secret_names_its_variable() {
    let company = Company::empty();
    let pull = company.concord(&["pull"]);
    assert_ne!(pull.code, 0);
    assert!(pull.stderr.contains("HUBSPOT_TOKEN"), "{}", pull.stderr);
}

#[test]
fn a_field_that_the_crm_lacks_is_held_back_and_not_taken_for_blank() {
    let company = Company::new(&CompanyOptions::small(7));
    company.edit(
        "field_map.toml",
        "Lead = \"Title\", Contact = \"Title\"",
        "Lead = \"Job__c\", Contact = \"Job__c\"",
    );
    company.good(&["pull", "--sandbox"]);
    company.good(&["build", "--sandbox"]);
    let actions = company.count("select count(*) from sync_changes where field = 'job_title' and status = 'action' and operation = 'update'");
    assert_eq!(actions, 0);
    assert!(company.count("select count(*) from held_back where field = 'job_title' and reason_code = 'not_visible'") > 0);
}

#[test]
fn a_second_writer_is_refused() {
    let company = Company::new(&CompanyOptions::small(7));
    company.good(&["pull", "--sandbox"]);
    let lock = std::fs::File::options()
        .write(true)
        .open(company.path(".concord/sandbox/warehouse/lease.lock"))
        .expect("the lock file");
    lock.lock().expect("the lock");
    let build = company.concord(&["build", "--sandbox"]);
    assert_eq!(build.code, 5, "{}", build.stderr);
    assert!(build.stderr.contains("another run is writing"), "{}", build.stderr);
}

#[test]
fn a_model_with_a_fault_is_named_with_its_line() {
    let company = Company::new(&CompanyOptions::small(7));
    company.good(&["pull", "--sandbox"]);
    std::fs::create_dir_all(company.path("models")).expect("a directory");
    std::fs::write(
        company.path("models/crm_overlap.sql"),
        "select\n    golden_id,\n    nickname\nfrom people\n",
    )
    .expect("a model");
    let build = company.concord(&["build", "--sandbox"]);
    assert_eq!(build.code, 2, "{}", build.stderr);
    assert!(build.stderr.contains("models/crm_overlap.sql` at line 3"), "{}", build.stderr);
}
