//! The client against a small server that answers as Salesforce is known to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request as ServerRequest;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::read::table_name;
use super::*;
use crate::crm::transport::{Backoff, Budget};
use crate::crm::{Sensitive, WriteBatch, WriteOperation, WriteOutcome, WriteRecord};

const FAST: Backoff = Backoff { first_ms: 1, longest_ms: 1, tries_max: 4, longest_job_ms: 1 };
const TOKEN: &str = "/services/oauth2/token";

type Seen = Arc<Mutex<Vec<(String, String)>>>;

/// Serves tokens, and `answer` for every other request, called with how many came before.
async fn serve(
    answer: impl Fn(usize) -> Response + Clone + Send + Sync + 'static,
) -> (Salesforce, Seen, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("the listener has an address");
    let seen = Seen::default();
    let tokens = Arc::new(AtomicUsize::new(0));
    let (keep, issued) = (Arc::clone(&seen), Arc::clone(&tokens));
    let router = Router::new().fallback(move |request: ServerRequest| {
        let (answer, keep, issued) = (answer.clone(), Arc::clone(&keep), Arc::clone(&issued));
        async move {
            if request.uri().path() == TOKEN {
                let n = issued.fetch_add(1, Ordering::SeqCst);
                return json(200, &format!(r#"{{"access_token":"00D!t{n}"}}"#));
            }
            let uri = request.uri().to_string();
            let body = to_bytes(request.into_body(), usize::MAX).await.expect("a body");
            let mut keep = keep.lock().expect("no test panics while it holds this");
            keep.push((uri, String::from_utf8_lossy(&body).into_owned()));
            answer(keep.len() - 1)
        }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    let secret = |text: &str| Sensitive::new(text.to_owned());
    let config = Config::new(
        format!("http://{address}"),
        Credentials::Client { client_id: secret("id"), client_secret: secret("secret") },
    );
    let options = TransportOptions { backoff: FAST, ..TransportOptions::default() };
    (Salesforce::new(config, options).expect("a client is made"), seen, tokens)
}

fn json(status: u16, body: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [("content-type", "application/json")], body.to_owned()).into_response()
}

fn record(create_key: Option<&str>, id: Option<&str>, owner: Option<&str>) -> WriteRecord {
    let mut values = vec![("Title".to_owned(), None)];
    values.extend(owner.map(|owner| ("OwnerId".to_owned(), Some(owner.to_owned()))));
    WriteRecord {
        action_id: "a".to_owned(),
        record_id: id.map(str::to_owned),
        create_key: create_key.map(|key| ("Concord_Key__c".to_owned(), key.to_owned())),
        values,
        associations: Vec::new(),
    }
}

fn batch(operation: WriteOperation, records: Vec<WriteRecord>) -> WriteBatch {
    WriteBatch { object: "Lead".to_owned(), operation, records }
}

const EXPIRED: &str =
    r#"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#;

#[tokio::test]
async fn an_expired_session_is_opened_again_once() {
    let (crm, seen, tokens) = serve(|n| match n {
        0 => json(401, EXPIRED),
        _ => json(200, r#"{"DailyApiRequests":{"Max":15000,"Remaining":14998}}"#),
    })
    .await;
    let allowances = crm.allowances().await.expect("the second try succeeds");
    assert_eq!(allowances.first().map(|a| a.remaining), Some(14_998));
    assert_eq!((seen.lock().expect("held").len(), tokens.load(Ordering::SeqCst)), (2, 2));

    let (crm, seen, tokens) = serve(|_| json(401, EXPIRED)).await;
    assert!(matches!(crm.allowances().await, Err(CrmError::Unauthorized { .. })));
    assert_eq!((seen.lock().expect("held").len(), tokens.load(Ordering::SeqCst)), (2, 2));
}

#[tokio::test]
async fn one_composite_carries_creates_and_updates() {
    let answer = r#"{"compositeResponse":[
      {"body":[{"id":"00Q2","success":true,"errors":[],"created":true}],"httpHeaders":{},"httpStatusCode":200,"referenceId":"c1"},
      {"body":[{"id":"00Q1","success":true,"errors":[],"created":false}],"httpHeaders":{},"httpStatusCode":200,"referenceId":"c0"},
      {"body":[{"success":false,"errors":[{"statusCode":"UNABLE_TO_LOCK_ROW","message":"unable to obtain exclusive access","fields":[]}]}],"httpHeaders":{},"httpStatusCode":200,"referenceId":"c2"}]}"#;
    let (crm, seen, _) = serve(move |_| json(200, answer)).await;
    let call = WriteCall {
        batches: vec![
            batch(
                WriteOperation::Create,
                vec![record(Some("k1"), None, Some("005A")), record(Some("k2"), None, None)],
            ),
            batch(WriteOperation::Update, vec![record(None, Some("00Q3"), None)]),
        ],
    };
    let outcomes = crm.write(&call).await.expect("the write ends");
    let [
        WriteOutcome::Accepted { record_id: first, is_created: false, .. },
        WriteOutcome::Accepted { record_id: second, is_created: true, .. },
        WriteOutcome::Busy { code, .. },
    ] = outcomes.as_slice()
    else {
        panic!("{outcomes:?}")
    };
    assert_eq!((first.as_str(), second.as_str()), ("00Q1", "00Q2"));
    assert_eq!(code, "UNABLE_TO_LOCK_ROW");
    assert_eq!(crm.calls().write, 1);

    let seen = seen.lock().expect("held");
    let body: serde_json::Value = serde_json::from_str(&seen[0].1).expect("JSON was sent");
    let subrequests = body["compositeRequest"].as_array().expect("subrequests");
    let assigned: Vec<&str> = subrequests
        .iter()
        .filter_map(|sub| sub["httpHeaders"]["Sforce-Auto-Assign"].as_str())
        .collect();
    assert_eq!(assigned, ["FALSE", "TRUE", "FALSE"]);
    assert_eq!(
        subrequests[0]["url"],
        "/services/data/v68.0/composite/sobjects/Lead/Concord_Key__c"
    );
    assert_eq!(subrequests[2]["body"]["records"][0]["id"], "00Q3");
    assert_eq!(subrequests[2]["body"]["records"][0]["Title"], serde_json::Value::Null);
}

#[tokio::test]
async fn a_collection_that_its_composite_does_not_answer_is_asked_for_by_itself() {
    let composite = r#"{"compositeResponse":[
      {"body":[{"errorCode":"QUERY_TIMEOUT","message":"m"}],"httpStatusCode":400,"referenceId":"c1"},
      {"body":[{"Id":"00Q0","LastModifiedDate":"d","Title":"a"},null],"httpStatusCode":200,"referenceId":"c0"}]}"#;
    let alone = r#"[{"Id":"00Q2000","LastModifiedDate":"d","Title":null}]"#;
    let (crm, seen, _) = serve(move |n| json(200, if n == 0 { composite } else { alone })).await;
    let ids: Vec<String> = (0..2_001).map(|n| format!("00Q{n}")).collect();
    let records = crm.read_by_id("Lead", &ids, &["Title".to_owned()]).await.expect("a read");
    let titles: Vec<(&str, Option<&str>)> = records
        .iter()
        .map(|record| (record.id.as_str(), record.values["Title"].as_deref()))
        .collect();
    assert_eq!(titles, [("00Q0", Some("a")), ("00Q2000", None)]);
    let seen = seen.lock().expect("held");
    let paths: Vec<&str> = seen.iter().map(|(path, _)| path.as_str()).collect();
    let root = "/services/data/v68.0/composite";
    assert_eq!(paths, [root.to_owned(), format!("{root}/sobjects/Lead")]);
    let sent: serde_json::Value = serde_json::from_str(&seen[1].1).expect("JSON was sent");
    assert_eq!(sent["ids"], serde_json::json!(["00Q2000"]), "only what was not answered");
}

