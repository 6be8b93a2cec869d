//! The lease of a warehouse on an object store: one object, changed by conditional puts alone.
//!
//! Whether a lease has expired is judged by the store's clock, by which each put is dated, so
//! machines need not agree on the time. The holder counts from before it asked, on its own clocks,
//! and so always ends first. A thread of its own renews the lease at a quarter of its time, whatever
//! the rest of the process does.
//!
//! A lease begins with a proof, once a warehouse: a store that takes a second `put if absent`, or a
//! put upon an e-tag that has passed, is refused.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use object_store::path::Path as StorePath;
use object_store::{
    Error as StoreError, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
    PutResult, UpdateVersion,
};
use tokio::sync::{mpsc, oneshot};

use super::{LEASE_FILE, LeaseError, Record};
use crate::warehouse::address::Patience;
use crate::warehouse::fence::Fence;
use crate::warehouse::{Warehouse, WarehouseError, in_words, store_error};

/// Written only to learn what the store's clock says.
const CLOCK_FILE: &str = "lease-clock.json";

/// Stores date objects in whole seconds.
const CLOCK_GRAIN_SECONDS: i64 = 1;

/// Runs that may begin with a proof at the same moment.
const PROOFS_MAX: usize = 5;

/// A renewal begins after this part of the lease's time.
const RENEWALS_PER_LEASE: u32 = 4;

/// Longest that one renewal, or giving the lease back, may take.
const RENEWAL_TIME_MAX: Duration = Duration::from_secs(15);

/// The lease and the thread that renews it; released when dropped.
#[derive(Debug)]
pub(super) struct StoredLease {
    holding: StoredHolding,
    keeper: Option<JoinHandle<()>>,
}

/// What the process knows of its lease.
#[derive(Clone, Debug)]
pub(in crate::warehouse) struct StoredHolding {
    pub epoch: u64,
    time: Duration,
    standing: Arc<Mutex<Standing>>,
    asks: mpsc::UnboundedSender<Ask>,
}

#[derive(Debug)]
struct Standing {
    since: Moment,
    /// The record that came after ours.
    lost_to: Option<Record>,
    /// Why the last renewal did not succeed.
    trouble: Option<String>,
}

/// A moment on both clocks: the steady one stands still while a machine sleeps, the other can be set.
#[derive(Clone, Copy, Debug)]
struct Moment {
    steady: Instant,
    wall: SystemTime,
}

#[derive(Debug)]
enum Ask {
    Renew(oneshot::Sender<()>),
    Release,
}

/// How a conditional put ended.
enum Put {
    Done(UpdateVersion),
    /// Somebody else's record is there.
    Other(Record, UpdateVersion),
}

/// `lease.json` on its store.
#[derive(Clone, Debug)]
struct Slot {
    store: Arc<dyn ObjectStore>,
    url: String,
}

impl StoredLease {
    pub async fn take(warehouse: &Warehouse, holder: &str) -> Result<Self, LeaseError> {
        let time = warehouse.lease_time;
        // A store of its own: the thread that keeps the lease has a runtime of its own, and
        // nobody's fence stands in its way.
        let patience = Patience { request: renewal_time(time), retries: renewal_time(time) };
        let open = || warehouse.address.open(&warehouse.options, patience, &Fence::default());
        let slot = |store| Slot { store, url: warehouse.address.to_string() };
        let taking = slot(open()?);
        let (previous, version) = taking.proven().await?;
        let since = Moment::now();
        let record = Record {
            epoch: previous.epoch + 1,
            holder: holder.to_owned(),
            nonce: nonce(),
            renewal: 0,
            seconds: time.as_secs(),
            is_released: false,
            is_proven: true,
        };
        let version = match taking.update(&record, version).await? {
            Put::Done(version) => version,
            Put::Other(other, _) => {
                let seconds_left = Some(other.seconds);
                return Err(LeaseError::Held { holder: other.holder, seconds_left });
            }
        };
        let standing = Standing { since, lost_to: None, trouble: None };
        let standing = Arc::new(Mutex::new(standing));
        let (asks, asked) = mpsc::unbounded_channel();
        let holding =
            StoredHolding { epoch: record.epoch, time, standing: Arc::clone(&standing), asks };
        let keeper = Keeper { slot: slot(open()?), record, version, time, standing };
        let keeper = keeper.start(asked)?;
        Ok(Self { holding, keeper: Some(keeper) })
    }

    pub fn holding(&self) -> &StoredHolding {
        &self.holding
    }
}

impl Drop for StoredLease {
    fn drop(&mut self) {
        // A keeper that has ended by itself has nothing to release.
        if self.holding.asks.send(Ask::Release).is_ok()
            && let Some(keeper) = self.keeper.take()
            && keeper.join().is_err()
        {
            tracing::warn!("the lease was not released and ends by itself");
        }
    }
}

