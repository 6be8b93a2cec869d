//! What can keep a snapshot from existing.

use thiserror::Error;

use crate::crm::CrmError;
use crate::warehouse::WarehouseError;

#[derive(Debug, Error)]
pub enum PullError {
    #[error("cannot read `{extraction}` from `{connection}`")]
    Extraction {
        connection: String,
        extraction: String,
        #[source]
        source: CrmError,
    },
    #[error("cannot read the account and its metadata from `{connection}`")]
    Metadata {
        connection: String,
        #[source]
        source: CrmError,
    },
    #[error("connection cannot see the object: `{object}`")]
    NotVisible { object: String },
    #[error("read {rows} records where the vendor counts {total}: `{extraction}`")]
    BelowTotal { extraction: String, rows: u64, total: u64 },
    #[error("read {rows} rows where snapshot {previous_id} has {previous_rows}: `{table}`")]
    Shrunk { table: String, rows: u64, previous_rows: u64, previous_id: String },
    #[error("a row of `{extraction}` has {found} values for {expected} columns")]
    RowShape { extraction: String, found: usize, expected: usize },
    #[error("`{extraction}` cannot be read this way: {why}")]
    WayClosed { extraction: String, why: String },
    #[error("the walk ended before its end: `{extraction}`")]
    Unfinished { extraction: String },
    #[error("a file of `{table}` lacks the column `{column}`")]
    Carried { table: String, column: String },
    #[error("snapshot exists already: `{snapshot_id}`")]
    Exists { snapshot_id: String },
    #[error("metadata file lacks the column `{column}`: `{path}`")]
    SchemaFile { path: String, column: String },
    #[error("pull was cancelled; no snapshot was made")]
    Cancelled,
    #[error("cannot form columns")]
    Arrow(#[from] datafusion::arrow::error::ArrowError),
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
}

impl PullError {
    /// Says what a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotVisible { .. } => Some(
                "give the connection's user or token read access to the object, or take the \
                 object out of the project",
            ),
            Self::BelowTotal { .. } => Some(
                "pull again; if the counts stay apart, look for records that the connection may \
                 count but not read",
            ),
            Self::Shrunk { .. } => Some(
                "look for a lost permission or a mass delete in the CRM; if the records are \
                 really gone, pull once with a lower `min_rows_share`",
            ),
            Self::WayClosed { .. } => {
                Some("name another way, or none, in `[pull] ways` or by `--way`")
            }
            _ => None,
        }
    }
}
