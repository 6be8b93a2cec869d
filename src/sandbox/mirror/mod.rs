//! A world made from what a warehouse holds: the latest snapshots of both CRMs with their metadata.
//!
//! [`write_world`] writes the directory that `concord sandbox generate` writes too, so that there
//! is one format to load, and a mirror can be looked at and edited like any other world. Rows go
//! from Parquet to CSV batch by batch.
//!
//! Ids, times, owners, histories, associations, archived, deleted and merged records are those of
//! the snapshot. What a snapshot does not tell is filled in and named here:
//!
//! - An empty text is no value: both CRMs show a cleared field as null, and worlds do so always.
//! - HubSpot: lists are as old as the world; an archived record was archived when it was last
//!   modified; links to objects that were not pulled are left out; the token may write every
//!   object, and property validations are not landed.
//! - Salesforce: the integration user is the first active user; stages have the forecast category
//!   that being open, won or lost gives them.
//! - Rules that no metadata shows (triggers, automations, duplicate and validation rules) are not
//!   there, unless somebody wrote them down ([`Rules`]).

mod error;
mod landed;
mod rules;

use std::path::Path;

use super::World;
use super::world::{HubSpotWorld, SalesforceWorld};
use super::{hubspot, salesforce};
use crate::crm::CrmKind;
use crate::snapshot::Manifest;
use crate::warehouse::Warehouse;

pub use error::MirrorError;
pub(super) use landed::{CsvFile, Landed, write_text};
pub use rules::{Rules, RulesError};

#[cfg(test)]
mod tests;

/// Credentials that a mirror takes; it listens on loopback only.
const TOKEN: &str = "pat-na1-sandbox";
const CLIENT: &str = "sandbox";

/// Daily allowances of accounts whose own are not known (HubSpot Professional, Salesforce
/// Enterprise).
const HUBSPOT_DAILY_CALLS_MAX: u64 = 625_000;
const SALESFORCE_DAILY_CALLS_MAX: u64 = 100_000;

/// Currency of accounts that do not tell theirs.
const CURRENCY: &str = "USD";

/// The snapshots that a world is made from.
#[derive(Clone, Debug)]
pub struct Source {
    pub hubspot: Manifest,
    pub salesforce: Manifest,
}

impl Source {
    /// Takes the latest complete snapshot of each CRM.
    ///
    /// # Errors
    /// When the warehouse has none of one CRM, or snapshots of two accounts of one.
    pub async fn latest(warehouse: &Warehouse) -> Result<Self, MirrorError> {
        let mut manifests = Vec::new();
        for connection in warehouse.list_directories("snapshots").await? {
            manifests.extend(Manifest::latest(warehouse, &connection).await?);
        }
        Self::of(manifests)
    }

    /// Takes one snapshot of each CRM.
    ///
    /// # Errors
    /// As [`Source::latest`].
    pub fn of(manifests: Vec<Manifest>) -> Result<Self, MirrorError> {
        let (mut hubspot, mut salesforce) = (None, None);
        for manifest in manifests {
            let slot: &mut Option<Manifest> = match manifest.kind {
                CrmKind::HubSpot => &mut hubspot,
                CrmKind::Salesforce => &mut salesforce,
            };
            if let Some(other) = slot {
                return Err(MirrorError::TwoAccounts {
                    kind: manifest.kind,
                    one: other.connection.clone(),
                    other: manifest.connection,
                });
            }
            *slot = Some(manifest);
        }
        let missing = |kind| MirrorError::NoSnapshot { kind };
        Ok(Self {
            hubspot: hubspot.ok_or_else(|| missing(CrmKind::HubSpot))?,
            salesforce: salesforce.ok_or_else(|| missing(CrmKind::Salesforce))?,
        })
    }
}

/// Writes the world of `source` into the directory `dir`, which is made where there is none, with
/// rules that the source does not tell.
///
/// Its clock stands at the later of the two pulls.
///
/// # Errors
/// When a snapshot cannot be read, was landed without definitions, or a file cannot be written.
pub async fn write_world(
    warehouse: &Warehouse,
    source: &Source,
    rules: &Rules,
    dir: &Path,
) -> Result<(), MirrorError> {
    let hubspot = Landed::open(warehouse, &source.hubspot).await?;
    let salesforce = Landed::open(warehouse, &source.salesforce).await?;
    let accounts = [&source.hubspot.account, &source.salesforce.account];
    let [currency, org_currency] =
        accounts.map(|account| account.currency.clone().unwrap_or_else(|| CURRENCY.to_owned()));
    let [portal, org] = accounts;
    let now = source.hubspot.pulled_at.max(source.salesforce.pulled_at);
    let world = World {
        name: org.name.clone(),
        seed: 0,
        now,
        hubspot: HubSpotWorld {
            portal_id: portal.id.clone(),
            name: portal.name.clone(),
            time_zone: portal.time_zone.clone(),
            currency,
            token: TOKEN.to_owned(),
            daily_calls_max: HUBSPOT_DAILY_CALLS_MAX,
        },
        salesforce: SalesforceWorld {
            org_id: org.id.clone(),
            name: org.name.clone(),
            time_zone: org.time_zone.clone(),
            currency: org_currency,
            client_id: CLIENT.to_owned(),
            client_secret: CLIENT.to_owned(),
            user_id: salesforce::mirror::integration_user(&salesforce),
            daily_calls_max: SALESFORCE_DAILY_CALLS_MAX,
        },
    };
    let text = toml::to_string(&world).map_err(|source| MirrorError::World { source })?;
    write_text(&dir.join("world.toml"), &text)?;
    rules.write(dir)?;
    hubspot::mirror::write(&hubspot, &dir.join("hubspot"), now).await?;
    salesforce::mirror::write(&salesforce, &dir.join("salesforce")).await
}
