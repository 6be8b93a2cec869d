//! What people do to a world's records on each day of a week.

use std::collections::BTreeMap;

use concord::config::{Field, FieldType};

use super::dice::Dice;
use super::knobs::{Knob, Knobs};
use super::values::{Forms, Source, domain};
use super::world::{Kind, Record, Setting, people};

/// Days after the first night.
pub const DAYS: usize = 7;

/// Something that a person does; records are named by their places in the world.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Gives a mapped field a value, blank to clear it.
    Set {
        record: usize,
        field: String,
        forms: Forms,
    },
    Delete {
        record: usize,
    },
    /// Converts a lead, into a contact that is there or into a new one.
    Convert {
        lead: usize,
        into: Option<usize>,
    },
    Merge {
        winner: usize,
        loser: usize,
    },
    /// Enters a record, which takes the next place.
    Enter {
        kind: Kind,
        values: BTreeMap<String, String>,
    },
}

pub fn week(
    seed: u64,
    number: u64,
    knobs: &Knobs,
    records: &[Record],
    setting: &Setting<'_>,
) -> Vec<Vec<Deed>> {
    let mut plan = Plan {
        knobs,
        number,
        records,
        setting,
        dice: Dice::new(seed, number, 1),
        days: vec![Vec::new(); DAYS],
    };
    plan.edits();
    plan.structure();
    plan.days
}

struct Plan<'a> {
    knobs: &'a Knobs,
    number: u64,
    records: &'a [Record],
    setting: &'a Setting<'a>,
    dice: Dice,
    days: Vec<Vec<Deed>>,
}

