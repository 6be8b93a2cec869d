//! The mapped fields with what is needed to judge their values: users, metadata, home region.

use std::collections::HashMap;

use crate::config::{EntityName, Field, FieldMap};
use crate::crm::CrmKind;
use crate::schema::{Schema, User};

/// Everything that typed equality, mapping and preflight look up, built once a run.
#[derive(Debug, Default)]
pub struct FieldRegistry {
    fields: HashMap<String, MappedField>,
    hubspot: Side,
    salesforce: Side,
    /// ISO 3166-1 alpha-2 of phone numbers without country code.
    pub phone_region: String,
}

/// One field of the field map, under its full name `person.phone`.
#[derive(Clone, Debug)]
pub struct MappedField {
    pub entity: EntityName,
    pub field: Field,
}

/// What is known of one CRM.
#[derive(Debug, Default)]
struct Side {
    schema: Schema,
    fields: HashMap<String, usize>,
    is_active_by_picklist_value: HashMap<String, bool>,
    users_by_id: HashMap<String, User>,
    user_ids_by_email: HashMap<String, Vec<String>>,
}

impl FieldRegistry {
    /// Indexes the field map and both CRMs' metadata.
    pub fn new(
        field_map: &FieldMap,
        hubspot: Schema,
        salesforce: Schema,
        phone_region: &str,
    ) -> Self {
        let mut fields = HashMap::new();
        for entity in &field_map.entities {
            for field in &entity.fields {
                fields.insert(
                    format!("{}.{}", entity.name, field.name),
                    MappedField { entity: entity.name, field: field.clone() },
                );
            }
        }
        Self {
            fields,
            hubspot: Side::new(hubspot),
            salesforce: Side::new(salesforce),
            phone_region: phone_region.to_owned(),
        }
    }

    /// Returns the field of the full name `person.phone`.
    pub fn field(&self, name: &str) -> Option<&MappedField> {
        self.fields.get(name)
    }

    pub fn schema(&self, crm: CrmKind) -> &Schema {
        &self.side(crm).schema
    }

    /// Returns a field's metadata, or `None` when the connection cannot see it.
    pub fn field_info(
        &self,
        crm: CrmKind,
        object: &str,
        field: &str,
    ) -> Option<&crate::schema::FieldInfo> {
        let side = self.side(crm);
        let index = side.fields.get(&key(&[object, field]))?;
        side.schema.fields.get(*index)
    }

    /// Says whether a picklist takes a value; `None` when it does not list it.
    pub fn is_active_value(
        &self,
        crm: CrmKind,
        object: &str,
        field: &str,
        value: &str,
    ) -> Option<bool> {
        self.side(crm).is_active_by_picklist_value.get(&key(&[object, field, value])).copied()
    }

    pub fn user(&self, crm: CrmKind, id: &str) -> Option<&User> {
        self.side(crm).users_by_id.get(id)
    }

    /// Returns the user of an e-mail address, active ones before inactive ones, oldest id first.
    pub fn user_by_email(&self, crm: CrmKind, email: &str) -> Option<&User> {
        let side = self.side(crm);
        let ids = side.user_ids_by_email.get(email)?;
        let users = || ids.iter().filter_map(|id| side.users_by_id.get(id));
        users().find(|user| user.is_active).or_else(|| users().next())
    }

    fn side(&self, crm: CrmKind) -> &Side {
        match crm {
            CrmKind::HubSpot => &self.hubspot,
            CrmKind::Salesforce => &self.salesforce,
        }
    }
}

impl Side {
    fn new(schema: Schema) -> Self {
        let fields = schema
            .fields
            .iter()
            .enumerate()
            .map(|(index, info)| (key(&[&info.object, &info.field]), index))
            .collect();
        let is_active_by_picklist_value = schema
            .picklist_values
            .iter()
            .map(|v| (key(&[&v.object, &v.field, &v.value]), v.is_active))
            .collect();
        let mut user_ids_by_email: HashMap<String, Vec<String>> = HashMap::new();
        for user in &schema.users {
            if let Some(email) = &user.email {
                user_ids_by_email
                    .entry(email.trim().to_lowercase())
                    .or_default()
                    .push(user.user_id.clone());
            }
        }
        for ids in user_ids_by_email.values_mut() {
            ids.sort_unstable();
        }
        let users_by_id =
            schema.users.iter().map(|user| (user.user_id.clone(), user.clone())).collect();
        Self { schema, fields, is_active_by_picklist_value, users_by_id, user_ids_by_email }
    }
}

/// Joins names to one lookup key; vendor names hold no line break.
fn key(parts: &[&str]) -> String {
    parts.join("\n")
}
