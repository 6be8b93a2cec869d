//! What `concord.toml` settles, as plain types.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::crm::{CrmKind, Way};
use crate::warehouse::LEASE_TIME;

use super::{Access, Connection, Credentials, FieldMap, Metric, Secret, Setting};

/// A project: one company's settings and its field map.
#[derive(Clone, Debug)]
pub struct Project {
    /// Directory that holds `concord.toml`.
    pub dir: PathBuf,
    pub name: String,
    pub warehouse: WarehouseSettings,
    pub connections: BTreeMap<String, Connection>,
    pub pull: Pull,
    pub apply: Apply,
    pub guardrails: Guardrails,
    /// API budget by connection; every connection has one.
    pub budget: BTreeMap<String, Budget>,
    pub retry: Retry,
    pub inclusion: Inclusion,
    pub handoff: Handoff,
    pub native_connector: NativeConnector,
    /// Files from elsewhere, by the name under which models read them: `sources.<name>`.
    pub sources: BTreeMap<String, ExtraSource>,
    /// HubSpot's lifecycle stage values, earliest first.
    pub lifecycle: Vec<String>,
    pub metrics: BTreeMap<String, Metric>,
    /// Reporting period where a command names none: `2026-Q3`.
    pub period: String,
    /// Two-letter country by which phone numbers without a country code are read.
    pub phone_region: String,
    pub alerts: Alerts,
    pub field_map: FieldMap,
    /// Every setting with its text and where it came from, in the order of the file.
    pub settings: Vec<Setting>,
}

/// One of the sandbox's two accounts, as it listens now.
#[derive(Clone, Debug)]
pub struct SandboxAccount {
    pub kind: CrmKind,
    pub url: String,
    pub account_id: String,
    pub credentials: Credentials,
}

impl Project {
    /// Returns the same project turned to the sandbox: its addresses and credentials, write
    /// access, a warehouse of its own, plans applied inside the guardrails, and nobody alerted.
    #[must_use]
    pub fn in_sandbox(mut self, accounts: &[SandboxAccount]) -> Self {
        self.connections.retain(|_, connection| {
            let Some(account) = accounts.iter().find(|account| account.kind == connection.kind)
            else {
                return false;
            };
            connection.url.clone_from(&account.url);
            connection.account_id = Some(account.account_id.clone());
            connection.credentials = account.credentials.clone();
            connection.access = Access::Write;
            true
        });
        self.apply.mode = Mode::Auto;
        self.alerts.webhook = None;
        self.alerts.command = None;
        self.in_sandbox_warehouse()
    }

    /// Returns the same project over the warehouse that the sandbox keeps, reaching no CRM.
    #[must_use]
    pub fn in_sandbox_warehouse(mut self) -> Self {
        self.warehouse.move_to(SANDBOX_WAREHOUSE_URL);
        self
    }
}

/// Rehearsals never mix with real snapshots.
const SANDBOX_WAREHOUSE_URL: &str = "file://./.concord/sandbox/warehouse";

/// Where snapshots, state, builds, plans and runs are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarehouseSettings {
    /// `file://./warehouse`, `s3://bucket/prefix`.
    pub url: String,
    /// What opens the store, by the names that its cloud gives them.
    pub settings: BTreeMap<String, StoreSetting>,
    /// How long a writer's turn lasts on an object store without being renewed.
    pub lease_seconds: u64,
}

/// One thing that opens a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreSetting {
    Plain(String),
    Secret(Secret),
}

impl WarehouseSettings {
    /// An address that the environment alone opens.
    pub fn at(url: &str) -> Self {
        let lease_seconds = LEASE_TIME.as_secs();
        Self { url: url.to_owned(), settings: BTreeMap::new(), lease_seconds }
    }

    /// Takes another address. What opened the store at the old one is for that store alone.
    pub fn move_to(&mut self, url: &str) {
        url.clone_into(&mut self.url);
        self.settings.clear();
    }
}

impl fmt::Display for StoreSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => f.write_str(text),
            Self::Secret(secret) => secret.fmt(f),
        }
    }
}

/// How full snapshots are taken.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pull {
    /// Walks through vendor pages at the same time.
    pub parallel: usize,
    /// A pull with a smaller share than this of the previous snapshot's rows has failed.
    pub min_rows_share: f64,
    /// Ways that objects are read by whatever they cost; others go the cheapest.
    pub ways: BTreeMap<String, Way>,
    /// Objects may be built from the previous snapshot and what changed since.
    pub incremental: bool,
    /// Days after which an object is read in full again.
    pub full_after_days: u32,
    /// Hours within which a broken pull is gone on with.
    pub continue_within_hours: u32,
    /// HubSpot objects beyond the ones that the stages need.
    pub hubspot_objects: Vec<String>,
    /// Salesforce objects beyond the ones that the stages need.
    pub salesforce_objects: Vec<String>,
}