impl Plan<'_> {
    fn odd(&mut self, knob: Knob, percent: u64) -> bool {
        self.knobs.has(knob) && self.dice.chance(percent)
    }

    fn is_person(&self, at: usize) -> bool {
        self.records[at].person.is_some()
    }

    fn edits(&mut self) {
        let people: Vec<usize> = (0..self.records.len()).filter(|&at| self.is_person(at)).collect();
        for day in 0..DAYS {
            for _ in 0..self.dice.below(5) {
                let record = self.dice.pick(&people);
                let field = self.field();
                self.edit(day, record, field);
            }
        }
    }

    /// Picks a field, those that travel both ways more often.
    fn field(&mut self) -> &'static str {
        const OFTEN: [&str; 14] = [
            "phone",
            "job_title",
            "note",
            "topics",
            "tier",
            "is_vip",
            "rating",
            "spend",
            "birthday",
            "last_seen",
            "lifecycle_stage",
            "preference",
            "opt_out",
            "other_email",
        ];
        const OTHERS: [&str; 22] = [
            "first_name",
            "last_name",
            "company_name",
            "mobile",
            "country",
            "lead_source",
            "segment",
            "lead_score",
            "utm_source",
            "utm_campaign",
            "lead_status",
            "owner",
            "regions",
            "channel",
            "is_beta",
            "is_partner",
            "budget",
            "renewal",
            "signed",
            "nickname",
            "motto",
            "bio",
        ];
        if self.dice.chance(55) { self.dice.pick(&OFTEN) } else { self.dice.pick(&OTHERS) }
    }

    fn edit(&mut self, day: usize, record: usize, field: &str) {
        let meaning = self.dice.below(12);
        self.set(day, record, field, Some(meaning));
        if self.odd(Knob::BothSides, 60)
            && let Some(other) = self.other_side(record)
        {
            let meaning = if self.dice.chance(25) { meaning } else { self.dice.below(12) };
            self.set(day, other, field, Some(meaning));
        }
        if self.odd(Knob::Clears, 40) {
            let both = self.other_side(record).filter(|_| self.dice.chance(40));
            let cleared = both.unwrap_or(record);
            let day = (day + self.dice.below(3)).min(DAYS - 1);
            self.set(day, cleared, field, None);
        }
        if self.odd(Knob::Reverts, 40) {
            // Away and back within a day, and cleared and filled again on the next two.
            let (there, back) = (self.dice.below(12), self.dice.below(12));
            self.set(day, record, field, Some(there));
            self.set(day, record, field, Some(meaning));
            if day + 2 < DAYS {
                self.set(day + 1, record, field, None);
                self.set(day + 2, record, field, Some(back));
            }
        }
    }

    fn other_side(&mut self, record: usize) -> Option<usize> {
        let own = &self.records[record];
        let others: Vec<usize> = (0..self.records.len())
            .filter(|&at| {
                let other = &self.records[at];
                other.person == own.person && other.kind.is_hubspot() != own.kind.is_hubspot()
            })
            .collect();
        (!others.is_empty()).then(|| self.dice.pick(&others))
    }

    fn set(&mut self, day: usize, record: usize, name: &str, meaning: Option<usize>) {
        let fields = &people(self.setting.map).fields;
        let field: &Field = fields.iter().find(|field| field.name == name).expect("a field");
        let forms = match meaning {
            Some(meaning) => self.source().forms(field, meaning),
            None if field.field_type == FieldType::Owner => return,
            None => Forms::default(),
        };
        self.days[day].push(Deed::Set { record, field: name.to_owned(), forms });
    }

    /// Whatever changes which records there are.
    fn structure(&mut self) {
        let of = |kind: Kind| -> Vec<usize> {
            (0..self.records.len())
                .filter(|&at| self.records[at].kind == kind && !self.records[at].is_gone)
                .collect()
        };
        let (contacts, leads, sf_contacts) =
            (of(Kind::HubSpotContact), of(Kind::Lead), of(Kind::Contact));
        let same_person = |one: usize, other: usize| {
            one != other && self.records[one].person == self.records[other].person
        };
        let pairs = |all: &[usize]| -> Vec<(usize, usize)> {
            let each = |&one: &usize| all.iter().map(move |&other| (one, other));
            all.iter().flat_map(each).filter(|(one, other)| same_person(*one, *other)).collect()
        };
        let merges = [
            (Knob::HubSpotMerges, pairs(&contacts)),
            (Knob::SalesforceMerges, pairs(&leads)),
            (Knob::SalesforceMerges, pairs(&sf_contacts)),
        ];
        let into: Vec<(usize, usize)> = leads
            .iter()
            .flat_map(|&lead| sf_contacts.iter().map(move |&contact| (lead, contact)))
            .filter(|(lead, contact)| same_person(*lead, *contact))
            .collect();
        let chains = pairs(&leads);
        for (knob, pairs) in merges {
            if !pairs.is_empty() && self.odd(knob, 80) {
                let (winner, loser) = self.dice.pick(&pairs);
                let day = self.dice.below(DAYS);
                self.days[day].push(Deed::Merge { winner, loser });
            }
        }
        if !leads.is_empty() && self.odd(Knob::Conversions, 80) {
            let (lead, into) = if !into.is_empty() && self.dice.chance(50) {
                let (lead, contact) = self.dice.pick(&into);
                (lead, Some(contact))
            } else {
                (self.dice.pick(&leads), None)
            };
            let day = self.dice.below(DAYS);
            self.days[day].push(Deed::Convert { lead, into });
        }
        if !chains.is_empty() && self.odd(Knob::ConversionChains, 90) {
            // Each becomes a contact of its own, and then these become one.
            let (one, other) = self.dice.pick(&chains);
            let day = self.dice.below(DAYS - 2);
            self.days[day].push(Deed::Convert { lead: one, into: None });
            self.days[day + 1].push(Deed::Convert { lead: other, into: None });
            self.days[day + 2].push(Deed::Merge { winner: other, loser: one });
        }
        if self.knobs.has(Knob::EmailChanges) {
            self.new_emails();
        }
        if self.knobs.has(Knob::Deletions) {
            let all: Vec<usize> =
                contacts.iter().chain(&leads).chain(&sf_contacts).copied().collect();
            if !all.is_empty() {
                let record = self.dice.pick(&all);
                let day = self.dice.below(DAYS);
                self.days[day].push(Deed::Delete { record });
            }
        }
        if self.knobs.has(Knob::Arrivals) {
            self.arrivals();
        }
    }

    fn new_emails(&mut self) {
        for _ in 0..=self.dice.below(2) {
            let record = self.dice.below(self.records.len());
            if self.is_person(record) {
                let day = self.dice.below(DAYS);
                let text = format!("new{record}-{day}@{}", domain(self.number));
                let forms = Forms::both(&text);
                self.days[day].push(Deed::Set { record, field: "email".to_owned(), forms });
            }
        }
    }

    /// Somebody fills in a form, or a rep types in a person who is there already.
    fn arrivals(&mut self) {
        let day = self.dice.below(DAYS);
        let Some(like) = (0..self.records.len()).find(|&at| self.is_person(at)) else { return };
        let known = &self.records[like].values;
        let text = |names: [&str; 2]| {
            names.iter().find_map(|name| known.get(*name)).cloned().unwrap_or_default()
        };
        let last = text(["lastname", "LastName"]);
        let is_lead = self.dice.chance(50);
        let email = if self.dice.chance(50) {
            text(["email", "Email"])
        } else {
            format!("late@{}", domain(self.number))
        };
        let values: Vec<(&str, String)> = if is_lead {
            vec![
                ("LastName", if last.trim().is_empty() { "Late".to_owned() } else { last }),
                ("Company", "[not provided]".to_owned()),
                ("Email", email),
                ("Title", "Newcomer".to_owned()),
            ]
        } else {
            vec![
                ("lastname", last),
                ("email", format!("form{day}@{}", domain(self.number))),
                ("jobtitle", "Visitor".to_owned()),
                ("lead_score", "70".to_owned()),
            ]
        };
        let values = values
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| (name.to_owned(), text))
            .collect();
        let kind = if is_lead { Kind::Lead } else { Kind::HubSpotContact };
        self.days[day].push(Deed::Enter { kind, values });
    }

    fn source(&mut self) -> Source<'_> {
        Source {
            dice: &mut self.dice,
            knobs: self.knobs,
            number: self.number,
            staff: self.setting.staff,
        }
    }
}
