//! Rows as Arrow columns, and the columns that every snapshot adds.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::error::ArrowError;

use crate::crm::{Row, Table};

pub const UTC: &str = "UTC";

pub const SNAPSHOT_ID: &str = "_snapshot_id";
pub const PULLED_AT: &str = "_pulled_at";
pub const ARCHIVED: &str = "_archived";
pub const FINGERPRINT: &str = "_fingerprint";

/// What every row of a snapshot carries beside its own values.
#[derive(Clone, Debug)]
pub struct Stamp {
    pub snapshot_id: String,
    pub pulled_at: jiff::Timestamp,
}

pub fn arrow_schema(table: &Table) -> SchemaRef {
    let mut fields: Vec<Field> =
        table.columns.iter().map(|column| Field::new(column, DataType::Utf8, true)).collect();
    let timestamp = DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()));
    fields.push(Field::new(SNAPSHOT_ID, DataType::Utf8, false));
    fields.push(Field::new(PULLED_AT, timestamp, false));
    fields.push(Field::new(ARCHIVED, DataType::Boolean, false));
    fields.push(Field::new(FINGERPRINT, DataType::Utf8, false));
    Arc::new(Schema::new(fields))
}

/// Turns rows and their fingerprints into a batch.
pub fn to_batch(
    schema: &SchemaRef,
    stamp: &Stamp,
    rows: &[Row],
    fingerprints: &[String],
) -> Result<RecordBatch, ArrowError> {
    let n_added = 4;
    let n_columns = schema.fields().len().saturating_sub(n_added);
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for index in 0..n_columns {
        let mut builder = StringBuilder::with_capacity(rows.len(), rows.len() * 8);
        for row in rows {
            builder.append_option(row.values.get(index).and_then(Option::as_deref));
        }
        columns.push(Arc::new(builder.finish()));
    }
    let n_rows = rows.len();
    let pulled_at = stamp.pulled_at.as_microsecond();
    columns.push(Arc::new(StringArray::from(vec![stamp.snapshot_id.as_str(); n_rows])));
    columns.push(Arc::new(
        TimestampMicrosecondArray::from(vec![pulled_at; n_rows]).with_timezone(UTC),
    ));
    let archived: BooleanArray = rows.iter().map(|row| Some(row.is_archived)).collect();
    columns.push(Arc::new(archived));
    columns.push(Arc::new(StringArray::from_iter_values(fingerprints)));
    RecordBatch::try_new(Arc::clone(schema), columns)
}
