//! The file that names a sandbox world: whose company, which accounts, what time it is there.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// `world.toml` of a world directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    pub name: String,
    /// Seed that the world was generated from.
    pub seed: u64,
    /// The world's clock when it is first opened, RFC 3339.
    pub now: jiff::Timestamp,
    pub hubspot: HubSpotWorld,
    pub salesforce: SalesforceWorld,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubSpotWorld {
    pub portal_id: String,
    pub name: String,
    /// IANA name.
    pub time_zone: String,
    pub currency: String,
    /// Bearer token that the server takes.
    pub token: String,
    pub daily_calls_max: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SalesforceWorld {
    /// 18 characters.
    pub org_id: String,
    pub name: String,
    /// IANA name.
    pub time_zone: String,
    pub currency: String,
    pub client_id: String,
    pub client_secret: String,
    /// The integration user, a row of `User`.
    pub user_id: String,
    pub daily_calls_max: u64,
}

#[derive(Debug, Error)]
pub enum WorldError {
    #[error("cannot read `{path}`")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("world file is not understood: `{path}`")]
    Parse {
        path: PathBuf,
        #[source]
        source: toml::de::Error,
    },
}

impl World {
    /// Reads `world.toml` of a world directory.
    ///
    /// # Errors
    /// When the file is missing, is not TOML, or lacks or has an extra key.
    pub fn read(directory: &Path) -> Result<Self, WorldError> {
        let path = directory.join("world.toml");
        let text = std::fs::read_to_string(&path)
            .map_err(|source| WorldError::Read { path: path.clone(), source })?;
        toml::from_str(&text).map_err(|source| WorldError::Parse { path, source })
    }
}
