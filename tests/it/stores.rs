//! Warehouses on object stores: the same nights as on files, and one writer at a time.

use std::collections::BTreeMap;
use std::process::{Child, Command};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use concord::apply::{ApplyError, Journal};
use concord::crm::CrmKind;
use concord::digest::short_digest;
use concord::sandbox::company::CompanyOptions;
use concord::sandbox::{Running, Sandbox};
use concord::warehouse::{LEASE_TIME, Lease, LeaseError, Warehouse, WarehouseError};
use datafusion::arrow::array::{RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use futures::TryStreamExt;
use futures::future::join_all;
use object_store::path::Path as StorePath;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::runtime::Runtime;

use crate::support::stores::{Protocol, TestStore};
use crate::support::{Company, Output};
use crate::trouble::TOKEN;

/// Longest wait for a sign of life; a machine under load is slow, not wrong.
const PATIENCE: Duration = Duration::from_mins(2);

/// Short, so that a test can wait for its end; long enough for a store on a loaded machine.
const SHORT_LEASE_SECONDS: u64 = 6;

#[test]
fn a_night_on_s3_ends_as_on_files_and_the_next_has_nothing_to_do() {
    nights_end_as_on_files(Protocol::S3);
}

#[test]
fn a_night_on_google_ends_as_on_files_and_the_next_has_nothing_to_do() {
    nights_end_as_on_files(Protocol::Google);
}

#[test]
fn a_night_on_azure_ends_as_on_files_and_the_next_has_nothing_to_do() {
    nights_end_as_on_files(Protocol::Azure);
}

fn nights_end_as_on_files(protocol: Protocol) {
    let Some(store) = TestStore::start(protocol) else { return };
    let company = Company::new(&CompanyOptions::small(5));
    let url = store.url("some/company");
    let told = two_nights(|arguments| {
        let arguments = [arguments, &["--warehouse", &url]].concat();
        let output = company.concord_with(&arguments, &store.variables());
        assert_eq!(output.code, 0, "{arguments:?}: {}{}", output.stdout, output.stderr);
        output.stdout
    });
    assert!(told[1].contains("nothing to do"), "{}", told[1]);
    assert!(told[2].lines().count() > 1, "{}", told[2]);
    assert_eq!(told, *ON_FILES);
    for nowhere in [".concord/sandbox/warehouse", "warehouse"] {
        assert!(!company.path(nowhere).exists(), "{nowhere} was made on this machine");
    }
}

/// What the same two nights tell on files.
static ON_FILES: LazyLock<[String; 3]> = LazyLock::new(|| {
    let company = Company::new(&CompanyOptions::small(5));
    two_nights(|arguments| company.good(arguments).stdout)
});

/// What two nights print, and what the second leaves to be asked.
fn two_nights(concord: impl Fn(&[&str]) -> String) -> [String; 3] {
    let outcomes = "select action_id, outcomes.status as became, runs.status as ended, golden_id \
                    from ops.outcomes inner join ops.runs on outcomes.run_id = runs.run_id \
                    order by action_id, target_field";
    [
        concord(&["run", "--sandbox"]),
        concord(&["run", "--sandbox"]),
        concord(&["query", "--sandbox", "--format", "csv", outcomes]),
    ]
}

#[test]
fn the_stores_keep_what_the_warehouse_rests_on() {
    for protocol in [Protocol::S3, Protocol::Google, Protocol::Azure] {
        let Some(store) = TestStore::start(protocol) else { return };
        let runtime = Runtime::new().expect("a runtime");
        runtime.block_on(async {
            one_of_many_gets_the_lease(&store).await;
            a_stale_epoch_writes_nothing(&store).await;
            large_files_arrive_in_parts(&store).await;
            warehouses_of_one_bucket_do_not_meet(&store).await;
        });
    }
}

async fn one_of_many_gets_the_lease(store: &TestStore) {
    let mut epochs = Vec::new();
    for round in 0..4 {
        let warehouses: Vec<Warehouse> = (0..6).map(|_| store.open("race", LEASE_TIME)).collect();
        let takings = warehouses.iter().map(|warehouse| Lease::take(warehouse, "a racer"));
        let taken = join_all(takings).await;
        let mut leases = Vec::new();
        for taking in taken {
            match taking {
                Ok(lease) => leases.push(lease),
                Err(LeaseError::Held { .. }) => {}
                Err(error) => panic!("{:?}: {error}", store.protocol),
            }
        }
        assert_eq!(leases.len(), 1, "{:?}, round {round}", store.protocol);
        let again = Lease::take(&store.open("race", LEASE_TIME), "a latecomer").await;
        let held = again.expect_err("it is held");
        let LeaseError::Held { holder, seconds_left } = held else { panic!("{held}") };
        assert_eq!(holder, "a racer");
        assert!(seconds_left.is_some_and(|left| left > 0 && left <= LEASE_TIME.as_secs() + 1));
        epochs.extend(leases.iter().map(Lease::epoch));
    }
    // Given back, it can be had at once, and each holder's epoch is one higher.
    assert_eq!(epochs, [1, 2, 3, 4], "{:?}", store.protocol);
}

async fn a_stale_epoch_writes_nothing(store: &TestStore) {
    let time = Duration::from_secs(2);
    let first = store.open("stale", time);
    let held = Lease::take(&first, "the first").await.expect("the lease");
    let (mut journal, _) = Journal::open(&first, "run").await.expect("the journal");
    journal.put_intent(held.epoch(), CrmKind::HubSpot, Vec::new()).await.expect("an intent");
    // As if its process had slept: nobody renews what is not there any more.
    overwrite_lease(&first, "the second", 2).await;
    let before = contents(&first).await;
    let refused = journal.put_intent(held.epoch(), CrmKind::HubSpot, Vec::new()).await;
    let ApplyError::Warehouse(WarehouseError::Lease(lost)) =
        refused.expect_err("it is not its turn any more")
    else {
        // Until its own clock or a renewal tells, the put-if-absent is what refuses.
        panic!("{:?}: an intent was refused for another reason", store.protocol)
    };
    assert!(
        matches!(&lost, LeaseError::Lost { held: 1, found: 2, holder } if holder == "the second"),
        "{lost}"
    );
    let put = first.put_json("runs/run/run.json", &1).await;
    assert!(matches!(put, Err(WarehouseError::Lease(LeaseError::Lost { .. }))), "{put:?}");
    let beside = first.store().put(&StorePath::from("state/x"), "x".into()).await;
    beside.expect_err("nothing passes beside the warehouse");
    assert!(held.verify().await.is_err());
    drop(held);
    assert!(first.put_json("runs/run/run.json", &1).await.is_err(), "lost stays lost");
    assert_eq!(contents(&first).await, before);
}

/// Puts another holder's record in place, as a process would that found the lease expired, and
/// waits until the first holder has had to renew.
async fn overwrite_lease(warehouse: &Warehouse, holder: &str, epoch: u64) {
    let record = serde_json::json!({
        "epoch": epoch, "holder": holder, "nonce": "another", "renewal": 0, "seconds": 60,
        "is_released": false, "is_proven": true,
    });
    let put =
        warehouse.store().put(&StorePath::from("lease.json"), record.to_string().into()).await;
    put.expect("the record is put");
    tokio::time::sleep(Duration::from_secs(3)).await;
}

async fn large_files_arrive_in_parts(store: &TestStore) {
    let warehouse = store.open("large", LEASE_TIME);
    let schema = Arc::new(Schema::new(vec![Field::new("text", DataType::Utf8, false)]));
    let mut file =
        warehouse.create_parquet("builds/b/large.parquet", Arc::clone(&schema)).expect("a file");
    let mut n_rows = 0;
    for batch in 0..40_u64 {
        // Text that compression cannot shorten much.
        let text = |row: u64| {
            let digest = |part: u64| short_digest(&format!("{batch} {row} {part}"));
            (0..4).map(digest).collect::<String>()
        };
        let texts: StringArray = (0..10_000).map(|row| Some(text(row))).collect();
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(texts)]);
        file.write(&batch.expect("a batch")).await.expect("it is written");
        n_rows += 10_000;
    }
    let unseen = warehouse.list("builds").await.expect("a listing");
    assert!(unseen.is_empty(), "{:?}: half a file is seen: {unseen:?}", store.protocol);
    assert_eq!(file.finish().await.expect("it is published"), n_rows);
    let size = contents(&warehouse).await["builds/b/large.parquet"].1;
    assert!(size > 10 * 1024 * 1024, "{size} bytes fit into one put");
    let read = warehouse.read_parquet("builds/b/large.parquet").await.expect("it is read");
    assert_eq!(read.iter().map(RecordBatch::num_rows).sum::<usize>() as u64, n_rows);
}

