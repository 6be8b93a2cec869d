//! The proof that a pull read everything.

use super::{Manifest, PullError, TableManifest};
use crate::crm::Extracted;

/// Compares a walk with the vendor's own total. More than the total is no fault: records are
/// deleted while others are read.
pub fn check_total(extraction: &str, extracted: &Extracted) -> Result<(), PullError> {
    match extracted.vendor_total {
        Some(total) if extracted.n_records < total => Err(PullError::BelowTotal {
            extraction: extraction.to_owned(),
            rows: extracted.n_records,
            total,
        }),
        _ => Ok(()),
    }
}

/// Compares tables of records with the previous snapshot: too few rows are a failed pull, never a
/// mass delete. `share` is the least part of the previous rows that must be there again.
pub fn check_previous(
    tables: &[TableManifest],
    is_record_table: impl Fn(&str) -> bool,
    previous: &Manifest,
    share: f64,
) -> Result<(), PullError> {
    for before in previous.tables.iter().filter(|table| is_record_table(&table.name)) {
        let rows = tables.iter().find(|table| table.name == before.name).map_or(0, |t| t.rows);
        #[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^52")]
        let is_too_few = (rows as f64) < before.rows as f64 * share;
        if is_too_few {
            return Err(PullError::Shrunk {
                table: before.name.clone(),
                rows,
                previous_rows: before.rows,
                previous_id: previous.snapshot_id.clone(),
            });
        }
    }
    Ok(())
}
