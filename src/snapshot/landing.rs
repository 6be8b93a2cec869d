//! Writes one table's rows as they arrive, and keeps one row a key.
//!
//! Rows go to Parquet at once; only a digest of each key stays in memory. Where a later row
//! replaces one that is already written, the file it lies in is written again at the end, without
//! it. That is rare: a record changed or was archived while it was read.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::BooleanArray;
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::SchemaRef;
use sha2::{Digest, Sha256};

use super::part::{Stamp, arrow_schema, to_batch};
use super::{Fingerprint, PullError, TableManifest};
use crate::crm::{Row, Table};
use crate::warehouse::{ParquetFile, Warehouse};

/// Rows a file holds; also bounds what writing one again keeps in memory.
pub const ROWS_PER_PART_MAX: u64 = 250_000;

/// Part numbers that one extraction has for itself, so that names do not depend on which of two
/// concurrent extractions is faster.
const PARTS_PER_EXTRACTION: usize = 1_000;

/// A table under way, shared by the extractions that fill it.
pub struct Landing {
    table: Table,
    arrow_schema: SchemaRef,
    fingerprint: Fingerprint,
    key_positions: Vec<usize>,
    directory: String,
    stamp: Stamp,
    seen: HashMap<u128, Seen>,
    /// Published files and their rows.
    parts: BTreeMap<usize, u64>,
    /// Rows replaced by later ones, by part.
    replaced: BTreeMap<usize, BTreeSet<u64>>,
    duplicates: u64,
    changed: BTreeSet<String>,
    vendor_total: Option<u64>,
}

#[derive(Clone, Copy)]
struct Seen {
    fingerprint: u64,
    is_archived: bool,
    part: usize,
    row: u64,
}

/// The file that one extraction is writing for a table.
pub struct OpenPart {
    /// The extraction's place among those that fill the table.
    ordinal: usize,
    n_parts: usize,
    open: Option<(usize, ParquetFile, u64)>,
}

impl OpenPart {
    pub fn new(ordinal: usize) -> Self {
        Self { ordinal, n_parts: 0, open: None }
    }
}

impl Landing {
    pub fn new(connection: &str, table: &Table, stamp: &Stamp) -> Self {
        let key_positions = table
            .key
            .iter()
            .filter_map(|key| table.columns.iter().position(|column| column == key))
            .collect();
        Self {
            arrow_schema: arrow_schema(table),
            fingerprint: Fingerprint::new(&table.columns),
            key_positions,
            directory: format!(
                "snapshots/{connection}/{}/snapshot={}",
                table.name, stamp.snapshot_id
            ),
            table: table.clone(),
            stamp: stamp.clone(),
            seen: HashMap::new(),
            parts: BTreeMap::new(),
            replaced: BTreeMap::new(),
            duplicates: 0,
            changed: BTreeSet::new(),
            vendor_total: None,
        }
    }

    pub fn set_vendor_total(&mut self, total: Option<u64>) {
        self.vendor_total = total.or(self.vendor_total);
    }

    /// Writes a page's rows, except those that are here already.
    pub async fn land(
        &mut self,
        warehouse: &Warehouse,
        part: &mut OpenPart,
        extraction: &str,
        rows: Vec<Row>,
    ) -> Result<(), PullError> {
        let expected = self.table.columns.len();
        if let Some(row) = rows.iter().find(|row| row.values.len() != expected) {
            let (extraction, found) = (extraction.to_owned(), row.values.len());
            return Err(PullError::RowShape { extraction, found, expected });
        }
        if part.open.as_ref().is_some_and(|(_, _, n_rows)| *n_rows >= ROWS_PER_PART_MAX) {
            self.close(part).await?;
        }
        self.open(warehouse, part)?;
        let Some((number, file, n_rows)) = &mut part.open else { return Ok(()) };
        let mut kept: Vec<Row> = Vec::with_capacity(rows.len());
        let mut fingerprints: Vec<String> = Vec::with_capacity(rows.len());
        for row in rows {
            let fingerprint = self.fingerprint.of(&row.values);
            let new = Seen {
                fingerprint: u64::from_str_radix(&fingerprint, 16).unwrap_or_default(),
                is_archived: row.is_archived,
                part: *number,
                row: *n_rows + kept.len() as u64,
            };
            let digest = key_digest(&row, &self.key_positions);
            if let Some(old) = self.seen.get(&digest) {
                let is_same =
                    old.fingerprint == new.fingerprint && old.is_archived == new.is_archived;
                // A record that was archived while it was read is an archived one, whichever walk
                // came to it first.
                let is_staler = old.is_archived && !new.is_archived && old.part != new.part;
                if is_same {
                    self.duplicates += 1;
                    continue;
                }
                self.changed.insert(key_text(&row, &self.key_positions));
                if is_staler {
                    continue;
                }
                self.replaced.entry(old.part).or_default().insert(old.row);
            }
            self.seen.insert(digest, new);
            fingerprints.push(fingerprint);
            kept.push(row);
        }
        if kept.is_empty() {
            return Ok(());
        }
        let batch = to_batch(&self.arrow_schema, &self.stamp, &kept, &fingerprints)?;
        file.write(&batch).await?;
        *n_rows += kept.len() as u64;
        Ok(())
    }

