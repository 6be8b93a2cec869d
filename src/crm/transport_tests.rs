//! What the transport promises of large bodies and of tokens, against the sandbox.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request as ServerRequest;
use axum::middleware::{Next, from_fn};
use serde_json::json;

use super::transport::{TransportOptions, plain_client};
use super::*;
use crate::sandbox::faults::{Fault, Kind};
use crate::sandbox::{Running, Sandbox};

/// A method, the end of a path, and how the body that went there was encoded.
type Encodings = Arc<Mutex<Vec<(String, Option<String>)>>>;

async fn open() -> (Sandbox, Running) {
    let world = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/demo");
    let sandbox = Sandbox::open(&world, None).expect("the demo world opens");
    let running = sandbox.serve().await.expect("the sandbox listens");
    (sandbox, running)
}

fn portal(sandbox: &Sandbox, url: &str) -> hubspot::HubSpot {
    let mut config = hubspot::Config::new(Sensitive::new(sandbox.world().hubspot.token.clone()));
    url.clone_into(&mut config.base_url);
    hubspot::HubSpot::new(config, TransportOptions::default()).expect("a client is made")
}

fn org(sandbox: &Sandbox, url: &str, options: TransportOptions) -> salesforce::Salesforce {
    let world = &sandbox.world().salesforce;
    let credentials = salesforce::Credentials::Client {
        client_id: Sensitive::new(world.client_id.clone()),
        client_secret: Sensitive::new(world.client_secret.clone()),
    };
    let config = salesforce::Config::new(url, credentials);
    salesforce::Salesforce::new(config, options).expect("a client is made")
}

