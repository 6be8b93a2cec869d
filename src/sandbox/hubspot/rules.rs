//! What an account does that no metadata shows: values it refuses and automations that write back.
//!
//! One list of rules, set by whoever directs the sandbox or by the world's `hubspot/rules.json`.
//! Automations run once the call that sets them off has been answered, inside its transaction, and
//! set off no others, so that two of them cannot run for ever.

use std::collections::BTreeMap;

use datafusion::arrow::array::StringArray;
use datafusion::arrow::compute::regexp_is_match_scalar;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::errors::{ApiError, PropertyError};
use super::schema::{ObjectType, Schema};
use super::store::{self, Properties};
use super::validate::Checked;
use super::{Source, Work, write};

/// What happens to a write of one property: it is refused, or followed by other writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Any of the object's names.
    pub object: String,
    pub when: Condition,
    /// The words with which the value is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuse: Option<String>,
    /// Values that a workflow writes to the same record; an empty one clears.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: Properties,
}

/// Which values of a property a rule is about; all of them when nothing else is said.
///
/// A refusal looks at what is sent, an automation at what changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    pub property: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is: Option<String>,
    /// A regular expression found in the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
    /// A regular expression not found in the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matches_not: Option<String>,
}

#[derive(Debug, Error)]
pub enum RuleError {
    #[error("rule names no object of the account: `{object}`")]
    Object { object: String },
    #[error("rule names no property of `{object}`: `{property}`")]
    Property { object: String, property: String },
    #[error("rule has to refuse or to set, one of the two: `{object}.{property}`")]
    Effect { object: String, property: String },
    #[error("pattern is no regular expression: `{pattern}`")]
    Pattern { pattern: String },
}

/// A write that an automation owes.
pub struct FollowUp {
    object: String,
    id: i64,
    values: Properties,
}

impl Condition {
    fn holds(&self, value: &str) -> bool {
        self.is.as_ref().is_none_or(|is| is == value)
            && self.matches.as_ref().is_none_or(|pattern| is_match(pattern, value))
            && self.matches_not.as_ref().is_none_or(|pattern| !is_match(pattern, value))
    }
}

/// Tells whether a regular expression is found in a text; a broken one is found nowhere.
pub fn is_match(pattern: &str, text: &str) -> bool {
    try_match(pattern, text).unwrap_or(false)
}

/// Arrow brings the expressions that the SQL of the pipeline knows.
fn try_match(pattern: &str, text: &str) -> Option<bool> {
    let texts = StringArray::from(vec![text]);
    regexp_is_match_scalar(&texts, pattern, None).ok().map(|found| found.value(0))
}

/// Checks that rules name what the account has and do one thing each.
pub fn check(schema: &Schema, rules: &[Rule]) -> Result<(), RuleError> {
    for rule in rules {
        let name = || rule.object.clone();
        let object =
            schema.named(&rule.object).ok_or_else(|| RuleError::Object { object: name() })?;
        for property in std::iter::once(&rule.when.property).chain(rule.set.keys()) {
            if object.property(property).is_none() {
                let property = property.clone();
                return Err(RuleError::Property { object: name(), property });
            }
        }
        if rule.refuse.is_some() != rule.set.is_empty() {
            let property = rule.when.property.clone();
            return Err(RuleError::Effect { object: name(), property });
        }
        for pattern in [&rule.when.matches, &rule.when.matches_not].into_iter().flatten() {
            if try_match(pattern, "").is_none() {
                return Err(RuleError::Pattern { pattern: pattern.clone() });
            }
        }
    }
    Ok(())
}

/// Returns why a value is refused, if a rule refuses it.
pub fn refusal(
    work: &Work<'_>,
    object: &ObjectType,
    property: &str,
    value: &str,
) -> Option<PropertyError> {
    let rule = of_object(work, object).find(|rule| {
        rule.refuse.is_some() && rule.when.property == property && rule.when.holds(value)
    })?;
    Some(PropertyError {
        name: property.to_owned(),
        code: "CUSTOM_VALIDATION",
        message: rule.refuse.clone().unwrap_or_default(),
        value: Some(value.to_owned()),
    })
}

/// Notes what automations owe for a change of a record; a cleared property is an empty value.
pub fn note(work: &Work<'_>, object: &ObjectType, id: i64, changes: &Properties) {
    for rule in of_object(work, object).filter(|rule| !rule.set.is_empty()) {
        if changes.get(&rule.when.property).is_some_and(|value| rule.when.holds(value)) {
            work.follow_ups.borrow_mut().push(FollowUp {
                object: object.id.clone(),
                id,
                values: rule.set.clone(),
            });
        }
    }
}

/// Carries out what automations owe.
pub fn follow_up(work: &Work<'_>) -> Result<(), ApiError> {
    let owed = work.follow_ups.take();
    if owed.is_empty() {
        return Ok(());
    }
    let in_workflow = Work { source: Source::workflow(), ..work.clone() };
    for FollowUp { object, id, values } in owed {
        let object = work.schema.object(&object)?;
        if let Some(record) = store::find(work.db, &object.id, id)?.filter(|one| !one.archived) {
            let checked = Checked { values, warnings: Vec::new() };
            write::update(&in_workflow, object, record, checked)?;
        }
    }
    work.follow_ups.borrow_mut().clear();
    Ok(())
}

fn of_object<'w>(
    work: &'w Work<'_>,
    object: &'w ObjectType,
) -> impl Iterator<Item = &'w Rule> + 'w {
    work.rules
        .iter()
        .filter(|rule| work.schema.named(&rule.object).is_some_and(|named| named.id == object.id))
}
