//! Which picklist values a record of a type may hold.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One record type of an object; the type itself is a row of `RecordType`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordTypeRule {
    pub object: String,
    /// 18 characters.
    pub id: String,
    /// New records are of this type unless the caller says otherwise.
    #[serde(default)]
    pub is_default: bool,
    /// Values by picklist; a picklist that is not named keeps all of its values.
    #[serde(default)]
    pub picklists: BTreeMap<String, Vec<String>>,
}
