//! Sessions that end and servers that falter in the middle of every stage: the night ends well, and
//! the request log has each call that was made, with what became of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

use crate::secrets::{Marked, night};

/// What passed one CRM's door.
#[derive(Default)]
struct Door {
    n_calls: u64,
    faults_met: BTreeSet<&'static str>,
}

type Shared = Arc<Mutex<Door>>;

/// A fault: its name, how the path it meets ends, what the body must hold, and the answer.
type Fault = (&'static str, &'static str, &'static str, u16, &'static str);

const LOCKED: &str =
    r#"[{"errorCode":"UNABLE_TO_LOCK_ROW","message":"unable to obtain exclusive access"}]"#;
const ENDED: &str =
    r#"[{"errorCode":"INVALID_SESSION_ID","message":"Session expired or invalid"}]"#;
const DOWN: &str = r#"[{"errorCode":"SERVER_UNAVAILABLE","message":"server unavailable"}]"#;
const TOO_MANY: &str =
    r#"{"message":"You have reached your secondly limit.","policyName":"SECONDLY"}"#;

/// Each is met once, in this order where several fit.
const FAULTS: [Fault; 7] = [
    ("gateway", "/2026-09/contacts", "", 502, "<html>bad gateway</html>"),
    ("limit", "/batch/read", "", 429, TOO_MANY),
    ("lock", "/batch/update", "", 423, r#"{"message":"locked"}"#),
    ("down", "/limits", "", 503, DOWN),
    ("ended in the pull", "/composite", "describe", 401, ENDED),
    ("ended in the apply", "/composite", "\"PATCH\"", 401, ENDED),
    ("rows locked", "/composite", "\"PATCH\"", 400, LOCKED),
];

fn through(router: Router, door: &Shared) -> Router {
    router.layer(middleware::from_fn_with_state(Arc::clone(door), falter))
}

async fn falter(State(door): State<Shared>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    let sent = String::from_utf8_lossy(&body).into_owned();
    let fault = {
        let mut door = door.lock().expect("no call panics while it holds this");
        door.n_calls += 1;
        let fits = |fault: &&Fault| {
            let (name, path, holds, ..) = **fault;
            parts.uri.path().ends_with(path)
                && sent.contains(holds)
                && !door.faults_met.contains(name)
        };
        let fault = FAULTS.iter().find(fits);
        door.faults_met.extend(fault.map(|(name, ..)| *name));
        fault
    };
    match fault {
        Some((_, _, _, status, body)) => {
            (StatusCode::from_u16(*status).expect("a status"), *body).into_response()
        }
        None => next.run(Request::from_parts(parts, Body::from(body))).await,
    }
}

#[test]
fn a_troubled_night_ends_well_and_is_logged_call_by_call() {
    let marked = Marked::new();
    let (hubspot, salesforce) = (Shared::default(), Shared::default());
    marked.reach(
        through(marked.sandbox.hubspot_router(), &hubspot),
        through(marked.sandbox.salesforce_router(), &salesforce),
    );
    let apply = night(&marked);
    assert_eq!(apply.code, 0, "{}{}", apply.stdout, apply.stderr);

    let counts = |sql: &str| -> BTreeMap<String, u64> {
        let rows = marked.query(sql);
        let count = |row: &BTreeMap<String, String>| {
            (row["name"].clone(), row["n"].parse().expect("a number"))
        };
        rows.iter().map(count).collect()
    };
    let (hubspot, salesforce) = (hubspot.lock().expect("held"), salesforce.lock().expect("held"));
    assert_eq!(hubspot.faults_met.len() + salesforce.faults_met.len(), FAULTS.len());
    assert_eq!(
        counts("select connection as name, count(*) as n from ops.requests group by connection"),
        BTreeMap::from([
            ("hubspot".to_owned(), hubspot.n_calls),
            ("salesforce".to_owned(), salesforce.n_calls),
        ])
    );
    let verdicts = counts(
        "select connection || ' ' || verdict as name, count(*) as n from ops.requests \
         where verdict <> 'done' and family <> 'token scopes' group by connection, verdict",
    );
    let expect = [
        ("hubspot lost", 1),
        ("hubspot retry", 2),
        ("salesforce reauthenticate", 2),
        ("salesforce retry", 2),
    ];
    assert_eq!(verdicts, expect.map(|(name, n)| (name.to_owned(), n)).into());
    let logins = counts(
        "select connection as name, count(*) as n from ops.requests where family = 'token' \
         group by connection",
    );
    // One for each of the two commands, and one for each session that ended.
    assert_eq!(logins, BTreeMap::from([("salesforce".to_owned(), 4)]));
    let unsettled = marked.query("select * from ops.outcomes where status <> 'accepted'");
    assert!(unsettled.is_empty(), "{unsettled:?}");
}
