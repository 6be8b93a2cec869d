//! Plans carried out against the demo's CRMs, over HTTP.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::config::FieldType;
use crate::crm::transport::{Backoff, TransportOptions};
use crate::crm::{Crm, Sensitive, WriteApi, WriteOperation, hubspot, salesforce};
use crate::plan::{After, Care, FieldChange, Price, price};
use crate::sandbox::faults::{Fault, Kind};
use crate::sandbox::{Running, Sandbox};
use crate::warehouse::{Lease, Warehouse};

const NOW: &str = "2026-10-05T06:00:00Z";
const RUN: &str = "r1";

/// Both accounts of the demo, and a warehouse for the journal.
struct Site {
    sandbox: Sandbox,
    running: Running,
    hubspot: hubspot::HubSpot,
    salesforce: salesforce::Salesforce,
    warehouse: Warehouse,
    lease: Lease,
    _dir: TempDir,
}

fn options() -> TransportOptions {
    let backoff = Backoff { first_ms: 1, longest_ms: 1, tries_max: 4, longest_job_ms: 1 };
    TransportOptions { backoff, keeps_known_limits: false, ..TransportOptions::default() }
}

impl Site {
    async fn open() -> Self {
        let sandbox = Sandbox::open(&demo(), None).expect("the demo world opens");
        let running = sandbox.serve().await.expect("the sandbox listens");
        let world = sandbox.world();
        let mut config = hubspot::Config::new(Sensitive::new(world.hubspot.token.clone()));
        config.base_url.clone_from(&running.hubspot_url);
        let hubspot = hubspot::HubSpot::new(config, options()).expect("a client is made");
        let credentials = salesforce::Credentials::Client {
            client_id: Sensitive::new(world.salesforce.client_id.clone()),
            client_secret: Sensitive::new(world.salesforce.client_secret.clone()),
        };
        let config = salesforce::Config::new(running.salesforce_url.clone(), credentials);
        let salesforce = salesforce::Salesforce::new(config, options()).expect("a client is made");
        let dir = tempfile::tempdir().expect("a directory");
        let warehouse = Warehouse::open("file://./warehouse", dir.path()).expect("a warehouse");
        let lease = Lease::take(&warehouse, RUN).await.expect("the lease is free");
        Self { sandbox, running, hubspot, salesforce, warehouse, lease, _dir: dir }
    }

    fn crms(&self) -> BTreeMap<CrmKind, &dyn Crm> {
        let (hubspot, salesforce): (&dyn Crm, &dyn Crm) = (&self.hubspot, &self.salesforce);
        BTreeMap::from([(CrmKind::HubSpot, hubspot), (CrmKind::Salesforce, salesforce)])
    }

    async fn apply(&self, actions: &[Action], is_reread: bool) -> ApplySummary {
        self.apply_until(actions, is_reread, u64::MAX).await
    }

    /// Applies, and asks to stop once HubSpot has received so many updates, turned away or not.
    async fn apply_until(
        &self,
        actions: &[Action],
        is_reread: bool,
        n_updates: u64,
    ) -> ApplySummary {
        let (stop, counters) = (AtomicBool::new(false), self.sandbox.counters());
        let now = || {
            let counts = counters.counts();
            let updates = counts.iter().filter(|(key, _)| key.family == "objects.batch.update");
            stop.store(updates.map(|(_, n)| n).sum::<u64>() >= n_updates, Ordering::SeqCst);
            NOW.to_owned()
        };
        let options =
            ApplyOptions { run: RUN, is_reread, known: &[], only: None, stop: &stop, now: &now };
        let applied =
            apply(actions, &self.crms(), &self.warehouse, &self.lease, &options, &()).await;
        applied.unwrap_or_else(|error| panic!("{:#}", anyhow::Error::from(error))).1
    }

    /// Returns how many records each call carried, in the order in which they went.
    async fn sizes(&self) -> Vec<usize> {
        let (_, records) = Journal::open(&self.warehouse, RUN).await.expect("the journal is read");
        records.iter().map(|record| record.intent.actions.len()).collect()
    }