impl StoredHolding {
    pub fn is_lost(&self) -> bool {
        lock(&self.standing).lost_to.is_some()
    }

    /// Proves that the lease lasts `longest` more, renewing it where it would not.
    pub async fn outlives(&self, longest: Duration) -> Result<(), LeaseError> {
        if self.has_left(longest)? {
            return Ok(());
        }
        let (done, told) = oneshot::channel();
        if self.asks.send(Ask::Renew(done)).is_ok()
            && told.await.is_ok()
            && self.has_left(longest)?
        {
            return Ok(());
        }
        let trouble = lock(&self.standing).trouble.clone();
        let reason = trouble.unwrap_or_else(|| "the store did not answer in time".to_owned());
        Err(LeaseError::NotRenewed { reason })
    }

    fn has_left(&self, longest: Duration) -> Result<bool, LeaseError> {
        let standing = lock(&self.standing);
        match &standing.lost_to {
            Some(record) => Err(record.clone().lost_by(self.epoch)),
            None => Ok(standing.since.elapsed() + longest <= self.time),
        }
    }
}

impl Slot {
    /// Returns the record upon which the lease may be taken now, from a store that has been seen
    /// to keep both conditions.
    async fn proven(&self) -> Result<(Record, UpdateVersion), LeaseError> {
        for _ in 0..PROOFS_MAX {
            let (record, version) = match self.read().await? {
                Some((record, meta)) if record.is_proven => {
                    self.check_over(&record, &meta).await?;
                    return Ok((record, version_of(&meta)));
                }
                Some((record, meta)) => (record, version_of(&meta)),
                None => {
                    let record = Record { nonce: nonce(), is_released: true, ..Record::default() };
                    match self.create(&record).await? {
                        Put::Done(version) => (record, version),
                        Put::Other(..) => continue,
                    }
                }
            };
            if let Some(proven) = self.prove(record, version).await? {
                return Ok(proven);
            }
        }
        let holder = "another run that begins".to_owned();
        Err(LeaseError::Held { holder, seconds_left: None })
    }

    /// Asks the store for what it must refuse; `None` when another run came between.
    async fn prove(
        &self,
        record: Record,
        version: UpdateVersion,
    ) -> Result<Option<(Record, UpdateVersion)>, LeaseError> {
        let ignored = |condition| LeaseError::Unconditional { url: self.url.clone(), condition };
        let next = |is_proven| Record { nonce: nonce(), is_proven, ..record.clone() };
        if let Put::Done(_) = self.create(&next(false)).await? {
            return Err(ignored("put if absent"));
        }
        let Put::Done(newer) = self.update(&next(false), version.clone()).await? else {
            return Ok(None);
        };
        if let Put::Done(_) = self.update(&next(false), version).await? {
            return Err(ignored("put if unchanged"));
        }
        let proven = next(true);
        match self.update(&proven, newer).await? {
            Put::Done(version) => Ok(Some((proven, version))),
            Put::Other(..) => Ok(None),
        }
    }

    /// Says who holds the lease unless its turn is over, by the store's own clock.
    async fn check_over(&self, record: &Record, meta: &ObjectMeta) -> Result<(), LeaseError> {
        if record.is_released {
            return Ok(());
        }
        let clock = StorePath::from(CLOCK_FILE);
        self.store
            .put(&clock, PutPayload::from_static(b"{}\n"))
            .await
            .map_err(|source| store_error(CLOCK_FILE, source))?;
        let now =
            self.store.head(&clock).await.map_err(|source| store_error(CLOCK_FILE, source))?;
        let age = now.last_modified.timestamp() - meta.last_modified.timestamp();
        let left = i64::try_from(record.seconds).unwrap_or(i64::MAX) + CLOCK_GRAIN_SECONDS - age;
        match u64::try_from(left) {
            Ok(left) if left > 0 => {
                Err(LeaseError::Held { holder: record.holder.clone(), seconds_left: Some(left) })
            }
            _ => Ok(()),
        }
    }

    async fn read(&self) -> Result<Option<(Record, ObjectMeta)>, LeaseError> {
        let got = match self.store.get(&StorePath::from(LEASE_FILE)).await {
            Ok(got) => got,
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(source) => return Err(store_error(LEASE_FILE, source).into()),
        };
        let meta = got.meta.clone();
        let bytes = got.bytes().await.map_err(|source| store_error(LEASE_FILE, source))?;
        let record = serde_json::from_slice(&bytes)
            .map_err(|source| WarehouseError::Json { path: LEASE_FILE.to_owned(), source })?;
        Ok(Some((record, meta)))
    }

    async fn create(&self, record: &Record) -> Result<Put, LeaseError> {
        self.put(record, PutMode::Create).await
    }

