//! The only code that speaks a CRM's HTTP.
//!
//! Everything above this module sees one contract, [`Crm`]: who the account is, what it allows,
//! what its metadata says, full extractions as rows of text, reads by id, and write calls whose
//! answer is judged record by record. Status codes, vendor field casing, paging, error shapes and
//! retries stay below it.
//!
//! Values cross this boundary verbatim, as the REST JSON text of the vendor: a JSON string's
//! content, a number's or a boolean's own text, `None` for JSON null. Casting happens in staging.
//!
//! Sources: the vendors' API references, read in November 2026.

mod bulk;
pub mod hubspot;
pub mod price;
pub mod refusal;
pub mod salesforce;
pub mod sensitive;
pub mod standing;
pub mod transport;
pub mod wire;

mod csv_rows;
mod known;
pub mod poll;
mod sample;
mod step;
mod url;

#[cfg(test)]
mod sandbox_tests;
#[cfg(test)]
mod transport_tests;
#[cfg(test)]
mod ways_tests;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::schema::Schema;

pub use bulk::{BulkJob, BulkShape, BulkState, WriteApi};
pub use error::CrmError;
pub use known::Known;
pub use sensitive::Sensitive;
pub use standing::{Standing, Tie};
pub use step::{Step, Steps};

mod error;

/// The vendor behind a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CrmKind {
    HubSpot,
    Salesforce,
}

impl CrmKind {
    /// Returns the word used in SQL, files and on the screen: `hubspot` or `salesforce`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HubSpot => "hubspot",
            Self::Salesforce => "salesforce",
        }
    }

    /// Returns the ceilings of one write call (vendor references, read 2026-11).
    ///
    /// HubSpot batch endpoints take 100 records of one object and operation, and 2,000 associations.
    /// A Salesforce composite holds 5 sObject collections of 200 records and counts as one call.
    pub fn write_shape(self, operation: WriteOperation) -> WriteShape {
        match (self, operation) {
            (Self::HubSpot, WriteOperation::Associate) => {
                WriteShape { batches_per_call: 1, records_per_batch: 2000 }
            }
            (Self::HubSpot, _) => WriteShape { batches_per_call: 1, records_per_batch: 100 },
            (Self::Salesforce, _) => WriteShape { batches_per_call: 5, records_per_batch: 200 },
        }
    }

    /// Says whether extractions that go this way are cheaper in one walk: their pages travel in
    /// the same calls.
    pub fn shares_calls(self, way: Way) -> bool {
        self == Self::Salesforce && matches!(way, Way::Query | Way::Changes)
    }

    /// Returns how many records one [`Crm::read_by_id`] call may ask for.
    ///
    /// HubSpot's batch read takes 100 and knows no bundle of them. A Salesforce collection takes
    /// 2,000, and a composite, which counts as one call, five of them.
    pub fn records_per_read(self) -> usize {
        match self {
            Self::HubSpot => 100,
            Self::Salesforce => salesforce::RECORDS_PER_READ,
        }
    }

    /// Returns how many records one [`Crm::read_by_key`] call may ask for.
    ///
    /// Salesforce finds them by a query, whose text is kept well below its 100,000 characters.
    pub fn records_per_key_read(self) -> usize {
        match self {
            Self::HubSpot => 100,
            Self::Salesforce => 500,
        }
    }
}

impl fmt::Display for CrmKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How much one write call can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteShape {
    pub batches_per_call: usize,
    pub records_per_batch: usize,
}

impl WriteShape {
    pub fn records_per_call(self) -> usize {
        self.batches_per_call * self.records_per_batch
    }
}

/// One CRM account, reached over HTTP.
#[async_trait]
pub trait Crm: Send + Sync {
    fn kind(&self) -> CrmKind;

    /// Asks the account who it is; the cheapest call that proves credentials and address.
    async fn account(&self) -> Result<Account, CrmError>;

