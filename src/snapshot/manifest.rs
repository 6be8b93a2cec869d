//! What a snapshot holds; its presence is what makes the snapshot exist.

use serde::{Deserialize, Serialize};

use super::PullError;
use super::schema_files;
use crate::crm::{Account, CallCounts, CrmKind, Way};
use crate::schema::Schema;
use crate::warehouse::{Warehouse, WarehouseError};

/// Version of the manifest's shape.
pub const VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub version: u32,
    pub connection: String,
    pub kind: CrmKind,
    pub account: Account,
    pub snapshot_id: String,
    pub pulled_at: jiff::Timestamp,
    /// Sorted by name.
    pub tables: Vec<TableManifest>,
    /// API calls that this pull made.
    pub calls: CallCounts,
    /// Exports that it started, which draw on an allowance of their own.
    #[serde(default)]
    pub exports: u64,
    /// `object.field` that the previous snapshot's metadata showed and this one's does not: taken
    /// away from the connection, or deleted. Sorted.
    #[serde(default)]
    pub lost_fields: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableManifest {
    pub name: String,
    /// The vendor's columns, without those that every snapshot adds.
    pub columns: Vec<String>,
    pub key: Vec<String>,
    pub rows: u64,
    /// Parquet files, relative to the warehouse.
    pub files: Vec<String>,
    /// The vendor's own count of the live records, where it offers one.
    pub vendor_total: Option<u64>,
    /// Rows that came twice with the same values and were landed once.
    pub duplicates: u64,
    /// Records that changed while they were read, by key; the later row was kept. Sorted.
    #[serde(default)]
    pub changed: Vec<String>,
    /// How the rows were read.
    #[serde(default)]
    pub way: Option<Way>,
    /// When all rows were last read, where some of these were taken from the previous snapshot.
    #[serde(default)]
    pub full_at: Option<jiff::Timestamp>,
    /// Fields whose histories the table holds.
    #[serde(default)]
    pub scope: Vec<String>,
}

impl Manifest {
    /// Returns the connection's latest snapshot, or `None` before the first.
    pub async fn latest(
        warehouse: &Warehouse,
        connection: &str,
    ) -> Result<Option<Self>, WarehouseError> {
        Ok(Self::list(warehouse, connection).await?.pop())
    }

    /// Lists the connection's snapshots, oldest first.
    pub async fn list(
        warehouse: &Warehouse,
        connection: &str,
    ) -> Result<Vec<Self>, WarehouseError> {
        let directory = format!("snapshots/{connection}");
        let mut names = warehouse.list_files(&directory).await?;
        names.retain(|name| name.starts_with("manifest=") && name.ends_with(".json"));
        let paths: Vec<String> = names.iter().map(|name| format!("{directory}/{name}")).collect();
        let mut manifests: Vec<Self> = warehouse.get_json_of(&paths).await?;
        manifests.sort_by(|a, b| {
            a.pulled_at.cmp(&b.pulled_at).then_with(|| a.snapshot_id.cmp(&b.snapshot_id))
        });
        Ok(manifests)
    }

    /// Reads the metadata that was landed with the snapshot.
    ///
    /// # Errors
    /// When a file is missing or lacks a column.
    pub async fn read_schema(&self, warehouse: &Warehouse) -> Result<Schema, PullError> {
        schema_files::read(warehouse, &self.connection, &self.snapshot_id).await
    }

    pub fn table(&self, name: &str) -> Option<&TableManifest> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// Returns where the manifest of a snapshot lies.
    pub fn path(connection: &str, snapshot_id: &str) -> String {
        format!("snapshots/{connection}/manifest={snapshot_id}.json")
    }
}