    async fn update(&self, record: &Record, upon: UpdateVersion) -> Result<Put, LeaseError> {
        self.put(record, PutMode::Update(upon)).await
    }

    /// Puts a record on a condition. A put whose answer was lost is found by reading back.
    async fn put(&self, record: &Record, mode: PutMode) -> Result<Put, LeaseError> {
        let path = StorePath::from(LEASE_FILE);
        let payload = PutPayload::from(record.text()?);
        match self.store.put_opts(&path, payload, PutOptions::from(mode)).await {
            Ok(PutResult { e_tag, version }) => Ok(Put::Done(UpdateVersion { e_tag, version })),
            Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => {
                let Some((found, meta)) = self.read().await? else {
                    let nothing = UpdateVersion { e_tag: None, version: None };
                    return Ok(Put::Other(Record::gone(), nothing));
                };
                let version = version_of(&meta);
                Ok(if found == *record { Put::Done(version) } else { Put::Other(found, version) })
            }
            Err(source) => Err(store_error(LEASE_FILE, source).into()),
        }
    }
}

/// Renews the lease until it is released or lost.
struct Keeper {
    slot: Slot,
    record: Record,
    version: UpdateVersion,
    time: Duration,
    standing: Arc<Mutex<Standing>>,
}

impl Keeper {
    fn start(self, asked: mpsc::UnboundedReceiver<Ask>) -> Result<JoinHandle<()>, LeaseError> {
        let keeper_error = |source| LeaseError::Keeper { source };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(keeper_error)?;
        std::thread::Builder::new()
            .name("lease".to_owned())
            .spawn(move || runtime.block_on(self.keep(asked)))
            .map_err(keeper_error)
    }

    async fn keep(mut self, mut asked: mpsc::UnboundedReceiver<Ask>) {
        let pause = self.time / RENEWALS_PER_LEASE;
        loop {
            match tokio::time::timeout(pause, asked.recv()).await {
                Err(_) => self.renew().await,
                Ok(Some(Ask::Renew(done))) => {
                    self.renew().await;
                    // Whoever asked may have been dropped meanwhile.
                    let _ = done.send(());
                }
                Ok(Some(Ask::Release) | None) => break,
            }
        }
        self.record.is_released = true;
        self.renew().await;
    }

    async fn renew(&mut self) {
        if lock(&self.standing).lost_to.is_some() {
            return;
        }
        let since = Moment::now();
        let limit = renewal_time(self.time);
        let trouble = match tokio::time::timeout(limit, self.put_next()).await {
            Ok(Ok(None)) => None,
            Ok(Ok(Some(other))) => {
                lock(&self.standing).lost_to = Some(other);
                return;
            }
            Ok(Err(error)) => Some(in_words(&error)),
            Err(_) => Some(format!("the store did not answer within {} s", limit.as_secs_f32())),
        };
        let mut standing = lock(&self.standing);
        if trouble.is_none() {
            standing.since = since;
        }
        standing.trouble = trouble;
    }

    /// Puts the next record of this turn; returns whose record is there instead, if somebody's is.
    async fn put_next(&mut self) -> Result<Option<Record>, LeaseError> {
        // Twice: an earlier renewal may have arrived after its answer was given up.
        for _ in 0..2 {
            self.record.renewal += 1;
            match self.slot.update(&self.record, self.version.clone()).await? {
                Put::Done(version) => {
                    self.version = version;
                    return Ok(None);
                }
                Put::Other(found, version) if found.nonce == self.record.nonce => {
                    self.version = version;
                }
                Put::Other(found, _) => return Ok(Some(found)),
            }
        }
        Err(LeaseError::NotRenewed { reason: "its record changes by itself".to_owned() })
    }
}

impl Moment {
    #[expect(clippy::disallowed_methods, reason = "how long ago, not what time it is")]
    fn now() -> Self {
        Self { steady: Instant::now(), wall: SystemTime::now() }
    }

    /// Returns the longer of what the two clocks say has passed.
    fn elapsed(self) -> Duration {
        let now = Self::now();
        let wall = now.wall.duration_since(self.wall).unwrap_or_default();
        (now.steady - self.steady).max(wall)
    }
}

fn lock(standing: &Mutex<Standing>) -> std::sync::MutexGuard<'_, Standing> {
    standing.lock().unwrap_or_else(PoisonError::into_inner)
}

fn renewal_time(lease_time: Duration) -> Duration {
    (lease_time / RENEWALS_PER_LEASE).min(RENEWAL_TIME_MAX)
}

fn nonce() -> String {
    format!("{:032x}", rand::random::<u128>())
}

fn version_of(meta: &ObjectMeta) -> UpdateVersion {
    UpdateVersion { e_tag: meta.e_tag.clone(), version: meta.version.clone() }
}
