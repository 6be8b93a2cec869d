//! Query results as a table, JSON, JSON lines or CSV, batch by batch.

use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
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
    n_rows: usize,
    table: Table,
}

impl<'a> Rows<'a> {
    pub fn begin(ui: &'a Ui, format: Format, schema: &SchemaRef) -> Self {
        let columns: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
        let mut table = Table::new();
        table.load_preset(UTF8_HORIZONTAL_ONLY).set_header(&columns);
        Self { ui, format, columns, n_rows: 0, table }
    }

    pub fn print(&mut self, batch: &RecordBatch) -> Result<(), CliError> {
        let options = FormatOptions::default();
        let formatters = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed)?;
        for row in 0..batch.num_rows() {
            let cells = formatters.iter().zip(batch.columns()).map(|(formatter, column)| {
                column.is_valid(row).then(|| formatter.value(row).to_string())
            });
            self.print_row(cells.collect())?;
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
        let values = cells.into_iter().map(|cell| cell.map_or(Value::Null, Value::String));
        Value::Object(self.columns.iter().cloned().zip(values).collect::<Map<_, _>>())
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

fn csv_line(cells: &[String]) -> Result<String, CliError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(cells).map_err(failed)?;
    let bytes = writer.into_inner().map_err(|error| failed(error.into_error()))?;
    String::from_utf8(bytes).map_err(failed)
}
