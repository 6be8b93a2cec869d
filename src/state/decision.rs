//! What people decide about a golden record: to hold it back, or to let it go.
//!
//! Each decision is one file, `runs/<run>/decision.json`; the latest one about a record or field
//! counts, and `models/2_intermediate/int_holds.sql` finds it.

use serde::{Deserialize, Serialize};

use crate::warehouse::{Warehouse, WarehouseError};

/// Stands for the whole record where a decision names no field.
pub const WHOLE_RECORD: &str = "(record)";

/// Columns of `ops.decisions`.
pub const DECISION_COLUMNS: [&str; 6] =
    ["run_id", "golden_id", "field", "decision", "reason", "decided_at"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing is written until it is released.
    Hold,
    /// Held back no more; also lets a person be created again who was deleted.
    Release,
}

impl Verdict {
    /// Returns the word used in SQL and on the screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Release => "release",
        }
    }
}

/// `runs/<run>/decision.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Run that took it.
    pub run_id: String,
    pub golden_id: String,
    /// Name in the field map, or [`WHOLE_RECORD`].
    pub field: String,
    pub decision: Verdict,
    /// In the words of whoever decided.
    pub reason: Option<String>,
    /// RFC 3339.
    pub decided_at: String,
}

impl Decision {
    /// Publishes the decision under its run.
    ///
    /// # Errors
    /// When it cannot be put.
    pub async fn put(&self, warehouse: &Warehouse) -> Result<(), WarehouseError> {
        warehouse.put_json(&path(&self.run_id), self).await
    }

    /// Lays the decision out as a row of `ops.decisions`.
    pub fn row(self) -> Vec<Option<String>> {
        vec![
            Some(self.run_id),
            Some(self.golden_id),
            Some(self.field),
            Some(self.decision.as_str().to_owned()),
            self.reason,
            Some(self.decided_at),
        ]
    }
}

/// Reads every decision, oldest first.
///
/// # Errors
/// When a file cannot be read.
pub async fn decisions(warehouse: &Warehouse) -> Result<Vec<Decision>, WarehouseError> {
    let runs = warehouse.list_directories("runs").await?;
    warehouse.get_json_of(&runs.iter().map(|run| path(run)).collect::<Vec<_>>()).await
}

fn path(run: &str) -> String {
    format!("runs/{run}/decision.json")
}