    /// Reads what is left of the daily and other allowances.
    async fn allowances(&self) -> Result<Vec<Allowance>, CrmError>;

    /// Reads the metadata of `objects` (vendor names such as `contacts` or `Lead`) and of users,
    /// queues, stages and the connection's own permissions. An object that the connection cannot
    /// see is left out of the answer, not an error.
    async fn schema(&self, objects: &[String]) -> Result<Schema, CrmError>;

    /// Lays out how `objects` would be read in full, given their metadata, each the vendor's plain
    /// way.
    ///
    /// One extraction may fill several tables (HubSpot histories and associations land beside the
    /// contacts).
    fn extractions(&self, objects: &[ObjectRequest], schema: &Schema) -> Vec<Extraction>;

    /// Lists the ways that lead to an extraction's rows, the plain one first, each with what keeps
    /// this extraction from it. The plain one is always open.
    fn ways(&self, extraction: &Extraction) -> Vec<(Way, Option<String>)>;

    /// Counts the records that each extraction would read, those changed since where it says since
    /// when; `None` where the vendor does not say. Fixed calls.
    async fn count(&self, extractions: &[Extraction]) -> Result<Vec<Option<Count>>, CrmError>;

    /// Walks extractions to their end, sending what arrives as steps.
    ///
    /// Several only where [`CrmKind::shares_calls`]. `from` has one place for each, as a former
    /// walk's [`Step::Reached`] told it, or `None` to begin. Places that the vendor no longer knows
    /// are begun again.
    ///
    /// # Errors
    /// [`CrmError::NotThisWay`] when the rows cannot be had, or not faithfully, by the extraction's
    /// way but may be by another. Otherwise when a page cannot be had after the retries the answer
    /// allows, or the receiver is gone.
    async fn extract(
        &self,
        walk: &[Extraction],
        from: &[Option<String>],
        steps: mpsc::Sender<Step>,
    ) -> Result<(), CrmError>;

    /// Reads the rows of an extraction's association tables for records that are read no other
    /// way; `ids` holds at most [`price::ASSOCIATIONS_PER_READ`]. Rows come by table.
    async fn read_associations(
        &self,
        extraction: &Extraction,
        ids: &[String],
    ) -> Result<Vec<(usize, Vec<Row>)>, CrmError>;

    /// Reads records by id; ids that no longer exist are simply absent from the answer.
    ///
    /// `ids` holds at most [`CrmKind::records_per_read`] ids. One API call when nothing fails.
    async fn read_by_id(
        &self,
        object: &str,
        ids: &[String],
        fields: &[String],
    ) -> Result<Vec<Record>, CrmError>;

    /// Reads fields of many records as the vendor lists them in one asynchronous job: for a few calls,
    /// and some seconds behind what was last written. Empty where the vendor has no such list, or
    /// where reading by id takes no more calls.
    async fn list_lagging(
        &self,
        object: &str,
        ids: &HashSet<String>,
        fields: &[String],
    ) -> Result<Vec<Record>, CrmError>;

    /// Reads records by a unique field, for settling writes whose answer was lost. One API call.
    async fn read_by_key(
        &self,
        object: &str,
        key_field: &str,
        keys: &[String],
        fields: &[String],
    ) -> Result<Vec<Record>, CrmError>;

    /// Says what ties records that an earlier run made to the account, before they are removed
    /// again. Ids that no longer exist are absent from the answer.
    ///
    /// `ids` holds at most [`CrmKind::records_per_key_read`] ids. One API call, or in Salesforce one
    /// more for each kind of thing that can hang on the object.
    async fn standings(&self, object: &str, ids: &[String]) -> Result<Vec<Standing>, CrmError>;

