//! Keys of rows in Parquet files, read without their other columns.

use std::hash::{DefaultHasher, Hash, Hasher};

use datafusion::arrow::array::{Array, AsArray, RecordBatch, StringArray};

use super::PullError;
use super::part::ARCHIVED;
use crate::crm::Table;

/// The key columns of one batch.
pub struct Keys<'a> {
    columns: Vec<&'a StringArray>,
}

impl<'a> Keys<'a> {
    pub fn new(batch: &'a RecordBatch, table: &Table, key: &[String]) -> Result<Self, PullError> {
        let columns = key.iter().map(|name| text(batch, table, name)).collect::<Result<_, _>>()?;
        Ok(Self { columns })
    }

    /// Digests a row's key to 64 bits. Of ten million keys, two meet with a chance of 10^-5; whoever
    /// acts upon it compares the keys themselves or has a proof behind it.
    pub fn digest(&self, row: usize) -> u64 {
        let mut hasher = DefaultHasher::new();
        for column in &self.columns {
            value(column, row).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Writes a row's key as text: an id, or several values after one another.
    pub fn text(&self, row: usize) -> String {
        let texts = self.columns.iter().map(|column| value(column, row).unwrap_or(""));
        texts.collect::<Vec<_>>().join(" ")
    }
}

/// Digests an id as [`Keys::digest`] does a key of one column.
pub fn id_digest(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    Some(id).hash(&mut hasher);
    hasher.finish()
}

pub fn value(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

/// Returns a column of text.
pub fn text<'a>(
    batch: &'a RecordBatch,
    table: &Table,
    name: &str,
) -> Result<&'a StringArray, PullError> {
    let column = batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
    column.ok_or_else(|| PullError::Carried { table: table.name.clone(), column: name.to_owned() })
}

/// Returns which rows are archived.
pub fn archived(batch: &RecordBatch, table: &Table) -> Result<Vec<bool>, PullError> {
    let column = batch.column_by_name(ARCHIVED).and_then(|column| column.as_boolean_opt());
    let column = column.ok_or_else(|| PullError::Carried {
        table: table.name.clone(),
        column: ARCHIVED.to_owned(),
    })?;
    Ok((0..column.len()).map(|row| column.is_valid(row) && column.value(row)).collect())
}
