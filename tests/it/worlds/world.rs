//! One small world: up to six people in both CRMs, drawn from a seed.

use std::collections::BTreeMap;
use std::fmt;

use concord::config::{Entity, Field, FieldMap};

use super::dice::Dice;
use super::knobs::{Knob, Knobs};
use super::values::{Forms, Source, Staff, domain};
use super::week::{Deed, week};

/// Numbers of record ids that each world has to itself.
const IDS_PER_WORLD: u64 = 100;
const FIRST_ID: u64 = 5_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    HubSpotContact,
    HubSpotCompany,
    Lead,
    Contact,
    Account,
}

/// A record as it stands before the first night.
#[derive(Clone, Debug)]
pub struct Record {
    pub kind: Kind,
    pub id: String,
    pub created_at: String,
    pub updated_at: String,
    /// Archived in HubSpot, in the recycle bin of Salesforce.
    pub is_gone: bool,
    /// Person of the world; `None` for a company.
    pub person: Option<usize>,
    pub values: BTreeMap<String, String>,
}

/// A contact and the company it is associated with, by their places among the records.
pub type Association = (usize, usize);

pub struct World {
    pub seed: u64,
    pub number: u64,
    pub knobs: Knobs,
    pub records: Vec<Record>,
    pub associations: Vec<Association>,
    /// What people do on each day after the first night.
    pub week: Vec<Vec<Deed>>,
}

/// What the world is drawn with.
pub struct Setting<'a> {
    pub map: &'a FieldMap,
    pub staff: &'a [Staff],
}

impl Kind {
    pub fn is_hubspot(self) -> bool {
        matches!(self, Self::HubSpotContact | Self::HubSpotCompany)
    }

    pub fn object(self) -> &'static str {
        match self {
            Self::HubSpotContact => "contacts",
            Self::HubSpotCompany => "companies",
            Self::Lead => "Lead",
            Self::Contact => "Contact",
            Self::Account => "Account",
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Lead => "00Q",
            Self::Contact => "003",
            _ => "001",
        }
    }

    /// Returns the name of a mapped field on records of this kind.
    pub fn name_of(self, field: &Field) -> Option<&str> {
        if self.is_hubspot() {
            Some(field.hubspot.as_str())
        } else {
            field.salesforce.get(self.object()).map(String::as_str)
        }
    }
}

/// Returns what the map says of people.
pub fn people(map: &FieldMap) -> &Entity {
    &map.entities[0]
}

impl World {
    pub fn draw(seed: u64, number: u64, setting: &Setting<'_>) -> Self {
        let mut dice = Dice::new(seed, number, 0);
        let knobs = Knobs::draw(&mut dice);
        let mut drawing = Drawing {
            setting,
            number,
            knobs: &knobs,
            dice,
            records: Vec::new(),
            associations: Vec::new(),
            n_ids: 0,
        };
        drawing.fill();
        let Drawing { records, associations, .. } = drawing;
        let week = week(seed, number, &knobs, &records, setting);
        Self { seed, number, knobs, records, associations, week }
    }
}

/// Forms the id of a record of either CRM from a number.
pub fn record_id(kind: Kind, number: u64) -> String {
    if kind.is_hubspot() {
        return number.to_string();
    }
    with_checksum(&format!("{}5g0{number:09}", kind.prefix()))
}

fn with_checksum(id: &str) -> String {
    let mut long = id.to_owned();
    for group in id.as_bytes().chunks(5) {
        let bits = group
            .iter()
            .enumerate()
            .filter(|(_, byte)| byte.is_ascii_uppercase())
            .fold(0, |bits, (at, _)| bits | 1_usize << at);
        long.push(char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[bits]));
    }
    long
}

struct Drawing<'a> {
    setting: &'a Setting<'a>,
    number: u64,
    knobs: &'a Knobs,
    dice: Dice,
    records: Vec<Record>,
    associations: Vec<Association>,
    n_ids: u64,
}

/// Who a person is, before any record is made.
#[derive(Clone)]
struct Person {
    first: String,
    last: String,
    company: String,
    email: String,
    phone_line: usize,
}