async fn warehouses_of_one_bucket_do_not_meet(store: &TestStore) {
    let one = store.open("one", LEASE_TIME);
    let other = store.open("one-more", LEASE_TIME);
    for run in ["a", "b"] {
        one.put_json(&format!("runs/{run}/run.json"), &1).await.expect("it is put");
    }
    one.put_json("runs/a/journal/000001-intent.json", &1).await.expect("it is put");
    other.put_json("runs/c/run.json", &1).await.expect("it is put");
    assert_eq!(one.list_directories("runs").await.expect("a listing"), ["a", "b"]);
    assert_eq!(one.list_files("runs/a").await.expect("a listing"), ["run.json"]);
    assert_eq!(other.list("").await.expect("a listing"), ["runs/c/run.json"]);
    let twice = [one.create_json("x.json", &1).await, one.create_json("x.json", &2).await];
    assert!(matches!(twice, [Ok(true), Ok(false)]), "{twice:?}");
    assert_eq!(one.get_json::<u8>("x.json").await.expect("it is read"), Some(1));
    let paths = ["runs/a/run.json", "runs/none.json", "x.json"].map(str::to_owned);
    assert_eq!(one.get_json_of::<u8>(&paths).await.expect("they are read"), [1, 1]);
}

#[test]
fn a_store_that_ignores_conditions_is_refused_before_anything_is_written() {
    let Some(store) = TestStore::start(Protocol::CarelessS3) else { return };
    let company = Company::new(&CompanyOptions::small(5));
    let url = store.url("careless");
    let arguments = ["run", "--sandbox", "--warehouse", &url];
    for _ in 0..2 {
        let run = company.concord_with(&arguments, &store.variables());
        assert_eq!(run.code, 5, "{}", run.stderr);
        assert!(run.stderr.contains("ignores `put if absent`"), "{}", run.stderr);
        assert!(run.stderr.contains(&url), "{}", run.stderr);
    }
    let runtime = Runtime::new().expect("a runtime");
    let left = runtime.block_on(contents(&store.open("careless", LEASE_TIME)));
    assert_eq!(left.keys().collect::<Vec<_>>(), ["lease.json"]);
}

