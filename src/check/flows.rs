//! Which way values of a field travel, and with which kind of write.

use crate::config::{CreatePolicy, Entity, Field, Owner, WriteMode};
use crate::crm::CrmKind;

/// One way that a field's values take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow<'a> {
    pub to: CrmKind,
    pub from_object: &'a str,
    pub from_field: &'a str,
    pub to_object: &'a str,
    pub to_field: &'a str,
    /// Records that are there already receive it.
    pub is_update: bool,
    /// New records come with it.
    pub is_create: bool,
}

impl Flow<'_> {
    pub fn from(&self) -> CrmKind {
        match self.to {
            CrmKind::HubSpot => CrmKind::Salesforce,
            CrmKind::Salesforce => CrmKind::HubSpot,
        }
    }

    /// Names the field that is written: `Lead.Phone`.
    pub fn target(&self) -> String {
        format!("{}.{}", self.to_object, self.to_field)
    }

    /// Names the field that is read.
    pub fn source(&self) -> String {
        format!("{}.{}", self.from_object, self.from_field)
    }
}

/// Lists the ways of a field; a field that is only compared has none. A new record takes every
/// field with it, whoever owns it.
pub fn flows<'a>(entity: &'a Entity, field: &'a Field) -> Vec<Flow<'a>> {
    if field.owner == Owner::Compare {
        return Vec::new();
    }
    let is_updated = |to: CrmKind| {
        let owns = match field.owner {
            Owner::Hubspot => to == CrmKind::Salesforce,
            Owner::Salesforce => to == CrmKind::HubSpot,
            Owner::TwoWay | Owner::Handoff | Owner::Warehouse => true,
            Owner::Compare => false,
        };
        owns && field.write != WriteMode::OnCreate
    };
    let is_created = |to: CrmKind| entity.create.of(to) == CreatePolicy::Included;
    let mut flows = Vec::new();
    for (object, name) in &field.salesforce {
        flows.push(Flow {
            to: CrmKind::Salesforce,
            from_object: &entity.hubspot,
            from_field: &field.hubspot,
            to_object: object,
            to_field: name,
            is_update: is_updated(CrmKind::Salesforce),
            is_create: is_created(CrmKind::Salesforce) && *object == entity.create.as_object,
        });
        flows.push(Flow {
            to: CrmKind::HubSpot,
            from_object: object,
            from_field: name,
            to_object: &entity.hubspot,
            to_field: &field.hubspot,
            is_update: is_updated(CrmKind::HubSpot),
            is_create: is_created(CrmKind::HubSpot),
        });
    }
    flows.retain(|flow| flow.is_update || flow.is_create);
    flows
}

/// Lists the two ends of a field in every object that has it: side, object, vendor field.
pub fn ends<'a>(entity: &'a Entity, field: &'a Field) -> Vec<(CrmKind, &'a str, &'a str)> {
    let hubspot = (CrmKind::HubSpot, entity.hubspot.as_str(), field.hubspot.as_str());
    let salesforce = field
        .salesforce
        .iter()
        .map(|(object, name)| (CrmKind::Salesforce, object.as_str(), name.as_str()));
    std::iter::once(hubspot).chain(salesforce).collect()
}
