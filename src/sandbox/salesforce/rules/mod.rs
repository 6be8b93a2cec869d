//! What an admin set up in the org, and what somebody wants to go wrong there.
//!
//! A world's `salesforce/rules.json` holds them, every section optional; `/__sandbox/salesforce/rules`
//! shows them (`GET`), replaces all (`POST`) or the named sections (`PATCH`) while the server runs.

mod access;
mod automation;
mod bulk;
mod condition;
mod oauth;
mod record_types;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use access::{Permissions, SharingRule};
pub use automation::{
    AssignmentRule, DuplicateAction, DuplicateRule, Event, LockRule, Pair, Reformat, Trigger,
    ValidationRule,
};
pub use bulk::{BulkRules, Ending};
pub use condition::When;
pub use oauth::OauthRules;
pub use record_types::RecordTypeRule;

use super::errors::{Fault, ServerError};
use super::schema::Catalog;
use super::soql::{self, Frame};

/// All rules in force.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    pub bulk: BulkRules,
    pub oauth: OauthRules,
    pub permissions: Permissions,
    pub sharing: Vec<SharingRule>,
    pub record_types: Vec<RecordTypeRule>,
    pub validation: Vec<ValidationRule>,
    pub triggers: Vec<Trigger>,
    pub duplicates: Vec<DuplicateRule>,
    pub assignment: Vec<AssignmentRule>,
    pub locks: Vec<LockRule>,
}

/// How often a rule still acts.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Times(AtomicU32);

impl Rules {
    /// Reads a world's rules; a world without the file has none.
    ///
    /// # Errors
    /// When the file cannot be read, or holds what no rule is.
    pub fn read(path: &Path) -> Result<Self, ServerError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(ServerError::Read { path: path.to_path_buf(), source }),
        };
        serde_json::from_str(&text)
            .map_err(|source| ServerError::Rules { path: path.to_path_buf(), source })
    }

    /// Reads rules from an admin's body.
    ///
    /// # Errors
    /// When it holds what no rule is; the message says where.
    pub fn from_sections(sections: Map<String, Value>) -> Result<Self, Fault> {
        serde_json::from_value(Value::Object(sections))
            .map_err(|error| Fault::json(format!("rules are not understood: {error}")))
    }

    /// Returns these rules with some sections replaced.
    ///
    /// # Errors
    /// As [`Rules::from_sections`].
    pub fn with_sections(&self, sections: Map<String, Value>) -> Result<Self, Fault> {
        let Ok(Value::Object(mut all)) = serde_json::to_value(self) else {
            return Self::from_sections(sections);
        };
        all.extend(sections);
        Self::from_sections(all)
    }
}

impl Rules {
    /// Returns what the integration user sees of the org.
    ///
    /// # Errors
    /// When a rule names what the org does not have; the message says what.
    pub fn catalog(&self, whole: &Catalog) -> Result<Catalog, Fault> {
        let mut seen = whole.clone();
        self.permissions.narrow(&mut seen)?;
        for (object, field) in self.named_fields() {
            let known = whole.object(object).ok_or_else(|| access::unknown(object))?;
            if field.is_some_and(|field| known.position(field).is_none()) {
                return Err(access::unknown(&format!("{object}.{}", field.unwrap_or_default())));
            }
        }
        let frame = Frame::system(whole);
        for (object, when) in self.conditions() {
            let object = whole.object(object).ok_or_else(|| access::unknown(object))?;
            soql::meets_sql(&frame, object, &when.text, &when.condition)?;
        }
        let frame = Frame::system(&seen);
        for rule in &self.sharing {
            let object = seen.object(&rule.object).ok_or_else(|| access::unknown(&rule.object))?;
            soql::meets_sql(&frame, object, &rule.when.text, &rule.when.condition)?;
        }
        Ok(seen)
    }

    /// Returns the type of new records of an object, where it has types.
    pub fn default_record_type(&self, object: &str) -> Option<&str> {
        self.record_types
            .iter()
            .find(|rule| rule.is_default && rule.object.eq_ignore_ascii_case(object))
            .map(|rule| rule.id.as_str())
    }

    /// Tells whether writes of an object are left to themselves.
    pub fn is_silent_about(&self, object: &str) -> bool {
        let is_of = |own: &str| own.eq_ignore_ascii_case(object);
        !self.triggers.iter().any(|rule| is_of(&rule.object))
            && !self.validation.iter().any(|rule| is_of(&rule.object))
            && !self.duplicates.iter().any(|rule| is_of(&rule.object))
            && !self.assignment.iter().any(|rule| is_of(&rule.object))
    }

    fn conditions(&self) -> impl Iterator<Item = (&str, &When)> {
        let validation = self.validation.iter().flat_map(|rule| {
            rule.before.iter().chain([&rule.after]).map(|when| (rule.object.as_str(), when))
        });
        let triggers = self.triggers.iter().flat_map(|rule| {
            rule.before.iter().chain(&rule.after).map(|when| (rule.object.as_str(), when))
        });
        let assignment = self
            .assignment
            .iter()
            .flat_map(|rule| rule.when.iter().map(|when| (rule.object.as_str(), when)));
        validation.chain(triggers).chain(assignment)
    }

    fn named_fields(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let triggers = self.triggers.iter().flat_map(|rule| {
            let fields = rule.set.keys().chain(rule.reformat.keys());
            fields.map(|field| (rule.object.as_str(), Some(field.as_str())))
        });
        let duplicates = self.duplicates.iter().flat_map(|rule| {
            let other = rule.matches.as_ref().unwrap_or(&rule.object);
            rule.exact.iter().chain(&rule.fuzzy).flat_map(move |pair| {
                [(rule.object.as_str(), Some(pair.own())), (other.as_str(), Some(pair.other()))]
            })
        });
        let record_types = self.record_types.iter().flat_map(|rule| {
            let fields = rule.picklists.keys().map(|field| Some(field.as_str()));
            fields.chain([Some("RecordTypeId")]).map(|field| (rule.object.as_str(), field))
        });
        let assignment = self.assignment.iter().map(|rule| (rule.object.as_str(), Some("OwnerId")));
        triggers.chain(duplicates).chain(record_types).chain(assignment)
    }
}

impl Times {
    /// Uses the rule once; false when it is used up.
    pub fn take(&self) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .is_ok()
    }
}

impl Default for Times {
    fn default() -> Self {
        Self(AtomicU32::new(1))
    }
}