#[test]
fn of_two_processes_one_writes_and_the_other_says_who_does() {
    let Some(store) = TestStore::start(Protocol::S3) else { return };
    let company = Company::new(&CompanyOptions::small(5));
    let url = store.url("two");
    let arguments = |command: &'static str| [command, "--sandbox", "--warehouse", url.as_str()];
    let pull = company.concord_with(&arguments("pull"), &store.variables());
    assert_eq!(pull.code, 0, "{}", pull.stderr);
    let start = || company.start(&arguments("build"), &store.variables());
    let outputs: Vec<Output> = [start(), start()].map(ended).into_iter().collect();
    let codes: Vec<i32> = outputs.iter().map(|output| output.code).collect();
    assert!(codes.contains(&0) && codes.contains(&5), "{outputs:?}");
    let refused = outputs.iter().find(|output| output.code == 5).expect("one was refused");
    assert!(refused.stderr.contains("another run is writing"), "{}", refused.stderr);
    assert!(refused.stderr.contains("its turn ends in"), "{}", refused.stderr);
}

#[test]
fn a_run_killed_on_a_store_is_resumed_without_a_duplicate_or_a_loss() {
    for pattern in ["-intent.json", "-outcome.json"] {
        let Some(night) = Night::planned() else { return };
        let mut first = night.start_apply();
        night.store.signal_at(&first, "SIGKILL", pattern);
        first.wait().expect("the process ends");
        assert!(night.store.is_signalled(), "{pattern}: it was killed in the middle of its work");
        let held = night.apply();
        assert_eq!(held.code, 5, "{pattern}: {}", held.stderr);
        assert!(held.stderr.contains("its turn ends in"), "{}", held.stderr);
        let resumed = night.apply_when_free();
        assert_eq!(resumed.code, 0, "{pattern}: {}", resumed.stderr);
        night.is_whole();
    }
}

#[test]
fn a_frozen_process_writes_nothing_when_it_wakes_after_its_turn() {
    // Frozen between intent and call, it would send next; after the answer, write it down.
    for pattern in ["000001-intent.json", "000001-outcome.json"] {
        let Some(night) = Night::planned() else { return };
        let mut first = night.start_apply();
        night.store.signal_at(&first, "SIGSTOP", pattern);
        let started = Instant::now();
        while !night.store.is_signalled() {
            assert!(started.elapsed() < PATIENCE, "{pattern}: nothing was put");
            assert!(first.try_wait().expect("it can be asked").is_none(), "{pattern}: it ended");
            std::thread::sleep(Duration::from_millis(5));
        }
        let second = night.apply_when_free();
        assert_eq!(second.code, 0, "{pattern}: {}", second.stderr);
        let calls = night.sandbox.counters().counts();
        let objects = night.objects();

        signal(&first, "CONT");
        let woken = ended(first);
        assert_eq!(woken.code, 1, "{pattern}: {}", woken.stderr);
        assert!(woken.stderr.contains("lost its turn and writes nothing more"), "{}", woken.stderr);
        assert!(woken.stderr.contains("held epoch 2 of the lease"), "{}", woken.stderr);
        assert_eq!(night.sandbox.counters().counts(), calls, "{pattern}");
        assert_eq!(night.objects(), objects, "{pattern}");
        night.is_whole();
    }
}