/// A batch of creates that carry texts of so many bytes.
fn creates(object: &str, field: &str, key_field: &str, n: usize, bytes: usize) -> WriteBatch {
    let record = |n: usize| WriteRecord {
        action_id: format!("a{n}"),
        record_id: None,
        create_key: Some((key_field.to_owned(), format!("key-{n}"))),
        associations: Vec::new(),
        values: match object {
            "Lead" => vec![
                ("LastName".to_owned(), Some(format!("Ruiz {n}"))),
                ("Company".to_owned(), Some("Acme".to_owned())),
                (field.to_owned(), Some("x".repeat(bytes))),
            ],
            _ => vec![
                ("email".to_owned(), Some(format!("ruiz{n}@new.example"))),
                (field.to_owned(), Some("x".repeat(bytes))),
            ],
        },
    };
    WriteBatch {
        object: object.to_owned(),
        operation: WriteOperation::Create,
        records: (0..n).map(record).collect(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_and_its_results_have_the_time_that_their_size_takes() {
    let (sandbox, running) = open().await;
    let options =
        TransportOptions { call_timeout: Duration::from_secs(2), ..TransportOptions::default() };
    let crm = org(&sandbox, &running.salesforce_url, options);
    let slow = |family: &str| {
        let family = Some(family.to_owned());
        sandbox.faults().add(Fault { family, ..Fault::next(Kind::Slow { ms: 3_000 }) });
    };
    // Four seconds more for half a megabyte on a slow line; none for a kilobyte.
    let large = creates("Lead", "Description", "Concord_Key__c", 1, 550_000);
    let job = crm.bulk_open("r1", &large).await.expect("a job is opened");
    slow("jobs.ingest.batches");
    crm.bulk_start(&job, &large).await.expect("it begins");
    slow("jobs.ingest.successful_results");
    let ended = loop {
        match crm.bulk_state(&job, &large).await.expect("the job is known") {
            BulkState::Running => {}
            state => break state,
        }
    };
    assert!(matches!(ended, BulkState::Ended(_)), "{ended:?}");
    assert_eq!((crm.calls().retry, sandbox.faults().view().n_met), (0, 2));

    let small = creates("Lead", "Description", "Concord_Key__c", 1, 1_000);
    let job = crm.bulk_open("r2", &small).await.expect("a job is opened");
    slow("jobs.ingest.batches");
    crm.bulk_start(&job, &small).await.expect("a lost answer is no error");
    let state = crm.bulk_state(&job, &small).await.expect("the job is known");
    assert_eq!(state, BulkState::NotStarted);
}

/// Serves a CRM and notes how the bodies that reach it are encoded.
async fn noted(router: Router) -> (String, Encodings) {
    let seen = Encodings::default();
    let keep = Arc::clone(&seen);
    let router = router.layer(from_fn(move |request: ServerRequest, next: Next| {
        let encoding = request.headers().get("content-encoding");
        let encoding = encoding.map(|value| value.to_str().expect("text").to_owned());
        let end = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
        let mut keep = keep.lock().expect("no test panics while it holds this");
        keep.push((format!("{} {end}", request.method()), encoding));
        drop(keep);
        next.run(request)
    }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("the listener has an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}"), seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn large_composites_go_gzipped_and_nothing_else_does() {
    let (sandbox, _running) = open().await;
    let (url, seen) = noted(sandbox.salesforce_router()).await;
    let crm = org(&sandbox, &url, TransportOptions::default());
    let large = creates("Lead", "Description", "Concord_Key__c", 100, 1_000);
    let small = creates("Lead", "Description", "Concord_Key__c", 1, 10);
    for batch in [&small, &large] {
        let call = WriteCall { batches: vec![batch.clone()] };
        let outcomes = crm.write(&call).await.expect("the write ends");
        let accepted = |outcome: &WriteOutcome| matches!(outcome, WriteOutcome::Accepted { .. });
        assert!(outcomes.iter().all(accepted), "{outcomes:?}");
    }
    let field = ["Description".to_owned()];
    let read = crm.read_by_key("Lead", "Concord_Key__c", &["key-99".to_owned()], &field).await;
    assert_eq!(read.expect("a read")[0].values["Description"], Some("x".repeat(1_000)));
    let job = crm.bulk_open("r1", &large).await.expect("a job is opened");
    crm.bulk_start(&job, &large).await.expect("it begins");
    let seen = seen.lock().expect("held").clone();
    let gzip = Some("gzip".to_owned());
    let composites: Vec<_> = seen.iter().filter(|(call, _)| call == "POST composite").collect();
    assert_eq!(composites[0].1, None, "a small one goes as it is");
    assert_eq!(composites[1].1, gzip);
    assert!(seen.iter().any(|(call, _)| call == "PUT batches"), "{seen:?}");
    assert_eq!(seen.iter().filter(|(_, encoding)| *encoding == gzip).count(), 1, "{seen:?}");

    let (url, seen) = noted(sandbox.hubspot_router()).await;
    let crm = portal(&sandbox, &url);
    let call =
        WriteCall { batches: vec![creates("contacts", "message", "concord_key", 100, 1_000)] };
    let outcomes = crm.write(&call).await.expect("the write ends");
    assert!(matches!(outcomes[99], WriteOutcome::Accepted { .. }), "{:?}", outcomes[99]);
    assert!(seen.lock().expect("held").iter().all(|(_, encoding)| encoding.is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_that_the_org_rotates_serves_until_the_end() {
    let (sandbox, running) = open().await;
    let oauth = json!({"refresh_tokens": ["5Aep-first"], "is_refresh_token_rotated": true});
    let rules = format!("{}/__sandbox/salesforce/rules", running.salesforce_url);
    let client = plain_client(Duration::from_secs(10)).expect("a client");
    let set = client.patch(rules).json(&json!({ "oauth": oauth })).send().await;
    assert!(set.expect("an answer").status().is_success());

    let told = Arc::new(AtomicUsize::new(0));
    let tell = Arc::clone(&told);
    let credentials = salesforce::Credentials::Refresh {
        client_id: Sensitive::new(sandbox.world().salesforce.client_id.clone()),
        client_secret: None,
        refresh_token: Sensitive::new("5Aep-first".to_owned()),
        on_rotation: salesforce::OnRotation::new(move || {
            tell.fetch_add(1, Ordering::SeqCst);
        }),
    };
    let config = || salesforce::Config::new(running.salesforce_url.clone(), credentials.clone());
    let crm = salesforce::Salesforce::new(config(), TransportOptions::default());
    let crm = crm.expect("a client is made");
    for _ in 0..3 {
        sandbox
            .faults()
            .add(Fault { family: Some("limits".to_owned()), ..Fault::next(Kind::ExpiredToken) });
        crm.allowances().await.expect("the session is opened again");
    }
    assert_eq!(told.load(Ordering::SeqCst), 1);
    // Whoever begins again has only the token that is dead.
    let later = salesforce::Salesforce::new(config(), TransportOptions::default());
    let refused = later.expect("a client is made").allowances().await.expect_err("it is dead");
    assert!(matches!(refused, CrmError::Unauthorized { .. }), "{refused}");
    assert!(!refused.to_string().contains("5Aep"), "{refused}");
}
