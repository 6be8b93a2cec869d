//! Who wins each field of a pair and what follows: DESIGN's §3.1 and §5.2 once more, without SQL.
//!
//! Which records form a pair is given. What was last agreed is kept here from night to night.

use std::collections::BTreeMap;

use concord::config::{Field, FieldType, Owner, WriteMode};
use concord::crm::CrmKind;

use super::typed::{Facts, FieldFacts, Meaning, Side, meaning};

/// HubSpot record, Salesforce record, field of the map with its entity.
pub type Key = (String, String, String);

/// What both sides held when they last agreed, and on which night.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    pub hubspot: String,
    pub salesforce: String,
    pub night: usize,
}

/// All that crosses nights.
#[derive(Clone, Debug, Default)]
pub struct Agreements(pub BTreeMap<Key, Base>);

/// One field of a pair tonight.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    pub field: &'a Field,
    pub hubspot: &'a str,
    pub salesforce: &'a str,
    /// Salesforce's object of the pair.
    pub object: &'a str,
    pub hubspot_object: &'a str,
    pub is_handed_off: bool,
    /// HubSpot's lifecycle, where the field is the lifecycle stage.
    pub stages: &'a [String],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Agree,
    Action,
    Noop,
    Held,
}

impl Status {
    pub fn word(self) -> &'static str {
        match self {
            Self::Agree => "agree",
            Self::Action => "action",
            Self::Noop => "noop",
            Self::Held => "held",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub status: Status,
    /// Side whose value wins; `None` where nobody's does.
    pub source: Option<Side>,
    pub reason: Option<&'static str>,
    /// What the other side is to hold, in meaning; blank clears it.
    pub after: Option<Meaning>,
    /// The text itself, where the type is text.
    pub after_text: Option<String>,
}

impl Verdict {
    fn noop(source: Option<Side>, reason: &'static str) -> Self {
        Self { status: Status::Noop, source, reason: Some(reason), after: None, after_text: None }
    }

