//! The same world read by every way: the same rows, the same fingerprints.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request as HttpRequest;
use datafusion::arrow::array::{Array, AsArray};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use super::transport::{Backoff, TransportOptions};
use super::*;
use crate::sandbox::company::{CompanyOptions, generate};
use crate::sandbox::faults::{Fault, Kind};
use crate::sandbox::hubspot::ExportTimes;
use crate::sandbox::{Running, Sandbox};
use crate::snapshot::{Choice, Manifest, PullError, PullOptions, PullProgress, Reason, pull};
use crate::warehouse::Warehouse;

/// A small company's two accounts, and a warehouse for each way.
struct World {
    dir: TempDir,
    sandbox: Sandbox,
    running: Running,
    hubspot: hubspot::HubSpot,
    salesforce: salesforce::Salesforce,
}

/// Notes which ways led nowhere.
#[derive(Default)]
struct Turns(std::sync::Mutex<Vec<(String, Way, String)>>);

impl PullProgress for Turns {
    fn turned(&self, choice: &Choice) {
        let Reason::Instead { of, because } = &choice.reason else { return };
        let mut turns = self.0.lock().expect("no test panics while it holds this");
        turns.push((choice.extraction.clone(), *of, because.clone()));
    }
}

/// Stops a pull after so many pages.
struct Interrupt {
    cancel: Arc<AtomicBool>,
    pages: AtomicUsize,
}

impl PullProgress for Interrupt {
    fn advanced(&self, _extraction: &str, _n_records: u64) {
        if self.pages.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.cancel.store(true, Ordering::SeqCst);
        }
    }
}

/// Every row of every table: values, archived and fingerprint by the table's name and key.
type Rows = BTreeMap<(String, String), Vec<Option<String>>>;

impl World {
    async fn new(seed: u64) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        generate(&CompanyOptions::small(seed)).write(&dir.path().join("world")).expect("a world");
        let sandbox = Sandbox::open(&dir.path().join("world"), None).expect("the sandbox opens");
        let running = sandbox.serve().await.expect("the sandbox listens");
        let backoff = Backoff { first_ms: 1, longest_ms: 1, tries_max: 4, longest_job_ms: 1 };
        let options = || TransportOptions {
            backoff,
            keeps_known_limits: false,
            ..TransportOptions::default()
        };
        let world = sandbox.world().clone();
        let mut config = hubspot::Config::new(Sensitive::new(world.hubspot.token.clone()));
        config.base_url.clone_from(&running.hubspot_url);
        let credentials = salesforce::Credentials::Client {
            client_id: Sensitive::new(world.salesforce.client_id.clone()),
            client_secret: Sensitive::new(world.salesforce.client_secret.clone()),
        };
        let hubspot = hubspot::HubSpot::new(config, options()).expect("a client");
        let config = salesforce::Config::new(running.salesforce_url.clone(), credentials);
        let salesforce = salesforce::Salesforce::new(config, options()).expect("a client");
        Self { dir, sandbox, running, hubspot, salesforce }
    }

    fn warehouse(&self, name: &str) -> Warehouse {
        Warehouse::open(&format!("file://./{name}"), self.dir.path()).expect("a warehouse")
    }

    fn options(&self, id: &str, ways: &[(&str, Way)]) -> PullOptions {
        let now = self.sandbox.clock().now();
        let ways = ways.iter().map(|(object, way)| ((*object).to_owned(), *way)).collect();
        PullOptions { ways, min_rows_share: 0.5, ..PullOptions::new(id, now) }
    }

    async fn pull(
        &self,
        crm: &dyn Crm,
        warehouse: &Warehouse,
        options: &PullOptions,
    ) -> (Rows, Manifest, Vec<(String, Way, String)>) {
        let turns = Turns::default();
        let requests = match crm.kind() {
            CrmKind::HubSpot => hubspot::object_requests(),
            CrmKind::Salesforce => salesforce::object_requests(),
        };
        let name = crm.kind().as_str();
        let manifest = pull(name, crm, &requests, warehouse, options, &turns).await;
        let manifest = manifest.unwrap_or_else(|e| panic!("{:#}", anyhow::Error::from(e)));
        let rows = rows(warehouse, &manifest).await;
        (rows, manifest, turns.0.into_inner().expect("no test panics while it holds this"))
    }

    async fn hubspot_call(&self, method: &str, path: &str, body: &Value) -> Value {
        let token = self.sandbox.world().hubspot.token.clone();
        call(self.sandbox.hubspot_router(), method, path, &token, body).await
    }

    async fn salesforce_call(&self, method: &str, path: &str, body: &Value) -> Value {
        let world = &self.sandbox.world().salesforce;
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            world.client_id, world.client_secret
        );
        let request = HttpRequest::post("/services/oauth2/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form))
            .expect("a request");
        let answer = self.sandbox.salesforce_router().oneshot(request).await.expect("an answer");
        let bytes = to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
        let answer: Value = serde_json::from_slice(&bytes).expect("JSON");
        let token = answer["access_token"].as_str().expect("a token").to_owned();
        call(self.sandbox.salesforce_router(), method, path, &token, body).await
    }
}

