//! Reads query results row by row, whatever Arrow type a text or count came in.

use datafusion::arrow::array::{Array, AsArray, Int64Array, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::arrow::record_batch::RecordBatch;

use super::ReconcileError;

/// One batch with the columns of interest as text.
pub struct Table<'a> {
    batch: &'a RecordBatch,
}

impl<'a> Table<'a> {
    pub fn new(batch: &'a RecordBatch) -> Self {
        Self { batch }
    }

    pub fn n_rows(&self) -> usize {
        self.batch.num_rows()
    }

    /// Gives a column as text; timestamps come in RFC 3339.
    ///
    /// # Errors
    /// When the column is missing.
    pub fn texts(&self, column: &'static str) -> Result<StringArray, ReconcileError> {
        let array = self.batch.column_by_name(column).ok_or(ReconcileError::Column { column })?;
        let array = cast(array, &DataType::Utf8).map_err(datafusion_error)?;
        Ok(array.as_string::<i32>().clone())
    }

    /// Gives a column as whole numbers.
    ///
    /// # Errors
    /// When the column is missing.
    pub fn numbers(&self, column: &'static str) -> Result<Int64Array, ReconcileError> {
        let array = self.batch.column_by_name(column).ok_or(ReconcileError::Column { column })?;
        let array = cast(array, &DataType::Int64).map_err(datafusion_error)?;
        Ok(array.as_primitive::<Int64Type>().clone())
    }
}

/// Gives the text of a row, `None` for null.
pub fn text(column: &StringArray, row: usize) -> Option<String> {
    column.is_valid(row).then(|| column.value(row).to_owned())
}

/// Gives the text of a row that may not be null.
///
/// # Errors
/// When it is null.
pub fn required(
    column: &StringArray,
    row: usize,
    name: &'static str,
) -> Result<String, ReconcileError> {
    text(column, row).ok_or(ReconcileError::Column { column: name })
}

fn datafusion_error(error: datafusion::arrow::error::ArrowError) -> ReconcileError {
    ReconcileError::DataFusion(error.into())
}
