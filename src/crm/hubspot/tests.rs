//! The client against a small server that answers as HubSpot is known to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::Request as ServerRequest;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::associate;
use super::error::{ErrorBody, HubSpotJudge};
use super::read::list::list_path;
use super::write::judge_batch;
use super::*;
use crate::crm::transport::{Backoff, Judge, Purpose, Verdict};
use crate::crm::{Sensitive, Table, WriteBatch, WriteOperation, WriteOutcome, WriteRecord};

const FAST: Backoff = Backoff { first_ms: 1, longest_ms: 1, tries_max: 4, longest_job_ms: 1 };

fn client(address: std::net::SocketAddr) -> HubSpot {
    let mut config = Config::new(Sensitive::new("pat-test".to_owned()));
    config.base_url = format!("http://{address}");
    HubSpot::new(config, TransportOptions { backoff: FAST, ..TransportOptions::default() })
        .expect("a client is made")
}

/// Serves `answer`, called with how many requests came before.
async fn serve(
    answer: impl Fn(usize, &str) -> Response + Clone + Send + Sync + 'static,
) -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("the listener has an address");
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let router = Router::new().fallback(move |request: ServerRequest| {
        let n_before = counted.fetch_add(1, Ordering::SeqCst);
        let answer = answer.clone();
        async move { answer(n_before, request.uri().path()) }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, count)
}

fn json(status: u16, body: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [("content-type", "application/json")], body.to_owned()).into_response()
}

fn update(ids: &[&str]) -> WriteCall {
    let records = ids
        .iter()
        .map(|id| WriteRecord {
            action_id: format!("a{id}"),
            record_id: Some((*id).to_owned()),
            create_key: None,
            values: vec![("lifecyclestage".to_owned(), Some("lead".to_owned()))],
            associations: Vec::new(),
        })
        .collect();
    let batch =
        WriteBatch { object: "contacts".to_owned(), operation: WriteOperation::Update, records };
    WriteCall { batches: vec![batch] }
}

fn create(keys: &[&str]) -> WriteBatch {
    let records = keys
        .iter()
        .map(|key| WriteRecord {
            action_id: format!("a{key}"),
            record_id: None,
            create_key: Some(("concord_key".to_owned(), (*key).to_owned())),
            values: vec![("email".to_owned(), None)],
            associations: Vec::new(),
        })
        .collect();
    WriteBatch { object: "contacts".to_owned(), operation: WriteOperation::Create, records }
}

const TOO_MANY: &str = r#"{"status":"error","message":"You have reached your ten_secondly_rolling limit.","errorType":"RATE_LIMIT","policyName":"TEN_SECONDLY_ROLLING"}"#;

#[tokio::test]
async fn a_throttled_write_is_sent_again() {
    let done = r#"{"status":"COMPLETE","results":[{"id":"7","properties":{"lifecyclestage":"customer"}}]}"#;
    let (address, _) = serve(move |n, _| match n {
        0 => json(429, TOO_MANY),
        _ => json(200, done),
    })
    .await;
    let crm = client(address);
    let outcomes = crm.write(&update(&["7"])).await.expect("the write ends");
    let [WriteOutcome::Accepted { stored, .. }] = outcomes.as_slice() else {
        panic!("{outcomes:?}")
    };
    // The old stage comes back: a backward move was ignored while the record was saved.
    assert_eq!(stored.get("lifecyclestage"), Some(&Some("customer".to_owned())));
    assert_eq!((crm.calls().write, crm.calls().retry), (1, 1));
}