    /// Sends one write call and judges its answer record by record.
    ///
    /// The answer holds one [`WriteOutcome`] for each record, in the order of the call's batches and
    /// records. Records that were refused together, without a word about any one of them, are
    /// [`WriteOutcome::RefusedTogether`]: nothing of them was written, and the caller may split
    /// them and try again. Throttling and other answers by which the vendor says that nothing was
    /// done are retried inside; an answer that was lost is not, and every record of that call is
    /// [`WriteOutcome::Unknown`].
    ///
    /// HubSpot takes exactly one batch a call. Salesforce takes up to five; a batch of creates in
    /// which only some records name an `OwnerId` travels as two, since the header that lets
    /// assignment rules choose an owner holds for a whole collection.
    ///
    /// # Errors
    /// When the call could not be made or was turned away; nothing of it was written then.
    async fn write(&self, call: &WriteCall) -> Result<Vec<WriteOutcome>, CrmError>;

    /// Opens an asynchronous job for one batch; nothing is written before [`Self::bulk_start`].
    ///
    /// `name` is unlike that of any other job; where the vendor keeps names, the job is found by it.
    ///
    /// # Errors
    /// When no job could be opened.
    async fn bulk_open(&self, name: &str, batch: &WriteBatch) -> Result<BulkJob, CrmError>;

    /// Hands the batch to an opened job and lets it begin. An answer that was lost is no error:
    /// [`Self::bulk_state`] tells whether the job began.
    ///
    /// # Errors
    /// When the vendor refused the data or could not be reached. Whether the job began is then for
    /// [`Self::bulk_state`] to say.
    async fn bulk_start(&self, job: &BulkJob, batch: &WriteBatch) -> Result<(), CrmError>;

    /// Asks where a job stands, and fetches its outcomes when it has ended. A job that was opened
    /// and did not begin is given up.
    ///
    /// # Errors
    /// When the vendor cannot be asked; the job is as it was.
    async fn bulk_state(&self, job: &BulkJob, batch: &WriteBatch) -> Result<BulkState, CrmError>;

    /// Reads why an ended job left records out, where its outcomes do not say: the record's place in
    /// the batch, and what was found wrong with it. Records of which nothing is said are not in it.
    /// One API call for every hundred.
    ///
    /// # Errors
    /// When the vendor cannot be asked.
    async fn bulk_refusals(
        &self,
        _job: &BulkJob,
        _batch: &WriteBatch,
    ) -> Result<Vec<(usize, WriteOutcome)>, CrmError> {
        Ok(Vec::new())
    }

    /// Returns the wait before a job is asked about for the `n`-th time, counted from zero; `None`
    /// when it has been waited for long enough.
    fn job_wait(&self, n: u32) -> Option<Duration> {
        poll::wait(n, poll::LONGEST)
    }

    /// Ends a job that is under way. What it wrote by then stays, and its outcomes can be asked for.
    ///
    /// # Errors
    /// When the vendor cannot be told; the job goes on.
    async fn bulk_abort(&self, job: &BulkJob) -> Result<(), CrmError>;

    /// Counts the API calls made through this client since it was built.
    fn calls(&self) -> CallCounts;

    /// Counts the writes so far that were slow, lost, locked or limited. A caller that sees it grow
    /// does well to send fewer records at a time.
    fn strains(&self) -> u64 {
        0
    }

    /// Returns how many calls this client may still make: within the run's budget, and before the
    /// reserve of the daily allowance is touched. `u64::MAX` where nothing limits it.
    fn calls_left(&self) -> u64;
}

/// Who an account says it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// HubSpot portal id or Salesforce organization id (18 characters).
    pub id: String,
    pub name: String,
    /// IANA name of the account's reporting time zone.
    pub time_zone: String,
    /// ISO 4217 code of the account's own currency.
    pub currency: Option<String>,
}

/// One limit of the account and what is left of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    /// [`Allowance::DAILY`], or the vendor's own name.
    pub name: String,
    pub max: u64,
    pub remaining: u64,
}

impl Allowance {
    /// Name of the allowance that every call draws on.
    pub const DAILY: &'static str = "daily_calls";

