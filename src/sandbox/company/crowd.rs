//! Everyone outside the gap: earlier quarters, customers, subscribers, Sales' own leads.
//!
//! Nobody here is counted in the reported quarter by either side.

use jiff::{SignedDuration, Timestamp};

use super::clock::{at, date, earlier_quarters, last_sync, next_sync, written};
use super::connector::{
    STATUSES, contact, hand_off, lead, lead_change, link_contact, link_lead, sales_contact,
    set_status, touch, touch_lead, travel,
};
use super::people::{Person, own_phone, person, person_at};
use super::records::Lead;
use super::staff::{
    ACTIVE_REPS, FORMER_REPS, INTEGRATION, MARKETING_OPS, owner_id, queue_id, user_id,
};
use super::studio::{Conversion, EVENT_LIST, Studio};
use super::words::{LOSS_REASONS, TITLES};

/// Fills both CRMs up to the sizes asked for.
pub fn fill(studio: &mut Studio) {
    let size = studio.options.size;
    let contacts_left = size.hubspot_contacts.saturating_sub(studio.hubspot.contacts.len());
    let leads_left = size.leads.saturating_sub(studio.salesforce.leads.len());
    let others_left = size.sf_contacts.saturating_sub(studio.salesforce.contacts.len());
    let n_customers = (contacts_left * 11 / 100).min(others_left * 3 / 10);
    let n_earlier = (contacts_left * 32 / 100).min(leads_left * 6 / 10);
    let n_synced = (contacts_left * 5 / 100).min(leads_left / 10);
    for _ in 0..n_customers {
        customer(studio);
    }
    let quarters = earlier_quarters();
    let weights: Vec<usize> = quarters.iter().map(|(_, _, volume)| *volume).collect();
    for _ in 0..n_earlier {
        let (from, to, _) = quarters[studio.dice.weighted(&weights)];
        let mql = studio.dice.working_instant(from, to);
        let room = studio.salesforce.contacts.len() < size.sf_contacts;
        match studio.dice.weighted(&[55, 24, 21]) {
            0 => handed_over(studio, mql),
            1 if room => converted(studio, mql),
            _ => stayed_behind(studio, mql),
        }
    }
    for _ in 0..n_synced {
        met_by_sales(studio);
    }
    while studio.hubspot.contacts.len() < size.hubspot_contacts {
        subscriber(studio);
    }
    while studio.salesforce.leads.len() < size.leads {
        sales_lead(studio);
    }
    while studio.salesforce.contacts.len() < size.sf_contacts {
        account_contact(studio);
    }
}

/// A lead of an earlier quarter, linked and agreeing but for a few drifted fields.
fn handed_over(studio: &mut Studio, mql: Timestamp) {
    let person = person(studio, mql);
    let created =
        mql - SignedDuration::from_hours(i64::try_from(studio.dice.between(0, 1_500)).unwrap_or(0));
    let mut row = contact(studio, &person, created);
    let status = studio.dice.weighted(&[10, 20, 18, 24, 28]);
    travel(studio, &mut row, &[(created, "lead"), (mql, "marketingqualifiedlead")]);
    hand_off(studio, &mut row, mql);
    let arrived = next_sync(mql, 88);
    let mut lead = lead(studio, &person, arrived, INTEGRATION);
    let worked = studio
        .dice
        .working_instant(arrived, (arrived + SignedDuration::from_hours(24 * 60)).min(last_sync()));
    if status == 2 {
        travel(studio, &mut row, &[(worked, "salesqualifiedlead")]);
    }
    link_lead(&mut row, &mut lead, next_sync(worked, 41).min(last_sync()));
    set_status(&mut row, &mut lead, status);
    touch_lead(&mut lead, worked, person.owner);
    if status > 0 && mql > at("2026-01-01T00:00:00Z") {
        let changed = (STATUSES[0].1, STATUSES[status].1);
        lead_change(studio, &lead, "Status", changed, worked, person.owner);
    }
    if status == 4 && studio.dice.chance(80) {
        (*studio.dice.pick(LOSS_REASONS)).clone_into(&mut lead.reason);
    }
    if studio.dice.chance(7) {
        let former = *studio.dice.pick(FORMER_REPS);
        row.owner = owner_id(former);
        lead.owner = user_id(former);
    }
    if studio.dice.chance(6) {
        drift(studio, &person, &mut row, &mut lead);
    }
    studio.hubspot.contacts.push(row);
    studio.salesforce.leads.push(lead);
}

