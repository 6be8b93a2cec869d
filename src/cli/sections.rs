//! Several results under one command: titled tables for people, one document for programs.

use datafusion::arrow::array::RecordBatch;
use serde_json::{Map, Value, json};

use super::rows::{Rows, objects};
use super::session::failed;
use super::{CliError, Format, Ui};

/// One result with its names.
pub struct Section {
    /// Key in JSON; never changes.
    pub name: &'static str,
    /// What people read above the table.
    pub title: String,
    /// Rows that a table for people shows; other formats give all.
    pub rows_shown: usize,
    pub batches: Vec<RecordBatch>,
}

/// Refuses CSV, which holds one table only, before any work is done.
///
/// # Errors
/// When the format is CSV.
pub fn check(format: Format, command: &'static str) -> Result<(), CliError> {
    match format {
        Format::Csv => Err(CliError::NoSuchFormat { format: "csv", command }),
        Format::Table | Format::Json | Format::Jsonl => Ok(()),
    }
}

/// Prints sections in their order; CSV is for [`check`] to refuse.
///
/// # Errors
/// When the reader went away.
pub fn print(ui: &Ui, format: Format, sections: &[Section]) -> Result<(), CliError> {
    match format {
        Format::Table | Format::Csv => {
            sections.iter().try_for_each(|section| print_table(ui, section))
        }
        Format::Json => {
            let mut document = Map::new();
            for section in sections {
                let rows = Value::Array(objects(&section.batches)?);
                document.insert(section.name.to_owned(), rows);
            }
            ui.line(serde_json::to_string_pretty(&document).map_err(failed)?)
        }
        Format::Jsonl => {
            for section in sections {
                for row in objects(&section.batches)? {
                    ui.line(json!({ "section": section.name, "row": row }))?;
                }
            }
            Ok(())
        }
    }
}

fn print_table(ui: &Ui, section: &Section) -> Result<(), CliError> {
    ui.line(&section.title)?;
    let Some(first) = section.batches.iter().find(|batch| batch.num_rows() > 0) else {
        return Ok(());
    };
    let mut rows = Rows::begin(ui, Format::Table, &first.schema());
    let mut left = section.rows_shown;
    for batch in &section.batches {
        let n = batch.num_rows().min(left);
        left -= n;
        rows.print(&batch.slice(0, n))?;
    }
    rows.end()
}