impl Drawing<'_> {
    fn odd(&mut self, knob: Knob, percent: u64) -> bool {
        self.knobs.has(knob) && self.dice.chance(percent)
    }

    fn fill(&mut self) {
        let n_companies = 1 + self.dice.below(2);
        let mut companies = Vec::new();
        for at in 0..n_companies {
            companies.push(self.company(at));
        }
        let n_people = 1 + self.dice.below(6);
        let mut known: Vec<Person> = Vec::new();
        for at in 0..n_people {
            let person = self.person(at, &companies, &known);
            known.push(person.clone());
            self.records_of(at, &person);
        }
        self.stale_links();
    }

    fn company(&mut self, at: usize) -> String {
        let base = format!("Works{}{}", self.number, ["Alder", "Birch"][at % 2]);
        let mut forms = Forms::both(&base);
        if self.odd(Knob::LegalSuffixes, 70) {
            forms.hubspot = format!("{base} {}", self.dice.pick(&["Inc.", "GmbH", "Ltd"]));
            forms.salesforce = format!("{}, {}", base.to_uppercase(), "LLC");
        }
        let own = if at > 0 && !self.knobs.has(Knob::Subsidiaries) { "b" } else { "" };
        let domain = format!("{own}{}", domain(self.number));
        if self.dice.chance(70) {
            let values = [("name", forms.hubspot.clone()), ("domain", domain.clone())];
            self.add(Kind::HubSpotCompany, None, values);
        }
        if self.dice.chance(70) {
            let owner = self.active_owner();
            let values =
                [("Name", forms.salesforce.clone()), ("Domain__c", domain), ("OwnerId", owner)];
            self.add(Kind::Account, None, values);
        }
        base
    }

    fn person(&mut self, at: usize, companies: &[String], known: &[Person]) -> Person {
        let first = ["Ana", "Bo", "Cy", "Dee", "Eli", "Fay"][at % 6];
        let last = ["Abel", "Berg", "Cole", "Dahl", "Ek", "Frey"][at % 6];
        let mut person = Person {
            first: first.to_owned(),
            last: format!("{last}{}", letters(self.number)),
            company: self.dice.pick(companies),
            email: format!("{}.{at}@{}", first.to_lowercase(), domain(self.number)),
            phone_line: at,
        };
        if self.odd(Knob::FreeMail, 40) {
            person.email = format!("{}.w{}x{at}@gmail.com", first.to_lowercase(), self.number);
        }
        if self.odd(Knob::RoleMailbox, 40) {
            person.email = format!("info@{}", domain(self.number));
        }
        if self.odd(Knob::Placeholders, 25) {
            "none@none.com".clone_into(&mut person.email);
        }
        if self.odd(Knob::Switchboard, 60) {
            person.phone_line = 500;
        }
        if let Some(other) = known.last().cloned() {
            if self.odd(Knob::Family, 50) {
                person.last.clone_from(&other.last);
                person.phone_line = other.phone_line;
            }
            if self.odd(Knob::Namesakes, 40) {
                person.first.clone_from(&other.first);
                person.last.clone_from(&other.last);
                person.company.clone_from(&other.company);
            }
        }
        if self.odd(Knob::BlankNames, 30) {
            person.first.clear();
        }
        if self.odd(Knob::BlankNames, 20) {
            person.last.clear();
        }
        if self.odd(Knob::Unicode, 40) {
            person.first = format!("{}é", person.first);
        }
        person
    }

    fn records_of(&mut self, at: usize, person: &Person) {
        // What most fields mean, so that the two sides agree more often than not.
        let meanings: Vec<usize> =
            people(self.setting.map).fields.iter().map(|_| self.dice.below(12)).collect();
        let mut hubspot = Vec::new();
        let is_in_hubspot = self.dice.chance(88);
        if is_in_hubspot {
            let n = 1 + usize::from(self.odd(Knob::SeveralContacts, 60)) + self.spare();
            for copy in 0..n {
                hubspot.push(self.hubspot_contact(at, person, &meanings, copy));
            }
        }
        let mut salesforce = Vec::new();
        if !is_in_hubspot || self.dice.chance(88) {
            if self.dice.chance(60) {
                salesforce.push(self.salesforce_person(Kind::Lead, at, person, &meanings));
            } else {
                salesforce.push(self.salesforce_person(Kind::Contact, at, person, &meanings));
            }
            if self.odd(Knob::SeveralLeads, 60) {
                salesforce.push(self.salesforce_person(Kind::Lead, at, person, &meanings));
                if self.dice.chance(50) {
                    salesforce.push(self.salesforce_person(Kind::Contact, at, person, &meanings));
                }
            }
        }
        if let (Some(&contact), Some(&target)) = (hubspot.first(), salesforce.first())
            && self.dice.chance(75)
        {
            self.link(contact, target);
            if let Some(&second) = hubspot.get(1)
                && self.odd(Knob::TwoClaimOne, 80)
            {
                let id = self.records[target].id.clone();
                self.records[second].values.insert("salesforce_record_id".to_owned(), id);
            }
        }
        if let Some(&contact) = hubspot.first() {
            self.associate(contact);
        }
        self.convert_before(&salesforce);
        for record in hubspot.into_iter().chain(salesforce) {
            if self.odd(Knob::Gone, 20) {
                self.records[record].is_gone = true;
            }
        }
    }

    fn spare(&mut self) -> usize {
        usize::from(self.odd(Knob::SeveralContacts, 20))
    }

    fn link(&mut self, contact: usize, target: usize) {
        let (own, other) = (self.records[contact].id.clone(), self.records[target].id.clone());
        if self.dice.chance(85) {
            self.records[contact].values.insert("salesforce_record_id".to_owned(), other);
        }
        if self.dice.chance(85) {
            self.records[target].values.insert("HubSpot_Id__c".to_owned(), own);
        }
    }

    fn associate(&mut self, contact: usize) {
        let company = self.records.iter().position(|record| record.kind == Kind::HubSpotCompany);
        if let Some(company) = company
            && self.dice.chance(60)
        {
            let id = self.records[company].id.clone();
            self.records[contact].values.insert("associatedcompanyid".to_owned(), id);
            self.associations.push((contact, company));
        }
    }

    /// Makes a lead of a person converted into their contact, before the first night.
    fn convert_before(&mut self, salesforce: &[usize]) {
        let of = |kind: Kind| salesforce.iter().copied().find(|&at| self.records[at].kind == kind);
        let (Some(lead), Some(contact)) = (of(Kind::Lead), of(Kind::Contact)) else { return };
        if !self.odd(Knob::Conversions, 60) {
            return;
        }
        let contact = self.records[contact].id.clone();
        let account = self.records.iter().find(|record| record.kind == Kind::Account);
        let account = account.map(|record| record.id.clone()).unwrap_or_default();
        let values = &mut self.records[lead].values;
        values.insert("IsConverted".to_owned(), "true".to_owned());
        values.insert("ConvertedContactId".to_owned(), contact);
        values.insert("ConvertedAccountId".to_owned(), account);
        values.insert("ConvertedDate".to_owned(), "2026-09-01".to_owned());
        values.insert("Status".to_owned(), "Closed - Converted".to_owned());
    }

    fn stale_links(&mut self) {
        let ids: Vec<(Kind, String)> =
            self.records.iter().map(|record| (record.kind, record.id.clone())).collect();
        for at in 0..self.records.len() {
            if !self.odd(Knob::StaleLinks, 25) {
                continue;
            }
            let kind = self.records[at].kind;
            let (name, stranger) = match kind {
                Kind::HubSpotContact => ("salesforce_record_id", Kind::Lead),
                Kind::Lead | Kind::Contact => ("HubSpot_Id__c", Kind::HubSpotContact),
                Kind::HubSpotCompany | Kind::Account => continue,
            };
            let nobody = record_id(stranger, self.first_id() + IDS_PER_WORLD - 1);
            let others: Vec<&String> =
                ids.iter().filter(|(kind, _)| *kind == stranger).map(|(_, id)| id).collect();
            let link = if others.is_empty() || self.dice.chance(50) {
                nobody
            } else {
                self.dice.pick(&others).to_owned()
            };
            self.records[at].values.insert(name.to_owned(), link);
        }
    }

    fn hubspot_contact(
        &mut self,
        at: usize,
        person: &Person,
        meanings: &[usize],
        copy: usize,
    ) -> usize {
        let mut values = self.mapped(Kind::HubSpotContact, meanings);
        // HubSpot keeps an address for one contact.
        let email = if copy == 0 { person.email.clone() } else { String::new() };
        let is_taken = self.records.iter().any(|record| {
            record.kind == Kind::HubSpotContact && record.values.get("email") == Some(&email)
        });
        if !email.is_empty() && !is_taken && email != "none@none.com" {
            values.insert("email".to_owned(), email);
        } else {
            values.remove("email");
        }
        if copy > 0 && self.dice.chance(50) {
            let email = format!("{at}-{copy}@{}", domain(self.number));
            values.insert("email".to_owned(), email);
        }
        if self.odd(Knob::AdditionalEmails, 60) {
            let more = format!("more{at}-{copy}@{}", domain(self.number));
            values.insert("hs_additional_emails".to_owned(), more);
        }
        self.identify(&mut values, person, ["firstname", "lastname", "company", "phone"], true);
        self.add(Kind::HubSpotContact, Some(at), values)
    }

    fn salesforce_person(
        &mut self,
        kind: Kind,
        at: usize,
        person: &Person,
        meanings: &[usize],
    ) -> usize {
        let mut values = self.mapped(kind, meanings);
        values.insert("Email".to_owned(), person.email.clone());
        if self.odd(Knob::AdditionalEmails, 40) {
            values.insert("Email".to_owned(), format!("more{at}-0@{}", domain(self.number)));
        }
        self.identify(&mut values, person, ["FirstName", "LastName", "Company", "Phone"], false);
        if kind == Kind::Contact {
            values.remove("Company");
            let account = self.records.iter().find(|record| record.kind == Kind::Account);
            if let Some(account) = account {
                values.insert("AccountId".to_owned(), account.id.clone());
            }
        }
        self.add(kind, Some(at), values)
    }

    /// Writes who the person is, mostly alike on both sides.
    fn identify(
        &mut self,
        values: &mut BTreeMap<String, String>,
        person: &Person,
        names: [&str; 4],
        is_hubspot: bool,
    ) {
        let phone = self.source().phone(person.phone_line);
        let phone = if is_hubspot { phone.hubspot } else { phone.salesforce };
        let texts = [&person.first, &person.last, &person.company, &phone];
        for (name, text) in names.into_iter().zip(texts) {
            let mut text = text.clone();
            if self.odd(Knob::Spaces, 25) {
                text = format!(" {text}");
            }
            if self.odd(Knob::OverLong, 10) && name == "firstname" {
                text = format!("{text}{}", "z".repeat(50));
            }
            values.insert(name.to_owned(), text);
        }
        if !is_hubspot {
            // No lead is there without them.
            for name in ["LastName", "Company"] {
                if values.get(name).is_none_or(|text| text.trim().is_empty()) {
                    values.insert(name.to_owned(), "[not provided]".to_owned());
                }
            }
        }
    }

    /// Draws the mapped fields of one record, with the person's meanings most of the time.
    fn mapped(&mut self, kind: Kind, meanings: &[usize]) -> BTreeMap<String, String> {
        let mut values = BTreeMap::new();
        let fields = &people(self.setting.map).fields;
        for (field, meaning) in fields.iter().zip(meanings) {
            let Some(name) = kind.name_of(field) else { continue };
            let is_own = self.dice.chance(25);
            let meaning = if is_own { self.dice.below(12) } else { *meaning };
            let is_required = ["OwnerId", "Status"].contains(&name);
            let forms = self.source().forms(field, meaning);
            let text = if kind.is_hubspot() { forms.hubspot } else { forms.salesforce };
            if is_required || self.dice.chance(70) {
                values.insert(name.to_owned(), text);
            }
        }
        if values.get("OwnerId").is_some_and(String::is_empty) {
            let owner = self.active_owner();
            values.insert("OwnerId".to_owned(), owner);
        }
        values
    }

    fn active_owner(&mut self) -> String {
        let staff: Vec<&Staff> = self.setting.staff.iter().filter(|one| one.is_active).collect();
        self.dice.pick(&staff).salesforce.clone()
    }

    fn source(&mut self) -> Source<'_> {
        Source {
            dice: &mut self.dice,
            knobs: self.knobs,
            number: self.number,
            staff: self.setting.staff,
        }
    }

    fn first_id(&self) -> u64 {
        FIRST_ID + self.number * IDS_PER_WORLD
    }

    fn add(
        &mut self,
        kind: Kind,
        person: Option<usize>,
        values: impl IntoIterator<Item = (impl Into<String>, String)>,
    ) -> usize {
        let id = record_id(kind, self.first_id() + self.n_ids);
        self.n_ids += 1;
        let day = 1 + self.dice.below(28);
        let created_at =
            format!("2026-0{}-{day:02}T09:{:02}:00Z", 1 + self.dice.below(6), self.n_ids);
        let updated_at = format!("2026-09-{day:02}T11:{:02}:00Z", self.n_ids);
        let values = values
            .into_iter()
            .map(|(name, text)| (name.into(), text))
            .filter(|(_, text)| !text.is_empty())
            .collect();
        self.records.push(Record {
            kind,
            id,
            created_at,
            updated_at,
            is_gone: false,
            person,
            values,
        });
        self.records.len() - 1
    }
}

/// Writes a number in letters, for names.
fn letters(number: u64) -> String {
    let mut text = String::new();
    let mut left = number;
    loop {
        let digit = u8::try_from(left % 26).unwrap_or_default();
        text.push(char::from(b'a' + digit));
        left /= 26;
        if left == 0 {
            break text;
        }
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "world {}/{}: {}", self.seed, self.number, self.knobs)?;
        for (at, record) in self.records.iter().enumerate() {
            let gone = if record.is_gone { " gone" } else { "" };
            writeln!(f, "  [{at}] {:?} {}{gone} {:?}", record.kind, record.id, record.values)?;
        }
        for (day, deeds) in self.week.iter().enumerate() {
            for deed in deeds {
                writeln!(f, "  day {}: {deed:?}", day + 1)?;
            }
        }
        Ok(())
    }
}
