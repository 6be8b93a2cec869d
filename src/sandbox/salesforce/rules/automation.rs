//! What the org does by itself when a record is written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Times;
use super::condition::When;

/// Which writes a rule acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Create,
    Update,
    Delete,
}

/// Refuses a record that meets a condition once it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationRule {
    pub object: String,
    #[serde(default = "on_save")]
    pub on: Vec<Event>,
    /// Met by the record before an update; a rule with it never acts on a create.
    #[serde(default)]
    pub before: Option<When>,
    /// Met by the record as it is going to be.
    pub after: When,
    pub message: String,
    /// Field that the message is shown at.
    #[serde(default)]
    pub field: Option<String>,
}

/// Changes a record that is written, or refuses it in its own words.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    pub object: String,
    #[serde(default = "on_save")]
    pub on: Vec<Event>,
    #[serde(default)]
    pub before: Option<When>,
    #[serde(default)]
    pub after: Option<When>,
    /// Values written over what the caller gave.
    #[serde(default)]
    pub set: BTreeMap<String, Value>,
    /// Texts brought into another form.
    #[serde(default)]
    pub reformat: BTreeMap<String, Reformat>,
    /// The trigger throws this.
    #[serde(default)]
    pub refuse: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reformat {
    Upper,
    Lower,
    Trim,
    /// Nothing but the digits.
    Digits,
    /// `(415) 555-0100`, for texts with ten digits, or eleven of which the first is 1.
    UsPhone,
}

/// Gives a written record to an owner, the first that fits.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssignmentRule {
    /// Id of the rule that callers may name.
    pub id: String,
    pub object: String,
    #[serde(default = "on_create")]
    pub on: Vec<Event>,
    /// Runs where the caller does not say otherwise.
    #[serde(default)]
    pub is_active: bool,
    #[serde(default)]
    pub when: Option<When>,
    pub owner_id: String,
}

/// Refuses a record that looks like another one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DuplicateRule {
    pub name: String,
    pub object: String,
    #[serde(default = "on_save")]
    pub on: Vec<Event>,
    /// Object of the other record; the same unless said.
    #[serde(default)]
    pub matches: Option<String>,
    /// Fields that must be equal and not empty.
    pub exact: Vec<Pair>,
    /// Fields that must be alike.
    #[serde(default)]
    pub fuzzy: Vec<Pair>,
    pub action: DuplicateAction,
    #[serde(default = "usual_question")]
    pub message: String,
}

/// A field of the record that is written and the one it is compared with.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Pair {
    Same(String),
    Different { own: String, other: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateAction {
    /// Callers may save all the same.
    Alert,
    Block,
}

/// Says that a record is locked, some times.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockRule {
    /// Any object unless said.
    #[serde(default)]
    pub object: Option<String>,
    /// Any record unless said; 18 characters.
    #[serde(default)]
    pub ids: Vec<String>,
    #[serde(default = "on_change")]
    pub on: Vec<Event>,
    #[serde(default)]
    pub times: Times,
}

impl Pair {
    pub fn own(&self) -> &str {
        match self {
            Self::Same(field) | Self::Different { own: field, .. } => field,
        }
    }

    pub fn other(&self) -> &str {
        match self {
            Self::Same(field) | Self::Different { other: field, .. } => field,
        }
    }
}

fn on_save() -> Vec<Event> {
    vec![Event::Create, Event::Update]
}

fn on_create() -> Vec<Event> {
    vec![Event::Create]
}

fn on_change() -> Vec<Event> {
    vec![Event::Update, Event::Delete]
}

fn usual_question() -> String {
    "Use one of these records?".to_owned()
}