    fn held(source: Side, reason: &'static str) -> Self {
        Self {
            status: Status::Held,
            source: Some(source),
            reason: Some(reason),
            after: None,
            after_text: None,
        }
    }
}

impl Agreements {
    /// Returns what counts as agreed for a pair: its own row, or else the latest of those that
    /// conversions and merges carry to it.
    ///
    /// `heirs` says which record took the place of which.
    pub fn of(&self, heirs: &BTreeMap<String, String>) -> BTreeMap<Key, Base> {
        let mut carried: BTreeMap<Key, Base> = BTreeMap::new();
        for ((hubspot, salesforce, field), base) in &self.0 {
            let key = (last(heirs, hubspot), last(heirs, salesforce), field.clone());
            if carried.get(&key).is_none_or(|known| known.night < base.night) {
                carried.insert(key, base.clone());
            }
        }
        carried.extend(self.0.clone());
        carried
    }
}

/// Follows a record through conversions and merges to the one that is left.
fn last(heirs: &BTreeMap<String, String>, id: &str) -> String {
    let mut at = id;
    for _ in 0..heirs.len() {
        let Some(next) = heirs.get(at) else { break };
        at = next;
    }
    at.to_owned()
}

/// Says whether the image of HubSpot's value is Salesforce's.
pub fn agrees(case: &Case<'_>, facts: &Facts) -> bool {
    let hubspot = meaning(case.field, Side::HubSpot, case.hubspot, facts);
    let salesforce = meaning(case.field, Side::Salesforce, case.salesforce, facts);
    match (&hubspot, &salesforce) {
        (Meaning::Blank, Meaning::Blank) => true,
        (Meaning::Known(one), Meaning::Known(other)) => one == other,
        _ => false,
    }
}

/// Decides one field of a pair.
pub fn decide(case: &Case<'_>, base: Option<&Base>, facts: &Facts) -> Verdict {
    if agrees(case, facts) {
        return Verdict {
            status: Status::Agree,
            source: None,
            reason: None,
            after: None,
            after_text: None,
        };
    }
    let field = case.field;
    if field.owner == Owner::Compare {
        return Verdict::noop(None, "compare_only");
    }
    let source = winner(case, base, facts);
    let own = read(case, source, facts);
    let there = read(case, source.other(), facts);
    if own.is_blank() {
        return blank(case, base, source, facts);
    }
    if field.write == WriteMode::OnCreate {
        return Verdict::noop(Some(source), "on_create_only");
    }
    if let Meaning::Unclear(reason, _) = own {
        return Verdict::held(source, reason);
    }
    if field.write == WriteMode::WhenBlank && !there.is_blank() {
        return Verdict::noop(Some(source), "target_filled");
    }
    if is_lifecycle(field) {
        let place = |value: &Meaning| position(case, value);
        match (place(&own), place(&there)) {
            (None, _) => return Verdict::held(source, "not_in_lifecycle"),
            // Nobody can say whether that would be forward.
            (Some(_), None) if !there.is_blank() => {
                return Verdict::held(source, "not_in_lifecycle");
            }
            (Some(own), Some(there)) if own <= there => {
                return Verdict::noop(Some(source), "not_forward");
            }
            _ => {}
        }
    }
    filled(case, source, own, facts)
}

/// A lifecycle stage is what HubSpot keeps under that name.
fn is_lifecycle(field: &Field) -> bool {
    field.hubspot == "lifecyclestage"
}

fn position(case: &Case<'_>, value: &Meaning) -> Option<usize> {
    let word = value.known()?;
    // Meanings are in Salesforce's words, stages in HubSpot's.
    let (hubspot, _) = case.field.values.iter().find(|(_, to)| to == word)?;
    case.stages.iter().position(|stage| stage == hubspot)
}

fn text<'a>(case: &Case<'a>, side: Side) -> &'a str {
    match side {
        Side::HubSpot => case.hubspot,
        Side::Salesforce => case.salesforce,
    }
}

fn read(case: &Case<'_>, side: Side, facts: &Facts) -> Meaning {
    meaning(case.field, side, text(case, side), facts)
}

fn base_of(case: &Case<'_>, base: &Base, side: Side, facts: &Facts) -> Meaning {
    let text = match side {
        Side::HubSpot => &base.hubspot,
        Side::Salesforce => &base.salesforce,
    };
    meaning(case.field, side, text, facts)
}

fn winner(case: &Case<'_>, base: Option<&Base>, facts: &Facts) -> Side {
    match case.field.owner {
        Owner::Salesforce => return Side::Salesforce,
        Owner::Handoff if case.is_handed_off => return Side::Salesforce,
        Owner::Hubspot | Owner::Handoff => return Side::HubSpot,
        _ => {}
    }
    let hubspot = read(case, Side::HubSpot, facts);
    let salesforce = read(case, Side::Salesforce, facts);
    let tie = match case.field.tie {
        Some(CrmKind::HubSpot) => Side::HubSpot,
        _ => Side::Salesforce,
    };
    let Some(base) = base else {
        // Before the first agreement a blank never counts as a value.
        return match (hubspot.is_blank(), salesforce.is_blank()) {
            (true, false) => Side::Salesforce,
            (false, true) => Side::HubSpot,
            _ => tie,
        };
    };
    let is_hubspot_changed = hubspot != base_of(case, base, Side::HubSpot, facts);
    let is_salesforce_changed = salesforce != base_of(case, base, Side::Salesforce, facts);
    match (is_hubspot_changed, is_salesforce_changed) {
        (true, false) => Side::HubSpot,
        (false, true) => Side::Salesforce,
        // What was cleared stays as it is until the other side is edited, which then travels.
        _ if !case.field.clear && hubspot.is_blank() => Side::Salesforce,
        _ if !case.field.clear && salesforce.is_blank() => Side::HubSpot,
        _ => tie,
    }
}

