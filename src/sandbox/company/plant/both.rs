//! People counted by both sides, and their extra rows.

use super::super::clock::{at, next_sync, written};
use super::super::connector::{
    STATUSES, contact, lead, lead_change, set_status, touch_lead, travel, version,
};
use super::super::people::{Person, address_like, latin_words};
use super::super::staff::ACTIVE_REPS;
use super::super::studio::Studio;
use super::{handed_over, newcomer, some_days_after};

/// A person counted by both sides, with the positions of their two rows.
pub struct Pair {
    person: Person,
    contact: usize,
    lead: usize,
}

/// Enters `n` people whom both sides count: linked, stamped with the same instant, worked by
/// someone who is there.
pub fn counted_by_both(studio: &mut Studio, n: usize) -> Vec<Pair> {
    let mut pairs = Vec::with_capacity(n);
    for _ in 0..n {
        let (person, mql) = newcomer(studio);
        let status = studio.dice.weighted(&[45, 35, 20]);
        let accepted = some_days_after(studio, mql);
        let later = if status == 2 { vec![(accepted, "salesqualifiedlead")] } else { Vec::new() };
        let (mut contact, mut lead) = handed_over(studio, &person, mql, &later);
        set_status(&mut contact, &mut lead, status);
        if status > 0 {
            let (was, now) = (STATUSES[0], STATUSES[status]);
            touch_lead(&mut lead, accepted, person.owner);
            lead_change(studio, &lead, "Status", (was.1, now.1), accepted, person.owner);
            version(
                studio,
                &mut contact,
                "hs_lead_status",
                was.0,
                mql,
                ("AUTOMATION_PLATFORM", "", ""),
            );
            let learnt = next_sync(accepted, 41);
            version(studio, &mut contact, "hs_lead_status", now.0, learnt, ("SALESFORCE", "", ""));
        }
        studio.hubspot.contacts.push(contact);
        studio.salesforce.leads.push(lead);
        pairs.push(Pair {
            person,
            contact: studio.hubspot.contacts.len() - 1,
            lead: studio.salesforce.leads.len() - 1,
        });
    }
    pairs
}

/// Gives the first `n` people a second HubSpot contact that is MQL in the period too.
pub fn second_contacts(studio: &mut Studio, pairs: &[Pair], n: usize) {
    for (index, pair) in pairs.iter().take(n).enumerate() {
        let mql = super::entry_in_period(studio);
        let mut twin = pair.person.clone();
        let local = format!("{}.{}", latin_words(&twin.first, ""), latin_words(&twin.last, ""));
        let local = if local.len() > 3 { local } else { String::from("personal.mail") };
        twin.email =
            address_like(studio, &local, ["gmail.com", "outlook.com", "icloud.com"][index % 3]);
        let by_phone = index % 3 != 2 && !twin.phone.is_empty();
        if !by_phone {
            // HubSpot knows the second address of the first contact, and the twin took it too.
            let second = twin.email.clone();
            studio.hubspot.contacts.update(pair.contact, |row| row.additional_emails = second);
            twin.phone = String::new();
        }
        twin.title = String::new();
        let created = super::created_before(studio, mql);
        let mut row = contact(studio, &twin, created);
        travel(studio, &mut row, &[(created, "lead"), (mql, "marketingqualifiedlead")]);
        studio.plant("extra_marketing", "U1", "hubspot", &row.id);
        studio.hubspot.contacts.push(row);
    }
}

/// Gives the last `n` people a second lead, entered by hand and marked MQL.
pub fn second_leads(studio: &mut Studio, pairs: &[Pair], n: usize) {
    for pair in pairs.iter().rev().take(n) {
        let stamp = studio.salesforce.leads.get(pair.lead).mql_at;
        let from: jiff::Timestamp = stamp.parse().unwrap_or(studio.now);
        let created = some_days_after(studio, from).min(at("2026-09-30T20:00:00Z"));
        let creator = *studio.dice.pick(ACTIVE_REPS);
        let mut row = lead(studio, &pair.person, created, creator);
        row.mql_at = written(created);
        row.stage = String::from("MQL");
        row.source = String::from("Phone Inquiry");
        row.utm_source.clear();
        row.utm_campaign.clear();
        row.score.clear();
        studio.plant("extra_sales", "XU", "salesforce", &row.id);
        studio.salesforce.leads.push(row);
    }
}