/// When and how a plan may be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Apply {
    pub mode: Mode,
    /// A plan older than this is refused.
    pub max_age_hours: u32,
    /// Reads each record again just before writing it, and skips what changed since the plan.
    pub reread: bool,
    pub route: WriteRoute,
}

/// By which of a CRM's APIs a plan's actions go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteRoute {
    /// The one that takes the fewest calls.
    Cheapest,
    /// Batches, answered at once.
    Batch,
    /// Asynchronous jobs, wherever one can carry the record.
    Bulk,
}

impl WriteRoute {
    /// The words used in `concord.toml`.
    pub const WORDS: [(&'static str, Self); 3] =
        [("cheapest", Self::Cheapest), ("batch", Self::Batch), ("bulk", Self::Bulk)];

    /// Returns the word used in `concord.toml`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cheapest => "cheapest",
            Self::Batch => "batch",
            Self::Bulk => "bulk",
        }
    }
}

/// Whether `run` applies its own plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Applies inside the guardrails.
    Auto,
    /// Leaves the plan for a person to confirm.
    Review,
}

impl Mode {
    /// Returns the word used in `concord.toml`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Review => "review",
        }
    }
}

/// Shares of an object's live records past which a plan needs an explicit flag.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Guardrails {
    pub updates_share_max: f64,
    pub creates_share_max: f64,
    pub clears_share_max: f64,
    pub deletes_share_max: f64,
    /// Numbers of records up to this one never trip a share: three of ten is no accident.
    pub floor: u64,
}

/// What one run may spend of a connection's daily allowance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Budget {
    /// `None`: only the reserve limits a run.
    pub calls_per_run_max: Option<u64>,
    /// Share of the daily allowance that is always left for others.
    pub reserve_share: f64,
}

/// How long a run stays with a CRM that is busy or cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Retry {
    /// Most times that one call is sent, the first included.
    pub tries_max: u32,
    /// Wait before the second try, doubled for each further one.
    pub first_wait_ms: u64,
    /// Longest wait before one try; a vendor that asks for more is not waited for.
    pub longest_wait_ms: u64,
    /// Longest wait between two questions about an asynchronous job, of which there are at most
    /// [`crate::crm::poll::POLLS_MAX`].
    pub longest_job_wait_ms: u64,
}

/// Who may cross: everyone for whom all rules of that direction hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inclusion {
    /// From HubSpot to Salesforce, in the order of the file; the first rule that fails is the reason
    /// given.
    pub rules: Vec<InclusionRule>,
    /// Days that a person may fail [`Self::rules`] before creates stop.
    pub leave_after_days: u32,
    /// From Salesforce to HubSpot, likewise. Nobody crosses that way where it is empty.
    pub to_hubspot: Vec<InclusionRule>,
}

/// One condition of the inclusion rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InclusionRule {
    pub name: String,
    /// Boolean SQL over staged values; null counts as false.
    pub sql: String,
    /// Why a person for whom it fails is not included, as a reader should see it.
    pub sentence: String,
    /// Reason code of a person who never arrived in Salesforce because this rule failed: `T1`.
    pub reason: Option<String>,
}

/// What the vendors' own connector between the two CRMs no longer writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NativeConnector {
    /// Entities (`person`), or fields of one (`person.phone`); creates go with the entity.
    pub taken_over: Vec<String>,
}

/// A file, or a directory of files of one kind, from outside of both CRMs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExtraSource {
    /// Path from the project's directory, `s3://…`, `gs://…` or `az://…`; a directory ends in `/`.
    pub url: String,
    pub format: SourceFormat,
}

/// How the files of an extra source are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceFormat {
    /// With a header; every column is text.
    Csv,
    /// One object a line.
    Json,
    Parquet,
}

impl SourceFormat {
    pub const ALL: [Self; 3] = [Self::Csv, Self::Json, Self::Parquet];

    /// Returns the word used in the project file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Parquet => "parquet",
        }
    }

    /// Lists the endings of such files' names.
    pub fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Csv => &[".csv"],
            Self::Json => &[".json", ".jsonl", ".ndjson"],
            Self::Parquet => &[".parquet"],
        }
    }
}

/// What ends a handoff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Handoff {
    /// Salesforce lead statuses that hand a person back to marketing.
    pub recycle_statuses: Vec<String>,
}

/// Whom to tell when a run fails, drifts or never happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alerts {
    /// Address that receives one JSON object an alert; a secret, since such addresses carry keys.
    pub webhook: Option<Secret>,
    /// Program and arguments; the alert arrives on its standard input.
    pub command: Option<Vec<String>>,
    /// A project without a finished run for this long is stale.
    pub stale_after_hours: u32,
}
