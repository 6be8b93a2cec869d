//! Rules of an account that no snapshot reveals, written down for a mirror.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::{MirrorError, write_text};

/// What both CRMs do beside what their metadata says: one JSON file with a world's
/// `hubspot/rules.json` under `hubspot` and its `salesforce/rules.json` under `salesforce`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    hubspot: Option<Value>,
    salesforce: Option<Value>,
}

#[derive(Debug, Error)]
pub enum RulesError {
    #[error("cannot read `{path}`")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("rules are not understood: `{path}`")]
    Parse {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
}

impl Rules {
    /// Reads a file of rules. Whether a CRM's own are understood shows when the world is opened.
    ///
    /// # Errors
    /// When the file cannot be read, is not JSON, or names another CRM.
    pub fn read(path: &Path) -> Result<Self, RulesError> {
        let path = path.to_path_buf();
        let text = std::fs::read_to_string(&path)
            .map_err(|source| RulesError::Read { path: path.clone(), source })?;
        serde_json::from_str(&text).map_err(|source| RulesError::Parse { path, source })
    }

    /// Puts the rules into the world in `dir`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, dir: &Path) -> Result<(), MirrorError> {
        for (crm, rules) in [("hubspot", &self.hubspot), ("salesforce", &self.salesforce)] {
            if let Some(rules) = rules {
                write_text(&dir.join(crm).join("rules.json"), &rules.to_string())?;
            }
        }
        Ok(())
    }
}
