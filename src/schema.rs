//! What a CRM's metadata says, in the same tables for both vendors.
//!
//! The tables land beside every snapshot under `_schema` and are what `plan` and `check` judge
//! against. Names and values stay the vendor's own.

use serde::{Deserialize, Serialize};

/// Metadata of one account at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    pub objects: Vec<ObjectInfo>,
    pub fields: Vec<FieldInfo>,
    pub picklist_values: Vec<PicklistValue>,
    pub stages: Vec<Stage>,
    pub users: Vec<User>,
}

impl Schema {
    /// Returns the object's metadata, or `None` when the connection cannot see it.
    pub fn object(&self, object: &str) -> Option<&ObjectInfo> {
        self.objects.iter().find(|info| info.object == object)
    }

    /// Returns the field's metadata, or `None` when the connection cannot see it.
    pub fn field(&self, object: &str, field: &str) -> Option<&FieldInfo> {
        self.fields.iter().find(|info| info.object == object && info.field == field)
    }

    /// Lists the object's fields in the vendor's order.
    pub fn fields_of<'a>(&'a self, object: &'a str) -> impl Iterator<Item = &'a FieldInfo> {
        self.fields.iter().filter(move |info| info.object == object)
    }
}

/// One object and what the connection may do with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectInfo {
    pub object: String,
    pub label: String,
    pub can_create: bool,
    pub can_update: bool,
    pub can_delete: bool,
    /// The vendor's own JSON about it, beside its fields: Salesforce's describe without them,
    /// HubSpot's `pipelines`. What no other column says can be read there.
    pub definition: Option<String>,
}

/// One property (HubSpot) or field (Salesforce).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldInfo {
    pub object: String,
    pub field: String,
    pub label: String,
    /// The vendor's type name: `enumeration`, `picklist`, `datetime`.
    pub vendor_type: String,
    /// Most characters a value may have; `None` where the vendor states none.
    pub length_max: Option<i64>,
    /// Digits after the point, for numbers.
    pub scale: Option<i64>,
    /// Must be given on create.
    pub is_required: bool,
    pub is_createable: bool,
    pub is_updateable: bool,
    /// Two records cannot share a value, and a record can be found by it.
    pub is_unique: bool,
    /// Filled by the vendor from other fields.
    pub is_calculated: bool,
    /// Only the listed picklist values are taken.
    pub is_restricted: bool,
    pub is_custom: bool,
    /// Objects that a reference may point to, separated by `;`.
    pub references: Option<String>,
    /// The vendor's own JSON definition, verbatim.
    pub definition: Option<String>,
}

/// One value of a picklist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PicklistValue {
    pub object: String,
    pub field: String,
    pub value: String,
    pub label: String,
    pub is_active: bool,
    pub sort_order: i64,
}

/// One stage of a pipeline, a lifecycle or a lead status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    pub object: String,
    /// HubSpot pipeline id; `default` in Salesforce.
    pub pipeline: String,
    pub stage: String,
    pub label: String,
    pub sort_order: i64,
    /// 0 to 1, or `None` where the vendor gives none.
    pub probability: Option<String>,
    pub is_closed: bool,
    pub is_won: bool,
    pub is_active: bool,
}

/// A user, queue or HubSpot owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// HubSpot owner id; Salesforce user or group id.
    pub user_id: String,
    pub email: Option<String>,
    pub name: String,
    pub user_type: UserType,
    pub is_active: bool,
    /// The vendor's own JSON of a HubSpot owner, verbatim; `None` in Salesforce, where users are
    /// a table of their own.
    pub definition: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserType {
    Person,
    Queue,
}
