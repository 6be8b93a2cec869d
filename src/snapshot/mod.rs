//! Full snapshots of a CRM as Parquet, proven complete before they exist.
//!
//! A pull reads the metadata, chooses the cheapest open way for every object, walks it and writes
//! rows as they arrive. The manifest is put last: a snapshot without one does not exist, so a pull
//! that fails, is cancelled or finds too few rows leaves the previous snapshot as the latest, and
//! what it read to be gone on with.
//!
//! Every snapshot is full. An object may be laid over the previous snapshot from what changed since;
//! its live records are then counted against the vendor's own total, and it is read in full when
//! they differ, when that was not done for long, or when a formula in use may have moved.
//!
//! Values land verbatim as text. Beside a table's own columns every row carries `_snapshot_id`,
//! `_pulled_at`, `_archived` and `_fingerprint`.

mod carry;
mod choice;
mod complete;
mod error;
mod fingerprint;
mod journal;
mod keys;
mod landing;
mod manifest;
mod part;
mod prepare;
mod pull;
mod schema_files;
mod settle;

#[cfg(test)]
mod tests;

pub use choice::{Choice, Considered, Reason};
pub use error::PullError;
pub use fingerprint::Fingerprint;
pub use manifest::{Manifest, TableManifest};
pub use pull::{NoProgress, PullOptions, PullProgress, pull, survey};
pub use schema_files::tables as schema_tables;
