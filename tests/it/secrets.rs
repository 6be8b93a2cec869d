//! Nothing secret is ever written, nothing personal outside the warehouse's data, and every call is
//! in the request log. Marked secrets and marked people go through good and bad nights, and
//! everything that was written is searched for the marks.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use concord::sandbox::company::CompanyOptions;
use concord::sandbox::{CallKey, Running, Sandbox};
use concord::warehouse::Warehouse;
use datafusion::arrow::array::{Array, RecordBatch, StringArray};
use tokio::runtime::Runtime;

use crate::support::{Company, Output, Row, rows};

/// In every secret.
const SECRET: &str = "zqsecretq";
/// In every name, address and text of a person or company.
const PERSON: &str = "zqpersonq";
/// How every access token of the simulated org begins.
const ACCESS_TOKEN: &str = "00D5g000004Xyz!";
/// First characters of the key that tests sign with, behind its header.
const KEY_START: usize = 40;

const PKCS8: &str = include_str!("../keys/jwt_for_tests_only.pem");

/// Columns that say something about a person or company, by their names in lower case.
const PERSONAL: [&str; 18] = [
    "email",
    "hs_additional_emails",
    "firstname",
    "first_name",
    "lastname",
    "last_name",
    "company",
    "jobtitle",
    "title",
    "message",
    "description",
    "city",
    "street",
    "mailingcity",
    "billingcity",
    "dealname",
    "subject",
    "username",
];

/// Files that name a record, each below its own directory, hold marked names as well.
const NAMED: [&str; 4] = ["companies.csv", "Account.csv", "Opportunity.csv", "Contact.csv"];

/// What a run may write personal values into, below the warehouse: snapshots and what is made of
/// them, plans, journals and outcomes.
fn may_hold_people(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["snapshots" | "state" | "builds" | "plans", ..] | ["runs", _, "journal", ..] => true,
        ["runs", _, file] => file.starts_with("outcomes"),
        _ => false,
    }
}

/// A project with marked secrets, over simulated CRMs with marked people.
pub struct Marked {
    company: Company,
    pub sandbox: Sandbox,
    running: Running,
    runtime: Runtime,
}

impl Marked {
    pub fn new() -> Self {
        let company = Company::new(&CompanyOptions::small(7));
        mark_people(&company.path("data/demo"));
        let world = "data/demo/world.toml";
        company.edit(world, "pat-na1-sandbox", &format!("pat-na1-{SECRET}"));
        company.edit(
            world,
            "client_secret = \"sandbox\"",
            &format!("client_secret = \"client-{SECRET}\""),
        );
        let runtime = Runtime::new().expect("a runtime");
        let sandbox = Sandbox::open(&company.path("data/demo"), None).expect("the sandbox opens");
        let running = runtime.block_on(sandbox.serve()).expect("the sandbox listens");
        let file = "concord.toml";
        company.edit(file, "https://api.hubapi.com", &running.hubspot_url);
        company.edit(file, "https://lumenforge.my.salesforce.com", &running.salesforce_url);
        company.edit(file, "access = \"read\"", "access = \"write\"");
        company.edit(file, "# account_id", "account_id");
        let world = sandbox.world();
        company.edit(file, "00D5g000004XyzAEAS", &world.salesforce.org_id);
        company.edit(
            file,
            "token = { env = \"HUBSPOT_TOKEN\" }",
            "token = { command = [\"sh\", \"secrets/helper.sh\"] }",
        );
        company.edit(
            file,
            "{ env = \"SALESFORCE_CLIENT_SECRET\" }",
            "{ file = \"secrets/salesforce\" }",
        );
        std::fs::create_dir(company.path("secrets")).expect("a directory");
        let marked = Self { company, sandbox, running, runtime };
        marked.keep("helper.sh", &helper(&format!("pat-na1-{SECRET}")));
        marked.keep("salesforce", &format!("client-{SECRET}\n"));
        marked
    }

    /// Writes a file of the directory that alone may hold secrets.
    fn keep(&self, name: &str, text: &str) {
        std::fs::write(self.company.path("secrets").join(name), text).expect("it is written");
    }

