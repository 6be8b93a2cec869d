//! The writers' lease: who may write to this warehouse now, with an epoch that only grows.
//!
//! On `file://` the turn is an operating-system lock on `lease.lock`, which a dead process cannot
//! keep, and the epoch is a number in `lease.json` that each holder raises by one. Whoever finds a
//! higher epoch than its own has lost its turn and stops.

use std::fs::{File, OpenOptions};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Warehouse, WarehouseError};

const LOCK_FILE: &str = "lease.lock";
const LEASE_FILE: &str = "lease.json";

/// The right to write, held until dropped.
#[derive(Debug)]
pub struct Lease {
    epoch: u64,
    warehouse: Warehouse,
    _lock: File,
}

#[derive(Debug, Error)]
pub enum LeaseError {
    #[error("another run is writing to this warehouse: `{holder}`")]
    Held { holder: String },
    #[error("the lease was taken over by epoch {found} while this run held epoch {held}")]
    Lost { held: u64, found: u64 },
    #[error("cannot lock `{path}`")]
    Lock {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
}

#[derive(Serialize, Deserialize)]
struct LeaseRecord {
    epoch: u64,
    holder: String,
}

impl Lease {
    /// Takes the lease for `holder` (a run id or a command's name).
    ///
    /// # Errors
    /// [`LeaseError::Held`] when another process has it.
    pub async fn take(warehouse: &Warehouse, holder: &str) -> Result<Self, LeaseError> {
        let path = warehouse.local_path(LOCK_FILE);
        let lock_error = |source| LeaseError::Lock { path: path.display().to_string(), source };
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(lock_error)?;
        let previous: Option<LeaseRecord> = warehouse.get_json(LEASE_FILE).await?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                let holder = previous.map_or_else(|| "unknown".to_owned(), |lease| lease.holder);
                return Err(LeaseError::Held { holder });
            }
            Err(std::fs::TryLockError::Error(source)) => return Err(lock_error(source)),
        }
        let epoch = previous.map_or(1, |lease| lease.epoch + 1);
        let record = LeaseRecord { epoch, holder: holder.to_owned() };
        warehouse.put_json(LEASE_FILE, &record).await?;
        Ok(Self { epoch, warehouse: warehouse.clone(), _lock: lock })
    }

    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Proves that the lease is still ours; called before every write to a CRM.
    ///
    /// # Errors
    /// [`LeaseError::Lost`] when a later epoch is on record.
    pub async fn verify(&self) -> Result<(), LeaseError> {
        let record: Option<LeaseRecord> = self.warehouse.get_json(LEASE_FILE).await?;
        let found = record.map_or(0, |lease| lease.epoch);
        if found == self.epoch { Ok(()) } else { Err(LeaseError::Lost { held: self.epoch, found }) }
    }
}