    /// Lets the next call of a family meet a fault, after so many others.
    fn fault(&self, family: &str, skip: u32, kind: Kind) {
        let family = Some(family.to_owned());
        self.sandbox.faults().add(Fault { family, skip, ..Fault::next(kind) });
    }

    /// Sets rules of the Salesforce org.
    async fn rules(&self, rules: serde_json::Value) {
        let url = format!("{}/__sandbox/salesforce/rules", self.running.salesforce_url);
        let client = crate::crm::transport::plain_client(std::time::Duration::from_secs(10));
        let answer = client.expect("a client").patch(url).json(&rules).send().await;
        assert!(answer.expect("an answer").status().is_success(), "the rules are taken");
    }
}

fn demo() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/demo")
}

/// Reads the ids of the first live records of a file of the demo, and what they hold in a column.
fn records(file: &str, id: &str, column: &str, n: usize) -> Vec<(String, Option<String>)> {
    let mut reader = csv::Reader::from_path(demo().join(file)).expect("the file is there");
    let header = reader.headers().expect("a header").clone();
    let place = |name: &str| header.iter().position(|column| column == name);
    let (id, column) = (place(id).expect("an id"), place(column).expect("a column"));
    let gone: Vec<usize> =
        ["archived", "IsDeleted", "IsConverted"].iter().filter_map(|name| place(name)).collect();
    reader
        .records()
        .map(|row| row.expect("a row"))
        .filter(|row| gone.iter().all(|place| &row[*place] != "true"))
        .take(n)
        .map(|row| {
            let value = Some(row[column].to_owned()).filter(|value| !value.is_empty());
            (row[id].to_owned(), value)
        })
        .collect()
}

/// Plans a new job title for so many records of an object.
fn titles(system: CrmKind, api: WriteApi, n: usize) -> Vec<Action> {
    let (object, file, id, field) = match system {
        CrmKind::HubSpot => ("contacts", "hubspot/objects/contacts.csv", "id", "jobtitle"),
        CrmKind::Salesforce => ("Lead", "salesforce/objects/Lead.csv", "Id", "Title"),
    };
    let shape = system.write_shape(WriteOperation::Update);
    let per_call = match api {
        WriteApi::Batch => shape.records_per_call(),
        WriteApi::Bulk => n,
    };
    let records = records(file, id, field, n);
    assert_eq!(records.len(), n, "the demo is large enough");
    let action = |(place, (id, before)): (usize, (String, Option<String>))| Action {
        action_id: format!("a-{place:08}"),
        call: u32::try_from(place / per_call).expect("a small number"),
        api,
        system,
        object: object.to_owned(),
        operation: WriteOperation::Update,
        record_id: Some(id),
        create_key: None,
        golden_id: format!("p_{place}"),
        depends_on: None,
        changes: vec![FieldChange {
            field: "job_title".to_owned(),
            target_field: field.to_owned(),
            field_type: FieldType::Text,
            before,
            after: After::Value(format!("Head of Growth {place}")),
            rule: "owner_salesforce".to_owned(),
        }],
    };
    records.into_iter().enumerate().map(action).collect()
}

