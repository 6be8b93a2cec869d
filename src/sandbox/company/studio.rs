//! The company while it is being made: its rows so far, and what must not be used twice.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;

use super::accounts::Firm;
use super::clock::at;
use super::dice::Dice;
use super::ids::{Ids, salesforce_id};
use super::names::LOCALES;
use super::records::{Association, Membership, Truth};
use super::{Company, CompanyOptions, HubSpotRows, SalesforceRows};

/// The MANUAL list of those meant to cross to Salesforce.
pub const HANDOFF_LIST: &str = "11";
/// The list of badge scans.
pub const EVENT_LIST: &str = "14";

/// A person who became contact and opportunity: positions of the rows.
pub struct Conversion {
    pub hubspot_contact: usize,
    pub lead: Option<usize>,
    pub sales_contact: usize,
    pub firm: usize,
    pub owner: usize,
    pub at: Timestamp,
}

/// Everything that generation carries from step to step.
pub struct Studio {
    pub options: CompanyOptions,
    pub dice: Dice,
    pub now: Timestamp,
    pub firms: Vec<Firm>,
    pub conversions: Vec<Conversion>,
    pub hubspot: HubSpotRows,
    pub salesforce: SalesforceRows,
    pub truth: Vec<Truth>,
    /// Digests of the e-mail addresses, telephone numbers, domains and name-at-company keys in use.
    /// Where two meet by chance, a free value counts as taken, which harms nobody.
    taken: HashSet<u64>,
    /// Telephone numbers given out, by the place of their country among the locales.
    pub n_phones: [usize; LOCALES.len()],
    contact_ids: Ids,
    company_ids: Ids,
    deal_ids: Ids,
    sales_ids: Vec<(&'static str, Ids)>,
}

impl Studio {
    /// Opens an empty company.
    pub fn new(options: &CompanyOptions) -> Self {
        Self {
            options: options.clone(),
            dice: Dice::new(options.seed),
            now: options.now,
            firms: Vec::new(),
            conversions: Vec::new(),
            hubspot: HubSpotRows::default(),
            salesforce: SalesforceRows::default(),
            truth: Vec::new(),
            taken: HashSet::new(),
            n_phones: [0; LOCALES.len()],
            contact_ids: Ids::new(50_001, at("2023-01-01T00:00:00Z"), 97),
            company_ids: Ids::new(8_800_001, at("2021-06-01T00:00:00Z"), 311),
            deal_ids: Ids::new(21_400_101, at("2021-06-01T00:00:00Z"), 503),
            sales_ids: Vec::new(),
        }
    }

    /// Marks a value as used; says whether it was free.
    pub fn take(&mut self, kind: &str, value: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        (kind, value.to_lowercase()).hash(&mut hasher);
        self.taken.insert(hasher.finish())
    }

    pub fn contact_id(&mut self, at: Timestamp) -> String {
        self.contact_ids.next(at).to_string()
    }

    pub fn company_id(&mut self, at: Timestamp) -> String {
        self.company_ids.next(at).to_string()
    }

    pub fn deal_id(&mut self, at: Timestamp) -> String {
        self.deal_ids.next(at).to_string()
    }

    /// Gives the next id of a Salesforce object, named by its key prefix.
    pub fn sales_id(&mut self, prefix: &'static str, at: Timestamp) -> String {
        if let Some((_, ids)) = self.sales_ids.iter_mut().find(|(known, _)| *known == prefix) {
            return salesforce_id(prefix, ids.next(at));
        }
        let mut ids = Ids::new(812_344_001, super::clock::at("2021-06-01T00:00:00Z"), 13);
        let id = salesforce_id(prefix, ids.next(at));
        self.sales_ids.push((prefix, ids));
        id
    }

    /// Records why a record was planted.
    pub fn plant(&mut self, side: &str, code: &str, source_system: &str, record_id: &str) {
        self.truth.push(Truth {
            side: side.to_owned(),
            code: code.to_owned(),
            source_system: source_system.to_owned(),
            record_id: record_id.to_owned(),
        });
    }

    /// Puts a contact on a list.
    pub fn enlist(&mut self, list: &str, contact_id: &str, at: Timestamp) {
        self.hubspot.memberships.push(Membership {
            list_id: list.to_owned(),
            record_id: contact_id.to_owned(),
            at: super::clock::written(at),
        });
    }

    /// Associates two HubSpot records.
    pub fn associate(&mut self, from: (&str, &str), to: (&str, &str), type_id: &str) {
        self.hubspot.associations.push(Association {
            from_object: from.0.to_owned(),
            from_id: from.1.to_owned(),
            to_object: to.0.to_owned(),
            to_id: to.1.to_owned(),
            category: String::from("HUBSPOT_DEFINED"),
            type_id: type_id.to_owned(),
            label: if type_id == "1" { String::from("Primary") } else { String::new() },
        });
    }

    /// Closes the company.
    pub fn finish(self) -> Company {
        Company {
            options: self.options,
            hubspot: self.hubspot,
            salesforce: self.salesforce,
            truth: self.truth,
        }
    }
}