/// Lets one field of a linked pair differ, in value or in spelling alone.
fn drift(studio: &mut Studio, person: &Person, row: &mut super::Contact, lead: &mut Lead) {
    let changed = studio.dice.working_instant(at("2026-06-01T09:00:00Z"), last_sync());
    match studio.dice.between(0, 7) {
        0 => lead.phone = own_phone(studio, person.firm),
        1 | 2 => lead.phone = respelt(&row.phone),
        3 => {
            row.title = format!("Senior {}", studio.dice.pick(TITLES));
            touch(row, changed);
            return;
        }
        4 => lead.country = String::new(),
        5 => {
            row.country = String::new();
            touch(row, changed);
            return;
        }
        6 => lead.company = lead.company.to_uppercase(),
        _ => lead.email = uppercase_start(&lead.email),
    }
    touch_lead(lead, changed, person.owner);
}

/// A lead of an earlier quarter that became contact, account and opportunity.
fn converted(studio: &mut Studio, mql: Timestamp) {
    let Some(firm) = firm_with_account(studio) else { return stayed_behind(studio, mql) };
    let person = person_at(studio, firm, mql);
    let created =
        mql - SignedDuration::from_hours(i64::try_from(studio.dice.between(0, 900)).unwrap_or(0));
    let mut row = contact(studio, &person, created);
    let arrived = next_sync(mql, 61);
    let latest = (arrived + SignedDuration::from_hours(24 * 70)).min(at("2026-09-20T18:00:00Z"));
    let accepted = studio.dice.working_instant(arrived, latest);
    let converted =
        studio.dice.working_instant(accepted, latest.max(accepted + SignedDuration::from_hours(2)));
    travel(
        studio,
        &mut row,
        &[
            (created, "lead"),
            (mql, "marketingqualifiedlead"),
            (accepted, "salesqualifiedlead"),
            (converted, "opportunity"),
        ],
    );
    hand_off(studio, &mut row, mql);
    let mut lead = lead(studio, &person, arrived, INTEGRATION);
    lead.mql_at.clone_from(&row.mql_at);
    lead.stage = String::from("Opportunity");
    lead.hubspot_id.clone_from(&row.id);
    let mut other = sales_contact(studio, &person, converted, person.owner);
    link_contact(&mut row, &mut other, next_sync(converted, 61));
    set_status(&mut row, &mut lead, 5);
    lead.converted = String::from("true");
    lead.converted_date = date(converted);
    lead.converted_contact.clone_from(&other.id);
    lead.converted_account.clone_from(&other.account_id);
    touch_lead(&mut lead, converted, person.owner);
    studio.hubspot.contacts.push(row);
    studio.salesforce.leads.push(lead);
    studio.salesforce.contacts.push(other);
    studio.conversions.push(Conversion {
        hubspot_contact: studio.hubspot.contacts.len() - 1,
        lead: Some(studio.salesforce.leads.len() - 1),
        sales_contact: studio.salesforce.contacts.len() - 1,
        firm,
        owner: person.owner,
        at: converted,
    });
}

/// An MQL of an earlier quarter that never crossed: not on the list, or below the score.
fn stayed_behind(studio: &mut Studio, mql: Timestamp) {
    let mut person = person(studio, mql);
    let listed = studio.dice.chance(30);
    if listed {
        person.score = studio.dice.between(12, 49);
    }
    let created =
        mql - SignedDuration::from_hours(i64::try_from(studio.dice.between(0, 2_000)).unwrap_or(0));
    let mut row = contact(studio, &person, created);
    travel(studio, &mut row, &[(created, "lead"), (mql, "marketingqualifiedlead")]);
    if listed {
        hand_off(studio, &mut row, mql);
    }
    if studio.dice.chance(8) {
        row.source = String::from("partner");
    }
    if studio.dice.chance(25) {
        let back = (mql + SignedDuration::from_hours(24 * 20))
            .min(at("2026-06-29T22:00:00Z"))
            .max(mql + SignedDuration::from_mins(5));
        travel(studio, &mut row, &[(back, ""), (back + SignedDuration::from_secs(9), "lead")]);
    }
    studio.hubspot.contacts.push(row);
}

