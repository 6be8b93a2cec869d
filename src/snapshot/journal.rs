//! How far a pull is, so that a broken one can be gone on with.
//!
//! Lies under `snapshots/<connection>/_pulling/<snapshot>/` from a pull's first page to its
//! manifest: `pull.json` says what was asked for, and one file for each extraction where it is and
//! which files it has published. Readers of snapshots never look there.

use serde::{Deserialize, Serialize};

use super::landing::Part;
use crate::crm::{Extracted, Way};
use crate::warehouse::{Warehouse, WarehouseError};

/// What a pull was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    pub snapshot_id: String,
    pub pulled_at: jiff::Timestamp,
    pub account_id: String,
    /// Digest of the objects, their columns and what is read beside them.
    pub request: String,
    /// Snapshot that changes and histories are laid over.
    pub previous_id: Option<String>,
}

/// How far one extraction is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub extraction: String,
    pub way: Way,
    /// Where the connector goes on; `None` before it reached any place.
    pub place: Option<String>,
    /// Files by the extraction's tables.
    pub parts: Vec<Vec<Part>>,
    pub finished: Option<Extracted>,
    /// What the previous snapshot gives is there as well.
    pub is_carried: bool,
}

/// The notes of one pull.
pub struct Journal<'a> {
    warehouse: &'a Warehouse,
    directory: String,
}

impl<'a> Journal<'a> {
    pub fn new(warehouse: &'a Warehouse, connection: &str, snapshot_id: &str) -> Self {
        Self { warehouse, directory: format!("{}/{snapshot_id}", root(connection)) }
    }

    pub async fn begin(&self, begun: &Begun) -> Result<(), WarehouseError> {
        self.warehouse.put_json(&format!("{}/pull.json", self.directory), begun).await
    }

    /// Gives up what was read: the next pull begins again.
    pub async fn forget(&self) -> Result<(), WarehouseError> {
        self.warehouse.delete(&format!("{}/pull.json", self.directory)).await
    }

    /// Notes how far the extraction with this number is.
    pub async fn note(&self, number: usize, progress: &Progress) -> Result<(), WarehouseError> {
        self.warehouse.put_json(&self.path(number), progress).await
    }

    pub async fn read(&self, number: usize) -> Result<Option<Progress>, WarehouseError> {
        self.warehouse.get_json(&self.path(number)).await
    }

    fn path(&self, number: usize) -> String {
        format!("{}/{number:03}.json", self.directory)
    }
}

/// Finds the latest pull of the connection that has no manifest.
pub async fn broken(
    warehouse: &Warehouse,
    connection: &str,
) -> Result<Option<Begun>, WarehouseError> {
    let mut found: Vec<Begun> = Vec::new();
    for id in warehouse.list_directories(&root(connection)).await? {
        let path = format!("{}/{id}/pull.json", root(connection));
        found.extend(warehouse.get_json::<Begun>(&path).await?);
    }
    Ok(found.into_iter().max_by(|a, b| a.pulled_at.cmp(&b.pulled_at)))
}

/// Clears up once a snapshot exists: the notes of every pull, and the files of those that broke.
pub async fn clear(
    warehouse: &Warehouse,
    connection: &str,
    published_id: &str,
) -> Result<(), WarehouseError> {
    let root = root(connection);
    for id in warehouse.list_directories(&root).await? {
        for path in warehouse.list(&format!("{root}/{id}")).await? {
            let is_progress = !path.ends_with("/pull.json");
            if is_progress && id != published_id {
                let progress: Option<Progress> = warehouse.get_json(&path).await?;
                let parts = progress.into_iter().flat_map(|progress| progress.parts).flatten();
                for part in parts {
                    warehouse.delete(&part.path).await?;
                }
            }
            warehouse.delete(&path).await?;
        }
    }
    Ok(())
}

fn root(connection: &str) -> String {
    format!("snapshots/{connection}/_pulling")
}
