//! The proof that a pull read everything.

use std::collections::BTreeSet;

use super::{Manifest, PullError, TableManifest};
use crate::crm::Extracted;
use crate::schema::Schema;

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

/// Lists the fields of `objects` that the metadata showed before and does not show now, as
/// `object.field`, sorted. What was there of them is unknown from now on, not blank.
pub fn lost_fields(before: &Schema, now: &Schema, objects: &[String]) -> Vec<String> {
    let lost: BTreeSet<String> = before
        .fields
        .iter()
        .filter(|info| objects.contains(&info.object))
        .filter(|info| now.field(&info.object, &info.field).is_none())
        .map(|info| format!("{}.{}", info.object, info.field))
        .collect();
    lost.into_iter().collect()
}