/// A customer's person from before 2025, known to both sides.
fn customer(studio: &mut Studio) {
    let Some(firm) = firm_with_account(studio) else { return };
    let mql = studio.dice.working_instant(at("2023-02-01T09:00:00Z"), at("2024-11-20T18:00:00Z"));
    let person = person_at(studio, firm, mql);
    let created =
        mql - SignedDuration::from_hours(i64::try_from(studio.dice.between(1, 700)).unwrap_or(1));
    let mut row = contact(studio, &person, created);
    let opened = mql + SignedDuration::from_hours(24 * 12);
    let mut stages =
        vec![(created, "lead"), (mql, "marketingqualifiedlead"), (opened, "opportunity")];
    if studio.dice.chance(70) {
        stages.push((opened + SignedDuration::from_hours(24 * 55), "customer"));
        if let Some(account) = studio.firms[firm].account {
            let kind = String::from("Customer - Direct");
            studio.salesforce.accounts.update(account, |row| row.kind = kind);
        }
        if let Some(company) = studio.firms[firm].company {
            let stage = String::from("customer");
            studio.hubspot.companies.update(company, |row| row.stage = stage);
        }
    }
    travel(studio, &mut row, &stages);
    let mut other = sales_contact(studio, &person, opened, person.owner);
    let synced = stages.last().map_or(opened, |(last, _)| next_sync(*last, 19));
    link_contact(&mut row, &mut other, synced);
    studio.hubspot.contacts.push(row);
    studio.salesforce.contacts.push(other);
    studio.conversions.push(Conversion {
        hubspot_contact: studio.hubspot.contacts.len() - 1,
        lead: None,
        sales_contact: studio.salesforce.contacts.len() - 1,
        firm,
        owner: person.owner,
        at: opened,
    });
}

/// A person whom a rep entered first and HubSpot learnt about from Salesforce.
fn met_by_sales(studio: &mut Studio) {
    let created =
        studio.dice.working_instant(at("2024-03-01T09:00:00Z"), at("2026-09-20T18:00:00Z"));
    let mut person = person(studio, created);
    person.score = studio.dice.between(0, 44);
    let mut lead = lead(studio, &person, created, person.owner);
    let copied = next_sync(created, 140);
    let mut row = contact(studio, &person, copied);
    row.made_by = String::from("SALESFORCE");
    row.message = String::new();
    row.stage = String::from("lead");
    link_lead(&mut row, &mut lead, copied);
    let status = studio.dice.weighted(&[40, 30, 0, 10, 20]);
    set_status(&mut row, &mut lead, status);
    studio.hubspot.contacts.push(row);
    studio.salesforce.leads.push(lead);
}

/// Somebody HubSpot alone knows, who has not become MQL.
fn subscriber(studio: &mut Studio) {
    let created =
        studio.dice.working_instant(at("2023-01-10T09:00:00Z"), at("2026-09-30T22:00:00Z"));
    let mut person = person(studio, created);
    person.score = studio.dice.between(0, 48);
    let mut row = contact(studio, &person, created);
    row.stage = String::from(if studio.dice.chance(58) { "subscriber" } else { "lead" });
    let sparse = row.stage == "subscriber";
    if sparse {
        // A newsletter form asks for little.
        row.phone = String::new();
        row.owner = String::new();
        row.title = if studio.dice.chance(25) { row.title } else { String::new() };
        row.segment = String::new();
        row.company = if studio.dice.chance(60) { row.company } else { String::new() };
        row.city = String::new();
        row.state = String::new();
        row.zip = String::new();
        if studio.dice.chance(50) {
            row.country = String::new();
        }
        row.score = if person.score < 12 { String::new() } else { row.score };
    }
    if studio.dice.chance(6) {
        row.opted_out = String::from("true");
    }
    if studio.dice.chance(3) {
        row.segment = String::from("startup");
    }
    if studio.dice.chance(2) {
        row.archived = String::from("true");
        row.archived_at = written(studio.dice.instant(created, studio.now));
        row.updated_at.clone_from(&row.archived_at);
    } else if person.source == "event" && created > at("2026-04-01T00:00:00Z") {
        let id = row.id.clone();
        studio.enlist(EVENT_LIST, &id, created.max(at("2026-04-24T17:05:00Z")));
    } else if studio.dice.chance(30) {
        let seen = studio.dice.instant(created, studio.now);
        touch(&mut row, seen);
    }
    studio.hubspot.contacts.push(row);
}

