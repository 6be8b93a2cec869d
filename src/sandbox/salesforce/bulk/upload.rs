//! Uploaded CSV: its rows, and each row as the JSON that every other write takes.

use csv::{ReaderBuilder, StringRecord, Terminator};
use serde_json::{Map, Value, json};

use super::super::org::Org;
use super::super::schema::Object;
use super::job::{Job, LineEnding};

/// A cell with this text empties the field; an empty cell leaves it alone.
const NULL: &str = "#N/A";
const HEADER_CHARACTERS_MAX: usize = 32_000;
const COLUMNS_MAX: usize = 5_000;

/// What an upload holds.
pub struct Upload {
    pub headers: StringRecord,
    pub rows: Vec<StringRecord>,
}

/// What a column stands for.
pub enum Column {
    Field(String),
    /// A parent named by one of its own keys.
    Parent {
        /// The reference field.
        field: String,
        relationship: String,
        /// The parent's object where the header says which of several.
        object: Option<String>,
        key: String,
    },
}

impl Upload {
    /// Reads the file of a job.
    ///
    /// # Errors
    /// With the job's error message when it is no CSV of the form the job announced.
    pub fn read(job: &Job, data: &[u8]) -> Result<Self, String> {
        let first_end = data.iter().position(|&byte| byte == b'\n');
        let has_return = first_end.and_then(|end| data.get(end.checked_sub(1)?)) == Some(&b'\r');
        let is_of_form = match job.line_ending {
            LineEnding::Lf => !has_return,
            LineEnding::Crlf => first_end.is_none() || has_return,
        };
        if !is_of_form {
            let setting = match job.line_ending {
                LineEnding::Lf => "LF",
                LineEnding::Crlf => "CRLF",
            };
            return Err(format!(
                "LineEnding is invalid on user data. Current LineEnding setting is {setting}"
            ));
        }
        let terminator = match job.line_ending {
            LineEnding::Lf => Terminator::Any(b'\n'),
            LineEnding::Crlf => Terminator::CRLF,
        };
        let mut reader = ReaderBuilder::new()
            .delimiter(job.delimiter.byte())
            .terminator(terminator)
            .from_reader(data);
        let wrong = |error: csv::Error| format!("InvalidBatch : CSV cannot be read: {error}");
        let headers = reader.headers().map_err(wrong)?.clone();
        if headers.as_slice().chars().count() > HEADER_CHARACTERS_MAX {
            return Err(format!(
                "InvalidBatch : header exceeds {HEADER_CHARACTERS_MAX} characters"
            ));
        }
        if headers.len() > COLUMNS_MAX {
            return Err(format!("InvalidBatch : more than {COLUMNS_MAX} fields"));
        }
        let rows = reader.records().collect::<Result<_, _>>().map_err(wrong)?;
        Ok(Self { headers, rows })
    }

    /// Finds what each column stands for.
    ///
    /// # Errors
    /// With the job's error message when a column names no field.
    pub fn columns(&self, org: &Org<'_>, object: &Object) -> Result<Vec<Column>, String> {
        self.headers
            .iter()
            .map(|header| {
                column(org, object, header)
                    .ok_or_else(|| format!("InvalidBatch : Field name not found : {header}"))
            })
            .collect()
    }
}

/// Returns a row as a record's JSON, without the cells that say nothing.
pub fn body(columns: &[Column], row: &StringRecord) -> Map<String, Value> {
    let mut body = Map::new();
    for (column, text) in columns.iter().zip(row).filter(|(_, text)| !text.is_empty()) {
        match column {
            Column::Field(field) | Column::Parent { field, .. } if text == NULL => {
                body.insert(field.clone(), Value::Null);
            }
            Column::Field(field) => {
                body.insert(field.clone(), json!(text));
            }
            Column::Parent { relationship, object, key, .. } => {
                let mut parent = Map::new();
                parent.insert(key.clone(), json!(text));
                if let Some(object) = object {
                    parent.insert("attributes".to_owned(), json!({"type": object}));
                }
                body.insert(relationship.clone(), Value::Object(parent));
            }
        }
    }
    body
}

fn column(org: &Org<'_>, object: &Object, header: &str) -> Option<Column> {
    let Some((parent, key)) = header.split_once('.') else {
        return object.field(header).map(|field| Column::Field(field.name.clone()));
    };
    let (wanted, relationship) = match parent.split_once(':') {
        Some((wanted, relationship)) => (Some(wanted), relationship),
        None => (None, parent),
    };
    let reference = object.relationship(relationship)?;
    let target = reference
        .reference_to
        .iter()
        .filter(|name| wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(name)))
        .filter_map(|name| org.catalog.object(name))
        .find(|target| target.field(key).is_some_and(|field| field.is_lookup_key))?;
    Some(Column::Parent {
        field: reference.name.clone(),
        relationship: relationship.to_owned(),
        object: wanted.map(|_| target.name.clone()),
        key: key.to_owned(),
    })
}