    /// Runs the program as talkative as it can be, and searches its streams.
    fn concord(&self, arguments: &[&str]) -> Output {
        let mut arguments = arguments.to_vec();
        arguments.push("-vv");
        let variables = [
            ("CONCORD_LOG", "trace"),
            ("SALESFORCE_CLIENT_ID", "sandbox"),
            ("SALESFORCE_REFRESH_TOKEN", "5Aep-zqsecretq"),
        ];
        let output = self.company.concord_with(&arguments, &variables);
        let command = arguments.join(" ");
        search(&command, &output.stdout, &secrets());
        search(&command, &output.stderr, &secrets());
        search(&command, &output.stderr, &[PERSON.to_owned()]);
        output
    }

    pub fn query(&self, sql: &str) -> Vec<Row> {
        let output = self.company.good(&["query", "--format", "csv", sql]);
        rows(&output)
    }

    /// Searches every file below the project but those that a person put there.
    fn search_files(&self) -> usize {
        let root = self.company.path("");
        let mut n_searched = 0;
        for path in files(&root) {
            let relative = path.strip_prefix(&root).expect("below").display().to_string();
            if ["data/", "secrets/"].iter().any(|own| relative.starts_with(own)) {
                continue;
            }
            let texts = self.texts(&path, &relative);
            search(&relative, &texts, &secrets());
            let below = relative.strip_prefix("warehouse/").unwrap_or(&relative);
            search(&relative, &relative, &[PERSON.to_owned()]);
            if !may_hold_people(below) {
                search(&relative, &texts, &[PERSON.to_owned()]);
                n_searched += 1;
            }
        }
        n_searched
    }

    /// Returns everything a file says; Parquet is compressed and read as such.
    fn texts(&self, path: &Path, relative: &str) -> String {
        if path.extension().is_none_or(|extension| extension != "parquet") {
            let bytes = std::fs::read(path).expect("the file is read");
            return String::from_utf8_lossy(&bytes).into_owned();
        }
        let warehouse = Warehouse::open("file://./", &self.company.path("")).expect("a warehouse");
        let batches = self.runtime.block_on(warehouse.read_parquet(relative)).expect("Parquet");
        batches.iter().map(texts_of).collect()
    }
}

fn secrets() -> Vec<String> {
    let key: String = PKCS8.lines().skip(1).collect::<String>().chars().take(KEY_START).collect();
    vec![SECRET.to_owned(), ACCESS_TOKEN.to_owned(), key]
}

/// A helper that says its secret on both streams.
fn helper(secret: &str) -> String {
    format!("echo '{secret}'\necho 'debug: {secret}' >&2\necho '{secret} again'\n")
}

fn search(place: &str, text: &str, marks: &[String]) {
    let lower = text.to_lowercase();
    for mark in marks {
        if let Some(at) = lower.find(&mark.to_lowercase()) {
            let around: String = lower.chars().skip(at.saturating_sub(200)).take(400).collect();
            panic!("`{mark}` is in {place}: {around}");
        }
    }
}