#[tokio::test]
async fn a_lost_answer_and_a_short_one_are_unknown() {
    let (crm, seen, _) = serve(|_| json(502, "<html>edge</html>")).await;
    let call = WriteCall {
        batches: vec![batch(WriteOperation::Update, vec![record(None, Some("00Q3"), None)])],
    };
    let answer = crm.write(&call).await.expect("the write ends");
    assert!(matches!(answer.as_slice(), [WriteOutcome::Unknown { .. }]));
    assert_eq!(seen.lock().expect("held").len(), 1);

    let (crm, _, _) = serve(|_| {
        json(200, r#"{"compositeResponse":[{"body":[],"httpStatusCode":200,"referenceId":"c0"}]}"#)
    })
    .await;
    let answer = crm.write(&call).await.expect("the write ends");
    assert!(matches!(answer.as_slice(), [WriteOutcome::Unknown { .. }]));
}

#[tokio::test]
async fn a_refused_collection_and_a_spent_day_are_told_apart() {
    let refused = r#"{"compositeResponse":[{"body":[{"errorCode":"INVALID_TYPE","message":"m"}],"httpStatusCode":400,"referenceId":"c0"}]}"#;
    let (crm, _, _) = serve(move |_| json(200, refused)).await;
    let call = WriteCall {
        batches: vec![batch(WriteOperation::Update, vec![record(None, Some("00Q3"), None)])],
    };
    let answer = crm.write(&call).await.expect("the write ends");
    assert!(
        matches!(answer.as_slice(), [WriteOutcome::RefusedTogether { code, .. }] if code == "INVALID_TYPE")
    );

    let spent =
        r#"[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]"#;
    let (crm, seen, _) = serve(move |_| json(403, spent)).await;
    assert!(matches!(crm.write(&call).await, Err(CrmError::BudgetSpent { .. })));
    assert_eq!(seen.lock().expect("held").len(), 1);
}

#[tokio::test]
async fn no_call_leaves_without_budget() {
    let options =
        TransportOptions { budget: Arc::new(Budget::new(0)), ..TransportOptions::default() };
    let token = Credentials::Token(Sensitive::new("t".to_owned()));
    let crm = Salesforce::new(Config::new("http://127.0.0.1:1", token), options);
    let crm = crm.expect("a client is made");
    assert!(matches!(crm.allowances().await, Err(CrmError::BudgetSpent { .. })));
    assert_eq!(crm.calls().total(), 0);
}

#[tokio::test]
async fn pages_carry_values_as_written() {
    let first = r#"{"compositeResponse":[{"httpStatusCode":200,"referenceId":"r0","body":{"totalSize":2,"done":false,"nextRecordsUrl":"/services/data/v68.0/query/01g-1","records":[{"attributes":{"type":"Lead","url":"u"},"Id":"00Q1","AnnualRevenue":1000.0,"IsDeleted":false,"CreatedDate":"2026-07-14T09:12:33.000+0000"}]}}]}"#;
    let second = r#"{"compositeResponse":[{"httpStatusCode":200,"referenceId":"r0","body":{"totalSize":2,"done":true,"records":[{"attributes":{"type":"Lead","url":"u"},"Id":"00Q2","AnnualRevenue":null,"IsDeleted":true,"CreatedDate":"2026-07-14T09:12:33.000+0000"}]}}]}"#;
    let (crm, seen, _) = serve(move |n| json(200, if n == 0 { first } else { second })).await;
    let extraction = Extraction {
        name: "Lead".to_owned(),
        object: "Lead".to_owned(),
        tables: vec![crate::crm::Table {
            name: "lead".to_owned(),
            columns: ["Id", "AnnualRevenue", "CreatedDate", "IsDeleted"].map(str::to_owned).into(),
            key: vec!["Id".to_owned()],
        }],
        types: ["id", "currency", "datetime", "boolean"].map(str::to_owned).into(),
        is_archived: false,
        history_fields: Vec::new(),
        associations: Vec::new(),
        way: Way::Query,
        modified_column: None,
        formulas: Vec::new(),
        merged_column: None,
        since: None,
        known: None,
    };
    let (sender, mut receiver) = mpsc::channel(16);
    crm.extract(&[extraction], &[None], sender).await.expect("the walk ends");
    let mut rows = Vec::new();
    let mut finished = None;
    while let Some(step) = receiver.recv().await {
        match step {
            Step::Rows { rows: more, .. } => rows.extend(more),
            Step::Reached { .. } => {}
            Step::Finished { extracted, .. } => finished = Some(extracted),
        }
    }
    let extracted = finished.expect("the walk says that it is at its end");
    assert_eq!((extracted.n_records, extracted.vendor_total), (2, Some(2)));
    let values: Vec<Option<&str>> = rows[0].values.iter().map(Option::as_deref).collect();
    assert_eq!(
        values,
        [Some("00Q1"), Some("1000.0"), Some("2026-07-14T09:12:33.000+0000"), Some("false")]
    );
    assert!(rows[1].is_archived);
    let seen = seen.lock().expect("held");
    assert_eq!(seen.len(), 2);
    assert!(seen[0].1.contains(
        "/services/data/v68.0/queryAll?q=SELECT%20Id%2C%20AnnualRevenue%2C%20CreatedDate%2C%20\
         IsDeleted%20FROM%20Lead%20ORDER%20BY%20Id"
    ));
    assert!(seen[1].1.contains("/services/data/v68.0/query/01g-1\""), "{}", seen[1].1);
}

#[test]
fn objects_become_tables_in_snake_case() {
    assert_eq!(table_name("OpportunityFieldHistory"), "opportunity_field_history");
    assert_eq!(table_name("Lead"), "lead");
}
