//! What the native connector left behind: a person's rows in both CRMs, linked and agreeing.

use jiff::Timestamp;

use super::clock::written;
use super::people::Person;
use super::records::{Contact, ContactHistory, Lead, LeadHistory, PropertyVersion, SalesContact};
use super::staff::{INTEGRATION, MARKETING_OPS, hubspot_user_id, owner_id, user_id};
use super::studio::{HANDOFF_LIST, Studio};
use super::words::{DESCRIPTIONS, LOCAL_MESSAGES, MESSAGE_CLOSINGS, MESSAGE_OPENINGS, MESSAGES};

/// A stage entered at an instant; an empty stage clears the property.
pub type Entry = (Timestamp, &'static str);

/// HubSpot's lead status beside Salesforce's.
pub const STATUSES: &[(&str, &str)] = &[
    ("NEW", "Open - Not Contacted"),
    ("IN_PROGRESS", "Working - Contacted"),
    ("CONNECTED", "Accepted"),
    ("BAD_TIMING", "Recycled"),
    ("UNQUALIFIED", "Disqualified"),
    ("OPEN_DEAL", "Closed - Converted"),
];

const STAGES: &[(&str, &str)] = &[
    ("subscriber", "Subscriber"),
    ("lead", "Lead"),
    ("marketingqualifiedlead", "MQL"),
    ("salesqualifiedlead", "SQL"),
    ("opportunity", "Opportunity"),
    ("customer", "Customer"),
];
const SOURCES: &[(&str, &str)] = &[
    ("organic", "Organic Search"),
    ("paid", "Paid Search"),
    ("referral", "Partner Referral"),
    ("event", "Trade Show"),
    ("outbound", "Outbound"),
];
const SEGMENTS: &[(&str, &str)] =
    &[("smb", "SMB"), ("mid_market", "Mid-Market"), ("enterprise", "Enterprise")];

/// Writes a person's HubSpot contact; it is not yet among the company's rows.
pub fn contact(studio: &mut Studio, person: &Person, created: Timestamp) -> Contact {
    let id = studio.contact_id(created);
    let made_by = match person.source {
        "event" => "IMPORT",
        "outbound" => "CRM_UI",
        _ => "FORMS",
    };
    let message = if made_by == "FORMS" && studio.dice.chance(14) {
        message(studio, person.country)
    } else {
        String::new()
    };
    let company = studio.firms[person.firm].company;
    let company_id = company
        .filter(|_| studio.dice.chance(70))
        .map_or(String::new(), |row| studio.hubspot.companies.id(row));
    if !company_id.is_empty() {
        studio.associate(("contacts", &id), ("companies", &company_id), "1");
    }
    Contact {
        id,
        created_at: written(created),
        updated_at: written(created),
        archived: String::from("false"),
        email: person.email.clone(),
        first: person.first.clone(),
        last: person.last.clone(),
        phone: person.phone.clone(),
        company: studio.firms[person.firm].name.clone(),
        title: person.title.clone(),
        country: person.country.to_owned(),
        city: if studio.dice.chance(40) { person.city.to_owned() } else { String::new() },
        state: if studio.dice.chance(40) { person.state.to_owned() } else { String::new() },
        zip: person.zip.clone(),
        owner: owner_id(person.owner),
        made_by: made_by.to_owned(),
        company_id,
        utm_source: person.utm_source.clone(),
        utm_medium: person.utm_medium.clone(),
        utm_campaign: person.utm_campaign.clone(),
        source: person.source.to_owned(),
        score: person.score.to_string(),
        segment: person.segment.to_owned(),
        message,
        ..Contact::default()
    }
}

/// Takes a contact through lifecycle stages in order, with history, dates and current stage.
pub fn travel(studio: &mut Studio, contact: &mut Contact, entries: &[Entry]) {
    for (at, stage) in entries {
        let (kind, source, user) = match *stage {
            "" => (
                "CRM_UI",
                format!("userId:{}", hubspot_user_id(MARKETING_OPS)),
                hubspot_user_id(MARKETING_OPS),
            ),
            "marketingqualifiedlead" => {
                ("AUTOMATION_PLATFORM", String::from("enrollmentId:1184220"), String::new())
            }
            "salesqualifiedlead" | "opportunity" | "customer" => {
                ("SALESFORCE", String::new(), String::new())
            }
            _ if contact.made_by == "FORMS" => ("FORM", String::new(), String::new()),
            _ => ("IMPORT", String::new(), String::new()),
        };
        version(studio, contact, "lifecyclestage", stage, *at, (kind, &source, &user));
        (*stage).clone_into(&mut contact.stage);
        let date = match *stage {
            "subscriber" => &mut contact.subscriber_at,
            "lead" => &mut contact.lead_at,
            "marketingqualifiedlead" => &mut contact.mql_at,
            "salesqualifiedlead" => &mut contact.sql_at,
            "opportunity" => &mut contact.opportunity_at,
            "customer" => &mut contact.customer_at,
            _ => continue,
        };
        *date = written(*at);
    }
}

/// Appends one version to a contact's property history.
pub fn version(
    studio: &mut Studio,
    contact: &mut Contact,
    property: &str,
    value: &str,
    at: Timestamp,
    (kind, source, user): (&str, &str, &str),
) {
    touch(contact, at);
    studio.hubspot.contact_history.push(PropertyVersion {
        id: contact.id.clone(),
        property: property.to_owned(),
        value: value.to_owned(),
        at: written(at),
        source_type: kind.to_owned(),
        source_id: source.to_owned(),
        source_label: String::new(),
        user_id: user.to_owned(),
    });
}

/// Moves a contact's modification time forward to `at`.
pub fn touch(contact: &mut Contact, at: Timestamp) {
    let at = written(at);
    if contact.updated_at < at {
        contact.updated_at = at;
    }
}

/// Puts a contact on the handoff list shortly after its MQL entry.
pub fn hand_off(studio: &mut Studio, contact: &mut Contact, mql: Timestamp) {
    let at = studio.dice.minutes_after(mql, 1, 9).min(studio.now);
    studio.enlist(HANDOFF_LIST, &contact.id, at);
}

/// Sets the status on both sides, `index` into [`STATUSES`].
pub fn set_status(contact: &mut Contact, lead: &mut Lead, index: usize) {
    let (hubspot, salesforce) = STATUSES[index];
    hubspot.clone_into(&mut contact.lead_status);
    salesforce.clone_into(&mut lead.status);
    if index > 0 {
        lead.unread = String::from("false");
    }
}

/// Writes a person's Salesforce lead; it is not yet among the company's rows.
pub fn lead(studio: &mut Studio, person: &Person, created: Timestamp, creator: usize) -> Lead {
    let description = if studio.dice.chance(5) {
        (*studio.dice.pick(DESCRIPTIONS)).to_owned()
    } else {
        String::new()
    };
    Lead {
        id: studio.sales_id("00Q", created),
        deleted: String::from("false"),
        first: person.first.clone(),
        last: person.last.clone(),
        company: studio.firms[person.firm].name.clone(),
        title: person.title.clone(),
        email: person.email.clone(),
        phone: person.phone.clone(),
        city: if studio.dice.chance(30) { person.city.to_owned() } else { String::new() },
        state: if studio.dice.chance(30) { person.state.to_owned() } else { String::new() },
        country: person.country.to_owned(),
        status: String::from("Open - Not Contacted"),
        source: mapped(SOURCES, person.source),
        industry: if studio.dice.chance(25) {
            studio.firms[person.firm].industry.to_owned()
        } else {
            String::new()
        },
        description,
        owner: user_id(person.owner),
        converted: String::from("false"),
        unread: String::from("true"),
        opted_out: String::from("false"),
        stage: String::from("Lead"),
        segment: mapped(SEGMENTS, person.segment),
        score: person.score.to_string(),
        utm_source: person.utm_source.clone(),
        utm_campaign: person.utm_campaign.clone(),
        created_at: written(created),
        created_by: user_id(creator),
        modified_at: written(created),
        modified_by: user_id(creator),
        ..Lead::default()
    }
}

/// Writes a person's Salesforce contact at their firm's account.
pub fn sales_contact(
    studio: &mut Studio,
    person: &Person,
    created: Timestamp,
    creator: usize,
) -> SalesContact {
    let account = studio.firms[person.firm].account;
    SalesContact {
        id: studio.sales_id("003", created),
        deleted: String::from("false"),
        account_id: account.map_or(String::new(), |row| studio.salesforce.accounts.id(row)),
        first: person.first.clone(),
        last: person.last.clone(),
        title: person.title.clone(),
        email: person.email.clone(),
        phone: person.phone.clone(),
        city: if studio.dice.chance(30) { person.city.to_owned() } else { String::new() },
        country: person.country.to_owned(),
        source: mapped(SOURCES, person.source),
        owner: user_id(person.owner),
        opted_out: String::from("false"),
        stage: String::from("Lead"),
        segment: mapped(SEGMENTS, person.segment),
        score: person.score.to_string(),
        utm_source: person.utm_source.clone(),
        utm_campaign: person.utm_campaign.clone(),
        created_at: written(created),
        created_by: user_id(creator),
        modified_at: written(created),
        modified_by: user_id(creator),
        ..SalesContact::default()
    }
}

/// Links a contact and a lead as of a run of the connector; stage and MQL date follow HubSpot.
pub fn link_lead(contact: &mut Contact, lead: &mut Lead, synced: Timestamp) {
    contact.lead_id.clone_from(&lead.id);
    contact.record_id.clone_from(&lead.id);
    lead.hubspot_id.clone_from(&contact.id);
    lead.stage = mapped(STAGES, &contact.stage);
    lead.mql_at.clone_from(&contact.mql_at);
    contact.synced_at = written(synced);
    touch(contact, synced);
    touch_lead(lead, synced, INTEGRATION);
}

/// Links a contact to a Salesforce contact; stage and MQL date follow HubSpot.
pub fn link_contact(contact: &mut Contact, other: &mut SalesContact, synced: Timestamp) {
    contact.contact_id.clone_from(&other.id);
    contact.record_id.clone_from(&other.id);
    contact.account_id.clone_from(&other.account_id);
    other.hubspot_id.clone_from(&contact.id);
    other.stage = mapped(STAGES, &contact.stage);
    other.mql_at.clone_from(&contact.mql_at);
    contact.synced_at = written(synced);
    touch(contact, synced);
    let at = written(synced);
    if other.modified_at < at {
        other.modified_at = at;
        other.modified_by = user_id(INTEGRATION);
    }
}

/// Appends one change to a lead's field history.
pub fn lead_change(
    studio: &mut Studio,
    lead: &Lead,
    field: &str,
    (old, new): (&str, &str),
    when: Timestamp,
    by: usize,
) {
    let id = studio.sales_id("017", when);
    studio.salesforce.lead_history.push(LeadHistory {
        id,
        deleted: String::from("false"),
        parent_id: lead.id.clone(),
        field: field.to_owned(),
        old: old.to_owned(),
        new: new.to_owned(),
        created_at: written(when),
        created_by: user_id(by),
    });
}

/// Appends one change to a Salesforce contact's field history.
pub fn contact_change(
    studio: &mut Studio,
    other: &SalesContact,
    field: &str,
    (old, new): (&str, &str),
    when: Timestamp,
    by: usize,
) {
    let id = studio.sales_id("017", when);
    studio.salesforce.contact_history.push(ContactHistory {
        id,
        deleted: String::from("false"),
        parent_id: other.id.clone(),
        field: field.to_owned(),
        old: old.to_owned(),
        new: new.to_owned(),
        created_at: written(when),
        created_by: user_id(by),
    });
}

/// Moves a lead's modification time forward to `at`.
pub fn touch_lead(lead: &mut Lead, at: Timestamp, by: usize) {
    let at = written(at);
    if lead.modified_at < at {
        lead.modified_at = at;
        lead.modified_by = user_id(by);
    }
}

/// Says what somebody typed into a form: a request, now and then with a greeting and a farewell.
fn message(studio: &mut Studio, country: &str) -> String {
    let local: Vec<&str> =
        LOCAL_MESSAGES.iter().filter(|(of, _)| *of == country).map(|(_, text)| *text).collect();
    if !local.is_empty() && studio.dice.chance(40) {
        return (*studio.dice.pick(&local)).to_owned();
    }
    let body = *studio.dice.pick(MESSAGES);
    let opening = if studio.dice.chance(40) { *studio.dice.pick(MESSAGE_OPENINGS) } else { "" };
    let closing = if studio.dice.chance(35) { *studio.dice.pick(MESSAGE_CLOSINGS) } else { "" };
    format!("{opening}{body}{closing}")
}

/// Gives the Salesforce value for a HubSpot value, empty where the map has none.
fn mapped(pairs: &[(&str, &str)], value: &str) -> String {
    pairs.iter().find(|(from, _)| *from == value).map_or(String::new(), |(_, to)| (*to).to_owned())
}
