//! The transport under both vendors' clients, against a small server that says whatever it is told.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::Request as ServerRequest;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::Int64Type;
use jiff::Timestamp;
use tokio::sync::Notify;

use super::request_log::request_files;
use super::*;
use crate::crm::{
    BulkJob, Crm, CrmError, Extraction, Sensitive, Table, Way, WriteBatch, WriteCall,
    WriteOperation, WriteOutcome, WriteRecord, hubspot, salesforce,
};
use crate::warehouse::Warehouse;

const FAST: Backoff = Backoff { first_ms: 1, longest_ms: 1, tries_max: 3, longest_job_ms: 1 };
const DETAILS: &str = r#"{"portalId":4471923,"timeZone":"UTC","companyCurrency":"USD"}"#;
const TOO_MANY: &str =
    r#"{"message":"You have reached your secondly limit.","policyName":"SECONDLY"}"#;

/// What no error may repeat.
const MARK: &str = "Zqpersonq";

/// Serves `answer`, called with how many requests came before, and returns the address.
async fn serve(answer: impl Fn(usize) -> Response + Clone + Send + Sync + 'static) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("the listener has an address");
    let count = Arc::new(AtomicUsize::new(0));
    let router = Router::new().fallback(move |_: ServerRequest| {
        let answer = answer.clone();
        let n_before = count.fetch_add(1, Ordering::SeqCst);
        async move { answer(n_before) }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn json(status: u16, body: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [("content-type", "application/json")], body.to_owned()).into_response()
}

fn portal(base_url: String, options: TransportOptions) -> hubspot::HubSpot {
    let mut config = hubspot::Config::new(Sensitive::new("pat-test".to_owned()));
    config.base_url = base_url;
    hubspot::HubSpot::new(config, TransportOptions { backoff: FAST, ..options }).expect("a client")
}

fn org(base_url: String) -> salesforce::Salesforce {
    let token = salesforce::Credentials::Token(Sensitive::new("00D!t".to_owned()));
    let config = salesforce::Config::new(base_url, token);
    let options = TransportOptions { backoff: FAST, ..TransportOptions::default() };
    salesforce::Salesforce::new(config, options).expect("a client")
}

fn update(object: &str) -> WriteCall {
    let record = WriteRecord {
        action_id: "a1".to_owned(),
        record_id: Some("7".to_owned()),
        create_key: None,
        values: vec![("firstname".to_owned(), Some(MARK.to_owned()))],
        associations: Vec::new(),
    };
    let operation = WriteOperation::Update;
    WriteCall {
        batches: vec![WriteBatch { object: object.to_owned(), operation, records: vec![record] }],
    }
}

#[tokio::test]
async fn every_sending_is_logged_with_its_verdict() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let warehouse = Warehouse::open("file://./w", directory.path())?;
    let log = RequestLog::new(warehouse.clone(), Now::new(|| Timestamp::UNIX_EPOCH));
    log.begin_run("r1");
    log.begin_stage("plan").await?;
    let reached = Arc::new(Notify::new());
    let url = serve(|n| match n {
        0 => json(429, TOO_MANY),
        1 => json(200, DETAILS),
        _ => json(409, r#"{"message":"m","category":"CONFLICT"}"#),
    })
    .await;
    let options = || TransportOptions {
        budget: Arc::new(Budget::new(10)),
        log: Some(log.of("portal")),
        ..TransportOptions::default()
    };
    let crm = portal(url, options());
    crm.account().await?;
    crm.write(&update("contacts")).await?;
    assert_eq!(crm.strains(), 0, "a refused write is no strain");

    // A caller that gives up while the answer is awaited.
    let (arrived, listener) =
        (Arc::clone(&reached), tokio::net::TcpListener::bind("127.0.0.1:0").await?);
    let address = listener.local_addr()?;
    let router = Router::new().fallback(move |_: ServerRequest| {
        let arrived = Arc::clone(&arrived);
        async move {
            arrived.notify_one();
            std::future::pending::<Response>().await
        }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    let slow = portal(format!("http://{address}"), options());
    tokio::select! {
        _ = slow.account() => panic!("there is no answer"),
        () = reached.notified() => {}
    }
    log.flush().await?;

    let mut rows = Vec::new();
    for file in request_files(&warehouse).await? {
        for batch in warehouse.read_parquet(&file).await? {
            let text = |name: &str| batch.column_by_name(name).expect(name).as_string::<i32>();
            let number =
                |name: &str| batch.column_by_name(name).expect(name).as_primitive::<Int64Type>();
            for row in 0..batch.num_rows() {
                assert_eq!(
                    (text("connection").value(row), text("run_id").value(row)),
                    ("portal", "r1")
                );
                assert_eq!(text("stage").value(row), "plan");
                let status = number("status");
                rows.push((
                    text("family").value(row).to_owned(),
                    text("method").value(row).to_owned(),
                    status.is_valid(row).then(|| status.value(row)),
                    text("verdict").value(row).to_owned(),
                    number("bytes_out").value(row) > 0,
                    number("bytes_in").value(row),
                    number("try").value(row),
                    number("calls_left").value(row),
                ));
            }
        }
    }
    let details = i64::try_from(DETAILS.len())?;
    let row = |family: &str, method: &str, status, verdict: &str, out, bytes_in, tries, left| {
        (
            family.to_owned(),
            method.to_owned(),
            status,
            verdict.to_owned(),
            out,
            bytes_in,
            tries,
            left,
        )
    };
    let too_many = i64::try_from(TOO_MANY.len())?;
    assert_eq!(
        rows,
        [
            row("account details", "GET", Some(429), "retry", false, too_many, 1, 9),
            row("account details", "GET", Some(200), "done", false, details, 2, 8),
            row("contacts batch update", "POST", Some(409), "refused", true, 37, 1, 7),
            row("account details", "GET", None, "abandoned", false, 0, 1, 9),
        ]
    );
    Ok(())
}

/// Every text of an error: what is shown, its causes, and what a careless log would print.
fn texts(error: &CrmError) -> String {
    let mut texts = vec![format!("{error} {error:?}")];
    let mut cause = error.source();
    while let Some(error) = cause {
        texts.push(format!("{error} {error:?}"));
        cause = error.source();
    }
    texts.join(" ")
}

#[tokio::test]
async fn no_error_repeats_what_a_vendor_wrote() {
    let hubspot_body = format!(
        r#"{{"status":"{MARK}","message":"Property values were not valid: [{{\"isValid\":false,\"message\":\"{MARK}\",\"error\":\"{MARK}\",\"name\":\"{MARK}\"}}]","category":"{MARK}","errorType":"{MARK}","policyName":"{MARK}","correlationId":"{MARK}","error":"{MARK}","context":{{"requiredGranularScopes":["{MARK}"]}},"errors":[{{"message":"{MARK}","code":"{MARK}","context":{{"propertyName":["{MARK}"]}}}}]}}"#
    );
    let salesforce_body = format!(
        r#"[{{"message":"Last Name: data value too large: '{MARK}'","errorCode":"{MARK}","fields":["{MARK}"]}}]"#
    );
    let html = format!("<html>{MARK}</html>");
    for status in [400, 401, 403, 404, 406, 409, 414, 420, 423, 429, 477, 500, 502, 503, 524] {
        for body in [&hubspot_body, &salesforce_body, &html] {
            let body = body.clone();
            let url = serve(move |_| json(status, &body)).await;
            let crms: [(Box<dyn Crm>, &str); 2] = [
                (Box::new(portal(url.clone(), TransportOptions::default())), "contacts"),
                (Box::new(org(url)), "Lead"),
            ];
            for (crm, object) in crms {
                let ids = ["7".to_owned()];
                let keys = [MARK.to_owned()];
                let fields = ["email".to_owned()];
                let mut errors = vec![
                    crm.account().await.err(),
                    crm.allowances().await.err(),
                    crm.schema(&[object.to_owned()]).await.err(),
                    crm.read_by_id(object, &ids, &fields).await.err(),
                    crm.read_by_key(object, "email", &keys, &fields).await.err(),
                ];
                match crm.write(&update(object)).await {
                    Ok(outcomes) => {
                        for outcome in outcomes {
                            let WriteOutcome::RefusedTogether { message, .. } = outcome else {
                                continue;
                            };
                            let is_read = body_is_read(crm.kind(), &message);
                            assert!(is_read, "{status}: the outcome says why: {message}");
                        }
                    }
                    Err(error) => errors.push(Some(error)),
                }
                for error in errors.into_iter().flatten() {
                    let texts = texts(&error);
                    assert!(!texts.contains(MARK), "{} {status}: {texts}", crm.kind());
                }
            }
        }
    }
}

/// A vendor's own body is repeated in outcomes, which are data; another's is not understood.
fn body_is_read(kind: crate::crm::CrmKind, message: &str) -> bool {
    message.contains(MARK) || message.starts_with("status ") || {
        kind == crate::crm::CrmKind::HubSpot && message == "no message"
    }
}

/// A record's table, read by an asynchronous way.
fn extraction(object: &str, id: &str, way: Way) -> Extraction {
    Extraction {
        name: object.to_owned(),
        object: object.to_owned(),
        tables: vec![Table {
            name: object.to_lowercase(),
            columns: vec![id.to_owned()],
            key: vec![id.to_owned()],
        }],
        types: vec!["string".to_owned()],
        is_archived: false,
        history_fields: Vec::new(),
        associations: Vec::new(),
        way,
        modified_column: None,
        formulas: Vec::new(),
        merged_column: None,
        since: None,
        known: None,
    }
}

#[tokio::test]
async fn no_error_repeats_the_state_in_which_a_vendor_says_that_a_job_is() {
    let body = format!(
        r#"{{"id":"7","state":"{MARK}","status":"{MARK}","results":[{{"id":"7","state":"{MARK}","importName":"r1"}}]}}"#
    );
    let url = serve(move |_| json(200, &body)).await;
    let job = BulkJob { id: "r1".to_owned() };
    let crms: [(Box<dyn Crm>, Extraction); 2] = [
        (
            Box::new(portal(url.clone(), TransportOptions::default())),
            extraction("contacts", "hs_object_id", Way::Export),
        ),
        (Box::new(org(url)), extraction("Lead", "Id", Way::Bulk)),
    ];
    for (crm, extraction) in crms {
        let batch = update(&extraction.object).batches.remove(0);
        let unknown = crm.bulk_state(&job, &batch).await.expect_err("no such state");
        let (sender, _steps) = tokio::sync::mpsc::channel(8);
        let ended = crm.extract(&[extraction], &[None], sender).await.expect_err("it ended badly");
        for (error, says) in [(unknown, "state"), (ended, "ended as something")] {
            let texts = texts(&error);
            assert!(texts.contains(says) && !texts.contains(MARK), "{}: {texts}", crm.kind());
        }
    }
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_told_and_not_kept() {
    let url = serve(|_| {
        let mut answer = json(477, r#"{"message":"migration in progress"}"#);
        answer.headers_mut().insert("retry-after", "3600".parse().expect("a header"));
        answer
    })
    .await;
    let error = portal(url, TransportOptions::default()).account().await.expect_err("it is moved");
    assert_eq!(
        error.to_string(),
        "hubspot is busy and did not recover after 1 tries: the portal is being moved; it asks to \
         wait 3600 s"
    );
}

#[tokio::test]
async fn a_locked_or_limited_write_is_sent_again_and_counts_as_a_strain() {
    let url = serve(|n| match n {
        0 => json(423, r#"{"message":"locked"}"#),
        1 => json(429, TOO_MANY),
        _ => json(200, r#"{"results":[{"id":"7","properties":{}}]}"#),
    })
    .await;
    let crm = portal(url, TransportOptions::default());
    let outcomes = crm.write(&update("contacts")).await.expect("the write ends");
    assert!(matches!(outcomes.as_slice(), [WriteOutcome::Accepted { .. }]), "{outcomes:?}");
    assert_eq!(crm.strains(), 2);

    let locked = r#"[{"errorCode":"UNABLE_TO_LOCK_ROW","message":"unable to obtain exclusive access to this record"}]"#;
    let url = serve(move |n| match n {
        0 => json(400, locked),
        _ => json(
            200,
            r#"{"compositeResponse":[{"body":[{"id":"7","success":true,"errors":[]}],"httpHeaders":{},"httpStatusCode":200,"referenceId":"c0"}]}"#,
        ),
    })
    .await;
    let crm = org(url);
    let outcomes = crm.write(&update("Lead")).await.expect("the write ends");
    assert!(matches!(outcomes.as_slice(), [WriteOutcome::Accepted { .. }]), "{outcomes:?}");
    assert_eq!(crm.strains(), 1);
}

#[tokio::test]
async fn calls_stop_before_the_reserve_that_others_keep_using() {
    // Others spend forty calls between two of ours.
    let url = serve(|n| {
        let mut answer = json(200, DETAILS);
        let headers = answer.headers_mut();
        let left = (1_000 - 41 * n).to_string();
        headers.insert("x-hubspot-ratelimit-daily", "1000".parse().expect("a header"));
        headers.insert("x-hubspot-ratelimit-daily-remaining", left.parse().expect("a header"));
        answer
    })
    .await;
    let options = TransportOptions { reserve_share: 0.9, ..TransportOptions::default() };
    let crm = portal(url, options);
    let mut n_calls = 0;
    let end = loop {
        match crm.account().await {
            Ok(_) => n_calls += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(end, CrmError::BudgetSpent { .. }), "{end}");
    assert_eq!((n_calls, crm.calls_left()), (4, 0), "1000, 959, 918 and 877 were left");
}
