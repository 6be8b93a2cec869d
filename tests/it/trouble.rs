//! What goes wrong on a first day: each ends in words that say what to do, and nothing is half done.

use axum::body::Body;
use axum::http::Request;
use concord::sandbox::company::CompanyOptions;
use concord::sandbox::{Running, Sandbox};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tower::ServiceExt;

use crate::support::{Company, Output, Served};

/// A project that reaches simulated CRMs the way it would reach real ones: by address and secret.
pub struct Connected {
    pub company: Company,
    running: Running,
    _runtime: Runtime,
}

impl Connected {
    pub fn new() -> Self {
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

    pub fn concord(&self, arguments: &[&str], token: &str) -> Output {
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

pub const TOKEN: &str = "pat-na1-sandbox";

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
fn a_refresh_token_that_died_is_named_and_the_run_goes_on() {
    let served = Served::new(&CompanyOptions::small(5), |router| router);
    let connection = "[connections.salesforce]\n";
    served.company.edit(
        "concord.toml",
        connection,
        &format!("{connection}refresh_token = {{ file = \"refresh\" }}\n"),
    );
    std::fs::write(served.company.path("refresh"), "5Aep-zqsecretq\n").expect("a file");
    let oauth = json!({"refresh_tokens": ["5Aep-zqsecretq"], "is_refresh_token_rotated": true});
    set_rules(&served.sandbox, &json!({ "oauth": oauth }));
    let pull = served.good(&["pull"]);
    let warning = "`connections.salesforce.refresh_token` from file `refresh` is dead";
    assert_eq!(pull.stderr.matches(warning).count(), 1, "{}", pull.stderr);
    assert!(!pull.stderr.contains("5Aep"), "{}", pull.stderr);
    let next = served.concord(&["pull"]);
    assert_eq!(next.code, 1, "{}", next.stderr);
    assert!(next.stderr.contains("expired access/refresh token"), "{}", next.stderr);
}

/// Sets rules of the Salesforce org as an admin does.
fn set_rules(sandbox: &Sandbox, rules: &Value) {
    let request = Request::patch("/__sandbox/salesforce/rules")
        .header("content-type", "application/json")
        .body(Body::from(rules.to_string()))
        .expect("a request");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let answer = runtime.block_on(sandbox.salesforce_router().oneshot(request));
    assert!(answer.expect("an answer").status().is_success(), "the rules are taken");
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
        "Lead = \"Titles\", Contact = \"Titles\"",
    );
    company.good(&["pull", "--sandbox"]);
    let build = company.good(&["build", "--sandbox"]);
    let map = std::fs::read_to_string(company.path("field_map.toml")).expect("the map is there");
    let line =
        map.lines().position(|line| line == "[person.fields.job_title]").expect("a line") + 1;
    let warning =
        format!("warning: field_map.toml:{line}: person.job_title: Lead has no field `Titles`");
    assert!(build.stderr.contains(&warning), "{}", build.stderr);
    assert!(build.stderr.contains("did you mean `Title`?"), "{}", build.stderr);
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

#[test]
fn an_audit_needs_no_field_map_and_looks_by_itself() {
    let connected = Connected::new();
    std::fs::remove_file(connected.company.path("field_map.toml")).expect("there was one");
    let audit = connected.concord(&["audit"], TOKEN);
    assert_eq!(audit.code, 0, "{}{}", audit.stdout, audit.stderr);
    assert!(audit.stdout.contains("people kept more than once"), "{}", audit.stdout);
    assert!(audit.stdout.contains("order of work"), "{}", audit.stdout);
    let plan = connected.concord(&["plan"], TOKEN);
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    assert!(plan.stdout.contains("nothing to do"), "{}", plan.stdout);
    assert!(plan.stderr.contains("there is no `field_map.toml`"), "{}", plan.stderr);

    let json = connected.concord(&["audit", "--format", "json"], TOKEN);
    let document: serde_json::Value = serde_json::from_str(&json.stdout).expect("one document");
    let lists = document.as_object().expect("named lists");
    assert!(lists.values().all(serde_json::Value::is_array));
    assert!(lists["unlisted_picklist_values"][0]["n_records"].is_number(), "{document}");
}

#[test]
fn a_map_of_people_alone_with_fields_of_other_names_is_enough() {
    let company = Company::new(&CompanyOptions::small(7));
    let map = "[person]\nhubspot = \"contacts\"\nsalesforce = [\"Lead\", \"Contact\"]\n\
               link = { hubspot = \"salesforceleadid\", salesforce = \"HubSpot_Id__c\" }\n\
               [person.fields.phone]\ntype = \"phone\"\nhubspot = \"phone\"\n\
               salesforce = { Lead = \"Phone\", Contact = \"Phone\" }\nowner = \"salesforce\"\n";
    std::fs::write(company.path("field_map.toml"), map).expect("the map is written");
    company.good(&["pull", "--sandbox"]);
    company.good(&["build", "--sandbox"]);
    let other = company.count(
        "select count(*) from sync_changes where entity <> 'person' or target_field = 'salesforce_record_id'",
    );
    assert_eq!(other, 0);
    assert!(company.count("select count(*) from sync_changes where field = 'phone'") > 0);
}

#[test]
fn whoever_was_deleted_comes_back_only_when_released_and_a_hold_keeps_everything_back() {
    let company = Company::new(&CompanyOptions::demo());
    company.good(&["pull", "--sandbox"]);
    company.good(&["build", "--sandbox"]);
    let one = |sql: &str| company.query(sql)[0]["golden_id"].clone();
    let deleted =
        one("select golden_id from held_back where reason_code = 'deleted_there' order by 1");
    let updated = one(
        "select golden_id from sync_changes where status = 'action' and operation = 'update' order by 1",
    );
    company.good(&["release", "--sandbox", &deleted, "--because", "she asked for a call"]);
    company.good(&["hold", "--sandbox", &updated]);
    let unknown = company.concord(&["hold", "--sandbox", &updated, "--field", "nickname"]);
    assert_eq!(unknown.code, 2, "{}", unknown.stderr);
    company.good(&["build", "--sandbox"]);
    let status = |golden_id: &str| {
        company.query(&format!(
            "select distinct status, reason_code from sync_changes \
             where golden_id = '{golden_id}' and status <> 'noop' order by 1, 2"
        ))
    };
    let statuses = status(&deleted);
    assert!(statuses.iter().any(|row| row["status"] == "action"), "{statuses:?}");
    let statuses = status(&updated);
    assert_eq!(statuses.len(), 1, "{statuses:?}");
    assert_eq!(statuses[0]["reason_code"], "on_hold");

    // State carries the decision to the next night.
    company.good(&["run", "--sandbox"]);
    company.good(&["run", "--sandbox"]);
    assert_eq!(status(&updated)[0]["reason_code"], "on_hold");
    company.good(&["release", "--sandbox", &updated]);
    company.good(&["build", "--sandbox"]);
    let statuses = status(&updated);
    assert!(statuses.iter().all(|row| row["status"] == "action"), "{statuses:?}");
}

#[test]
fn what_is_there_can_be_asked_before_anything_was_built() {
    let company = Company::new(&CompanyOptions::small(7));
    assert_eq!(company.count("select count(*) from ops.runs"), 0);
    company.good(&["pull", "--sandbox"]);
    assert!(company.count("select count(*) from hubspot.contacts") > 0);
    let json = company.good(&[
        "query",
        "--sandbox",
        "--format",
        "json",
        "select 1 as n, true as b, 'x' as t",
    ]);
    let rows: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(rows, serde_json::json!([{ "n": 1, "b": true, "t": "x" }]));
}

#[test]
fn nobody_is_created_without_a_field_for_the_key() {
    let company = Company::new(&CompanyOptions::demo());
    company.edit("field_map.toml", "Concord_Key__c", "Concord_Kee__c");
    company.good(&["pull", "--sandbox"]);
    company.good(&["build", "--sandbox"]);
    assert_eq!(
        0,
        company.count(
            "select count(*) from sync_changes where operation = 'create' and status = 'action'"
        )
    );
    assert!(company.count("select count(*) from held_back where reason_code = 'no_key_field'") > 0);
}
