//! From one team's number to the other's: the bridge, the people in it, and why.
//!
//! The decisions are SQL (`models/3_marts/reconcile/`) and data (`data/seeds/reason_codes.csv`);
//! this module reads their tables, proves that the bridge adds up, and renders it. A bridge that
//! does not add up is an error: a wrong explanation is worse than none.
//!
//! Left out on purpose: any judgement about a person. Whoever disagrees with a reason changes a
//! model, not this code.

mod bridge;
mod people;
mod show;
mod table;
mod view;

#[cfg(test)]
mod tests;

use datafusion::error::DataFusionError;
use thiserror::Error;

pub use bridge::{Bridge, Group, Reported, Step, StepKind, bridge};
pub use people::{ExplainedRow, people, person};
pub use show::{bridge_text, people_text};
pub use view::{bridges_csv, bridges_json, defused, people_csv, people_json};

#[derive(Debug, Error)]
pub enum ReconcileError {
    #[error(
        "bridge does not add up: {start} rows - {exits} exits + {entries} entries is not {end} in `{group}`"
    )]
    DoesNotAddUp { group: String, start: i64, exits: i64, entries: i64, end: i64 },
    #[error(
        "people counted by both do not match the exits: {both} instead of {expected} in `{group}`"
    )]
    BothDiffers { group: String, both: i64, expected: i64 },
    #[error("bridge lacks its step `{step}` in `{group}`")]
    StepMissing { step: &'static str, group: String },
    #[error("step of the bridge is not known: `{step}`")]
    UnknownStep { step: String },
    #[error("column is missing or null where it may not be: `{column}`")]
    Column { column: &'static str },
    #[error("nobody is counted under `{key}`")]
    UnknownPerson { key: String },
    #[error("view cannot be written as JSON")]
    Json(#[source] serde_json::Error),
    #[error("view cannot be written as CSV")]
    Csv(#[source] csv::Error),
    #[error(transparent)]
    DataFusion(#[from] DataFusionError),
}

impl ReconcileError {
    /// Says what to do about it, where something can be done.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::DoesNotAddUp { .. } | Self::BothDiffers { .. } | Self::StepMissing { .. } => {
                Some("look at `gap_bridge` and `gap_reasons` with `concord query`".to_owned())
            }
            Self::UnknownPerson { .. } => Some(
                "only people that a claim counts in the period are known; ask `concord why` for others"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}
