//! Query results as CSV: every value in quotes, one line a record.

use std::fmt::Write as _;

use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::super::errors::Fault;
use super::super::rules::BulkRules;
use super::super::schema::FieldKind;
use super::super::soql::{Output, Plan};
use super::super::wire;
use super::job::Job;

/// Numbers from here on are written with an exponent where the org wants that.
const SCIENTIFIC_FROM: f64 = 1.0e7;

/// One column of the file and where the row of the database holds it.
pub struct Column {
    pub name: String,
    pub index: usize,
    pub kind: FieldKind,
}

/// Returns the columns of a plan in the order in which the query names them.
///
/// # Errors
/// When the query selects what has no place in a column.
pub fn columns(plan: &Plan) -> Result<Vec<Column>, Fault> {
    let mut columns = Vec::new();
    collect(&plan.outputs, "", &mut columns)?;
    columns.sort_by_key(|column| column.index);
    Ok(columns)
}

fn collect(outputs: &[Output], prefix: &str, columns: &mut Vec<Column>) -> Result<(), Fault> {
    for output in outputs {
        match output {
            Output::Field { name, column, kind } => {
                columns.push(Column {
                    name: format!("{prefix}{name}"),
                    index: *column,
                    kind: *kind,
                });
            }
            Output::Parent { name, outputs, .. } => {
                collect(outputs, &format!("{prefix}{name}."), columns)?;
            }
            Output::Children { .. } => {
                let message = "Nested queries not supported in Bulk Query";
                return Err(Fault::new(400, "API_ERROR", message));
            }
            Output::Address { .. } => {
                let message = "Selecting compound data not supported in Bulk Query";
                return Err(Fault::new(400, "API_ERROR", message));
            }
        }
    }
    Ok(())
}

/// Writes a file's lines.
pub struct Writer<'a> {
    pub out: String,
    job: &'a Job,
    rules: &'a BulkRules,
}

impl<'a> Writer<'a> {
    pub fn new(job: &'a Job, rules: &'a BulkRules) -> Self {
        Self { out: String::new(), job, rules }
    }

    /// Adds a line of texts.
    pub fn line<'t>(&mut self, values: impl IntoIterator<Item = &'t str>) {
        for (index, value) in values.into_iter().enumerate() {
            self.separate(index);
            quote(&mut self.out, value);
        }
        self.out.push_str(self.job.line_ending.text());
    }

    /// Adds one record.
    pub fn record(&mut self, row: &Row<'_>, columns: &[Column]) -> Result<(), Fault> {
        for (index, column) in columns.iter().enumerate() {
            self.separate(index);
            self.cell(column.kind, row.get_ref(column.index)?);
        }
        self.out.push_str(self.job.line_ending.text());
        Ok(())
    }

    fn separate(&mut self, index: usize) {
        if index > 0 {
            self.out.push(char::from(self.job.delimiter.byte()));
        }
    }

    fn cell(&mut self, kind: FieldKind, cell: ValueRef<'_>) {
        let out = &mut self.out;
        match (kind, cell) {
            (FieldKind::DateTime, ValueRef::Text(bytes)) => {
                let moment = String::from_utf8_lossy(bytes);
                let zulu = moment.strip_suffix("+0000").filter(|_| self.rules.is_moment_in_zulu);
                out.push('"');
                out.push_str(zulu.unwrap_or(&moment));
                out.push_str(if zulu.is_some() { "Z\"" } else { "\"" });
            }
            (_, ValueRef::Text(bytes)) => quote(out, &String::from_utf8_lossy(bytes)),
            (FieldKind::Boolean, ValueRef::Null) => out.push_str("\"false\""),
            (_, ValueRef::Null) => out.push_str("\"\""),
            (FieldKind::Number, ValueRef::Real(number))
                if self.rules.is_number_scientific && number.abs() >= SCIENTIFIC_FROM =>
            {
                let text = format!("{number:E}");
                let (digits, exponent) = text.split_once('E').unwrap_or((&text, "0"));
                let point = if digits.contains('.') { "" } else { ".0" };
                let _ = write!(out, "\"{digits}{point}E{exponent}\"");
            }
            (kind, cell) => {
                out.push('"');
                wire::write_json(out, kind, cell);
                out.push('"');
            }
        }
    }
}

fn quote(out: &mut String, value: &str) {
    out.push('"');
    if value.contains('"') {
        out.push_str(&value.replace('"', "\"\""));
    } else {
        out.push_str(value);
    }
    out.push('"');
}
