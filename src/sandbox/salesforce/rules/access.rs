//! What the integration user may see and do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::errors::Fault;
use super::super::schema::{Catalog, Object};
use super::condition::When;

/// Permissions of objects and fields; what is not named is allowed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Permissions {
    pub objects: BTreeMap<String, ObjectAccess>,
    /// By `Object.Field`.
    pub fields: BTreeMap<String, FieldAccess>,
    /// Bulk jobs may delete past the recycle bin.
    pub is_hard_delete_allowed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectAccess {
    None,
    Read,
    /// Create and update, but not delete.
    Edit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldAccess {
    None,
    Read,
}

/// Records that sharing keeps from the user.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharingRule {
    pub object: String,
    pub when: When,
    /// The records are seen but not written.
    #[serde(default)]
    pub is_readable: bool,
}

impl Default for Permissions {
    fn default() -> Self {
        Self { objects: BTreeMap::new(), fields: BTreeMap::new(), is_hard_delete_allowed: true }
    }
}

impl Permissions {
    /// Takes from a catalog what the user does not see or cannot write.
    ///
    /// # Errors
    /// When a name is none of the org's.
    pub fn narrow(&self, catalog: &mut Catalog) -> Result<(), Fault> {
        for (name, access) in &self.objects {
            let object = catalog.object_mut(name).ok_or_else(|| unknown(name))?;
            object.is_hidden = *access == ObjectAccess::None;
            object.is_deletable = false;
            if *access != ObjectAccess::Edit {
                object.is_createable = false;
                object.is_updateable = false;
            }
            for flag in ["createable", "updateable", "deletable", "undeletable"] {
                object.declared.remove(flag);
            }
        }
        for (path, access) in &self.fields {
            let (name, field) = path.split_once('.').ok_or_else(|| unknown(path))?;
            let object = catalog.object_mut(name).ok_or_else(|| unknown(path))?;
            narrow_field(object, field, *access).ok_or_else(|| unknown(path))?;
        }
        Ok(())
    }
}

fn narrow_field(object: &mut Object, name: &str, access: FieldAccess) -> Option<()> {
    let index = object.position(name)?;
    let field = object.fields.get_mut(index)?;
    field.is_hidden |= access == FieldAccess::None;
    field.is_createable = false;
    field.is_updateable = false;
    for flag in ["createable", "updateable"] {
        field.described.insert(flag.to_owned(), json!(false));
    }
    Some(())
}

pub fn unknown(name: &str) -> Fault {
    Fault::json(format!("rules are not understood: no such object or field: {name}"))
}
