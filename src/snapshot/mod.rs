//! Full snapshots of a CRM as Parquet, proven complete before they exist.
//!
//! A pull reads the metadata, walks every extraction and writes rows as they arrive. The manifest
//! is put last: a snapshot without one does not exist, so a pull that fails, is cancelled or finds
//! too few rows leaves the previous snapshot as the latest.
//!
//! Values land verbatim as text. Beside a table's own columns every row carries `_snapshot_id`,
//! `_pulled_at`, `_archived` and `_fingerprint`.

mod complete;
mod error;
mod fingerprint;
mod landing;
mod manifest;
mod part;
mod pull;
mod schema_files;

#[cfg(test)]
mod tests;

pub use error::PullError;
pub use fingerprint::Fingerprint;
pub use manifest::{Manifest, TableManifest};
pub use pull::{NoProgress, PullOptions, PullProgress, pull};
pub use schema_files::tables as schema_tables;
