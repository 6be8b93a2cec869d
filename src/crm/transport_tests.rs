//! What the transport promises of large bodies, against the sandbox.

use std::path::Path;
use std::time::Duration;

use super::transport::TransportOptions;
use super::*;
use crate::sandbox::faults::{Fault, Kind};
use crate::sandbox::{Running, Sandbox};

async fn open() -> (Sandbox, Running) {
    let world = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/demo");
    let sandbox = Sandbox::open(&world, None).expect("the demo world opens");
    let running = sandbox.serve().await.expect("the sandbox listens");
    (sandbox, running)
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