    /// Publishes the file that an extraction was writing. The first extraction of a table leaves
    /// a file even without rows, so that the table's columns are always there.
    pub async fn finish_part(
        &mut self,
        warehouse: &Warehouse,
        part: &mut OpenPart,
    ) -> Result<(), PullError> {
        if part.ordinal == 0 && part.n_parts == 0 {
            self.open(warehouse, part)?;
        }
        self.close(part).await
    }

    /// Takes replaced rows out of the files and says what the table holds.
    pub async fn finish(mut self, warehouse: &Warehouse) -> Result<TableManifest, PullError> {
        for (part, rows) in std::mem::take(&mut self.replaced) {
            let left = self.write_again(warehouse, part, &rows).await?;
            self.parts.insert(part, left);
        }
        Ok(TableManifest {
            rows: self.parts.values().sum(),
            files: self.parts.keys().map(|number| self.path(*number)).collect(),
            name: self.table.name,
            columns: self.table.columns,
            key: self.table.key,
            vendor_total: self.vendor_total,
            duplicates: self.duplicates,
            changed: self.changed.into_iter().collect(),
        })
    }

    fn open(&mut self, warehouse: &Warehouse, part: &mut OpenPart) -> Result<(), PullError> {
        if part.open.is_none() {
            let number = part.ordinal * PARTS_PER_EXTRACTION + part.n_parts;
            let schema = Arc::clone(&self.arrow_schema);
            let file = warehouse.create_parquet(&self.path(number), schema)?;
            part.n_parts += 1;
            part.open = Some((number, file, 0));
        }
        Ok(())
    }

    async fn close(&mut self, part: &mut OpenPart) -> Result<(), PullError> {
        if let Some((number, file, _)) = part.open.take() {
            let n_rows = file.finish().await?;
            self.parts.insert(number, n_rows);
        }
        Ok(())
    }

    async fn write_again(
        &self,
        warehouse: &Warehouse,
        part: usize,
        without: &BTreeSet<u64>,
    ) -> Result<u64, PullError> {
        let path = self.path(part);
        let batches = warehouse.read_parquet(&path).await?;
        let mut file = warehouse.create_parquet(&path, Arc::clone(&self.arrow_schema))?;
        let mut row = 0;
        for batch in batches {
            let n_rows = batch.num_rows() as u64;
            let keep: BooleanArray =
                (row..row + n_rows).map(|row| Some(!without.contains(&row))).collect();
            row += n_rows;
            file.write(&filter_record_batch(&batch, &keep)?).await?;
        }
        Ok(file.finish().await?)
    }

    fn path(&self, number: usize) -> String {
        format!("{}/part-{number:04}.parquet", self.directory)
    }
}

/// Writes a row's key as text: an id, or several values after one another.
fn key_text(row: &Row, key_positions: &[usize]) -> String {
    let value = |position: &usize| row.values.get(*position).and_then(Option::as_deref);
    key_positions.iter().map(|p| value(p).unwrap_or("")).collect::<Vec<_>>().join(" ")
}

/// Digests a row's key to 128 bits: two of a billion keys meet with a chance below 10^-20.
fn key_digest(row: &Row, key_positions: &[usize]) -> u128 {
    let mut hash = Sha256::new();
    for &position in key_positions {
        match row.values.get(position).and_then(Option::as_deref) {
            Some(value) => {
                hash.update([1]);
                hash.update((value.len() as u64).to_le_bytes());
                hash.update(value.as_bytes());
            }
            None => hash.update([0]),
        }
    }
    hash.finalize().iter().take(16).fold(0, |digest, byte| digest << 8 | u128::from(*byte))
}