fn texts_of(batch: &RecordBatch) -> String {
    let mut text = String::new();
    for column in batch.columns() {
        if let Some(values) = column.as_any().downcast_ref::<StringArray>() {
            values.iter().flatten().for_each(|value| {
                text.push_str(value);
                text.push('\n');
            });
        }
    }
    text
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// Marks every text about a person or company in a world's files; equal values stay equal.
fn mark_people(world: &Path) {
    let mut n_marked = 0;
    for path in files(world) {
        if path.extension().is_none_or(|extension| extension != "csv") {
            continue;
        }
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let mut reader = csv::Reader::from_path(&path).expect("CSV");
        let header = reader.headers().expect("a header").clone();
        let records: Vec<csv::StringRecord> = reader.records().map(|r| r.expect("a row")).collect();
        let mut writer = csv::Writer::from_path(&path).expect("CSV");
        writer.write_record(&header).expect("it is written");
        for record in records {
            let values: Vec<String> = header
                .iter()
                .zip(&record)
                .map(|(column, value)| {
                    let column = column.to_lowercase();
                    let is_name = column == "name" && NAMED.contains(&name.as_str());
                    if value.is_empty() || !(is_name || PERSONAL.contains(&column.as_str())) {
                        return value.to_owned();
                    }
                    n_marked += 1;
                    marked(value)
                })
                .collect();
            writer.write_record(&values).expect("it is written");
        }
        writer.flush().expect("it is written");
    }
    assert!(n_marked > 1_000, "{n_marked} values are marked");
}

fn marked(value: &str) -> String {
    let words: Vec<String> =
        value
            .split(';')
            .map(|one| {
                if one.contains('@') {
                    format!("{PERSON}.{one}")
                } else {
                    format!("{one} Zqpersonq")
                }
            })
            .collect();
    words.join(";")
}

/// Runs a night, then confirms its plan.
pub fn night(marked: &Marked) -> Output {
    let run = marked.concord(&["run"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let digest = |from: &str| {
        let rest = run.stdout.split(from).nth(1).and_then(|rest| rest.split_whitespace().next());
        rest.unwrap_or_else(|| panic!("no `{from}` in {}", run.stdout)).to_owned()
    };
    marked.concord(&["apply", &digest("\nplan "), "--confirm", &digest("digest ")])
}

#[test]
fn a_whole_night_is_logged_call_by_call_and_says_nothing_of_anybody() {
    let marked = Marked::new();
    let apply = night(&marked);
    assert!([0, 4].contains(&apply.code), "{}{}", apply.stdout, apply.stderr);
    assert!(apply.stdout.contains("rejected") || apply.code == 0, "{}", apply.stdout);

    // What the program counted is what the CRMs were asked, server by server and family by family.
    let mut seen: BTreeMap<(String, String), u64> = BTreeMap::new();
    let counts = marked.sandbox.counters().counts();
    for (key, calls) in counts.into_iter().filter(|(key, _)| !is_about_the_key(key)) {
        *seen.entry((key.server, key.method)).or_default() += calls;
    }
    let logged = marked.query(
        "select connection, method, count(*) as calls from ops.requests \
         where family <> 'token scopes' group by connection, method",
    );
    let logged: BTreeMap<(String, String), u64> = logged
        .iter()
        .map(|row| {
            let key = (row["connection"].clone(), row["method"].clone());
            (key, row["calls"].parse().expect("a number"))
        })
        .collect();
    assert_eq!(logged, seen);
    for (server, family, method, words) in FAMILIES {
        let by_sandbox: u64 = marked
            .sandbox
            .counters()
            .counts()
            .iter()
            .filter(|(key, _)| (key.server.as_str(), key.method.as_str()) == (server, method))
            .filter(|(key, _)| key.family == family)
            .map(|(_, calls)| calls)
            .sum();
        let by_log = marked.query(&format!(
            "select count(*) as calls from ops.requests where connection = '{server}' \
             and method = '{method}' and regexp_like(family, '{words}')"
        ));
        assert_eq!(by_log[0]["calls"], by_sandbox.to_string(), "{server} {family}");
        assert!(by_sandbox > 0, "{server} {family} is called in a night");
    }
    // And what the stages say they spent, but for settling earlier runs, is there under their names.
    let apart = marked.query(
        "select stages.run_id, stages.stage, stages.calls, requests.calls as logged \
         from ops.stages as stages left join (select run_id, stage, count(*) as calls \
         from ops.requests group by run_id, stage) as requests \
         on requests.run_id = stages.run_id and requests.stage = stages.stage \
         where cast(stages.calls as bigint) <> coalesce(requests.calls, 0)",
    );
    assert!(apart.is_empty(), "{apart:?}");
    let odd = marked.query(
        "select * from ops.requests where family <> 'token scopes' and (verdict <> 'done' or try <> 1 or status is null \
         or bytes_in = 0 or ms < 0 or (method = 'POST') <> (bytes_out > 0))",
    );
    assert!(odd.is_empty(), "{odd:?}");
    let left = marked.query(
        "select connection, min(calls_left) as least, count(calls_left) as n from ops.requests \
         group by connection order by connection",
    );
    assert!(left.iter().all(|row| row["n"] != "0"), "{left:?}");

    assert!(marked.search_files() > 5);
    let people =
        marked.query("select count(*) as n from hubspot.contacts where email like '%zqpersonq%'");
    assert_ne!(people[0]["n"], "0", "the marks are in the data");
}

/// The vendor answers for keys outside of the API that it counts.
fn is_about_the_key(key: &CallKey) -> bool {
    key.server == "hubspot" && key.family.starts_with("oauth")
}

/// Families of the sandbox's counters, and the words by which the log has the same calls.
const FAMILIES: [(&str, &str, &str, &str); 10] = [
    ("hubspot", "objects", "GET", "^(contacts|companies|deals)( \\(archived\\))? list$"),
    ("hubspot", "objects.search", "POST", "^(contacts|companies|deals) total$"),
    ("hubspot", "objects.batch.read", "POST", " batch read$"),
    ("hubspot", "objects.batch.update", "POST", " batch update$"),
    ("hubspot", "properties", "GET", " properties$"),
    ("hubspot", "owners", "GET", "^owners$"),
    ("salesforce", "oauth.token", "POST", "^token$"),
    ("salesforce", "limits", "GET", "^limits$"),
    (
        "salesforce",
        "composite",
        "POST",
        "^(describe|users and stages|collections write|changes|queries|.* query)$",
    ),
    ("salesforce", "composite.sobjects.retrieve", "POST", " read$"),
];

#[test]
fn refused_writes_are_quoted_in_outcomes_and_nowhere_else() {
    let marked = Marked::new();
    let strict = |router: Router| router.layer(middleware::from_fn(refuse_writes));
    marked
        .reach(strict(marked.sandbox.hubspot_router()), strict(marked.sandbox.salesforce_router()));
    let apply = night(&marked);
    assert_eq!(apply.code, 4, "{}{}", apply.stdout, apply.stderr);
    search("what `apply` prints", &apply.stdout, &[PERSON.to_owned()]);
    let quoted = marked.query(
        "select source_system, count(*) as n from ops.outcomes \
         where status = 'rejected' and lower(message) like '%zqpersonq%' group by source_system",
    );
    assert_eq!(quoted.len(), 2, "the vendors' words are in the outcomes: {quoted:?}");
    let refused = marked.query("select count(*) as n from ops.requests where verdict = 'refused'");
    assert_ne!(refused[0]["n"], "0");
    assert!(marked.search_files() > 5);
}

/// Refuses every write: HubSpot's batch as a whole, Salesforce's records one by one, with somebody's
/// name or all that was sent in the message.
async fn refuse_writes(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    let sent = String::from_utf8_lossy(&body).into_owned();
    let path = parts.uri.path();
    let is_hubspot = path.ends_with("/batch/update") || path.ends_with("/batch/create");
    let is_salesforce = path.ends_with("/composite") && sent.contains("\"PATCH\"");
    if !(is_hubspot || is_salesforce) {
        return next.run(Request::from_parts(parts, Body::from(body))).await;
    }
    let (status, answer) = if is_hubspot {
        let message = format!("Ann Zqpersonq has that value already: {sent}");
        let answer = serde_json::json!({ "category": "VALIDATION_ERROR", "message": message });
        (StatusCode::BAD_REQUEST, answer)
    } else {
        let composite: serde_json::Value = serde_json::from_str(&sent).expect("a composite");
        let parts = composite["compositeRequest"].as_array().expect("a list").iter();
        let answers: Vec<_> = parts.map(refused_part).collect();
        (StatusCode::OK, serde_json::json!({ "compositeResponse": answers }))
    };
    (status, answer.to_string()).into_response()
}

fn refused_part(part: &serde_json::Value) -> serde_json::Value {
    let records = part["body"]["records"].as_array().expect("a list").iter();
    let rows: Vec<_> = records
        .map(|record| {
            let error = serde_json::json!({
                "statusCode": "STRING_TOO_LONG", "message": record.to_string(), "fields": [],
            });
            serde_json::json!({ "success": false, "errors": [error] })
        })
        .collect();
    serde_json::json!({
        "body": rows, "httpStatusCode": 200, "referenceId": part["referenceId"], "httpHeaders": {},
    })
}

#[test]
fn bad_nights_say_nothing_either() {
    let marked = Marked::new();
    let hubspot = ["pull", "--connection", "hubspot"];
    let salesforce = ["pull", "--connection", "salesforce"];

    // Refused secrets, and helpers that fail while they talk.
    marked.keep("helper.sh", &helper(&format!("pat-na1-{SECRET}-of-yesterday")));
    let refused = marked.concord(&hubspot);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("refused the credentials"), "{}", refused.stderr);
    marked.keep("helper.sh", &format!("{}exit 3\n", helper(SECRET)));
    let failed = marked.concord(&hubspot);
    assert!(failed.stderr.contains("secret helper ended with"), "{}", failed.stderr);
    marked.keep("salesforce", &format!("client-{SECRET}-of-yesterday"));
    marked.keep("helper.sh", &helper(&format!("pat-na1-{SECRET}")));
    let refused = marked.concord(&salesforce);
    assert!(
        refused.stderr.contains("refused the credentials: invalid_client"),
        "{}",
        refused.stderr
    );

    // Servers that quote whatever they were sent and whatever they store.
    let file = "concord.toml";
    let client = "client_id = { env = \"SALESFORCE_CLIENT_ID\" }   # of an app with the client credentials flow\nclient_secret = { file = \"secrets/salesforce\" }";
    let refresh = "client_id = { env = \"SALESFORCE_CLIENT_ID\" }\nrefresh_token = { env = \"SALESFORCE_REFRESH_TOKEN\" }";
    let jwt = format!(
        "client_id = {{ env = \"SALESFORCE_CLIENT_ID\" }}\nusername = \"integration.{PERSON}@lumenforge.io\"\nprivate_key = {{ file = \"secrets/key\" }}"
    );
    for status in [400, 401, 403, 404, 409] {
        let echo = marked.runtime.block_on(echo(status));
        let echo = format!("http://{echo}");
        marked.company.edit(file, &marked.running.hubspot_url, &echo);
        marked.company.edit(file, &marked.running.salesforce_url, &echo);
        let output = marked.concord(&hubspot);
        assert_eq!(output.code, 1, "{status}: {}", output.stderr);
        let output = marked.concord(&salesforce);
        assert_eq!(output.code, 1, "{status}: {}", output.stderr);
        marked.company.edit(file, client, refresh);
        let output = marked.concord(&salesforce);
        assert!(output.stderr.contains("salesforce"), "{status}: {}", output.stderr);
        marked.company.edit(file, refresh, client);
        marked.restore_addresses(&echo);
    }
    marked.keep("key", PKCS8);
    marked.company.edit(file, client, &jwt);
    let output = marked.concord(&salesforce);
    assert_ne!(output.code, 0, "{}", output.stderr);
    marked.keep(
        "key",
        &format!("-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n"),
    );
    let output = marked.concord(&salesforce);
    assert_eq!(output.code, 2, "{}", output.stderr);
    assert!(
        output.stderr.contains("private key for salesforce cannot be used"),
        "{}",
        output.stderr
    );
    // The address of the user is the project's own, not something that was learnt.
    marked.company.edit(file, &format!("integration.{PERSON}@"), "integration@");

    let verdicts: Vec<String> = marked
        .query("select distinct verdict from ops.requests order by 1")
        .into_iter()
        .map(|row| row["verdict"].clone())
        .collect();
    assert_eq!(verdicts, ["done", "forbidden", "reauthenticate", "refused"]);
    assert!(marked.search_files() > 5);
}

impl Marked {
    /// Points the project at other doors of the simulated CRMs.
    pub fn reach(&self, hubspot: Router, salesforce: Router) {
        for (url, router) in
            [(&self.running.hubspot_url, hubspot), (&self.running.salesforce_url, salesforce)]
        {
            let address = self.runtime.block_on(listen(router));
            self.company.edit("concord.toml", url, &format!("http://{address}"));
        }
    }

    /// Points the project back at the simulated CRMs.
    fn restore_addresses(&self, other: &str) {
        let text = std::fs::read_to_string(self.company.path("concord.toml")).expect("a project");
        let text = text.replacen(other, &self.running.hubspot_url, 1).replacen(
            other,
            &self.running.salesforce_url,
            1,
        );
        std::fs::write(self.company.path("concord.toml"), text).expect("it is written");
    }
}

/// Serves nothing but errors in every shape at once, which quote marked people and the caller's own
/// token; logins of an org succeed on the first try, so that calls are made.
async fn echo(status: u16) -> SocketAddr {
    let router =
        Router::new().fallback(move |request: Request| async move { quote(status, &request) });
    listen(router).await
}

async fn listen(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("the listener has an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn quote(status: u16, request: &Request) -> Response {
    if request.uri().path() == "/services/oauth2/token" && status != 409 {
        let token = format!(r#"{{"access_token":"{ACCESS_TOKEN}{SECRET}"}}"#);
        return (StatusCode::OK, token).into_response();
    }
    let token = request.headers().get("authorization").and_then(|header| header.to_str().ok());
    let token = token.unwrap_or(SECRET);
    let said = format!("{PERSON} {token} 'email' Zqpersonq@acme.example");
    let body = if request.uri().path().starts_with("/services") {
        format!(
            r#"[{{"errorCode":"STRING_TOO_LONG","message":"{said}","fields":["{said}"],"error":"{said}","error_description":"{said}"}}]"#
        )
    } else {
        format!(
            r#"{{"status":"error","message":"{said}","category":"VALIDATION_ERROR","errors":[{{"message":"{said}","code":"{said}"}}]}}"#
        )
    };
    (StatusCode::from_u16(status).expect("a status"), body).into_response()
}
