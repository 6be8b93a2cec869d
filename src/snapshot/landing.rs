//! Writes the rows of one extraction as they arrive, in files that appear whole.
//!
//! Nothing is held back to be sorted or compared: what came twice is settled when all is there
//! (see `settle`). A file is closed where the walk can be gone on with, and holds a share of what
//! the extraction read so far, so that a broken pull loses little and long ones leave few files.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};

use super::part::{PULLED_AT, SNAPSHOT_ID, Stamp, UTC, arrow_schema, to_batch};
use super::{Fingerprint, PullError};
use crate::crm::{Row, Table};
use crate::warehouse::{ParquetFile, Warehouse};

/// Rows a file holds; also bounds what reading one again keeps in memory.
pub const ROWS_PER_PART_MAX: u64 = 50_000;

/// A file is closed when it holds this part of the rows before it.
const PART_SHARE: u64 = 3;

/// A published file of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub path: String,
    pub rows: u64,
}

/// The files that one extraction writes for one table.
pub struct Landing {
    table: Table,
    arrow_schema: SchemaRef,
    fingerprint: Fingerprint,
    /// Directory and beginning of every file's name.
    stem: String,
    stamp: Stamp,
    parts: Vec<Part>,
    open: Option<(ParquetFile, u64)>,
}

impl Landing {
    /// Goes on after `parts`. `ordinal` is the extraction's place among those that fill the table,
    /// so that names do not depend on which of two is faster.
    pub fn new(
        connection: &str,
        table: &Table,
        stamp: &Stamp,
        ordinal: usize,
        parts: Vec<Part>,
    ) -> Self {
        let directory = directory(connection, &table.name, &stamp.snapshot_id);
        Self {
            arrow_schema: arrow_schema(table),
            fingerprint: Fingerprint::new(&table.columns),
            stem: format!("{directory}/part-{ordinal:02}"),
            table: table.clone(),
            stamp: stamp.clone(),
            parts,
            open: None,
        }
    }

    pub fn table(&self) -> &Table {
        &self.table
    }

    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Writes rows as they came.
    pub async fn land(
        &mut self,
        warehouse: &Warehouse,
        extraction: &str,
        rows: &[Row],
    ) -> Result<(), PullError> {
        let expected = self.table.columns.len();
        if let Some(row) = rows.iter().find(|row| row.values.len() != expected) {
            let (extraction, found) = (extraction.to_owned(), row.values.len());
            return Err(PullError::RowShape { extraction, found, expected });
        }
        let fingerprints: Vec<String> =
            rows.iter().map(|row| self.fingerprint.of(&row.values)).collect();
        let batch = to_batch(&self.arrow_schema, &self.stamp, rows, &fingerprints)?;
        self.write(warehouse, &batch).await
    }

    /// Writes rows of a former snapshot under this one's stamp; values and fingerprints stay.
    pub async fn carry(
        &mut self,
        warehouse: &Warehouse,
        batch: &RecordBatch,
    ) -> Result<(), PullError> {
        let n_rows = batch.num_rows();
        let columns =
            self.arrow_schema.fields().iter().map(|field| -> Result<ArrayRef, PullError> {
                let name = field.name().as_str();
                Ok(match name {
                    SNAPSHOT_ID => {
                        Arc::new(StringArray::from(vec![self.stamp.snapshot_id.as_str(); n_rows]))
                    }
                    PULLED_AT => {
                        let at = vec![self.stamp.pulled_at.as_microsecond(); n_rows];
                        Arc::new(TimestampMicrosecondArray::from(at).with_timezone(UTC))
                    }
                    name => {
                        let missing = || PullError::Carried {
                            table: self.table.name.clone(),
                            column: name.to_owned(),
                        };
                        Arc::clone(batch.column_by_name(name).ok_or_else(missing)?)
                    }
                })
            });
        let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
        let batch = RecordBatch::try_new(Arc::clone(&self.arrow_schema), columns)?;
        self.write(warehouse, &batch).await
    }

    async fn write(&mut self, warehouse: &Warehouse, batch: &RecordBatch) -> Result<(), PullError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        if self.open.as_ref().is_some_and(|(_, rows)| *rows >= ROWS_PER_PART_MAX) {
            self.close().await?;
        }
        if self.open.is_none() {
            let file =
                warehouse.create_parquet(&self.next_path(), Arc::clone(&self.arrow_schema))?;
            self.open = Some((file, 0));
        }
        if let Some((file, rows)) = &mut self.open {
            file.write(batch).await?;
            *rows += batch.num_rows() as u64;
        }
        Ok(())
    }

    /// Says whether the open file holds enough to be closed where the walk can be gone on with.
    pub fn is_due(&self) -> bool {
        let before: u64 = self.parts.iter().map(|part| part.rows).sum();
        let due = (before / PART_SHARE).min(ROWS_PER_PART_MAX);
        self.open.as_ref().is_some_and(|(_, rows)| *rows >= due)
    }

    /// Publishes the open file.
    pub async fn close(&mut self) -> Result<(), PullError> {
        if let Some((file, _)) = self.open.take() {
            let path = self.next_path();
            let rows = file.finish().await?;
            self.parts.push(Part { path, rows });
        }
        Ok(())
    }

    /// Leaves a file even without rows, so that the table's columns are always there.
    pub async fn close_whole(&mut self, warehouse: &Warehouse) -> Result<(), PullError> {
        if self.parts.is_empty() && self.open.is_none() {
            let file =
                warehouse.create_parquet(&self.next_path(), Arc::clone(&self.arrow_schema))?;
            self.open = Some((file, 0));
        }
        self.close().await
    }

    fn next_path(&self) -> String {
        format!("{}-{:05}.parquet", self.stem, self.parts.len())
    }
}

/// Returns where a table of a snapshot lies.
pub fn directory(connection: &str, table: &str, snapshot_id: &str) -> String {
    format!("snapshots/{connection}/{table}/snapshot={snapshot_id}")
}