/// The winning side is blank and the other is not.
fn blank(case: &Case<'_>, base: Option<&Base>, source: Side, facts: &Facts) -> Verdict {
    let Some(base) = base else { return Verdict::noop(Some(source), "blank_in_owner") };
    let was_filled = !base_of(case, base, source, facts).is_blank();
    if !case.field.clear {
        let reason = if was_filled { "cleared_there" } else { "blank_in_owner" };
        return Verdict::noop(Some(source), reason);
    }
    if case.field.write == WriteMode::WhenBlank {
        return Verdict::noop(Some(source), "target_filled");
    }
    if let Some(target) = target(case, source, facts)
        && target.is_required
    {
        return Verdict::held(source, "required_field_empty");
    }
    Verdict {
        status: Status::Action,
        source: Some(source),
        reason: None,
        after: Some(Meaning::Blank),
        after_text: None,
    }
}

fn target<'a>(case: &Case<'_>, source: Side, facts: &'a Facts) -> Option<&'a FieldFacts> {
    let name = match source {
        Side::HubSpot => {
            format!("{}.{}", case.object, case.field.salesforce.get(case.object)?)
        }
        Side::Salesforce => format!("{}.{}", case.hubspot_object, case.field.hubspot),
    };
    facts.fields.get(&name)
}

/// The winning side has a value that the other is to get.
fn filled(case: &Case<'_>, source: Side, own: Meaning, facts: &Facts) -> Verdict {
    let target = target(case, source, facts);
    let words = words_there(case, source, &own);
    if case.field.field_type == FieldType::Owner {
        let email = own.known().unwrap_or_default();
        let is_there = |person: &&super::typed::Person| {
            person.email == email && person.is_hubspot == (source == Side::Salesforce)
        };
        let mut there = facts.people.values().filter(is_there).peekable();
        if there.peek().is_none() {
            return Verdict::held(source, "owner_unmapped");
        }
        if !there.any(|person| person.is_active) {
            return Verdict::held(source, "owner_inactive");
        }
    }
    if let Some(target) = target.filter(|target| !target.values.is_empty()) {
        for word in &words {
            let reason = match target.values.get(word) {
                Some(true) => continue,
                Some(false) => "would_be_refused_inactive",
                None if target.is_restricted => "would_be_refused",
                None => "would_be_accepted_silently",
            };
            return Verdict::held(source, reason);
        }
    }
    let mut sent = text(case, source).trim().to_owned();
    let is_text = matches!(case.field.field_type, FieldType::Text);
    let length = target.map_or(0, |target| target.length);
    if is_text && length > 0 && sent.chars().count() > length {
        if !case.field.truncate {
            return Verdict::held(source, "too_long");
        }
        let cut: String = sent.chars().take(length).collect();
        cut.trim().clone_into(&mut sent);
        if sent == text(case, source.other()).trim() {
            return Verdict::noop(Some(source), "same_image");
        }
    }
    let after = if is_text { Meaning::Known(sent.clone()) } else { own };
    Verdict {
        status: Status::Action,
        source: Some(source),
        reason: None,
        after: Some(after),
        after_text: is_text.then_some(sent),
    }
}

/// The words of a choice as the other side has them.
fn words_there(case: &Case<'_>, source: Side, own: &Meaning) -> Vec<String> {
    let meant = own.known().unwrap_or_default();
    if !matches!(case.field.field_type, FieldType::Picklist | FieldType::MultiPicklist) {
        return Vec::new();
    }
    let to_there = |word: &str| match source {
        Side::HubSpot => word.to_owned(),
        // Of several, the first of the file travels back.
        Side::Salesforce => {
            let first = case.field.values.iter().find(|(_, to)| to == word);
            first.map_or_else(|| word.to_owned(), |(from, _)| from.clone())
        }
    };
    if case.field.field_type == FieldType::MultiPicklist {
        meant.split(';').map(to_there).collect()
    } else {
        vec![to_there(meant)]
    }
}
