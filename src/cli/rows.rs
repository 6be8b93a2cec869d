//! Query results as a table, JSON, JSON lines or CSV, batch by batch.
//!
//! In JSON a number is a number and a boolean a boolean; every other type is text.

use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Map, Value};

use super::session::failed;
use super::{CliError, Format, Ui};
use crate::reconcile::defused;

/// Rows that a table for people shows; other formats give all.
const TABLE_ROWS_MAX: usize = 1000;

/// A result being printed.
pub struct Rows<'a> {
    ui: &'a Ui,
    format: Format,
    columns: Vec<String>,
    types: Vec<DataType>,
    n_rows: usize,
    table: Table,
}

impl<'a> Rows<'a> {
    pub fn begin(ui: &'a Ui, format: Format, schema: &SchemaRef) -> Self {
        let columns: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
        let types = schema.fields().iter().map(|f| f.data_type().clone()).collect();
        let mut table = Table::new();
        table.load_preset(UTF8_HORIZONTAL_ONLY).set_header(&columns);
        Self { ui, format, columns, types, n_rows: 0, table }
    }

    pub fn print(&mut self, batch: &RecordBatch) -> Result<(), CliError> {
        for cells in cells_of(batch)? {
            self.print_row(cells)?;
        }
        Ok(())
    }

    fn print_row(&mut self, cells: Vec<Option<String>>) -> Result<(), CliError> {
        let is_first = self.n_rows == 0;
        self.n_rows += 1;
        match self.format {
            Format::Table => {
                if self.n_rows <= TABLE_ROWS_MAX {
                    self.table.add_row(cells.into_iter().map(Option::unwrap_or_default));
                }
                Ok(())
            }
            Format::Json => {
                self.ui.data(if is_first { "[\n  " } else { ",\n  " })?;
                self.ui.data(self.object(cells))
            }
            Format::Jsonl => self.ui.line(self.object(cells)),
            Format::Csv => {
                if is_first {
                    self.ui.data(csv_line(&self.columns)?)?;
                }
                let cells: Vec<String> =
                    cells.into_iter().map(|cell| defused(&cell.unwrap_or_default())).collect();
                self.ui.data(csv_line(&cells)?)
            }
        }
    }

    fn object(&self, cells: Vec<Option<String>>) -> Value {
        object(&self.columns, &self.types, cells)
    }

    pub fn end(self) -> Result<(), CliError> {
        match self.format {
            Format::Table => {
                self.ui.line(&self.table)?;
                if self.n_rows > TABLE_ROWS_MAX {
                    let n = self.n_rows;
                    self.ui.note(format_args!(
                        "{TABLE_ROWS_MAX} of {n} rows; `--format csv` gives all"
                    ));
                }
                Ok(())
            }
            Format::Json if self.n_rows == 0 => self.ui.line("[]"),
            Format::Json => self.ui.line("\n]"),
            Format::Csv if self.n_rows == 0 => self.ui.data(csv_line(&self.columns)?),
            Format::Jsonl | Format::Csv => Ok(()),
        }
    }
}

/// Returns a result's rows as JSON objects.
pub fn objects(batches: &[RecordBatch]) -> Result<Vec<Value>, CliError> {
    let mut objects = Vec::new();
    for batch in batches {
        let fields = batch.schema_ref().fields();
        let columns: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
        let types: Vec<DataType> = fields.iter().map(|field| field.data_type().clone()).collect();
        objects.extend(cells_of(batch)?.into_iter().map(|cells| object(&columns, &types, cells)));
    }
    Ok(objects)
}

/// Formats a batch as text, row by row; null is `None`.
fn cells_of(batch: &RecordBatch) -> Result<Vec<Vec<Option<String>>>, CliError> {
    let options = FormatOptions::default();
    let formatters = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    let row_of = |row: usize| {
        let cells = formatters.iter().zip(batch.columns());
        cells.map(|(f, column)| column.is_valid(row).then(|| f.value(row).to_string())).collect()
    };
    Ok((0..batch.num_rows()).map(row_of).collect())
}

fn object(columns: &[String], types: &[DataType], cells: Vec<Option<String>>) -> Value {
    let values = cells.into_iter().zip(types).map(|(cell, data_type)| match cell {
        None => Value::Null,
        Some(text) if data_type.is_numeric() || *data_type == DataType::Boolean => {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
        Some(text) => Value::String(text),
    });
    Value::Object(columns.iter().cloned().zip(values).collect::<Map<_, _>>())
}

pub fn csv_line(cells: &[String]) -> Result<String, CliError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(cells).map_err(failed)?;
    let bytes = writer.into_inner().map_err(|error| failed(error.into_error()))?;
    String::from_utf8(bytes).map_err(failed)
}
