//! What the server refuses with, in the vendor's words.
//!
//! One [`Fault`] serves both shapes: an array with `errorCode` for a whole call, an object with
//! `statusCode` for one row of a collection. Texts are those of the vendor where one was seen.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use super::answer::Answer;

/// Why a world could not be opened.
#[derive(Debug, Error)]
pub enum ServerError {
    #[error("cannot read `{path}`")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("schema file is not understood: `{path}`")]
    Schema {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("rules file is not understood: `{path}`")]
    Rules {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("the world contradicts itself: {0}")]
    Unfit(String),
    #[error("schema lacks `{missing}`: `{path}`")]
    SchemaLacks { path: PathBuf, missing: String },
    #[error("cannot read rows of `{path}`")]
    Rows {
        path: PathBuf,
        #[source]
        source: csv::Error,
    },
    #[error("`{path}` line {line}: {problem}")]
    Row { path: PathBuf, line: u64, problem: String },
    #[error("the sandbox's database failed")]
    Database(#[from] rusqlite::Error),
}

/// A refusal, of a call or of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// HTTP status when the whole call is refused.
    pub status: u16,
    pub code: &'static str,
    pub message: String,
    /// Fields at fault; `None` leaves the key out of a call's error.
    pub fields: Option<Vec<String>>,
    /// What a duplicate rule found; shown for single records only.
    pub detail: Option<Box<Value>>,
}

/// One row's error inside a collection's answer.
#[derive(Clone, Debug, Serialize)]
pub struct RowError {
    #[serde(rename = "statusCode")]
    pub status_code: &'static str,
    pub message: String,
    pub fields: Vec<String>,
}

#[derive(Serialize)]
struct CallError<'a> {
    /// The vendor's own spelling.
    #[serde(rename = "duplicateResut", skip_serializing_if = "Option::is_none")]
    duplicate_result: Option<&'a Value>,
    message: &'a str,
    #[serde(rename = "errorCode")]
    error_code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<&'a [String]>,
}

impl Fault {
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), fields: None, detail: None }
    }

    /// Refuses a row's values, naming the fields at fault.
    pub fn row(code: &'static str, message: impl Into<String>, fields: &[&str]) -> Self {
        let fields = fields.iter().map(|&field| field.to_owned()).collect();
        Self { status: 400, code, message: message.into(), fields: Some(fields), detail: None }
    }

    pub fn not_found() -> Self {
        Self::new(404, "NOT_FOUND", "The requested resource does not exist")
    }

    pub fn entity_is_deleted() -> Self {
        Self { status: 404, ..Self::row("ENTITY_IS_DELETED", "entity is deleted", &[]) }
    }

    pub fn invalid_cross_reference(fields: &[&str]) -> Self {
        Self::row("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields)
    }

    pub fn invalid_session() -> Self {
        Self::new(401, "INVALID_SESSION_ID", "Session expired or invalid")
    }

    pub fn json(message: impl Into<String>) -> Self {
        Self::new(400, "JSON_PARSER_ERROR", message)
    }

    pub fn method_not_allowed(method: &str, allowed: &str) -> Self {
        Self::new(
            405,
            "METHOD_NOT_ALLOWED",
            format!("HTTP Method '{method}' not allowed. Allowed are {allowed}"),
        )
    }

    /// Returns the answer to a call that is refused as a whole.
    pub fn to_answer(&self) -> Answer {
        let error = CallError {
            duplicate_result: self.detail.as_deref(),
            message: &self.message,
            error_code: self.code,
            // Beside a duplicate rule's findings no fields are named.
            fields: self.fields.as_deref().filter(|_| self.detail.is_none()),
        };
        Answer::json(self.status, &[error])
    }

    /// Returns the error of one row in a bulk job's file: code, message, fields.
    pub fn to_csv_error(&self) -> String {
        let fields = self.fields.as_deref().unwrap_or_default().join(" ");
        let space = if fields.is_empty() { "" } else { " " };
        format!("{}:{}:{fields}{space}--", self.code, self.message)
    }

    /// Returns the error of one row in a collection.
    pub fn to_row_error(&self) -> RowError {
        RowError {
            status_code: self.code,
            message: self.message.clone(),
            fields: self.fields.clone().unwrap_or_default(),
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        tracing::error!(%error, "the sandbox's database failed");
        Self::new(
            500,
            "UNKNOWN_EXCEPTION",
            "An unexpected error occurred. Please include this ErrorId if you contact support",
        )
    }
}