/// A lead that only Salesforce knows, not marked MQL in the reported quarter.
fn sales_lead(studio: &mut Studio) {
    let created =
        studio.dice.working_instant(at("2023-06-01T09:00:00Z"), at("2026-09-30T20:00:00Z"));
    let person = person(studio, created);
    let bulk = studio.dice.chance(35);
    let creator = if bulk { MARKETING_OPS } else { person.owner };
    let mut row = lead(studio, &person, created, creator);
    row.utm_source = String::new();
    row.utm_campaign = String::new();
    row.score = if studio.dice.chance(25) { row.score } else { String::new() };
    row.source = String::from(match studio.dice.weighted(&[26, 20, 18, 14, 10, 6, 3, 3]) {
        0 => "Outbound",
        1 => "Purchased List",
        2 => "Trade Show",
        3 => "Phone Inquiry",
        4 => "Web",
        5 => "Other",
        6 => "Webinar!!",
        _ => "",
    });
    let (status, reason) = match studio.dice.weighted(&[42, 22, 4, 10, 22]) {
        0 => ("Open - Not Contacted", ""),
        1 => ("Working - Contacted", ""),
        2 => ("Accepted", ""),
        3 => ("Recycled", ""),
        _ => ("Disqualified", *studio.dice.pick(LOSS_REASONS)),
    };
    status.clone_into(&mut row.status);
    reason.clone_into(&mut row.reason);
    row.unread = (status == "Open - Not Contacted" && studio.dice.chance(60)).to_string();
    let later = studio.dice.working_instant(created, studio.now - SignedDuration::from_hours(12));
    if created < at("2026-05-01T00:00:00Z") && studio.dice.chance(12) {
        // Reps marked their own finds in earlier quarters too.
        let marked = created + SignedDuration::from_hours(24 * 5);
        row.mql_at = written(marked);
        row.stage = String::from("MQL");
        touch_lead(&mut row, marked, person.owner);
    }
    if status != "Open - Not Contacted" {
        touch_lead(&mut row, later, person.owner);
    }
    match studio.dice.between(0, 99) {
        0..=6 => row.owner = user_id(*studio.dice.pick(FORMER_REPS)),
        7..=13 => row.owner = queue_id(usize::from(person.country != "United States")),
        14 => {
            row.deleted = String::from("true");
            touch_lead(&mut row, later, person.owner);
        }
        15..=17 => row.opted_out = String::from("true"),
        18..=24 => row.email = String::new(),
        25..=35 => row.phone = String::new(),
        _ => {}
    }
    studio.salesforce.leads.push(row);
}

/// A contact at an account that only Salesforce knows.
fn account_contact(studio: &mut Studio) {
    let firm = firm_with_account(studio).unwrap_or(0);
    let created =
        studio.dice.working_instant(at("2022-06-01T09:00:00Z"), at("2026-09-25T20:00:00Z"));
    let person = person_at(studio, firm, created);
    let creator = *studio.dice.pick(ACTIVE_REPS);
    let mut row = sales_contact(studio, &person, created, creator);
    row.source = String::new();
    row.utm_source = String::new();
    row.utm_campaign = String::new();
    row.segment = String::new();
    row.score = String::new();
    row.stage = String::new();
    if studio.dice.chance(40) {
        row.phone = String::new();
    } else if studio.dice.chance(10) {
        // Several colleagues are reached through the same switchboard.
        row.phone.clone_from(&studio.firms[firm].switchboard);
    }
    if studio.dice.chance(8) {
        row.owner = user_id(*studio.dice.pick(FORMER_REPS));
    }
    studio.salesforce.contacts.push(row);
}

/// Draws a firm that has an account, or none when too few have one.
pub fn firm_with_account(studio: &mut Studio) -> Option<usize> {
    let n = studio.firms.len();
    (0..200)
        .map(|_| studio.dice.between(0, n - 1))
        .find(|firm| studio.firms[*firm].account.is_some())
}

/// Spells a telephone number with dots, as some reps do.
fn respelt(phone: &str) -> String {
    phone.replace(['(', ')'], "").replace([' ', '-'], ".")
}

fn uppercase_start(address: &str) -> String {
    let mut letters = address.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
