//! Duplicate rules: a record that looks like another one is refused, or saved on purpose.

use rusqlite::types::Value as Cell;
use serde_json::{Value, json};

use super::errors::Fault;
use super::org::{Org, StoredRow};
use super::rules::{DuplicateAction, DuplicateRule, Event, Pair};
use super::schema::Object;
use super::wire;

/// Jaro-Winkler similarity from which two texts are alike.
const ALIKE: f64 = 0.92;
/// Matches that a refusal shows.
const SHOWN_MAX: usize = 50;

/// Holds a written record against the rules of its object.
///
/// # Errors
/// `DUPLICATES_DETECTED`, unless the rule only alerts and the caller saves all the same.
pub fn check(org: &Org<'_>, object: &Object, row: i64, event: Event) -> Result<(), Fault> {
    for rule in &org.rules.duplicates {
        let is_due = rule.object.eq_ignore_ascii_case(&object.name) && rule.on.contains(&event);
        let is_passed = rule.action == DuplicateAction::Alert && org.options.is_duplicate_saved;
        if !is_due || is_passed {
            continue;
        }
        let own = org.row_number(object, row)?;
        let name = rule.matches.as_deref().unwrap_or(&rule.object);
        let Some(other) = org.whole.object(name) else { continue };
        let found = matches(org, rule, object, &own, other)?;
        if !found.is_empty() {
            let detail = detail(org, rule, other, &found);
            let fault = Fault::row("DUPLICATES_DETECTED", &rule.message, &[]);
            return Err(Fault { detail: Some(Box::new(detail)), ..fault });
        }
    }
    Ok(())
}

fn matches(
    org: &Org<'_>,
    rule: &DuplicateRule,
    object: &Object,
    own: &StoredRow,
    other: &Object,
) -> Result<Vec<StoredRow>, Fault> {
    let Some((first, rest)) = rule.exact.split_first() else { return Ok(Vec::new()) };
    let value = own.cell(object, first.own());
    let Some(key) = other.field(first.other()).filter(|_| *value != Cell::Null) else {
        return Ok(Vec::new());
    };
    let mut found = org.rows_by(other, key, value)?;
    let text = |object: &Object, row: &StoredRow, field: &str| match row.cell(object, field) {
        Cell::Text(text) => Some(folded(text)),
        Cell::Integer(number) => Some(number.to_string()),
        Cell::Real(number) => Some(number.to_string()),
        Cell::Null | Cell::Blob(_) => None,
    };
    let holds = |row: &StoredRow, pair: &Pair, is_enough: fn(&str, &str) -> bool| {
        let (own, theirs) = (text(object, own, pair.own()), text(other, row, pair.other()));
        own.zip(theirs).is_some_and(|(own, theirs)| is_enough(&own, &theirs))
    };
    found.retain(|row| {
        row.text(other, "Id") != own.text(object, "Id")
            && rest.iter().all(|pair| holds(row, pair, |own, theirs| own == theirs))
            && rule.fuzzy.iter().all(|pair| {
                holds(row, pair, |own, theirs| strsim::jaro_winkler(own, theirs) >= ALIKE)
            })
    });
    Ok(found)
}

/// Folds a text for comparison: letters and digits, in lower case.
fn folded(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Returns what a refusal of a single record says, under the vendor's misspelt key.
fn detail(org: &Org<'_>, rule: &DuplicateRule, other: &Object, found: &[StoredRow]) -> Value {
    let records: Vec<Value> = found
        .iter()
        .take(SHOWN_MAX)
        .map(|row| {
            let id = row.id(other);
            let mut record = json!({
                "attributes": {
                    "type": other.name,
                    "url": format!("/services/data/v68.0/sobjects/{}/{id}", other.name),
                },
                "Id": id,
            });
            if org.options.has_duplicate_details
                && let Some(record) = record.as_object_mut()
            {
                for (field, cell) in other.fields.iter().zip(&row.cells) {
                    let is_shown = org
                        .catalog
                        .object(&other.name)
                        .is_some_and(|o| o.field(&field.name).is_some());
                    if is_shown && *cell != Cell::Null {
                        record.insert(field.name.clone(), wire::to_json(field.kind, cell));
                    }
                }
            }
            json!({
                "additionalInformation": [],
                "fieldDiffs": [],
                "matchConfidence": 100.0,
                "record": record,
            })
        })
        .collect();
    let engine = if rule.fuzzy.is_empty() { "ExactMatchEngine" } else { "FuzzyMatchEngine" };
    json!({
        "allowSave": rule.action == DuplicateAction::Alert,
        "duplicateRule": rule.name,
        "duplicateRuleEntityType": rule.object,
        "errorMessage": rule.message,
        "matchResults": [{
            "entityType": other.name,
            "errors": [],
            "matchEngine": engine,
            "matchRecords": records,
            "rule": rule.name,
            "size": found.len(),
            "success": true,
        }],
    })
}
