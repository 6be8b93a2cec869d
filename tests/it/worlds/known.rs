//! Where the build and the oracle are known to differ, and why.

use std::collections::BTreeMap;

/// A name, and the sentence that says what is wrong and who is right by DESIGN.
pub const KNOWN: &[(&str, &str)] = &[
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
