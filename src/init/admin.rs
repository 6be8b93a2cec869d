//! What an admin must make in each CRM, and where to click.

use crate::check::Metadata;
use crate::config::{EntityName, FieldMap, SidePair};
use crate::crm::CrmKind;

/// One thing to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminStep {
    pub crm: CrmKind,
    /// `contacts`, `Lead`.
    pub object: String,
    pub field: String,
    /// What it is, where to click and what to choose.
    pub sentence: String,
}

/// Lists key and link fields that are missing; without metadata, all of them.
///
/// Companies and deals need no key, since nobody creates them, and their links only where a map has
/// the entity.
pub fn admin_steps(map: &FieldMap, metadata: &Metadata) -> Vec<AdminStep> {
    let mut steps = Vec::new();
    for crm in [CrmKind::HubSpot, CrmKind::Salesforce] {
        for entity in map.entities.iter().filter(|entity| entity.is_mapped) {
            let objects: Vec<&str> = match crm {
                CrmKind::HubSpot => vec![&entity.hubspot],
                CrmKind::Salesforce => entity.salesforce.iter().map(String::as_str).collect(),
            };
            for object in objects {
                let schema = metadata.side(crm).map(|side| &side.schema);
                if schema.is_some_and(|schema| schema.object(object).is_none()) {
                    continue;
                }
                let is_missing =
                    |name: &str| schema.is_none_or(|schema| schema.field(object, name).is_none());
                let mut add = |pair: &SidePair, is_key: bool| {
                    let name = pair.of(crm);
                    if is_missing(name) {
                        steps.push(AdminStep {
                            crm,
                            object: object.to_owned(),
                            field: name.to_owned(),
                            sentence: sentence(crm, object, name, is_key),
                        });
                    }
                };
                if entity.name == EntityName::Person {
                    add(&entity.key, true);
                }
                add(&entity.link, false);
            }
        }
    }
    steps
}

fn sentence(crm: CrmKind, object: &str, name: &str, is_key: bool) -> String {
    let what = if is_key { "the key of a create" } else { "the other side's record id" };
    match crm {
        CrmKind::HubSpot => {
            let rule = if is_key {
                "in the step of its rules tick `Require unique values for this property`, which cannot be done later"
            } else {
                "leave it not unique"
            };
            format!(
                "{what}: Settings > Properties > {object} > Create property; internal name `{name}`, field type `Single-line text`; {rule}"
            )
        }
        CrmKind::Salesforce => {
            let field = name.strip_suffix("__c").unwrap_or(name);
            let (length, rule) = if is_key {
                let mapped = match object {
                    "Lead" => {
                        "; then Map Lead Fields, to the same field of Contact, so that it survives conversion"
                    }
                    _ => "",
                };
                (64, format!("tick `Unique` (case sensitive) and `External ID`{mapped}"))
            } else {
                (32, "leave `Unique` and `External ID` off".to_owned())
            };
            format!(
                "{what}: Setup > Object Manager > {object} > Fields & Relationships > New > Text; length {length}, field name `{field}`; {rule}; and give the integration user edit access"
            )
        }
    }
}
