//! The lease of a warehouse of files: an operating-system lock and an epoch file.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use super::{LeaseError, Record};
use crate::warehouse::WarehouseError;

const LOCK_FILE: &str = "lease.lock";

/// The lock, held until dropped.
#[derive(Debug)]
pub(super) struct LocalLease {
    pub holding: LocalHolding,
    _lock: File,
}

/// Reads which epoch is on record.
#[derive(Clone, Debug)]
pub(in crate::warehouse) struct LocalHolding {
    pub epoch: u64,
    path: PathBuf,
}

impl LocalLease {
    pub fn take(directory: &Path, holder: &str) -> Result<Self, LeaseError> {
        let path = directory.join(LOCK_FILE);
        let lock_error = |source| LeaseError::Lock { path: path.display().to_string(), source };
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(lock_error)?;
        let path = directory.join(super::LEASE_FILE);
        let previous = read(&path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                let holder = previous.map_or_else(|| "unknown".to_owned(), |lease| lease.holder);
                return Err(LeaseError::Held { holder, seconds_left: None });
            }
            Err(std::fs::TryLockError::Error(source)) => return Err(lock_error(source)),
        }
        // Read again: another holder may have come and gone before the lock was had.
        let epoch = read(&path)?.map_or(1, |lease| lease.epoch + 1);
        write(&path, &Record { epoch, holder: holder.to_owned(), ..Record::default() })?;
        Ok(Self { holding: LocalHolding { epoch, path }, _lock: lock })
    }
}

impl LocalHolding {
    /// Proves that no later epoch is on record. The lock itself does not expire.
    pub fn verify(&self) -> Result<(), LeaseError> {
        let record = read(&self.path)?.unwrap_or_else(Record::gone);
        if record.epoch == self.epoch { Ok(()) } else { Err(record.lost_by(self.epoch)) }
    }
}

fn read(path: &Path) -> Result<Option<Record>, LeaseError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(LeaseError::Lock { path: path.display().to_string(), source }),
    };
    let parsed = serde_json::from_slice(&text).map(Some);
    parsed.map_err(|source| {
        WarehouseError::Json { path: super::LEASE_FILE.to_owned(), source }.into()
    })
}

/// Writes beside and renames, so that nobody reads half a record.
fn write(path: &Path, record: &Record) -> Result<(), LeaseError> {
    let failed = |source| LeaseError::Lock { path: path.display().to_string(), source };
    let beside = path.with_extension("json.new");
    std::fs::write(&beside, record.text()?).map_err(failed)?;
    std::fs::rename(&beside, path).map_err(failed)
}
