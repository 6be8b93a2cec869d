//! What a value means under its type, as DESIGN's §3.1 says: the slow and obvious way.
//!
//! Two sides agree when the *image* of HubSpot's value in Salesforce's words is Salesforce's value,
//! so every meaning is written in Salesforce's words.

use std::collections::BTreeMap;

use concord::config::{Field, FieldType};
use jiff::Timestamp;
use jiff::tz::TimeZone;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    HubSpot,
    Salesforce,
}

impl Side {
    pub fn other(self) -> Self {
        match self {
            Self::HubSpot => Self::Salesforce,
            Self::Salesforce => Self::HubSpot,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::HubSpot => "hubspot",
            Self::Salesforce => "salesforce",
        }
    }
}

/// What a stored text means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    Blank,
    Known(String),
    /// Cannot be read or has no counterpart, with the reason code.
    Unclear(&'static str, String),
}

impl Meaning {
    pub fn is_blank(&self) -> bool {
        *self == Self::Blank
    }

    pub fn known(&self) -> Option<&str> {
        match self {
            Self::Known(text) => Some(text),
            _ => None,
        }
    }
}

/// What both CRMs say of themselves, as far as values need it.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// HubSpot owner and Salesforce user or queue, by id.
    pub people: BTreeMap<String, Person>,
    /// Salesforce's or HubSpot's word of a field by `object.field`.
    pub fields: BTreeMap<String, FieldFacts>,
}

#[derive(Clone, Debug, Default)]
pub struct Person {
    pub email: String,
    pub is_active: bool,
    pub is_hubspot: bool,
}

#[derive(Clone, Debug, Default)]
pub struct FieldFacts {
    /// Most characters; 0 where there is no such limit.
    pub length: usize,
    pub is_required: bool,
    pub is_restricted: bool,
    /// Value, and whether it may be chosen.
    pub values: BTreeMap<String, bool>,
}

/// Reads a side's text under the field's type.
pub fn meaning(field: &Field, side: Side, text: &str, facts: &Facts) -> Meaning {
    let text = text.trim();
    if field.field_type == FieldType::Bool && field.blank_is_false && text.is_empty() {
        return Meaning::Known("false".to_owned());
    }
    if text.is_empty() {
        return Meaning::Blank;
    }
    let known = |text: Option<String>| match text {
        Some(text) => Meaning::Known(text),
        None => Meaning::Unclear("does_not_cast", String::new()),
    };
    let read = match field.field_type {
        FieldType::Text | FieldType::Reference => known(Some(text.to_owned())),
        FieldType::Email => known(text.contains('@').then(|| text.to_lowercase())),
        // What is no number stays the text that it is.
        FieldType::Phone => known(Some(e164(text).unwrap_or_else(|| text.to_owned()))),
        FieldType::Picklist => mapped(field, side, text),
        FieldType::MultiPicklist => choices(field, side, text),
        FieldType::Bool | FieldType::Consent => {
            let flag = text.to_lowercase();
            known((flag == "true" || flag == "false").then_some(flag))
        }
        // The worlds keep percentages alike on both sides.
        FieldType::Number | FieldType::Currency | FieldType::Percent => {
            known(number(text, field.scale))
        }
        FieldType::Date => known(day(text, field.zone.as_deref())),
        FieldType::Datetime => known(instant(text).map(|at| at.as_second().to_string())),
        FieldType::Owner => match facts.people.get(text) {
            Some(person) => Meaning::Known(person.email.clone()),
            None => Meaning::Unclear("owner_unmapped", String::new()),
        },
        FieldType::Country => known(Some(text.to_lowercase())),
    };
    match read {
        Meaning::Unclear(reason, _) => Meaning::Unclear(reason, text.to_owned()),
        other => other,
    }
}

/// Ten digits are North American; a plus or a leading 1 says so itself.
fn e164(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let national = digits.strip_prefix('1').filter(|rest| rest.len() == 10).unwrap_or(&digits);
    let is_one = national.len() == 10 && !national.starts_with(['0', '1']);
    is_one.then(|| format!("+1{national}"))
}

fn mapped(field: &Field, side: Side, text: &str) -> Meaning {
    if field.values.is_empty() {
        return Meaning::Known(text.to_owned());
    }
    let found = field.values.iter().find(|(from, to)| match side {
        Side::HubSpot => from == text,
        Side::Salesforce => to == text,
    });
    match found {
        Some((_, to)) => Meaning::Known(to.clone()),
        None => Meaning::Unclear("value_unmapped", String::new()),
    }
}

fn choices(field: &Field, side: Side, text: &str) -> Meaning {
    let mut all = Vec::new();
    for choice in text.split(';').map(str::trim).filter(|choice| !choice.is_empty()) {
        match mapped(field, side, choice) {
            Meaning::Known(choice) => all.push(choice),
            other => return other,
        }
    }
    all.sort();
    all.dedup();
    if all.is_empty() { Meaning::Blank } else { Meaning::Known(all.join(";")) }
}

fn number(text: &str, scale: Option<u32>) -> Option<String> {
    let number: f64 = text.parse().ok()?;
    let scale = usize::try_from(scale?).ok()?;
    let written = format!("{number:.scale$}");
    Some(if written.trim_start_matches('-').bytes().all(|b| b == b'0' || b == b'.') {
        written.trim_start_matches('-').to_owned()
    } else {
        written
    })
}

fn instant(text: &str) -> Option<Timestamp> {
    // Salesforce writes `+0000`, which is no RFC 3339 offset.
    text.replace("+0000", "Z").parse().ok()
}

/// A day stays that day; an instant is the day that it is in the field's zone.
fn day(text: &str, zone: Option<&str>) -> Option<String> {
    if let Ok(day) = text.parse::<jiff::civil::Date>()
        && text.len() == 10
    {
        return Some(day.to_string());
    }
    let zone = TimeZone::get(zone?).ok()?;
    Some(instant(text)?.to_zoned_datetime(zone).date().to_string())
}