async fn call(router: Router, method: &str, path: &str, token: &str, body: &Value) -> Value {
    let request = HttpRequest::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(Body::from(if body.is_null() { String::new() } else { body.to_string() }))
        .expect("a request");
    let answer = router.oneshot(request).await.expect("an answer");
    let status = answer.status();
    let bytes = to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
    assert!(status.is_success(), "{path}: {status}: {}", String::from_utf8_lossy(&bytes));
    serde_json::from_slice(&bytes).unwrap_or(Value::Null)
}

async fn rows(warehouse: &Warehouse, manifest: &Manifest) -> Rows {
    let mut rows = Rows::new();
    for table in &manifest.tables {
        for file in &table.files {
            for batch in warehouse.read_parquet(file).await.expect("the file is read") {
                let columns = table.columns.iter().map(String::as_str).chain(["_fingerprint"]);
                let columns: Vec<_> = columns
                    .map(|name| batch.column_by_name(name).expect(name).as_string::<i32>().clone())
                    .collect();
                let archived = batch.column_by_name("_archived").expect("it").as_boolean().clone();
                for row in 0..batch.num_rows() {
                    let value = |column: &datafusion::arrow::array::StringArray| {
                        column.is_valid(row).then(|| column.value(row).to_owned())
                    };
                    let mut values: Vec<Option<String>> = columns.iter().map(value).collect();
                    values.push(Some(archived.value(row).to_string()));
                    let position = |key: &String| table.columns.iter().position(|c| c == key);
                    let key = table.key.iter().filter_map(position);
                    let key: Vec<&str> =
                        key.map(|at| values[at].as_deref().unwrap_or("")).collect();
                    let key = (table.name.clone(), key.join(" "));
                    assert!(rows.insert(key.clone(), values).is_none(), "twice: {key:?}");
                }
            }
        }
    }
    rows
}

fn assert_same(label: &str, found: &Rows, expect: &Rows) {
    for (key, row) in expect {
        assert_eq!(found.get(key), Some(row), "{label}: {key:?}");
    }
    let extra: Vec<_> = found.keys().filter(|key| !expect.contains_key(*key)).collect();
    assert!(extra.is_empty(), "{label}: {extra:?}");
}

fn some_ids(rows: &Rows, table: &str) -> Vec<String> {
    let live = rows.iter().filter(|((name, _), row)| {
        name == table && row.last().is_some_and(|archived| archived.as_deref() == Some("false"))
    });
    live.map(|((_, key), _)| key.clone()).collect()
}

const EXPORTS: [(&str, Way); 3] =
    [("contacts", Way::Export), ("companies", Way::Export), ("deals", Way::Export)];

