//! What can keep a world from being made from snapshots.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::crm::CrmKind;
use crate::snapshot::PullError;
use crate::warehouse::WarehouseError;

#[derive(Debug, Error)]
pub enum MirrorError {
    #[error("the warehouse has no complete snapshot of {kind}")]
    NoSnapshot { kind: CrmKind },
    #[error("the warehouse has snapshots of two {kind} accounts: `{one}` and `{other}`")]
    TwoAccounts { kind: CrmKind, one: String, other: String },
    #[error("snapshot {snapshot_id} holds no definition of `{name}`")]
    NoDefinition { snapshot_id: String, name: String },
    #[error("definition of `{name}` is not understood")]
    Definition {
        name: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("text column `{column}` is missing in `{path}`")]
    Column { path: String, column: String },
    #[error("cannot form `world.toml`")]
    World {
        #[source]
        source: toml::ser::Error,
    },
    #[error("cannot write `{path}`")]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot read the snapshot's metadata")]
    Schema(#[from] PullError),
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
}

impl MirrorError {
    /// Says what a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoSnapshot { .. } => Some("take one with\n    concord pull"),
            Self::TwoAccounts { .. } => Some("a sandbox holds one portal and one org"),
            Self::NoDefinition { .. } => {
                Some("an earlier version took the snapshot; take another with\n    concord pull")
            }
            _ => None,
        }
    }
}
