//! Asynchronous writes: one job for many records, whose outcomes are fetched when it has ended.

use serde::{Deserialize, Serialize};

use super::poll::POLLS_MAX;
use super::{CrmKind, WriteOutcome};

/// The vendor's API by which records are written.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum WriteApi {
    /// Answers at once: HubSpot's batch endpoints, Salesforce's collections in a composite.
    #[default]
    Batch,
    /// Answers later: HubSpot's imports, Salesforce's Bulk API 2.0.
    Bulk,
}

impl WriteApi {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Bulk => "bulk",
        }
    }

    /// Reads the word that [`Self::as_str`] gives.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Batch, Self::Bulk].into_iter().find(|api| api.as_str() == word)
    }
}

/// What one asynchronous job takes and costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkShape {
    pub records_per_job: usize,
    /// Bytes of values, names and separators.
    pub bytes_per_job: usize,
    /// Calls that carry data or results, when nothing fails.
    pub data_calls: u64,
    /// Most further calls that fetch what failed or was left undone.
    pub failure_calls: u64,
    /// Times that a job is usually asked where it stands before it has ended.
    pub polls_usual: u64,
    /// Most times that it is asked in one run.
    pub polls_max: u64,
}

impl BulkShape {
    /// Returns the most calls of one job beyond those that carry data or results.
    pub fn further_calls_max(self) -> u64 {
        self.polls_max + self.failure_calls
    }
}

impl CrmKind {
    /// Returns the ceilings of one asynchronous write job, `None` where writes have no such API.
    ///
    /// Salesforce, Bulk API 2.0 ingest (vendor reference, read 2026-11): an upload of at most
    /// 100 MB; one call each to open, upload, close and fetch what succeeded, and one each for what
    /// failed and what was left undone.
    ///
    /// HubSpot, an import: a file of at most 512 MB and 1,048,576 rows; one call to start it, and one
    /// to start the export that shows what it wrote. What that export does not show is read by id.
    ///
    /// Somewhat less is taken than fits: a job is laid out in memory, and the heading counts as well.
    pub fn bulk_shape(self) -> Option<BulkShape> {
        match self {
            Self::HubSpot => Some(BulkShape {
                records_per_job: 1_000_000,
                bytes_per_job: 90_000_000,
                data_calls: 2,
                failure_calls: 0,
                polls_usual: 16,
                polls_max: 2 * u64::from(POLLS_MAX),
            }),
            Self::Salesforce => Some(BulkShape {
                records_per_job: 1_000_000,
                bytes_per_job: 90_000_000,
                data_calls: 4,
                failure_calls: 2,
                polls_usual: 8,
                polls_max: u64::from(POLLS_MAX),
            }),
        }
    }
}

/// A job as the vendor knows it. It can be asked about from another process, and days later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkJob {
    pub id: String,
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BulkState {
    /// Taken by the vendor, and not ended.
    Running,
    /// Ended. One outcome for each record, in the order of the batch; a record that the job left
    /// undone is [`WriteOutcome::RefusedTogether`].
    Ended(Vec<WriteOutcome>),
    /// Never started, and it never will be: nothing of it was written.
    NotStarted,
    /// The vendor does not know the job (any more): what it wrote can only be read back.
    Gone,
}
