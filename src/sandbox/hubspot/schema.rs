//! Object types and property definitions, as one account has them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::association_types::AssociationTypes;
use super::errors::ApiError;
use super::validations::ValidationRule;

/// Every object type of the account and how they are associated.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    pub objects: Vec<ObjectType>,
    pub associations: AssociationTypes,
}

#[derive(Clone, Debug, Default)]
pub struct ObjectType {
    /// Such as `0-1`.
    pub id: String,
    /// Plural name in lower case, such as `contacts`; a custom object's own name.
    pub name: String,
    pub definition: Definition,
    pub properties: BTreeMap<String, Property>,
    /// Rules that an admin set on values, by property.
    pub validations: BTreeMap<String, Vec<ValidationRule>>,
}

/// What a custom object has beside its properties; empty for the vendor's own objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Definition {
    pub labels: Option<Labels>,
    pub primary_display_property: Option<String>,
    pub secondary_display_properties: Vec<String>,
    pub required_properties: Vec<String>,
    pub searchable_properties: Vec<String>,
    pub allows_sensitive_properties: bool,
    pub description: Option<String>,
    pub archived: bool,
    /// Epoch milliseconds.
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labels {
    pub singular: String,
    pub plural: String,
}

/// A property definition in the vendor's JSON; omitted keys take the vendor's defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Property {
    pub name: String,
    #[serde(default)]
    pub label: String,
    #[serde(rename = "type", default = "string_type")]
    pub kind: String,
    #[serde(default = "text_field")]
    pub field_type: String,
    #[serde(default = "default_group")]
    pub group_name: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub options: Vec<PropertyOption>,
    #[serde(default = "unordered")]
    pub display_order: i64,
    #[serde(default)]
    pub calculated: bool,
    #[serde(default)]
    pub external_options: bool,
    #[serde(default)]
    pub has_unique_value: bool,
    #[serde(default)]
    pub hidden: bool,
    #[serde(default)]
    pub hubspot_defined: bool,
    #[serde(default)]
    pub form_field: bool,
    #[serde(default)]
    pub archived: bool,
    #[serde(default = "non_sensitive")]
    pub data_sensitivity: String,
    #[serde(default)]
    pub modification_metadata: ModificationMetadata,
    /// Keys of the definition that the server only passes on.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PropertyOption {
    #[serde(default)]
    pub label: String,
    pub value: String,
    #[serde(default)]
    pub display_order: i64,
    #[serde(default)]
    pub hidden: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ModificationMetadata {
    pub archivable: bool,
    pub read_only_definition: bool,
    pub read_only_value: bool,
    pub read_only_options: bool,
}

impl Default for ModificationMetadata {
    fn default() -> Self {
        Self {
            archivable: true,
            read_only_definition: false,
            read_only_value: false,
            read_only_options: false,
        }
    }
}

impl Schema {
    /// Finds an object type by plural or singular name in any case, by id, or by qualified name.
    ///
    /// A custom object's bare name is not enough, as with the vendor.
    ///
    /// # Errors
    /// 400 when there is none.
    pub fn object(&self, asked: &str) -> Result<&ObjectType, ApiError> {
        self.objects
            .iter()
            .find(|object| !object.definition.archived && object.answers_to(asked))
            .ok_or_else(|| ApiError::unknown_object_type(asked))
    }

    /// Finds an object type as files name it, where a custom object's bare name is enough.
    pub fn named(&self, asked: &str) -> Option<&ObjectType> {
        self.objects
            .iter()
            .find(|object| object.answers_to(asked) || object.name.eq_ignore_ascii_case(asked))
    }
}

impl ObjectType {
    pub fn is_contacts(&self) -> bool {
        self.id == "0-1"
    }

    /// Tells whether a path or a request means this object.
    pub fn answers_to(&self, asked: &str) -> bool {
        if self.id.eq_ignore_ascii_case(asked) {
            return true;
        }
        if self.is_standard() {
            return self.name.eq_ignore_ascii_case(asked)
                || self.singular().eq_ignore_ascii_case(asked);
        }
        asked
            .strip_prefix(['p', 'P'])
            .and_then(|rest| rest.split_once('_'))
            .is_some_and(|(_, name)| name.eq_ignore_ascii_case(&self.name))
    }

