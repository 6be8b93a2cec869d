//! The mapped fields with what is needed to judge their values: users, metadata, home region.

use std::collections::HashMap;

use crate::config::{EntityName, Field, FieldMap};
use crate::crm::CrmKind;
use crate::schema::{PicklistValue, Schema, User};

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
    /// Where the values of each field's picklist stand in the schema.
    picklists: HashMap<String, Vec<usize>>,
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

    /// Returns the user or queue of a record id, an e-mail address or a name, active ones first.
    pub fn user_named(&self, crm: CrmKind, name: &str) -> Option<&User> {
        let by_name = || {
            let users = &self.side(crm).schema.users;
            let named = || users.iter().filter(|user| user.name == name);
            named().find(|user| user.is_active).or_else(|| named().next())
        };
        self.user(crm, name)
            .or_else(|| self.user_by_email(crm, &name.trim().to_lowercase()))
            .or_else(by_name)
    }

    /// Returns the label of a picklist value.
    pub fn label(&self, crm: CrmKind, object: &str, field: &str, value: &str) -> Option<&str> {
        self.picklist(crm, object, field).find(|v| v.value == value).map(|v| v.label.as_str())
    }

    /// Returns the picklist value that has a label, or is that text itself; active ones first, in the
    /// picklist's order.
    pub fn value_of_label(
        &self,
        crm: CrmKind,
        object: &str,
        field: &str,
        label: &str,
    ) -> Option<&str> {
        let is_meant = |v: &&PicklistValue| {
            v.label.trim().eq_ignore_ascii_case(label.trim()) || v.value == label
        };
        let meant = || self.picklist(crm, object, field).filter(is_meant);
        meant().find(|v| v.is_active).or_else(|| meant().next()).map(|v| v.value.as_str())
    }

    /// Says whether the metadata lists values for a field, active or not.
    pub fn has_list(&self, crm: CrmKind, object: &str, field: &str) -> bool {
        self.side(crm).picklists.contains_key(&key(&[object, field]))
    }

    /// Lists the values that a picklist takes, in its order.
    pub fn active_values<'a>(
        &'a self,
        crm: CrmKind,
        object: &str,
        field: &str,
    ) -> impl Iterator<Item = &'a str> {
        self.picklist(crm, object, field).filter(|v| v.is_active).map(|v| v.value.as_str())
    }

    fn picklist<'a>(
        &'a self,
        crm: CrmKind,
        object: &str,
        field: &str,
    ) -> impl Iterator<Item = &'a PicklistValue> {
        let side = self.side(crm);
        let indexes = side.picklists.get(&key(&[object, field]));
        indexes.into_iter().flatten().filter_map(|index| side.schema.picklist_values.get(*index))
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
        let mut picklists: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, v) in schema.picklist_values.iter().enumerate() {
            picklists.entry(key(&[&v.object, &v.field])).or_default().push(index);
        }
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
        Self {
            schema,
            fields,
            is_active_by_picklist_value,
            picklists,
            users_by_id,
            user_ids_by_email,
        }
    }
}

/// Joins names to one lookup key; vendor names hold no line break.
fn key(parts: &[&str]) -> String {
    parts.join("\n")
}
