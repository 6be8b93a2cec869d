//! What an admin set up in the org, and what somebody wants to go wrong there.
//!
//! A world's `salesforce/rules.json` holds them, every section optional; `/__sandbox/salesforce/rules`
//! shows them (`GET`), replaces all (`POST`) or the named sections (`PATCH`) while the server runs.

mod bulk;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use bulk::{BulkRules, Ending};

use super::errors::{Fault, ServerError};

/// All rules in force.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    pub bulk: BulkRules,
}

/// How often a rule still acts.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Times(AtomicU32);

impl Rules {
    /// Reads a world's rules; a world without the file has none.
    ///
    /// # Errors
    /// When the file cannot be read, or holds what no rule is.
    pub fn read(path: &Path) -> Result<Self, ServerError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(ServerError::Read { path: path.to_path_buf(), source }),
        };
        serde_json::from_str(&text)
            .map_err(|source| ServerError::Rules { path: path.to_path_buf(), source })
    }

    /// Reads rules from an admin's body.
    ///
    /// # Errors
    /// When it holds what no rule is; the message says where.
    pub fn from_sections(sections: Map<String, Value>) -> Result<Self, Fault> {
        serde_json::from_value(Value::Object(sections))
            .map_err(|error| Fault::json(format!("rules are not understood: {error}")))
    }

    /// Returns these rules with some sections replaced.
    ///
    /// # Errors
    /// As [`Rules::from_sections`].
    pub fn with_sections(&self, sections: Map<String, Value>) -> Result<Self, Fault> {
        let Ok(Value::Object(mut all)) = serde_json::to_value(self) else {
            return Self::from_sections(sections);
        };
        all.extend(sections);
        Self::from_sections(all)
    }
}

impl Times {
    /// Uses the rule once; false when it is used up.
    pub fn take(&self) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .is_ok()
    }
}

impl Default for Times {
    fn default() -> Self {
        Self(AtomicU32::new(1))
    }
}
