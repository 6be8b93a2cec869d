//! The demo's company: Lumenforge, a Series B software company whose two CRMs disagree.
//!
//! Marketing counts 412 people who became MQL in 2026-Q3, Sales 280, and every person between the
//! two numbers is planted for one known reason.
//! Everyone else is either on both sides, linked and agreeing, or on neither.
//! The same options always give the same bytes; no clock is read and nothing is random beyond the
//! seed.
//! What the reasons mean is written down with the models that look for them, which share no code
//! with this generator.

mod accounts;
mod activity;
mod clock;
mod connector;
mod crowd;
mod deals;
mod dice;
mod duplicates;
mod ids;
mod mix;
mod names;
mod people;
mod plant;
mod records;
mod rows;
mod schema;
mod staff;
mod studio;
mod words;
mod write;

#[cfg(test)]
mod tests;

pub use mix::Mix;
pub use records::*;
pub use rows::Rows;

pub(super) use ids::salesforce_id;
pub(super) use schema::salesforce_schema;

use studio::Studio;

/// What to generate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompanyOptions {
    pub seed: u64,
    pub size: Size,
    pub mix: Mix,
    /// The company's present; every other instant lies before it.
    pub now: jiff::Timestamp,
}

/// Records of each kind; planted people come first and may need more than is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub hubspot_contacts: usize,
    pub companies: usize,
    pub deals: usize,
    pub leads: usize,
    pub sf_contacts: usize,
    pub accounts: usize,
    pub opportunities: usize,
}

impl CompanyOptions {
    /// Gives the committed demo: seed 42, its sizes and its mix.
    pub fn demo() -> Self {
        Self::at_demo_size(42, Mix::demo())
    }

    /// Gives a company of the demo's size with other people, totals and reasons.
    pub fn random(seed: u64) -> Self {
        Self::at_demo_size(seed, Mix::random(seed))
    }

    /// Gives a company of about 300 people with 0 to 3 planted for each code.
    pub fn small(seed: u64) -> Self {
        let size = Size {
            hubspot_contacts: 150,
            companies: 60,
            deals: 25,
            leads: 110,
            sf_contacts: 50,
            accounts: 45,
            opportunities: 28,
        };
        Self { seed, size, mix: Mix::small(seed), now: demo_now() }
    }

    /// Gives a company of chosen size for benchmarks, the demo's mix growing or shrinking with it.
    pub fn scaled(seed: u64, n_contacts: usize, n_leads: usize) -> Self {
        let size = Size {
            hubspot_contacts: n_contacts,
            // Somebody has to work somewhere.
            companies: (n_contacts / 3).max(1),
            deals: n_contacts * 3 / 20,
            leads: n_leads,
            sf_contacts: n_leads * 5 / 8,
            accounts: (n_leads * 3 / 8).max(1),
            opportunities: n_leads / 4,
        };
        Self { seed, size, mix: Mix::scaled(n_contacts.min(n_leads)), now: demo_now() }
    }

    fn at_demo_size(seed: u64, mix: Mix) -> Self {
        let size = Size {
            hubspot_contacts: 6_000,
            companies: 2_000,
            deals: 900,
            leads: 4_000,
            sf_contacts: 2_500,
            accounts: 1_500,
            opportunities: 1_000,
        };
        Self { seed, size, mix, now: demo_now() }
    }
}

/// Both CRMs of one company, and what was planted in them.
#[derive(Clone, Debug)]
pub struct Company {
    pub options: CompanyOptions,
    pub hubspot: HubSpotRows,
    pub salesforce: SalesforceRows,
    /// One row for each planted person or extra row; only tests may read it.
    pub truth: Vec<Truth>,
}

/// Rows of `hubspot/`.
#[derive(Clone, Debug, Default)]
pub struct HubSpotRows {
    pub contacts: Rows<Contact>,
    pub companies: Rows<CompanyRow>,
    pub deals: Rows<Deal>,
    pub contact_history: Rows<PropertyVersion>,
    pub deal_history: Rows<PropertyVersion>,
    pub owners: Rows<Owner>,
    pub associations: Rows<Association>,
    pub lists: Rows<List>,
    pub memberships: Vec<Membership>,
    pub aliases: Rows<Alias>,
}

/// Rows of `salesforce/`.
#[derive(Clone, Debug, Default)]
pub struct SalesforceRows {
    pub leads: Rows<Lead>,
    pub contacts: Rows<SalesContact>,
    pub accounts: Rows<Account>,
    pub opportunities: Rows<Opportunity>,
    pub contact_roles: Rows<ContactRole>,
    pub campaigns: Rows<Campaign>,
    pub campaign_members: Rows<CampaignMember>,
    pub tasks: Rows<Task>,
    pub events: Rows<Event>,
    pub lead_history: Rows<LeadHistory>,
    pub contact_history: Rows<ContactHistory>,
    pub opportunity_field_history: Rows<OpportunityFieldHistory>,
    pub opportunity_history: Rows<OpportunityHistory>,
    pub users: Rows<User>,
    pub queues: Rows<Group>,
}

/// Generates both CRMs of a company from a seed.
pub fn generate(options: &CompanyOptions) -> Company {
    let mut studio = Studio::new(options);
    staff::hire(&mut studio);
    activity::campaigns(&mut studio);
    accounts::found(&mut studio);
    plant::plant(&mut studio);
    duplicates::add(&mut studio);
    crowd::fill(&mut studio);
    deals::add(&mut studio);
    activity::add(&mut studio);
    studio.finish()
}

fn demo_now() -> jiff::Timestamp {
    clock::at("2026-10-01T10:00:00Z")
}
