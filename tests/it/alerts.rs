//! Who is told when a night goes wrong, goes well again, or does not come.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use serde_json::Value;

use crate::trouble::{Connected, TOKEN};

#[test]
fn a_command_hears_of_a_failed_night_and_of_the_next_good_one() {
    let connected = Connected::new();
    let company = &connected.company;
    company.edit(
        "concord.toml",
        "# command = [\"mail\", \"-s\", \"concord\", \"revops@example.com\"]",
        "command = [\"sh\", \"-c\", \"cat >> alerts.jsonl\"]",
    );
    let heard = || -> Vec<Value> {
        let text = std::fs::read_to_string(company.path("alerts.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    assert_eq!(connected.concord(&["run"], TOKEN).code, 0);
    assert!(heard().is_empty(), "a first good night is no news");

    assert_eq!(connected.concord(&["run"], "pat-na1-wrong-SECRET").code, 1);
    let alerts = heard();
    assert_eq!(alerts.len(), 1);
    assert_eq!((&alerts[0]["kind"], &alerts[0]["status"]), (&"run".into(), &"failed".into()));
    assert_eq!(alerts[0]["status_before"], "waiting");
    assert!(!alerts[0].to_string().contains("SECRET"), "{}", alerts[0]);

    assert_eq!(connected.concord(&["run"], TOKEN).code, 0);
    let alerts = heard();
    assert_eq!(alerts.len(), 2);
    assert_eq!(alerts[1]["status_before"], "failed");
    assert_eq!(connected.concord(&["run"], TOKEN).code, 0);
    assert_eq!(heard().len(), 2, "a state that does not change is told once");
}

#[test]
fn a_webhook_hears_that_the_last_good_night_is_too_old() {
    let connected = Connected::new();
    let company = &connected.company;
    let (url, posted) = webhook();
    std::fs::write(company.path("webhook"), url).expect("the secret is written");
    company.edit(
        "concord.toml",
        "# webhook = { env = \"CONCORD_ALERT_WEBHOOK\" }",
        "webhook = { file = \"webhook\" }",
    );
    let first = connected.concord(&["run"], TOKEN);
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert!(!first.stderr.contains("warning:"), "{}", first.stderr);
    let second = connected.concord(&["run"], TOKEN);
    assert!(!second.stderr.contains("warning:"), "{}", second.stderr);

    // The good nights were long ago.
    for run in company.query_real("select run_id from ops.runs") {
        let path = company.path(&format!("warehouse/runs/{}/run.json", run["run_id"]));
        let text = std::fs::read_to_string(&path).expect("the record is there");
        let mut record: Value = serde_json::from_str(&text).expect("JSON");
        record["started_at"] = "2026-01-01T00:00:00Z".into();
        std::fs::write(&path, record.to_string()).expect("the record is written");
    }
    let late = connected.concord(&["run"], TOKEN);
    assert_eq!(late.code, 0, "{}", late.stderr);
    assert!(late.stderr.contains("warning: the last good run was"), "{}", late.stderr);
    assert!(!late.stderr.contains("alert webhook failed"), "{}", late.stderr);
    let alert = posted.join().expect("one request comes");
    assert_eq!(alert["kind"], "stale");

    // Nobody listens any more: a warning, and the night goes on to its own end.
    let failed = connected.concord(&["run"], "pat-na1-wrong-SECRET");
    assert_eq!(failed.code, 1, "{}", failed.stderr);
    assert!(failed.stderr.contains("alert webhook failed"), "{}", failed.stderr);
    assert!(!failed.stderr.contains("/hook"), "an address is a secret: {}", failed.stderr);
}

/// Takes one request and returns its JSON.
fn webhook() -> (String, JoinHandle<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}/hook?key=k", listener.local_addr().expect("an address"));
    let posted = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut request = String::new();
        let mut buffer = [0; 4096];
        let body = loop {
            let n = stream.read(&mut buffer).expect("bytes");
            request.push_str(&String::from_utf8_lossy(&buffer[..n]));
            let body = request.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
            if let Some(body) = body.filter(|body| body.ends_with('}')) {
                break body;
            }
            assert!(n > 0, "the request ends early: {request}");
        };
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").expect("the answer is sent");
        serde_json::from_str(&body).expect("JSON")
    });
    (url, posted)
}
