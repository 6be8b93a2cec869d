//! Makes one row a key of everything that was landed for a table.
//!
//! A record may come twice: it changed or was archived while it was read, two pages overlap, or a
//! broken walk was gone on with a little before its end. The later row is kept, and an archived one
//! before a live one, whichever walk came to it first. Files with rows that lose are written again
//! without them; that is rare.
//!
//! Keys are read from the files when all are there, in as many passes as keep few rows in memory,
//! so that nothing grows with the table while it lands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::BooleanArray;
use datafusion::arrow::compute::filter_record_batch;

use super::PullError;
use super::keys::{Keys, archived, text};
use super::landing::Part;
use super::part::{ARCHIVED, FINGERPRINT, arrow_schema};
use crate::crm::Table;
use crate::warehouse::Warehouse;

/// Rows compared in one pass; each takes 24 bytes.
const ROWS_PER_PASS_MAX: u64 = 8_000_000;

/// What became of a table's rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Settled {
    pub parts: Vec<Part>,
    /// Rows that came twice with the same values.
    pub duplicates: u64,
    /// Keys of rows that came in two versions, sorted.
    pub changed: BTreeSet<String>,
}

/// Where a row lies.
type At = (u32, u32);

/// A row among those that may have its key.
struct Candidate {
    key: String,
    fingerprint: String,
    is_archived: bool,
    at: At,
}

/// Settles `parts`, which are in the order in which their extractions count.
pub async fn settle(
    warehouse: &Warehouse,
    table: &Table,
    parts: Vec<Part>,
) -> Result<Settled, PullError> {
    let n_rows: u64 = parts.iter().map(|part| part.rows).sum();
    let n_passes = n_rows.div_ceil(ROWS_PER_PASS_MAX).max(1);
    let mut settled = Settled::default();
    let mut losers: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    let mut parts = parts;
    for pass in 0..n_passes {
        let is_of_pass = |digest: u64| digest % n_passes == pass;
        let repeated = repeated(warehouse, table, &mut parts, is_of_pass).await?;
        for group in candidates(warehouse, table, &parts, &repeated).await? {
            judge(group, &mut settled, &mut losers);
        }
    }
    for (number, mut part) in parts.into_iter().enumerate() {
        if let Some(rows) = u32::try_from(number).ok().and_then(|number| losers.remove(&number)) {
            part.rows = write_again(warehouse, table, &part.path, &rows).await?;
        }
        settled.parts.push(part);
    }
    // A file without rows is there for a table's columns alone.
    let first = settled.parts.first().cloned();
    settled.parts.retain(|part| part.rows > 0);
    if settled.parts.is_empty() {
        settled.parts.extend(first);
    }
    Ok(settled)
}

/// Returns where rows lie whose key's digest is met more than once, and counts each file's rows:
/// a broken pull may have written one again already.
async fn repeated(
    warehouse: &Warehouse,
    table: &Table,
    parts: &mut [Part],
    is_of_pass: impl Fn(u64) -> bool,
) -> Result<BTreeMap<At, u64>, PullError> {
    let columns: Vec<&str> = table.key.iter().map(String::as_str).collect();
    let mut met: Vec<(u64, At)> = Vec::new();
    for (number, part) in (0_u32..).zip(parts.iter_mut()) {
        let mut first_row = 0_usize;
        for batch in warehouse.scan_parquet(&part.path, Some(&columns)).await? {
            let batch = batch?;
            let keys = Keys::new(&batch, table, &table.key)?;
            for row in 0..batch.num_rows() {
                let digest = keys.digest(row);
                if is_of_pass(digest) {
                    met.push((digest, (number, place(first_row + row))));
                }
            }
            first_row += batch.num_rows();
        }
        part.rows = first_row as u64;
    }
    met.sort_unstable();
    let mut repeated = BTreeMap::new();
    for group in met.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
        repeated.extend(group.iter().map(|(digest, at)| (*at, *digest)));
    }
    Ok(repeated)
}

/// Reads the rows that may have the same key and groups those that have.
async fn candidates(
    warehouse: &Warehouse,
    table: &Table,
    parts: &[Part],
    repeated: &BTreeMap<At, u64>,
) -> Result<Vec<Vec<Candidate>>, PullError> {
    let mut columns: Vec<&str> = table.key.iter().map(String::as_str).collect();
    columns.extend([ARCHIVED, FINGERPRINT]);
    let mut groups: BTreeMap<(u64, String), Vec<Candidate>> = BTreeMap::new();
    for (number, part) in (0_u32..).zip(parts) {
        if repeated.range((number, 0)..=(number, u32::MAX)).next().is_none() {
            continue;
        }
        let mut first_row = 0_usize;
        for batch in warehouse.scan_parquet(&part.path, Some(&columns)).await? {
            let batch = batch?;
            let keys = Keys::new(&batch, table, &table.key)?;
            let is_archived = archived(&batch, table)?;
            let fingerprints = text(&batch, table, FINGERPRINT)?;
            for (row, is_archived) in is_archived.into_iter().enumerate() {
                let at = (number, place(first_row + row));
                let Some(digest) = repeated.get(&at) else { continue };
                let key = keys.text(row);
                groups.entry((*digest, key.clone())).or_default().push(Candidate {
                    key,
                    fingerprint: fingerprints.value(row).to_owned(),
                    is_archived,
                    at,
                });
            }
            first_row += batch.num_rows();
        }
    }
    Ok(groups.into_values().filter(|group| group.len() > 1).collect())
}

/// Keeps the latest row of a key, an archived one before a live one.
fn judge(
    mut group: Vec<Candidate>,
    settled: &mut Settled,
    losers: &mut BTreeMap<u32, BTreeSet<u32>>,
) {
    group.sort_by_key(|row| (row.is_archived, row.at));
    let Some(kept) = group.pop() else { return };
    for row in group {
        let is_same = row.fingerprint == kept.fingerprint && row.is_archived == kept.is_archived;
        if is_same {
            settled.duplicates += 1;
        } else {
            settled.changed.insert(row.key);
        }
        losers.entry(row.at.0).or_default().insert(row.at.1);
    }
}

async fn write_again(
    warehouse: &Warehouse,
    table: &Table,
    path: &str,
    without: &BTreeSet<u32>,
) -> Result<u64, PullError> {
    let batches = warehouse.scan_parquet(path, None).await?;
    let mut file = warehouse.create_parquet(path, Arc::clone(&arrow_schema(table)))?;
    let mut first_row = 0_usize;
    for batch in batches {
        let batch = batch?;
        let n_rows = batch.num_rows();
        let keep: BooleanArray = (first_row..first_row + n_rows)
            .map(|row| Some(!without.contains(&place(row))))
            .collect();
        first_row += n_rows;
        file.write(&filter_record_batch(&batch, &keep)?).await?;
    }
    Ok(file.finish().await?)
}

/// Rows of a file are few; one past the last number would be no row of ours.
fn place(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}