    /// Returns the name that holds the account's id, as in `p4471923_car`.
    pub fn qualified_name(&self, portal_id: &str) -> String {
        if self.is_standard() { self.legacy_name() } else { format!("p{portal_id}_{}", self.name) }
    }

    pub fn is_standard(&self) -> bool {
        self.id.starts_with("0-")
    }

    /// Returns the singular name in lower case, such as `company`.
    pub fn singular(&self) -> String {
        match self.name.strip_suffix("ies") {
            Some(stem) => format!("{stem}y"),
            None => self.name.strip_suffix('s').unwrap_or(&self.name).to_owned(),
        }
    }

    /// Returns the name used in old texts, such as `COMPANY`.
    pub fn legacy_name(&self) -> String {
        self.singular().to_ascii_uppercase()
    }

    /// Returns the property that holds the modified time.
    pub fn modified_property(&self) -> &'static str {
        if self.is_contacts() { "lastmodifieddate" } else { "hs_lastmodifieddate" }
    }

    /// Returns the property that holds the created time.
    pub fn created_property(&self) -> &'static str {
        match self.id.as_str() {
            "0-1" | "0-2" | "0-3" => "createdate",
            _ => "hs_createdate",
        }
    }

    /// Returns what comes back when nothing is asked for.
    pub fn default_properties(&self) -> &'static [&'static str] {
        match self.id.as_str() {
            "0-1" => &["email", "firstname", "lastname"],
            "0-2" => &["name", "domain"],
            "0-3" => &["dealname", "amount", "closedate", "pipeline", "dealstage"],
            _ => &[],
        }
    }

    /// Returns a definition that is not archived.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties.get(name).filter(|property| !property.archived)
    }

    /// Tells whether a record can be found and written by this property.
    pub fn is_key(&self, name: &str) -> bool {
        (self.is_contacts() && name == "email")
            || self.property(name).is_some_and(|property| property.has_unique_value)
    }

    /// Returns the position of a lifecycle stage, none for a value that is no stage.
    pub fn lifecycle_position(&self, stage: &str) -> Option<i64> {
        self.property("lifecyclestage")?
            .options
            .iter()
            .find(|option| option.value == stage)
            .map(|option| option.display_order)
    }

    /// Adds the properties that the server derives and world files leave out.
    pub fn add_derived_properties(&mut self) {
        let derived = [
            ("hs_object_id", "Record ID", "number", "number"),
            (self.created_property(), "Create Date", "datetime", "date"),
            (self.modified_property(), "Last Modified Date", "datetime", "date"),
        ];
        for (name, label, kind, field_type) in derived {
            self.properties.entry(name.to_owned()).or_insert_with(|| Property {
                name: name.to_owned(),
                label: label.to_owned(),
                kind: kind.to_owned(),
                field_type: field_type.to_owned(),
                group_name: format!("{}information", self.id),
                description: String::new(),
                options: Vec::new(),
                display_order: -1,
                calculated: false,
                external_options: false,
                has_unique_value: false,
                hidden: false,
                hubspot_defined: true,
                form_field: false,
                archived: false,
                data_sensitivity: non_sensitive(),
                modification_metadata: ModificationMetadata {
                    archivable: false,
                    read_only_definition: true,
                    read_only_value: true,
                    read_only_options: true,
                },
                rest: BTreeMap::new(),
            });
        }
    }
}

impl Property {
    pub fn is_owner_reference(&self) -> bool {
        self.name == "hubspot_owner_id"
            || self.rest.get("referencedObjectType").and_then(Value::as_str) == Some("OWNER")
    }

    /// Tells whether the property holds several values as `a;b`.
    pub fn is_multiple(&self) -> bool {
        self.kind == "enumeration" && self.field_type == "checkbox"
    }
}

fn string_type() -> String {
    "string".to_owned()
}

fn text_field() -> String {
    "text".to_owned()
}

fn default_group() -> String {
    "contactinformation".to_owned()
}

fn unordered() -> i64 {
    -1
}

fn non_sensitive() -> String {
    "non_sensitive".to_owned()
}