fn price_of(actions: &[Action]) -> Price {
    let care = Care { is_reread: true, canary: &BTreeSet::new() };
    price(actions, care, &BTreeMap::new()).remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_carry_less_after_a_strain_and_grow_back() {
    let site = Site::open().await;
    let actions = titles(CrmKind::HubSpot, WriteApi::Batch, 450);
    site.fault("objects.batch.update", 0, Kind::Locked);
    let summary = site.apply(&actions, false).await;
    assert_eq!((summary.accepted, summary.left), (450, 0), "{summary:?}");
    // Half after the lock; a tenth of the ceiling more after each that was full; what is left of a
    // planned call goes by itself.
    assert_eq!(site.sizes().await, [100, 50, 50, 60, 40, 70, 30, 50]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_locked_makes_the_next_calls_smaller() {
    let site = Site::open().await;
    let actions = titles(CrmKind::Salesforce, WriteApi::Batch, 2_000);
    let held = actions[7].record_id.clone().expect("an update has an id");
    site.rules(json!({"locks": [{"object": "Lead", "ids": [held], "times": 1}]})).await;
    let summary = site.apply(&actions, false).await;
    assert_eq!((summary.accepted, summary.left), (2_000, 0), "{summary:?}");
    assert_eq!(site.sizes().await, [1_000, 1, 500, 500]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_obeyed_between_the_calls_into_which_a_planned_one_was_cut() {
    let site = Site::open().await;
    let actions = titles(CrmKind::HubSpot, WriteApi::Batch, 200);
    site.fault("objects.batch.update", 0, Kind::Locked);
    // The first is turned away once and sent again.
    let stopped = site.apply_until(&actions, false, 3).await;
    assert_eq!((stopped.accepted, stopped.left), (150, 50), "{stopped:?}");
    assert!(stopped.is_interrupted);
    let resumed = site.apply(&actions, false).await;
    assert_eq!((resumed.accepted, resumed.left), (200, 0), "{resumed:?}");
    assert_eq!(site.sizes().await, [100, 50, 50]);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_at_ease_are_those_that_were_priced() {
    let site = Site::open().await;
    for system in [CrmKind::HubSpot, CrmKind::Salesforce] {
        let mut actions = titles(system, WriteApi::Batch, 1_150);
        for action in &mut actions {
            action.action_id = format!("{system}-{}", action.action_id);
        }
        let summary = site.apply(&actions, true).await;
        assert_eq!((summary.accepted, summary.left), (1_150, 0), "{summary:?}");
        let (price, calls) = (price_of(&actions), site.crms()[&system].calls());
        assert_eq!((calls.write, calls.read), (price.write_calls, price.reread_calls), "{system}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_read_again_five_collections_a_call_and_what_changed_is_left_alone() {
    let site = Site::open().await;
    let actions = titles(CrmKind::Salesforce, WriteApi::Bulk, 2_600);
    // Two leads change after the plan, one in each of the two collections.
    let mut edits = [actions[3].clone(), actions[2_400].clone()];
    for edit in &mut edits {
        (edit.api, edit.call) = (WriteApi::Batch, 0);
        edit.action_id = format!("edit-{}", edit.action_id);
        edit.changes[0].after = After::Value("Retired".to_owned());
    }
    let edited = site.apply(&edits, false).await;
    assert_eq!(edited.accepted, 2, "{edited:?}");
    let before = site.salesforce.calls();
    let summary = site.apply(&actions, true).await;
    assert_eq!((summary.accepted, summary.drift), (2_598, 2), "{summary:?}");
    let (price, calls) = (price_of(&actions), site.salesforce.calls());
    assert_eq!((price.write_calls, price.reread_calls), (4, 1));
    let spent = (calls.write + calls.read) - (before.write + before.read);
    assert_eq!(spent, price.write_calls + price.reread_calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_at_any_call_of_a_job_is_opened_again_and_nothing_is_sent_twice() {
    let site = Site::open().await;
    let actions = titles(CrmKind::Salesforce, WriteApi::Bulk, 300);
    // Opened, filled, closed, asked about, and its results fetched.
    for (family, skip) in [
        ("jobs.ingest", 0),
        ("jobs.ingest.batches", 0),
        ("jobs.ingest.job", 0),
        ("jobs.ingest.job", 1),
        ("jobs.ingest.successful_results", 0),
    ] {
        site.fault(family, skip, Kind::ExpiredToken);
    }
    let summary = site.apply(&actions, true).await;
    assert_eq!((summary.accepted, summary.left), (300, 0), "{summary:?}");
    assert_eq!(site.sizes().await, [300], "one job");
    let met = site.sandbox.faults().view();
    assert_eq!((met.n_met, met.asked), (5, Vec::new()));
    assert_eq!(site.salesforce.calls().retry, 5);
    let live = read_live(&site.salesforce, &actions).await.expect("a read");
    assert!(actions.iter().all(|action| {
        let record = &live[&("Lead".to_owned(), action.record_id.clone().expect("an id"))];
        let After::Value(title) = &action.changes[0].after else { panic!("a title") };
        record.values["Title"].as_ref() == Some(title)
    }));
}