    /// Returns what may be spent when a share of the whole is left for others.
    pub fn left_with_reserve(&self, reserve_share: f64) -> u64 {
        self.remaining.saturating_sub(share_of(self.max, reserve_share))
    }
}

/// Returns the number of calls, rounded up, that a share of an allowance is.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "allowances stay far below 2^52, and a share lies between 0 and 1"
)]
fn share_of(max: u64, share: f64) -> u64 {
    (max as f64 * share).ceil() as u64
}

/// An object to be read, with what beside its own fields is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRequest {
    /// Vendor name: `contacts`, `Lead`.
    pub object: String,
    /// Fields whose whole history is wanted; only HubSpot keeps it inside the record.
    pub history_fields: Vec<String>,
    /// Objects whose associations are wanted; only HubSpot keeps them apart from the record.
    pub associations: Vec<String>,
}

/// A vendor's way to the records of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// HubSpot: pages by ascending id, with associations inside.
    List,
    /// HubSpot: one asynchronous export, downloaded as a file.
    Export,
    /// Salesforce: query pages, five in a composite request.
    Query,
    /// Salesforce: a Bulk 2.0 query job, its result pages downloaded as files.
    Bulk,
    /// What changed since the previous snapshot, the rest taken from there.
    Changes,
}

impl Way {
    pub const ALL: [Self; 5] = [Self::List, Self::Export, Self::Query, Self::Bulk, Self::Changes];

    /// Returns the word used in `concord.toml` and on the screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Export => "export",
            Self::Query => "query",
            Self::Bulk => "bulk",
            Self::Changes => "changes",
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is read of one object, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extraction {
    /// What is walked, for progress and errors: `contacts`, `contacts (archived)`, `Lead`.
    pub name: String,
    /// Vendor object that is walked.
    pub object: String,
    /// Tables that the walk fills. The first one holds the records themselves.
    pub tables: Vec<Table>,
    /// The vendor's types of the first table's columns, in their order; empty where it is no table
    /// of records.
    pub types: Vec<String>,
    /// Archived or deleted records instead of live ones, where the vendor lists them apart.
    pub is_archived: bool,
    /// History fields and associations asked for, as in [`ObjectRequest`].
    pub history_fields: Vec<String>,
    pub associations: Vec<String>,
    pub way: Way,
    /// Column that moves with every change of a record; without one nobody can ask for changes.
    pub modified_column: Option<String>,
    /// Columns whose values change without moving the modified date.
    pub formulas: Vec<String>,
    /// Column that names records merged into this one, separated by `;`, which no list shows.
    pub merged_column: Option<String>,
    /// With [`Way::Changes`]: only records modified from then on, and those that are deleted.
    pub since: Option<jiff::Timestamp>,
    /// Records whose histories are in the previous snapshot; `None` reads all histories.
    pub known: Option<Arc<Known>>,
}

impl Extraction {
    /// Returns the place of the history table among the tables.
    pub fn history_table(&self) -> Option<usize> {
        (!self.history_fields.is_empty()).then_some(1)
    }

    /// Returns the places of the association tables, in the order of the associations.
    pub fn association_tables(&self) -> std::ops::Range<usize> {
        let first = 1 + usize::from(self.history_table().is_some());
        first..first + self.associations.len()
    }

    /// Returns the place of the table of what the records contain, as lists do their members.
    pub fn members_table(&self) -> Option<usize> {
        let place = self.association_tables().end;
        (place < self.tables.len()).then_some(place)
    }
}

/// How much an extraction would read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub records: u64,
    /// Rows of [`Extraction::members_table`].
    pub members: u64,
}

impl Count {
    pub fn records(records: u64) -> Self {
        Self { records, members: 0 }
    }
}

/// A table of a snapshot, as the connector fills it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Lower-case file and SQL name: `contacts`, `contacts_history`, `lead`, `lead_history`.
    pub name: String,
    /// Column names verbatim; for records, the vendor's field names.
    pub columns: Vec<String>,
    /// Columns that identify a row; rows are landed in their order.
    pub key: Vec<String>,
}