/// A project that may write, with a plan that waits, on an S3 store and a short lease.
struct Night {
    company: Company,
    store: TestStore,
    sandbox: Sandbox,
    plan: String,
    digest: String,
    runtime: Runtime,
    _running: Running,
}

impl Night {
    fn planned() -> Option<Self> {
        let store = TestStore::start(Protocol::S3)?;
        let company = Company::new(&CompanyOptions::small(5));
        let runtime = Runtime::new().expect("a runtime");
        let sandbox = Sandbox::open(&company.path("data/demo"), None).expect("the sandbox opens");
        let running = runtime.block_on(sandbox.serve()).expect("the sandbox listens");
        let org_id = format!("account_id = \"{}\"", sandbox.world().salesforce.org_id);
        let warehouse =
            format!("url = \"{}\"\nlease_seconds = {SHORT_LEASE_SECONDS}", store.url("night"));
        for (from, to) in [
            ("https://api.hubapi.com", running.hubspot_url.as_str()),
            ("https://lumenforge.my.salesforce.com", running.salesforce_url.as_str()),
            ("access = \"read\"", "access = \"write\""),
            ("# account_id = \"4471923\"", "account_id = \"4471923\""),
            ("# account_id = \"00D5g000004XyzAEAS\"", org_id.as_str()),
            ("url = \"file://./warehouse\"", warehouse.as_str()),
        ] {
            company.edit("concord.toml", from, to);
        }
        let mut night = Self {
            company,
            store,
            sandbox,
            plan: String::new(),
            digest: String::new(),
            runtime,
            _running: running,
        };
        let run = night.concord(&["run"]);
        assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
        let plan = run.stdout.lines().find(|line| line.starts_with("plan ")).expect("a plan");
        let words: Vec<&str> = plan.split_whitespace().collect();
        let [_, plan, _, digest] = words[..] else { panic!("{plan}") };
        (night.plan, night.digest) = (plan.to_owned(), digest.to_owned());
        Some(night)
    }

    fn variables(&self) -> Vec<(&str, &str)> {
        let mut variables = self.store.variables();
        variables.extend([
            ("HUBSPOT_TOKEN", TOKEN),
            ("SALESFORCE_CLIENT_ID", "sandbox"),
            ("SALESFORCE_CLIENT_SECRET", "sandbox"),
        ]);
        variables
    }

    fn concord(&self, arguments: &[&str]) -> Output {
        self.company.concord_with(arguments, &self.variables())
    }

    fn apply_words(&self) -> [&str; 5] {
        ["apply", &self.plan, "--confirm", &self.digest, "--past-guardrails"]
    }

    fn start_apply(&self) -> Child {
        self.company.start(&self.apply_words(), &self.variables())
    }

    fn apply(&self) -> Output {
        self.concord(&self.apply_words())
    }

    /// Carries the plan out as soon as nobody else has the lease.
    fn apply_when_free(&self) -> Output {
        let started = Instant::now();
        loop {
            let output = self.apply();
            if output.code != 5 || started.elapsed() > PATIENCE {
                return output;
            }
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// Every object with its e-tag and size.
    fn objects(&self) -> BTreeMap<String, (Option<String>, u64)> {
        self.runtime.block_on(contents(&self.store.open("night", LEASE_TIME)))
    }

    /// Every planned action was accepted once, and another night finds nothing to do.
    fn is_whole(&self) {
        let query = |sql: &str| {
            let output = self.concord(&["query", "--format", "csv", sql]);
            assert_eq!(output.code, 0, "{}", output.stderr);
            output.stdout.lines().nth(1).expect("a row").to_owned()
        };
        let planned = query("select count(distinct action_id) from plan.actions");
        let accepted = query(
            "select count(distinct action_id) from ops.outcomes where status in ('accepted', 'already')",
        );
        assert_eq!(planned, accepted);
        let night = self.concord(&["run"]);
        assert_eq!(night.code, 0, "{}", night.stderr);
        assert!(night.stdout.contains("nothing to do"), "{}", night.stdout);
        let doubled = query(
            "select count(*) from (select \"Concord_Key__c\" from salesforce.lead \
             where \"Concord_Key__c\" is not null group by 1 having count(*) > 1)",
        );
        assert_eq!(doubled, "0", "a lead was made twice");
    }
}

async fn contents(warehouse: &Warehouse) -> BTreeMap<String, (Option<String>, u64)> {
    let listing: Vec<_> = warehouse.store().list(None).try_collect().await.expect("a listing");
    listing.into_iter().map(|meta| (meta.location.to_string(), (meta.e_tag, meta.size))).collect()
}

fn ended(child: Child) -> Output {
    let output = child.wait_with_output().expect("the process ends");
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "the signal is sent");
}
