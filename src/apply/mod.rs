//! Carrying out a plan: intent before every call, outcome after it, per record.
//!
//! The plan leaves nothing to decide, so this module is about not losing track. For each call of
//! the plan: read the records again and leave out what changed since (`drift`); put the intent
//! into the journal; send; put the outcome. A crash between the two leaves an intent without an
//! outcome, which the next run settles by reading back before it sends anything again.
//!
//! One bad record never costs its batch: records that a CRM refuses together, without naming the
//! bad one, are sent again in halves, and records that somebody else held are sent again a moment
//! later in smaller calls; each is journaled as a call of its own. What a bulk job left undone goes by
//! the batch API.
//!
//! A call of the plan is the most that goes at once. After one that was slow, lost, locked or limited
//! the next ones carry half, and grow back while all is well: more calls than were priced, within the
//! same budget.
//!
//! Counts always close: what the journal says was sent is what has an accepted, rejected or unknown
//! outcome. The two are kept apart, and [`apply`] fails where they differ.

mod bulk;
mod call_size;
mod canary;
mod journal;
mod outcomes;
mod reread;
mod run;
mod settle;
mod written;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::crm::{CrmError, CrmKind};
use crate::plan::{Action, PlanError};
use crate::warehouse::{LeaseError, WarehouseError};

pub use canary::{WroteBack, look_again};
pub use journal::{Answered, Intent, Journal, JournalRecord};
pub use outcomes::{
    last_writes, left_out, objects_of_others, outcome_files, write_outcomes, written_fields,
};
pub use reread::read_live;
pub use run::{ApplyOptions, ApplyProgress, apply, recover};
pub use written::written_by;

#[derive(Debug, Error)]
pub enum ApplyError {
    #[error("plan is out of date: `{plan}`: a newer one was applied (`{newer}`)")]
    Overtaken { plan: String, newer: String },
    #[error(
        "plan is out of date: `{plan}`: made {age_hours} hours ago, allowed are {max_age_hours}"
    )]
    TooOld { plan: String, age_hours: i64, max_age_hours: u32 },
    #[error("plan was made for another field map: `{plan}`")]
    OtherFieldMap { plan: String },
    #[error("connection `{connection}` reaches account {found}, the plan was made for {planned}")]
    OtherAccount { connection: String, planned: String, found: String },
    #[error("connection may only read: `{connection}`")]
    ReadOnly { connection: String },
    #[error("no connection for {kind}")]
    NoConnection { kind: CrmKind },
    #[error("plan was made before `{golden_id}` was put on hold: `{plan}`")]
    OnHold { plan: String, golden_id: String },
    #[error("another process wrote this call of the journal: `{path}`")]
    JournalTaken { path: String },
    #[error("{left} actions were neither carried out nor left on purpose")]
    Unreached { left: u64 },
    #[error("the CRM has not ended job `{job}`")]
    JobUnended { job: String },
    #[error("counts do not close: {sent} sent, {accounted} accounted for, first `{first}`")]
    Open { sent: usize, accounted: usize, first: String },
    #[error(transparent)]
    Crm(#[from] CrmError),
    #[error(transparent)]
    Lease(#[from] LeaseError),
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error("cannot read or write outcomes")]
    DataFusion(#[from] datafusion::error::DataFusionError),
}

/// What became of one action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub action_id: String,
    pub status: Status,
    /// The record written; for a create, the one that the CRM made or found.
    pub record_id: Option<String>,
    pub is_created: bool,
    /// Vendor's code, or our word for why it was not sent.
    pub code: Option<String>,
    pub message: Option<String>,
    /// Vendor's name of the field at fault, where the vendor gave one.
    pub field: Option<String>,
    /// Written fields as the CRM echoed them, where it did.
    pub stored: BTreeMap<String, Option<String>>,
    /// RFC 3339; when the answer was had.
    pub at: String,
}

impl Outcome {
    /// Makes the outcome of an action of which nothing more is known than its status.
    pub fn new(action: &Action, status: Status, at: &str) -> Self {
        Self {
            action_id: action.action_id.clone(),
            status,
            record_id: action.record_id.clone(),
            is_created: false,
            code: None,
            message: None,
            field: None,
            stored: BTreeMap::new(),
            at: at.to_owned(),
        }
    }

    /// Says whether the action went to the CRM.
    pub fn is_sent(&self) -> bool {
        self.status.is_sent()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Accepted,
    Rejected,
    /// Sent, and the answer was lost; settled by reading back before anything is sent again.
    Unknown,
    /// Not sent: the CRM already holds what would be written.
    Already,
    /// Not sent: the record changed after the plan's snapshot.
    Drift,
    /// Not sent: the create it depends on did not succeed.
    Skipped,
}

impl Status {
    const ALL: [Self; 6] =
        [Self::Accepted, Self::Rejected, Self::Unknown, Self::Already, Self::Drift, Self::Skipped];

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Says whether an action of this status went to the CRM.
    pub fn is_sent(self) -> bool {
        matches!(self, Self::Accepted | Self::Rejected | Self::Unknown)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Unknown => "unknown",
            Self::Already => "already",
            Self::Drift => "drift",
            Self::Skipped => "skipped",
        }
    }
}

/// Counts of a finished or interrupted apply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplySummary {
    pub planned: u64,
    pub sent: u64,
    pub accepted: u64,
    pub rejected: u64,
    pub unknown: u64,
    pub already: u64,
    pub drift: u64,
    pub skipped: u64,
    /// Planned actions that were not reached.
    pub left: u64,
    /// Stopped on request, or because the call budget was spent.
    pub is_interrupted: bool,
    pub is_budget_spent: bool,
    /// A job that the CRM had not ended when patience ran out; its actions are unknown.
    #[serde(default)]
    pub unended_job: Option<String>,
}

impl ApplySummary {
    /// Counts outcomes of a plan with `planned` actions.
    pub fn of(planned: usize, outcomes: &[Outcome], is_interrupted: bool) -> Self {
        let count =
            |status| outcomes.iter().filter(|outcome| outcome.status == status).count() as u64;
        let (accepted, rejected, unknown) =
            (count(Status::Accepted), count(Status::Rejected), count(Status::Unknown));
        Self {
            planned: planned as u64,
            sent: accepted + rejected + unknown,
            accepted,
            rejected,
            unknown,
            already: count(Status::Already),
            drift: count(Status::Drift),
            skipped: count(Status::Skipped),
            left: planned as u64 - outcomes.len() as u64,
            is_interrupted,
            is_budget_spent: false,
            unended_job: None,
        }
    }
}
