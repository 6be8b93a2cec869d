//! What a snapshot takes from the one before it: records that did not change, and the histories of
//! all records that did not.

use std::collections::{BTreeSet, HashMap, HashSet};

use datafusion::arrow::array::{BooleanArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;

use super::keys::{Keys, archived, id_digest, text, value};
use super::landing::{Landing, Part};
use super::{PullError, TableManifest};
use crate::crm::{Extraction, Known, Table};
use crate::warehouse::Warehouse;

/// What was landed for the records of an object, before anything is carried.
#[derive(Debug, Default)]
pub struct Landed {
    /// Whether a record is archived now, by the digest of its key.
    records: HashMap<u64, bool>,
    /// Records that were merged into one that was landed.
    merged: HashSet<u64>,
}

impl Landed {
    /// Reads the keys of the landed parts. An archived row tells more than a live one.
    pub async fn read(
        warehouse: &Warehouse,
        extraction: &Extraction,
        table: &Table,
        parts: &[Part],
    ) -> Result<Self, PullError> {
        let mut landed = Self::default();
        let mut columns: Vec<&str> = table.key.iter().map(String::as_str).collect();
        columns.push(super::part::ARCHIVED);
        columns.extend(extraction.merged_column.as_deref());
        for part in parts {
            for batch in warehouse.scan_parquet(&part.path, Some(&columns)).await? {
                let batch = batch?;
                let keys = Keys::new(&batch, table, &table.key)?;
                let merged = extraction.merged_column.as_deref();
                let merged = merged.map(|name| text(&batch, table, name)).transpose()?;
                for (row, is_archived) in archived(&batch, table)?.into_iter().enumerate() {
                    *landed.records.entry(keys.digest(row)).or_default() |= is_archived;
                    let ids = merged.and_then(|column| value(column, row)).unwrap_or_default();
                    landed.merged.extend(ids.split(';').map(str::trim).map(id_digest));
                }
            }
        }
        Ok(landed)
    }

    /// Returns the ids of live records among the landed ones.
    pub async fn live_ids(
        &self,
        warehouse: &Warehouse,
        table: &Table,
        parts: &[Part],
    ) -> Result<Vec<String>, PullError> {
        let mut ids: BTreeSet<String> = BTreeSet::new();
        let columns: Vec<&str> = table.key.iter().map(String::as_str).collect();
        for part in parts {
            for batch in warehouse.scan_parquet(&part.path, Some(&columns)).await? {
                let batch = batch?;
                let keys = Keys::new(&batch, table, &table.key)?;
                let is_live = |row: &usize| self.records.get(&keys.digest(*row)) == Some(&false);
                ids.extend((0..batch.num_rows()).filter(is_live).map(|row| keys.text(row)));
            }
        }
        Ok(ids.into_iter().collect())
    }

    fn live(&self) -> u64 {
        self.records.values().filter(|is_archived| !**is_archived).count() as u64
    }

    fn has(&self, digest: u64) -> bool {
        self.records.contains_key(&digest) || self.merged.contains(&digest)
    }
}

/// Carries the live records that were neither landed nor merged away, and returns how many records
/// are live then. The ids of what is carried are added to `ids`.
pub async fn records(
    warehouse: &Warehouse,
    previous: &TableManifest,
    landed: &Landed,
    landing: &mut Landing,
    ids: &mut Vec<String>,
) -> Result<u64, PullError> {
    let table = landing.table().clone();
    let mut live = landed.live();
    for path in &previous.files {
        for batch in warehouse.scan_parquet(path, None).await? {
            let batch = batch?;
            let keys = Keys::new(&batch, &table, &table.key)?;
            let keep: Vec<bool> = archived(&batch, &table)?
                .into_iter()
                .enumerate()
                .map(|(row, is_archived)| !is_archived && !landed.has(keys.digest(row)))
                .collect();
            for (row, _) in keep.iter().enumerate().filter(|(_, keep)| **keep) {
                ids.push(keys.text(row));
                live += 1;
            }
            landing.carry(warehouse, &filter(&batch, keep)?).await?;
        }
    }
    Ok(live)
}

/// Carries the histories of records that are live in the version the previous snapshot knew.
pub async fn histories(
    warehouse: &Warehouse,
    previous: &TableManifest,
    unchanged: &HashSet<u64>,
    landing: &mut Landing,
) -> Result<(), PullError> {
    let table = landing.table().clone();
    let owner: Vec<String> = table.columns.first().cloned().into_iter().collect();
    for path in &previous.files {
        for batch in warehouse.scan_parquet(path, None).await? {
            let batch = batch?;
            let keys = Keys::new(&batch, &table, &owner)?;
            let keep = (0..batch.num_rows()).map(|row| unchanged.contains(&keys.digest(row)));
            let keep = filter(&batch, keep.collect())?;
            landing.carry(warehouse, &keep).await?;
        }
    }
    Ok(())
}

/// Returns digests of the live records that are known in the version they have now.
pub async fn unchanged(
    warehouse: &Warehouse,
    table: &Table,
    modified_column: &str,
    known: &Known,
    parts: &[Part],
) -> Result<HashSet<u64>, PullError> {
    let mut unchanged = HashSet::new();
    for part in parts {
        for_each_version(warehouse, table, modified_column, &part.path, |id, modified_at, live| {
            if live && known.has(id, modified_at) {
                unchanged.insert(id_digest(id));
            }
        })
        .await?;
    }
    Ok(unchanged)
}

/// Notes which records the previous snapshot has in which version.
pub async fn known(
    warehouse: &Warehouse,
    table: &Table,
    modified_column: &str,
    previous: &TableManifest,
) -> Result<Known, PullError> {
    let mut versions: Vec<(String, Option<String>)> = Vec::new();
    let mut known = Known::default();
    for path in &previous.files {
        for_each_version(warehouse, table, modified_column, path, |id, modified_at, live| {
            if live {
                versions.push((id.to_owned(), modified_at.map(str::to_owned)));
            }
        })
        .await?;
        known
            .extend(versions.iter().map(|(id, modified_at)| (id.as_str(), modified_at.as_deref())));
        versions.clear();
    }
    Ok(known)
}

async fn for_each_version(
    warehouse: &Warehouse,
    table: &Table,
    modified_column: &str,
    path: &str,
    mut take: impl FnMut(&str, Option<&str>, bool),
) -> Result<(), PullError> {
    let key = table.key.first().map(String::as_str).unwrap_or_default();
    let columns = [key, modified_column, super::part::ARCHIVED];
    for batch in warehouse.scan_parquet(path, Some(&columns)).await? {
        let batch = batch?;
        let ids = text(&batch, table, key)?;
        let modified = text(&batch, table, modified_column)?;
        for (row, is_archived) in archived(&batch, table)?.into_iter().enumerate() {
            take(value(ids, row).unwrap_or_default(), value(modified, row), !is_archived);
        }
    }
    Ok(())
}

fn filter(batch: &RecordBatch, keep: Vec<bool>) -> Result<RecordBatch, PullError> {
    Ok(filter_record_batch(batch, &BooleanArray::from(keep))?)
}
