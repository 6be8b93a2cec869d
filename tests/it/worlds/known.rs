//! Where the build and the oracle are known to differ, and why.

use std::collections::BTreeMap;

use concord::config::{FieldType, Owner};

use super::oracle::{Case, Verdict};
use crate::support::Row;

/// A name, and the sentence that says what is wrong and who is right by DESIGN.
pub const KNOWN: &[(&str, &str)] = &[
    (
        "many_to_one",
        "Two HubSpot values with one counterpart: agreement is to be judged on the image, but the \
         build compares words, so such a pair never agrees (one choice is rewritten to the first of \
         the file, several are sent again every night).",
    ),
    (
        "required_cleared",
        "A clear of a field that the other side requires is to be held as `required_field_empty`, \
         but the build sends it, and the CRM refuses it.",
    ),
    (
        "consent_by_tie",
        "Of a consent the most restrictive member is to win, but the build asks who changed and `tie`.",
    ),
    (
        "handoff_is_lifecycle",
        "The build takes every field owned by `handoff` for the lifecycle stage, so that another \
         picklist is held as `not_in_lifecycle` for ever.",
    ),
    (
        "carried_to_a_twin",
        "What a converted or merged Salesforce record had agreed is to pass to the record that it \
         became; the build gives it to whichever record of the cluster is primary now, so that a twin \
         that never held the value counts as cleared, and HubSpot is cleared after it.",
    ),
    (
        "regrouped",
        "A night's own repair of links changes who is linked to whom, so that the second night finds a \
         pair that the first did not see; law 1 speaks of records that nobody touched.",
    ),
    (
        "default_of_a_new_record",
        "What a CRM fills in on a record that was just made (a consent is `false` in Salesforce, the \
         stage is `lead` in HubSpot) is nobody's word, but the next night writes it into the blank of \
         the other side; the plan could foresee it, or leave it alone.",
    ),
];

/// Names the entry of [`KNOWN`] that a disagreement falls under.
pub fn explain(case: &Case<'_>, verdict: &Verdict, answer: Option<&Row>) -> Option<&'static str> {
    let field = case.field;
    let answer = answer?;
    let is_many_to_one = field
        .values
        .iter()
        .enumerate()
        .any(|(at, (_, to))| field.values[..at].iter().any(|(_, other)| other == to));
    if is_many_to_one {
        return Some("many_to_one");
    }
    if verdict.reason == Some("required_field_empty") && answer["status"] == "action" {
        return Some("required_cleared");
    }
    if field.field_type == FieldType::Consent {
        return Some("consent_by_tie");
    }
    let is_lifecycle = field.hubspot == "lifecyclestage";
    if field.owner == Owner::Handoff && !is_lifecycle && answer["reason_code"] == "not_in_lifecycle"
    {
        return Some("handoff_is_lifecycle");
    }
    None
}

/// What was found, the known apart from the new.
#[derive(Debug, Default)]
pub struct Tally {
    pub known: BTreeMap<&'static str, u64>,
    pub new: Vec<String>,
}

impl Tally {
    pub fn note(&mut self, known: Option<&'static str>, what: impl FnOnce() -> String) {
        match known {
            Some(name) => *self.known.entry(name).or_default() += 1,
            None => self.new.push(what()),
        }
    }
}
