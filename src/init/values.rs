//! Proposes which value of one list is which of another's, by equal value or label.

use crate::schema::{PicklistValue, Schema};

/// What two lists have in common, and what they have not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// HubSpot value and Salesforce value, in HubSpot's order; each occurs once.
    pub pairs: Vec<(String, String)>,
    pub only_hubspot: Vec<String>,
    pub only_salesforce: Vec<String>,
}

/// Lists the active values of a field.
pub fn active<'a>(schema: &'a Schema, object: &str, field: &str) -> Vec<&'a PicklistValue> {
    let of_field = |v: &&PicklistValue| v.object == object && v.field == field && v.is_active;
    schema.picklist_values.iter().filter(of_field).collect()
}

pub fn match_values(hubspot: &[&PicklistValue], salesforce: &[&PicklistValue]) -> Matched {
    let mut matched = Matched::default();
    let mut left: Vec<&PicklistValue> = salesforce.to_vec();
    for value in hubspot {
        let is_same = |other: &&&PicklistValue| {
            let (ours, theirs) = (words(value), words(other));
            ours.iter().any(|word| theirs.contains(word))
        };
        let found = left.iter().position(|other| is_same(&other));
        match found {
            Some(place) => {
                matched.pairs.push((value.value.clone(), left.remove(place).value.clone()));
            }
            None => matched.only_hubspot.push(value.value.clone()),
        }
    }
    matched.only_salesforce = left.iter().map(|value| value.value.clone()).collect();
    matched
}

/// Returns a value and its label without case, spaces and signs, and the initials of a long label:
/// `MQL`.
fn words(value: &PicklistValue) -> Vec<String> {
    let mut words = vec![plain(&value.value), plain(&value.label)];
    let initials: String =
        value.label.split_whitespace().filter_map(|w| w.chars().next()).collect();
    if initials.chars().count() >= INITIALS_MIN {
        words.push(plain(&initials));
    }
    words
}

/// Two letters stand for too many things.
const INITIALS_MIN: usize = 3;

/// Brings a name to its letters and digits, in lower case.
pub fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
