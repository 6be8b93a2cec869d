//! The objects and fields a world declares, read from its compact schema files.
//!
//! A schema file names what matters and leaves out the rest; [`super::field_defaults`]
//! fills every describe attribute in. System fields that a file leaves out are added, since every
//! record has them.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use super::errors::ServerError;
use super::field_defaults;

/// All objects of the org.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    pub objects: Vec<Object>,
    by_name: HashMap<String, usize>,
}

/// Records of one object that point to a record of another by one field.
#[derive(Clone, Debug)]
pub struct Children<'a> {
    pub object: &'a Object,
    pub field: &'a Field,
    /// Name of the way down, such as `Contacts`; none where the vendor gives none.
    pub name: Option<String>,
}

/// One sObject.
#[derive(Clone, Debug)]
pub struct Object {
    pub name: String,
    pub label: String,
    pub label_plural: String,
    /// First three characters of its ids.
    pub key_prefix: String,
    pub is_createable: bool,
    pub is_updateable: bool,
    pub is_deletable: bool,
    /// There, but not for the user.
    pub is_hidden: bool,
    pub fields: Vec<Field>,
    /// What the schema file says beside the fields.
    pub declared: Map<String, Value>,
    by_name: HashMap<String, usize>,
}

/// One field.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    pub label: String,
    pub kind: FieldKind,
    /// Most characters; 0 where the type has none.
    pub length: usize,
    /// Digits in all and behind the point, for numbers.
    pub precision: usize,
    pub scale: usize,
    pub is_createable: bool,
    pub is_updateable: bool,
    pub is_nillable: bool,
    pub is_defaulted_on_create: bool,
    pub is_unique: bool,
    pub is_case_sensitive: bool,
    /// Usable as the key of an upsert.
    pub is_lookup_key: bool,
    pub is_restricted: bool,
    pub is_filterable: bool,
    pub is_sortable: bool,
    pub is_custom: bool,
    /// Picklist whose value decides which of this one's fit.
    pub controller: Option<String>,
    pub reference_to: Vec<String>,
    pub relationship_name: Option<String>,
    pub picklist: Vec<PicklistItem>,
    pub default_value: Value,
    /// Kept for every record although describe does not show it.
    pub is_hidden: bool,
    /// Every describe attribute except `picklistValues`.
    pub described: Map<String, Value>,
}

#[derive(Clone, Debug)]
pub struct PicklistItem {
    pub value: String,
    pub label: String,
    pub is_active: bool,
    pub is_default: bool,
    /// Base64 of bits, one a value of the controlling picklist: where it is set, this one fits.
    pub valid_for: Option<String>,
}

/// How values of a field are stored, compared and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    Id,
    Reference,
    Text,
    Email,
    Picklist,
    MultiPicklist,
    Boolean,
    Int,
    Number,
    Date,
    DateTime,
    /// An address, put together from its parts when read.
    Compound,
}

impl Catalog {
    /// Reads every schema file of a directory, in order of file name.
    ///
    /// # Errors
    /// When a file cannot be read, is not JSON, or lacks its name or fields.
    pub fn read(directory: &Path) -> Result<Self, ServerError> {
        let failed = |source| ServerError::Read { path: directory.to_path_buf(), source };
        let mut paths = Vec::new();
        for entry in fs::read_dir(directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                paths.push(path);
            }
        }
        paths.sort();
        let mut catalog = Self::default();
        for path in paths {
            let text = fs::read_to_string(&path)
                .map_err(|source| ServerError::Read { path: path.clone(), source })?;
            let declared: Map<String, Value> = serde_json::from_str(&text)
                .map_err(|source| ServerError::Schema { path: path.clone(), source })?;
            let object = Object::declared(declared)
                .map_err(|missing| ServerError::SchemaLacks { path: path.clone(), missing })?;
            catalog.by_name.insert(object.name.to_lowercase(), catalog.objects.len());
            catalog.objects.push(object);
        }
        Ok(catalog)
    }

    /// Returns the object of that name in any casing, if the user sees it.
    pub fn object(&self, name: &str) -> Option<&Object> {
        let index = *self.by_name.get(&name.to_lowercase())?;
        self.objects.get(index).filter(|object| !object.is_hidden)
    }

    /// Returns the object of that name in any casing, to change what the user sees of it.
    pub fn object_mut(&mut self, name: &str) -> Option<&mut Object> {
        let index = *self.by_name.get(&name.to_lowercase())?;
        self.objects.get_mut(index)
    }

    /// Returns the objects that the user sees.
    pub fn visible_objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.iter().filter(|object| !object.is_hidden)
    }

    /// Returns every way down from an object to the records that point to it.
    pub fn all_children<'a>(&'a self, parent: &'a Object) -> impl Iterator<Item = Children<'a>> {
        self.visible_objects().flat_map(move |object| {
            object.visible_fields().filter(|field| field.reference_to.contains(&parent.name)).map(
                move |field| {
                    let name = match parent.declared_children(object, field) {
                        Some(declared) => text(declared, "relationshipName"),
                        None => usual_children(parent, object, field),
                    };
                    Children { object, field, name }
                },
            )
        })
    }

    /// Returns the children of that name, in any casing.
    pub fn children<'a>(&'a self, parent: &'a Object, name: &str) -> Option<Children<'a>> {
        self.all_children(parent).find(|children| {
            children.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name))
        })
    }

    /// Returns the object whose ids start like `id`.
    pub fn object_of_id(&self, id: &str) -> Option<&Object> {
        let prefix = id.get(..3)?;
        self.visible_objects().find(|object| object.key_prefix == prefix)
    }
}