#[tokio::test(flavor = "multi_thread")]
async fn an_export_lands_what_the_list_lands_whatever_its_file_looks_like() {
    let world = World::new(11).await;
    world.sandbox.clock().advance(SignedDuration::from_hours(24));
    let list = [("contacts", Way::List), ("companies", Way::List), ("deals", Way::List)];
    let warehouse = world.warehouse("list");
    let (expect, ..) = world.pull(&world.hubspot, &warehouse, &world.options("s1", &list)).await;
    let before = world.sandbox.hubspot().settings();
    for (name, times, labels, archived, zip_over) in [
        ("epoch", ExportTimes::EpochMs, false, false, 2_000_000),
        ("iso", ExportTimes::Iso, true, false, 100),
    ] {
        let mut settings = before.clone();
        settings.exports.times = times;
        settings.exports.labels_id_column = labels;
        settings.exports.includes_archived = archived;
        settings.exports.zip_over_bytes = zip_over;
        world.sandbox.hubspot().set_settings(settings);
        let options = world.options("s1", &EXPORTS);
        let (found, manifest, turns) =
            world.pull(&world.hubspot, &world.warehouse(name), &options).await;
        assert_eq!(turns, [], "{name}");
        assert_same(name, &found, &expect);
        assert_eq!(manifest.exports, 3);
    }
    let mut settings = before;
    settings.exports.includes_archived = true;
    world.sandbox.hubspot().set_settings(settings);
    let contacts = some_ids(&expect, "contacts");
    let path = format!("/crm/objects/2026-09/contacts/{}", contacts[0]);
    world.hubspot_call("DELETE", &path, &Value::Null).await;
    let requests = hubspot::object_requests();
    let (warehouse, options) = (world.warehouse("archived"), world.options("s1", &EXPORTS));
    let refused =
        pull("hubspot", &world.hubspot, &requests, &warehouse, &options, &Turns::default()).await;
    assert!(
        matches!(&refused, Err(PullError::WayClosed { why, .. }) if why.contains("are live")),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_ends_badly_gives_way_to_the_list() {
    let world = World::new(12).await;
    let (expect, ..) =
        world.pull(&world.hubspot, &world.warehouse("list"), &world.options("s1", &[])).await;
    let mut settings = world.sandbox.hubspot().settings();
    settings.exports.ends = crate::sandbox::hubspot::JobEnd::Failed;
    world.sandbox.hubspot().set_settings(settings);
    // Not forced, but so cheap that it is chosen: the extraction has nothing else in its favor.
    let refused = pull(
        "hubspot",
        &world.hubspot,
        &hubspot::object_requests(),
        &world.warehouse("forced"),
        &world.options("s1", &EXPORTS),
        &Turns::default(),
    )
    .await;
    assert!(matches!(refused, Err(PullError::WayClosed { .. })), "{refused:?}");
    let mut settings = world.sandbox.hubspot().settings();
    settings.exports.ends = crate::sandbox::hubspot::JobEnd::Done;
    settings.exports.share_percent = 50;
    world.sandbox.hubspot().set_settings(settings);
    let partial = pull(
        "hubspot",
        &world.hubspot,
        &hubspot::object_requests(),
        &world.warehouse("partial"),
        &world.options("s1", &EXPORTS),
        &Turns::default(),
    )
    .await;
    assert!(matches!(partial, Err(PullError::BelowTotal { .. })), "{partial:?}");
    assert!(!expect.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_job_lands_what_queries_land() {
    let world = World::new(13).await;
    let queries: Vec<(&str, Way)> = Vec::new();
    let (expect, manifest, _) = world
        .pull(&world.salesforce, &world.warehouse("query"), &world.options("s1", &queries))
        .await;
    assert!(manifest.tables.iter().all(|table| table.way == Some(Way::Query)));
    let objects = salesforce::object_requests();
    let bulk: Vec<(&str, Way)> =
        objects.iter().map(|request| (request.object.as_str(), Way::Bulk)).collect();
    let (found, manifest, turns) =
        world.pull(&world.salesforce, &world.warehouse("bulk"), &world.options("s1", &bulk)).await;
    assert_eq!(turns, []);
    assert!(manifest.tables.iter().all(|table| table.way == Some(Way::Bulk)));
    assert_same("bulk", &found, &expect);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_laid_over_the_last_snapshot_is_what_a_full_pull_reads() {
    let world = World::new(14).await;
    let (hubspot, salesforce) = (&world.hubspot, &world.salesforce);
    let nightly = world.warehouse("nightly");
    let night = |id: &str| {
        let mut options = world.options(id, &[]);
        options.incremental = true;
        options
    };
    let (at_hubspot, ..) = world.pull(hubspot, &nightly, &night("s0")).await;
    let (at_salesforce, ..) = world.pull(salesforce, &nightly, &night("s0")).await;
    let contacts = some_ids(&at_hubspot, "contacts");
    let deals = some_ids(&at_hubspot, "deals");
    let leads = some_ids(&at_salesforce, "lead");
    for (n, deal) in deals.iter().take(3).enumerate() {
        let hour = SignedDuration::from_hours(1);
        world.sandbox.clock().advance(hour * 12);
        let (at, path) = (n * 5, "/crm/objects/2026-09");
        let edit =
            json!({"properties": {"jobtitle": format!("Title {n}"), "lifecyclestage": "customer"}});
        world.hubspot_call("PATCH", &format!("{path}/contacts/{}", contacts[at]), &edit).await;
        world
            .hubspot_call("DELETE", &format!("{path}/contacts/{}", contacts[at + 1]), &Value::Null)
            .await;
        world.hubspot_call("DELETE", &format!("{path}/deals/{deal}"), &Value::Null).await;
        let merge =
            json!({"primaryObjectId": contacts[at + 2], "objectIdToMerge": contacts[at + 3]});
        world.hubspot_call("POST", &format!("{path}/contacts/merge"), &merge).await;
        let create =
            json!({"properties": {"email": format!("new{n}@example.com"), "firstname": "New"}});
        world.hubspot_call("POST", &format!("{path}/contacts"), &create).await;
        let leads_path = "/services/data/v68.0/sobjects/Lead";
        let edit = json!({"Title": format!("Title {n}")});
        world.salesforce_call("PATCH", &format!("{leads_path}/{}", leads[at]), &edit).await;
        world
            .salesforce_call("DELETE", &format!("{leads_path}/{}", leads[at + 1]), &Value::Null)
            .await;
        let create = json!({"LastName": "New", "Company": "Acme"});
        world.salesforce_call("POST", leads_path, &create).await;
        world.sandbox.clock().advance(hour * 12);

        let id = format!("s{}", n + 1);
        for crm in [hubspot as &dyn Crm, salesforce as &dyn Crm] {
            let (found, _, turns) = world.pull(crm, &nightly, &night(&id)).await;
            assert_eq!(turns, [], "{id}");
            let full = world.warehouse(&format!("full-{id}"));
            let (expect, ..) = world.pull(crm, &full, &world.options(&id, &[])).await;
            assert_same(&id, &found, &expect);
        }
        // Forced, every object goes this way that can, and the rows are the same.
        let forced = [("contacts", Way::Changes), ("deals", Way::Changes)];
        let (found, manifest, turns) =
            world.pull(hubspot, &nightly, &world.options(&format!("{id}-forced"), &forced)).await;
        assert_eq!(turns, [], "{id}");
        assert_eq!(manifest.table("contacts").expect("a table").way, Some(Way::Changes));
        let full = world.warehouse(&format!("full-{id}-forced"));
        let (expect, ..) = world.pull(hubspot, &full, &world.options(&id, &[])).await;
        assert_same("forced", &found, &expect);
        let forced = ["Lead", "Contact", "Account", "Opportunity", "Task", "LeadHistory"]
            .map(|object| (object, Way::Changes));
        let options = world.options(&format!("{id}-forced"), &forced);
        let (found, manifest, turns) = world.pull(salesforce, &nightly, &options).await;
        assert_eq!(turns, [], "{id}");
        assert_eq!(manifest.table("lead").expect("a table").way, Some(Way::Changes));
        let full = world.warehouse(&format!("full-{id}-forced"));
        let (expect, ..) = world.pull(salesforce, &full, &world.options(&id, &[])).await;
        assert_same("forced", &found, &expect);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_change_tells_is_read_in_full() {
    let world = World::new(15).await;
    let nightly = world.warehouse("nightly");
    let day = SignedDuration::from_hours(24);
    let at = |id: &str, days: i32, ways: &[(&str, Way)]| {
        let options = world.options(id, ways);
        PullOptions { pulled_at: options.pulled_at + day * days, ..options }
    };
    // A clock that is two days ahead: changes until then come before what is asked for.
    world.pull(&world.hubspot, &nightly, &at("s0", 2, &[])).await;
    world.sandbox.clock().advance(day);
    let create = json!({"properties": {"email": "late@example.com"}});
    world.hubspot_call("POST", "/crm/objects/2026-09/contacts", &create).await;
    let changes = [("contacts", Way::Changes)];
    let (found, manifest, turns) =
        world.pull(&world.hubspot, &nightly, &at("s1", 2, &changes)).await;
    assert_eq!(turns.len(), 1, "{turns:?}");
    assert!(turns[0].2.contains("where the vendor counts"), "{turns:?}");
    assert_eq!(manifest.table("contacts").expect("a table").way, Some(Way::List));
    let full = world.warehouse("full");
    let (expect, ..) = world.pull(&world.hubspot, &full, &at("s1", 2, &[])).await;
    assert_same("turned", &found, &expect);
    // Long after the last full reading, nothing is built upon it.
    let requests = hubspot::object_requests();
    let old = at("s2", 12, &changes);
    let refused =
        pull("hubspot", &world.hubspot, &requests, &nightly, &old, &Turns::default()).await;
    assert!(
        matches!(&refused, Err(PullError::WayClosed { why, .. }) if why.contains("too long")),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_pull_is_gone_on_with() {
    let world = World::new(16).await;
    let lists = |world: &World| -> u64 {
        let counts = world.sandbox.counters().counts();
        let lists = counts.iter().filter(|(key, _)| key.family == "objects");
        lists.map(|(_, calls)| calls).sum()
    };
    let whole = world.warehouse("whole");
    let (expect, ..) = world.pull(&world.hubspot, &whole, &world.options("s1", &[])).await;
    let undisturbed = lists(&world);
    assert!(undisturbed > 4, "{undisturbed}");
    let broken = world.warehouse("broken");
    world.sandbox.counters().reset();
    let requests = hubspot::object_requests();
    for n in 0..3 {
        let mut options = world.options(&format!("b{n}"), &[]);
        options.parallel_extractions = 1;
        let interrupt = Interrupt { cancel: Arc::clone(&options.cancel), pages: 2.into() };
        let broke = pull("hubspot", &world.hubspot, &requests, &broken, &options, &interrupt).await;
        assert!(matches!(broke, Err(PullError::Cancelled)), "{broke:?}");
        assert_eq!(Manifest::latest(&broken, "hubspot").await.expect("a list"), None);
    }
    let (found, manifest, _) = world.pull(&world.hubspot, &broken, &world.options("b9", &[])).await;
    assert_eq!(manifest.snapshot_id, "b0");
    assert_same("gone on with", &found, &expect);
    // Each break may cost the pages that were on their way when it came.
    assert!(lists(&world) <= undisturbed + 3 * 4, "{} {undisturbed}", lists(&world));
    assert!(broken.list("snapshots/hubspot/_pulling").await.expect("a list").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_end_within_an_export_or_a_bulk_query_are_replaced() {
    let world = World::new(17).await;
    let oauth = world.sandbox.hubspot().settings().oauth;
    let config = hubspot::Config {
        base_url: world.running.hubspot_url.clone(),
        credentials: hubspot::Credentials::Refresh {
            client_id: Sensitive::new(oauth.client_id),
            client_secret: Sensitive::new(oauth.client_secret),
            refresh_token: Sensitive::new(oauth.refresh_token),
        },
        version: hubspot::VERSION_DEFAULT.to_owned(),
    };
    let options = || TransportOptions { keeps_known_limits: false, ..TransportOptions::default() };
    let hubspot = hubspot::HubSpot::new(config, options()).expect("a client");
    let (export, _, turns) =
        world.pull(&hubspot, &world.warehouse("export"), &world.options("s1", &EXPORTS)).await;
    assert_eq!(turns, []);
    let bulk = [("Lead", Way::Bulk), ("Task", Way::Bulk)];
    let (jobs, ..) =
        world.pull(&world.salesforce, &world.warehouse("jobs"), &world.options("s1", &bulk)).await;

    // Tokens end once each: when a job is begun, while it is asked about, and while it is fetched.
    let fault = |path: &str, skip| Fault {
        path_prefix: Some(path.to_owned()),
        skip,
        ..Fault::next(Kind::ExpiredToken)
    };
    let faults = [
        fault("/crm/exports/2026-09/export/async", 0),
        fault("/crm/exports/2026-09/export/async/tasks", 1),
        fault("/crm/objects/2026-09/contacts/batch/read", 0),
        fault("/services/data/v68.0/jobs/query", 0),
        fault("/services/data/v68.0/jobs/query/", 2),
        fault("/services/data/v68.0/jobs/query/", 3),
    ];
    let n_faults = faults.len() as u64;
    for fault in faults {
        world.sandbox.faults().add(fault);
    }
    let (found, manifest, turns) =
        world.pull(&hubspot, &world.warehouse("export-2"), &world.options("s1", &EXPORTS)).await;
    assert_eq!((turns.as_slice(), manifest.exports), (&[][..], 3), "no export is begun twice");
    assert_same("export", &found, &export);
    // One walk at a time: a session that ends ends for all of them, and the new one of one walk could
    // be what the next fault hits.
    let alone = PullOptions { parallel_extractions: 1, ..world.options("s1", &bulk) };
    let (found, _, turns) = world.pull(&world.salesforce, &world.warehouse("jobs-2"), &alone).await;
    assert_eq!(turns, []);
    assert_same("bulk query", &found, &jobs);
    assert_eq!(world.sandbox.faults().view().n_met, n_faults);
}
