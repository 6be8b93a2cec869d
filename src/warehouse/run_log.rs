//! The run log: one file a run, written when it starts and again when it ends.
//!
//! A run that has no end was killed; the next one says so.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Warehouse, WarehouseError};

/// Format of `runs/<id>/run.json`.
pub const RUN_VERSION: u32 = 1;

/// `runs/<id>/run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    pub version: u32,
    pub id: String,
    /// `run`, `pull`, `build`, `plan`, `apply`.
    pub command: String,
    /// RFC 3339.
    pub started_at: String,
    /// `None` while it runs, and for ever when it was killed.
    pub finished_at: Option<String>,
    /// `running`, `done`, `waiting` (a plan waits), `rejected`, `refused`, `interrupted`, `failed`.
    pub status: String,
    pub plan: Option<String>,
    pub stages: Vec<StageRecord>,
    /// One line, without personal data; `None` unless it failed.
    pub error: Option<String>,
}

/// One stage of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageRecord {
    pub stage: String,
    pub seconds: f64,
    /// API calls made, retries included.
    pub calls: u64,
    /// What the stage counted: rows, actions, accepted, rejected.
    pub counts: BTreeMap<String, u64>,
}

pub const RUN_COLUMNS: [&str; 7] =
    ["run_id", "command", "started_at", "finished_at", "status", "plan_id", "error"];

pub const STAGE_COLUMNS: [&str; 5] = ["run_id", "stage", "seconds", "calls", "counts"];

impl RunRecord {
    /// Writes the record as it stands.
    ///
    /// # Errors
    /// When it cannot be put.
    pub async fn put(&self, warehouse: &Warehouse) -> Result<(), WarehouseError> {
        warehouse.put_json(&path(&self.id), self).await
    }
}

/// Reads every run, oldest first.
///
/// # Errors
/// When a file cannot be read.
pub async fn read_all(warehouse: &Warehouse) -> Result<Vec<RunRecord>, WarehouseError> {
    let ids = warehouse.list_directories("runs").await?;
    warehouse.get_json_of(&ids.iter().map(|id| path(id)).collect::<Vec<_>>()).await
}

/// Lays runs out as rows of `ops.runs`.
pub fn run_rows(runs: &[RunRecord]) -> Vec<Vec<Option<String>>> {
    runs.iter()
        .map(|run| {
            vec![
                Some(run.id.clone()),
                Some(run.command.clone()),
                Some(run.started_at.clone()),
                run.finished_at.clone(),
                Some(run.status.clone()),
                run.plan.clone(),
                run.error.clone(),
            ]
        })
        .collect()
}

/// Lays stages out as rows of `ops.stages`.
pub fn stage_rows(runs: &[RunRecord]) -> Vec<Vec<Option<String>>> {
    runs.iter()
        .flat_map(|run| {
            run.stages.iter().map(|stage| {
                let counts: Vec<String> =
                    stage.counts.iter().map(|(what, n)| format!("{what}={n}")).collect();
                vec![
                    Some(run.id.clone()),
                    Some(stage.stage.clone()),
                    Some(format!("{:.3}", stage.seconds)),
                    Some(stage.calls.to_string()),
                    Some(counts.join(" ")),
                ]
            })
        })
        .collect()
}

fn path(id: &str) -> String {
    format!("runs/{id}/run.json")
}