impl Object {
    fn declared(mut declared: Map<String, Value>) -> Result<Self, String> {
        let name = text(&declared, "name").ok_or("name")?;
        let Some(Value::Array(raw_fields)) = declared.remove("fields") else {
            return Err("fields".to_owned());
        };
        let mut fields = Vec::with_capacity(raw_fields.len() + 8);
        for raw in raw_fields {
            let Value::Object(raw) = raw else { return Err("fields[].name".to_owned()) };
            fields.push(field_defaults::expand(&name, raw).ok_or("fields[].name or type")?);
        }
        field_defaults::add_system_fields(&name, &mut fields);
        let by_name = fields
            .iter()
            .enumerate()
            .map(|(index, field)| (field.name.to_lowercase(), index))
            .collect();
        let label = text(&declared, "label").unwrap_or_else(|| name.clone());
        let flag = |key: &str| declared.get(key).and_then(Value::as_bool).unwrap_or(true);
        Ok(Self {
            label_plural: text(&declared, "labelPlural").unwrap_or_else(|| format!("{label}s")),
            key_prefix: text(&declared, "keyPrefix")
                .unwrap_or_else(|| field_defaults::key_prefix(&name).to_owned()),
            is_createable: flag("createable"),
            is_updateable: flag("updateable"),
            is_deletable: flag("deletable"),
            is_hidden: false,
            name,
            label,
            fields,
            declared,
            by_name,
        })
    }

    /// Returns the visible field of that name in any casing.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.position(name)
            .and_then(|index| self.fields.get(index))
            .filter(|field| !field.is_hidden)
    }

    /// Returns where a field, visible or not, stands among the object's fields.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.by_name.get(&name.to_lowercase()).copied()
    }

    /// Returns what the schema file says of the way down by a field.
    fn declared_children(&self, child: &Object, field: &Field) -> Option<&Map<String, Value>> {
        let all = self.declared.get("childRelationships")?.as_array()?;
        all.iter().filter_map(Value::as_object).find(|own| {
            own.get("childSObject").and_then(Value::as_str) == Some(&child.name)
                && own.get("field").and_then(Value::as_str) == Some(&field.name)
        })
    }

    /// Returns the reference field behind a relationship name, such as `Owner`.
    pub fn relationship(&self, name: &str) -> Option<&Field> {
        self.visible_fields().find(|field| {
            field.relationship_name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name))
        })
    }

    pub fn visible_fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| !field.is_hidden)
    }

    /// Name of the object's table, quoted.
    pub fn table(&self) -> String {
        quote(&self.name)
    }
}

impl Field {
    /// Must be given on create.
    pub fn is_required(&self) -> bool {
        self.is_createable
            && !self.is_nillable
            && !self.is_defaulted_on_create
            && self.kind != FieldKind::Boolean
    }

    pub fn is_stored(&self) -> bool {
        self.kind != FieldKind::Compound
    }

    pub fn column(&self) -> String {
        quote(&self.name)
    }
}

impl FieldKind {
    /// Reads the vendor's type name; `None` for one that does not exist.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "id" => Self::Id,
            "reference" => Self::Reference,
            "string"
            | "textarea"
            | "phone"
            | "url"
            | "combobox"
            | "encryptedstring"
            | "time"
            | "anyType"
            | "base64"
            | "complexvalue"
            | "datacategorygroupreference"
            | "json" => Self::Text,
            "email" => Self::Email,
            "picklist" => Self::Picklist,
            "multipicklist" => Self::MultiPicklist,
            "boolean" => Self::Boolean,
            "int" | "long" => Self::Int,
            "double" | "currency" | "percent" => Self::Number,
            "date" => Self::Date,
            "datetime" => Self::DateTime,
            "address" | "location" => Self::Compound,
            _ => return None,
        })
    }

    /// Column type in the sandbox's database.
    ///
    /// Text compares without regard to case, as the vendor's queries do; ids do not.
    pub fn column_type(self) -> &'static str {
        match self {
            Self::Id | Self::Reference | Self::Date | Self::DateTime => "TEXT",
            Self::Text | Self::Email | Self::Picklist | Self::MultiPicklist | Self::Compound => {
                "TEXT COLLATE NOCASE"
            }
            Self::Boolean | Self::Int => "INTEGER",
            Self::Number => "REAL",
        }
    }

    pub fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Email | Self::Picklist | Self::MultiPicklist)
    }

    pub fn is_id(self) -> bool {
        matches!(self, Self::Id | Self::Reference)
    }
}

/// Quotes a name for SQL.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Names a way down as the vendor does where nobody chose otherwise.
///
/// Only a reference named after its parent has one, such as `AccountId` of a contact.
fn usual_children(parent: &Object, child: &Object, field: &Field) -> Option<String> {
    let plural: String = child.label_plural.split_whitespace().collect();
    if field.is_custom {
        return Some(format!("{plural}__r"));
    }
    (field.name == format!("{}Id", parent.name)).then_some(plural)
}

fn text(map: &Map<String, Value>, key: &str) -> Option<String> {
    map.get(key).and_then(Value::as_str).map(str::to_owned)
}