#[tokio::test]
async fn a_write_without_an_answer_is_unknown_and_sent_once() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("the listener has an address");
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut buffer = vec![0; 64 * 1024];
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{").await;
        }
    });
    let crm = client(address);
    let outcomes = crm.write(&update(&["7", "8"])).await.expect("the write ends");
    assert_eq!(outcomes.len(), 2);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, WriteOutcome::Unknown { .. })));
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_gateway_error_loses_a_write_and_repeats_a_read() {
    let (address, count) = serve(|_, path| match path {
        path if path.ends_with("/batch/update") => json(504, "<html>gateway</html>"),
        _ => json(502, "<html>gateway</html>"),
    })
    .await;
    let crm = client(address);
    let answer = crm.write(&update(&["7"])).await.expect("the write ends");
    assert!(matches!(answer.as_slice(), [WriteOutcome::Unknown { .. }]), "{answer:?}");
    assert_eq!(count.load(Ordering::SeqCst), 1);
    assert!(matches!(crm.account().await, Err(CrmError::Busy { tries: 4, .. })));
    assert_eq!(count.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn a_whole_batch_conflict_is_refused_whole() {
    let body = r#"{"status":"error","message":"Contact already exists. Existing ID: 123","category":"CONFLICT"}"#;
    let (address, count) = serve(move |_, _| json(409, body)).await;
    let answer = client(address).write(&update(&["7"])).await.expect("the write ends");
    assert!(
        matches!(answer.as_slice(), [WriteOutcome::RefusedTogether { code, .. }] if code == "CONFLICT")
    );
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_refused_token_is_not_tried_again() {
    let body = r#"{"status":"error","message":"Authentication credentials not found.","category":"INVALID_AUTHENTICATION"}"#;
    let (address, count) = serve(move |_, _| json(401, body)).await;
    assert!(matches!(client(address).account().await, Err(CrmError::Unauthorized { .. })));
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn a_mixed_answer_is_judged_record_by_record_in_any_order() {
    let body = r#"{"status":"COMPLETE","results":[
        {"id":"902","properties":{"concord_key":"k3","email":null}},
        {"id":"901","properties":{"concord_key":"k1","email":""}}],
      "numErrors":1,"errors":[{"status":"error","category":"CONFLICT",
        "message":"Contact already exists. Existing ID: 44",
        "context":{"objectWriteTraceId":["1"],"existingId":["44"]}}]}"#;
    let outcomes = judge_batch(&create(&["k1", "k2", "k3", "k4"]), body);
    let id = |outcome: &WriteOutcome| match outcome {
        WriteOutcome::Accepted { record_id, .. } => record_id.clone(),
        WriteOutcome::Rejected { code, .. }
        | WriteOutcome::RefusedTogether { code, .. }
        | WriteOutcome::Busy { code, .. } => code.clone(),
        WriteOutcome::Unknown { .. } => "unknown".to_owned(),
    };
    let found: Vec<String> = outcomes.iter().map(id).collect();
    assert_eq!(found, ["901", "CONFLICT", "902", "unknown"]);
}

#[test]
fn an_answer_of_another_shape_leaves_every_record_unknown() {
    for body in ["", "<html>", "{\"status\":\"COMPLETE\"}"] {
        let outcomes = judge_batch(&create(&["k1"]), body);
        assert!(matches!(outcomes.as_slice(), [WriteOutcome::Unknown { .. }]), "{body}");
    }
}

#[test]
fn a_pair_is_known_by_both_its_ends_and_whoever_is_missing_beside_an_error_was_refused() {
    let to = ["11", "11", "12"].map(|id| crate::crm::Association {
        object: "companies".to_owned(),
        record_id: id.to_owned(),
    });
    let ends: Vec<_> = ["1", "2", "3"].into_iter().zip(&to).collect();
    let results = r#""results":[{"fromObjectId":3,"toObjectId":"12"},{"fromObjectId":"1","toObjectId":11},{"fromObjectId":2,"toObjectId":12}]"#;
    let judged = |errors: &str| -> Vec<String> {
        let body = format!("{{\"status\":\"COMPLETE\",{results}{errors}}}");
        let word = |outcome: &WriteOutcome| match outcome {
            WriteOutcome::Accepted { record_id, .. } => record_id.clone(),
            WriteOutcome::RefusedTogether { code, .. } => code.clone(),
            WriteOutcome::Unknown { .. } => "unknown".to_owned(),
            other => panic!("{other:?}"),
        };
        associate::judge(&ends, &body).iter().map(word).collect()
    };
    assert_eq!(judged(""), ["1", "unknown", "3"]);
    let errors = r#","numErrors":1,"errors":[{"status":"error","category":"VALIDATION_ERROR","message":"m","subCategory":"crm.associations.INVALID_IDENTIFIER"}]"#;
    assert_eq!(judged(errors), ["1", "VALIDATION_ERROR", "3"]);
    let lost = associate::judge(&ends, "<html>");
    assert!(lost.iter().all(|outcome| matches!(outcome, WriteOutcome::Unknown { .. })));
}

#[test]
fn error_bodies_name_code_and_field() {
    let check = |body: &str, code: &str, field: Option<&str>| {
        let error: ErrorBody = serde_json::from_str(body).expect("test JSON parses");
        assert_eq!((error.code().as_str(), error.field().as_deref()), (code, field), "{body}");
    };
    check(
        r#"{"message":"Property values were not valid: [{\"isValid\":false,\"message\":\"x\",\"error\":\"INVALID_OPTION\",\"name\":\"color\"}]","category":"VALIDATION_ERROR"}"#,
        "INVALID_OPTION",
        Some("color"),
    );
    check(
        r#"{"message":"m","errors":[{"code":"MISSING_REQUIRED_PROPERTY","context":{"propertyName":["firstname"]}}],"category":"VALIDATION_ERROR"}"#,
        "MISSING_REQUIRED_PROPERTY",
        Some("firstname"),
    );
    check(
        r#"{"message":"Cannot set PropertyValueCoordinates{portalId=4, objectTypeId=ObjectTypeId{legacyObjectType=CONTACT}, propertyName=email, value=a@b.co} on 55. 56 already has that value.","category":"VALIDATION_ERROR"}"#,
        "CONFLICTING_UNIQUE_VALUE",
        Some("email"),
    );
    check(r#"{"message":"resource not found"}"#, "UNSPECIFIED", None);
}

#[test]
fn a_spent_day_and_a_missing_scope_are_told_apart_from_throttling() {
    let judge = |status: u16, body: &str| {
        let answer = crate::crm::transport::Answer {
            status,
            body: body.to_owned(),
            retry_after: None,
            allowance: None,
            interval: None,
        };
        HubSpotJudge.judge(&Request::get("contacts list", Purpose::Read, "/x"), &answer)
    };
    let daily = r#"{"message":"You have reached your daily limit.","policyName":"DAILY"}"#;
    assert_eq!(judge(429, daily), Verdict::BudgetSpent);
    let nameless = r#"{"message":"You have reached your daily limit.","category":"RATE_LIMITS"}"#;
    assert_eq!(judge(429, nameless), Verdict::BudgetSpent);
    let after = |status: u16, body: &str| match judge(status, body) {
        Verdict::Retry { after, .. } => after.map(|wait| wait.as_secs()),
        verdict => panic!("{verdict:?}"),
    };
    assert_eq!(after(429, TOO_MANY), Some(10));
    assert_eq!(after(429, r#"{"policyName":"SECONDLY"}"#), Some(1));
    assert_eq!(after(429, r#"{"message":"You have reached your secondly limit."}"#), Some(1));
    assert_eq!(after(429, "<html>"), Some(10));
    assert_eq!(after(423, "{}"), Some(2));
    assert_eq!(after(477, "{}"), None);
    assert!(matches!(judge(403, "{\"message\":\"m\"}"), Verdict::Forbidden { .. }));
    assert!(matches!(judge(503, "{\"message\":\"m\"}"), Verdict::Retry { .. }));
    assert!(matches!(judge(503, "<html>"), Verdict::Lost { .. }));
    for status in [500, 502, 504, 520, 521, 522, 523, 524, 525, 526] {
        assert!(matches!(judge(status, ""), Verdict::Lost { .. }), "{status}");
    }
}

#[test]
fn a_list_asks_for_as_many_properties_as_fit() {
    let columns: Vec<String> = (0..500).map(|n| format!("property_with_a_long_name_{n}")).collect();
    let extraction = Extraction {
        name: "contacts".to_owned(),
        object: "contacts".to_owned(),
        tables: vec![Table {
            name: "contacts".to_owned(),
            columns: columns.clone(),
            key: Vec::new(),
        }],
        types: vec!["string".to_owned(); columns.len()],
        is_archived: false,
        history_fields: vec!["lifecyclestage".to_owned()],
        associations: vec!["companies".to_owned()],
        way: Way::List,
        modified_column: None,
        formulas: Vec::new(),
        merged_column: None,
        since: None,
        known: None,
    };
    let list = list_path("2026-09", &extraction, &columns, Some("77"));
    assert!(list.path.len() <= 7_000 && list.n_columns < 500, "{}", list.n_columns);
    assert!(list.path.starts_with(
        "/crm/objects/2026-09/contacts?limit=50&archived=false&after=77&\
         propertiesWithHistory=lifecyclestage&associations=companies&properties=property_with"
    ));
    assert_eq!(list_path("2026-09", &extraction, &columns[..3], None).n_columns, 3);
}
