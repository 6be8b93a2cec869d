//! A plan carried out on a copy of both CRMs, before a production call is spent.
//!
//! The copy is the built-in sandbox over the snapshots that the plan was made from
//! ([`crate::sandbox::mirror`]). It is reached over HTTP with the production client, and everything
//! that applying leaves lies in a scratch warehouse: the real one is only read.
//!
//! A rehearsal foretells what the vendors refuse by what the snapshots tell: fields, picklists,
//! lengths, uniqueness, owners, converted and deleted records. Rules that no API shows (validation
//! rules, triggers, duplicate rules, automations) it knows only where they are written down and
//! given to it. It decides nothing: a plan's own holds come from SQL (`models/4_sync`), which shares
//! no code with the sandbox, so that each can find what the other overlooks.

mod show;
mod stage;

use serde::Serialize;
use thiserror::Error;

use crate::apply::{ApplyError, ApplySummary};
use crate::crm::{CrmError, CrmKind, WriteOperation};
use crate::sandbox::{MirrorError, SandboxError};
use crate::warehouse::{LeaseError, WarehouseError};

pub use show::show;
pub use stage::{RehearseOptions, rehearse};

/// What a rehearsal found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rehearsal {
    pub plan: String,
    pub digest: String,
    /// When the snapshots were taken, RFC 3339.
    pub as_of: String,
    pub summary: ApplySummary,
    /// In the order of the plan.
    pub rejects: Vec<Reject>,
    /// By CRM that the plan writes to.
    pub calls: Vec<Calls>,
    /// Records that do not hold what was planned for them, in the order of the plan.
    pub differing: Vec<Differing>,
}

/// One record that a CRM would refuse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reject {
    pub action_id: String,
    pub system: CrmKind,
    pub object: String,
    pub operation: WriteOperation,
    /// `None` for a record that would be made.
    pub record_id: Option<String>,
    pub golden_id: String,
    /// Vendor's name of the field at fault, where the vendor gives it.
    pub field: Option<String>,
    /// Vendor's code.
    pub code: String,
    /// Our reason code ([`crate::crm::refusal`]).
    pub reason: &'static str,
}

/// Calls to one CRM, beside the plan's price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Calls {
    pub system: CrmKind,
    /// Calls that write, read again just before, or fetch the results of a job.
    pub data: u64,
    pub data_planned: u64,
    /// Authentication, proof of the account, and asking where a job stands.
    pub fixed: u64,
    pub fixed_planned: u64,
    /// Most further calls that the plan expects of jobs, of either kind.
    pub job_calls_max: u64,
    /// Further tries after an answer that said to try again.
    pub retries: u64,
}

/// One record that differs afterwards from what was planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Differing {
    pub action_id: String,
    pub system: CrmKind,
    pub object: String,
    /// `None` where no record was made.
    pub record_id: Option<String>,
    pub golden_id: String,
    pub cause: Cause,
    /// Vendor's names of the fields that differ.
    pub fields: Vec<String>,
}

/// Why a record differs afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The CRM refused it.
    Rejected,
    /// It waits for a record that was not made.
    Skipped,
    /// It is not as the plan saw it.
    Drift,
    /// The CRM took the write and holds something else.
    StoredOtherwise,
    /// Its turn did not come, or its answer was lost.
    Left,
}

impl Cause {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Skipped => "skipped",
            Self::Drift => "drift",
            Self::StoredOtherwise => "stored_otherwise",
            Self::Left => "left",
        }
    }
}

#[derive(Debug, Error)]
pub enum RehearseError {
    #[error("snapshot `{snapshot_id}` of `{connection}`, from which the plan was made, is gone")]
    SnapshotGone { connection: String, snapshot_id: String },
    #[error("cannot copy the snapshots into a sandbox")]
    Mirror(#[from] MirrorError),
    #[error("cannot open the sandbox")]
    Sandbox(#[from] SandboxError),
    #[error("cannot reach the sandbox")]
    Crm(#[from] CrmError),
    #[error("cannot carry out the plan in the sandbox")]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    Lease(#[from] LeaseError),
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
}