/// One row, its values in the order of the table's columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub values: Vec<Option<String>>,
    /// Archived (HubSpot) or deleted (Salesforce).
    pub is_archived: bool,
}

/// What an extraction proves about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extracted {
    /// Records read, before the vendor's total is asked.
    pub n_records: u64,
    /// The vendor's own total for the same set, asked after the walk; with [`Way::Changes`], of all
    /// live records. `None` where the vendor offers none (HubSpot has no total of archived records).
    pub vendor_total: Option<u64>,
}

/// A record read by id or key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub id: String,
    /// Modified time as the vendor wrote it, or `None` when it was not asked for.
    pub modified_at: Option<String>,
    pub values: BTreeMap<String, Option<String>>,
}

/// One API call that writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteCall {
    pub batches: Vec<WriteBatch>,
}

/// Records of one object, written by one operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteBatch {
    pub object: String,
    pub operation: WriteOperation,
    pub records: Vec<WriteRecord>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WriteOperation {
    /// Creates under a key field minted in the plan; repeating it finds the record it made.
    Create,
    /// Updates by record id.
    Update,
    /// Associates records with others, by the ids of both; doing so again changes nothing. HubSpot
    /// only, since Salesforce keeps such links as fields.
    Associate,
    /// Removes by record id, to where the vendor keeps it for a while: HubSpot archives, Salesforce
    /// has its recycle bin. Removing what is gone already is no fault.
    Delete,
}

impl WriteOperation {
    /// Returns the word used in SQL, files and on the screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Associate => "associate",
            Self::Delete => "delete",
        }
    }

    /// Says whether it changes a record that was there before and stays.
    pub fn is_of_live_record(self) -> bool {
        matches!(self, Self::Update | Self::Associate)
    }

    /// Reads the word that [`WriteOperation::as_str`] gives.
    pub fn parse(word: &str) -> Option<Self> {
        let all = [Self::Create, Self::Update, Self::Associate, Self::Delete];
        all.into_iter().find(|known| known.as_str() == word)
    }
}

/// One record of a write call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteRecord {
    /// The plan's action id, which comes back with the outcome.
    pub action_id: String,
    /// Record id; `None` for a create.
    pub record_id: Option<String>,
    /// Key field and value for a create: `concord_key`, `Concord_Key__c`.
    pub create_key: Option<(String, String)>,
    /// Field and new value in wire form; `None` clears the field by the vendor's own path.
    pub values: Vec<(String, Option<String>)>,
    /// Records with which a create is associated at once, or to which [`WriteOperation::Associate`]
    /// leads: one then. A company becomes the record's primary one.
    pub associations: Vec<Association>,
}

/// The other end of an association.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Association {
    /// Vendor object: `companies`.
    pub object: String,
    pub record_id: String,
}

/// What became of one record of a write call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum WriteOutcome {
    /// Written. `stored` holds the written fields as the vendor echoed them, where it did.
    Accepted { record_id: String, is_created: bool, stored: BTreeMap<String, Option<String>> },
    /// Refused with the vendor's code.
    Rejected { code: String, message: String, field: Option<String> },
    /// Refused with others, and no record was named: nothing of them was written.
    RefusedTogether { code: String, message: String },
    /// Not written because somebody else held the record; the same may be sent a moment later.
    Busy { code: String, message: String },
    /// The answer was lost; the record may or may not have been written.
    Unknown { reason: String },
}

/// API calls by what they were for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallCounts {
    /// Auth, account, limits, metadata, totals.
    pub fixed: u64,
    /// Pages and reads by id.
    pub read: u64,
    pub write: u64,
    /// Further tries of any of the above, after an answer that said to try again.
    pub retry: u64,
}

impl CallCounts {
    pub fn total(self) -> u64 {
        self.fixed + self.read + self.write + self.retry
    }
}
