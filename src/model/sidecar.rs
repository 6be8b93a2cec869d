//! The file beside a model: what it is, one row per what, what each column means, what must hold.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::ModelError;

/// `<model>.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sidecar {
    pub description: String,
    /// Columns that together are unique and never null. Empty: the model has no rows to tell apart.
    pub grain: Vec<String>,
    /// Personal data inside.
    pub pii: bool,
    pub joins: Joins,
    /// A sentence a column.
    pub columns: BTreeMap<String, String>,
    pub checks: Vec<Check>,
}

/// How the model's joins are carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Joins {
    /// Sort-merge joins, which spill to disk: for tables of any size on both sides.
    #[default]
    SortMerge,
    /// Hash joins, which hold one side in memory: for wide rows that look things up in small tables.
    Hash,
}

/// One thing that must hold of the model's rows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Check {
    NotNull {
        column: String,
    },
    /// The columns together are unique.
    Unique {
        columns: Vec<String>,
    },
    AcceptedValues {
        column: String,
        values: Vec<String>,
    },
    /// Every value that is not null is found in another model's column.
    Relationships {
        column: String,
        to: String,
        field: String,
    },
}

impl Sidecar {
    /// Parses the text of a sidecar; blank text is an empty sidecar.
    ///
    /// # Errors
    /// When it is not TOML of this shape.
    pub fn parse(path: &str, text: &str) -> Result<Self, ModelError> {
        toml::from_str(text).map_err(|source| ModelError::Sidecar { path: path.to_owned(), source })
    }
}
