//! What one run must remember for the next; nothing else crosses runs.
//!
//! State is computed by the models in `models/5_state` from the state before, the snapshots and
//! the journals, and published under `state/<build id>/` once the build is whole. A build reads
//! the newest state that was made from other snapshots than its own, so that building twice from
//! the same snapshots gives the same tables twice.

mod decision;
mod stored_forms;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::Build;
use crate::warehouse::{Warehouse, WarehouseError};

pub use decision::{DECISION_COLUMNS, Decision, Verdict, WHOLE_RECORD, decisions};
pub use stored_forms::StoredForms;

/// Format of `state/<id>/manifest.json`.
const STATE_VERSION: u32 = 1;

/// Models of this prefix are state; the rest of the name is the table's.
const MODEL_PREFIX: &str = "state_";

/// `state/<id>/manifest.json`, put last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub version: u32,
    /// The build that made it.
    pub id: String,
    /// The state that the build read.
    pub previous: Option<String>,
    /// Connection → snapshot id that it was made from.
    pub snapshots: BTreeMap<String, String>,
    /// Table → file below the warehouse.
    pub tables: BTreeMap<String, String>,
}

impl State {
    /// Finds the newest state that was made from other snapshots than these.
    ///
    /// # Errors
    /// When a manifest cannot be read.
    pub async fn before(
        warehouse: &Warehouse,
        snapshots: &BTreeMap<String, String>,
    ) -> Result<Option<Self>, WarehouseError> {
        for id in warehouse.list_directories("state").await?.into_iter().rev() {
            let state: Option<Self> = warehouse.get_json(&manifest_path(&id)).await?;
            if let Some(state) = state.filter(|state| state.snapshots != *snapshots) {
                return Ok(Some(state));
            }
        }
        Ok(None)
    }

    /// Returns the newest state, or `None` before the first build.
    ///
    /// # Errors
    /// When a manifest cannot be read.
    pub async fn latest(warehouse: &Warehouse) -> Result<Option<Self>, WarehouseError> {
        Self::before(warehouse, &BTreeMap::new()).await
    }

    /// Publishes the state that a build computed.
    ///
    /// # Errors
    /// When a file cannot be copied or the manifest cannot be put.
    pub async fn publish(warehouse: &Warehouse, build: &Build) -> Result<Self, WarehouseError> {
        let mut tables = BTreeMap::new();
        for model in &build.models {
            let Some(table) = model.name.strip_prefix(MODEL_PREFIX) else { continue };
            for file in &model.files {
                let path = format!("state/{}/{table}.parquet", build.id);
                warehouse.copy(file, &path).await?;
                tables.insert(table.to_owned(), path);
            }
        }
        let state = Self {
            version: STATE_VERSION,
            id: build.id.clone(),
            previous: build.inputs.state.clone(),
            snapshots: build.inputs.snapshots.clone(),
            tables,
        };
        warehouse.put_json(&manifest_path(&state.id), &state).await?;
        Ok(state)
    }
}

fn manifest_path(id: &str) -> String {
    format!("state/{id}/manifest.json")
}
