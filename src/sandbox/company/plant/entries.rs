//! People whom Sales counts and Marketing does not.

use jiff::SignedDuration;

use super::super::clock::{at, last_sync, next_sync, written};
use super::super::connector::{contact, hand_off, lead, link_lead, set_status, touch_lead, travel};
use super::super::people::person;
use super::super::staff::{ACTIVE_REPS, INTEGRATION, MARKETING_OPS};
use super::super::studio::Studio;
use super::{created_before, enter_entry, entry_in_period, handed_over, newcomer, qualified};

/// X1: a rep found this person.
pub fn sales_sourced(studio: &mut Studio, code: &str, index: usize) {
    let (person, marked) = newcomer(studio);
    let before =
        SignedDuration::from_hours(1 + i64::try_from(studio.dice.between(0, 600)).unwrap_or(0));
    let mut row = lead(studio, &person, marked - before, person.owner);
    ["Outbound", "Phone Inquiry", "Other"][index % 3].clone_into(&mut row.source);
    mark(&mut row, marked, person.owner);
    enter_entry(studio, code, row);
}

/// X2: badges scanned at a fair and loaded in one go, with some whom nobody marked.
pub fn badge_scans(studio: &mut Studio, n_marked: usize) {
    if n_marked == 0 {
        return;
    }
    let loaded = at("2026-09-11T21:30:00Z");
    for index in 0..n_marked.max(5) + 3 {
        let person = person(studio, loaded);
        let second = i64::try_from(index).unwrap_or(0) % 480;
        let created = loaded + SignedDuration::from_secs(second);
        let mut row = lead(studio, &person, created, MARKETING_OPS);
        row.source = String::from(if index % 9 == 8 { "Purchased List" } else { "Trade Show" });
        row.utm_source = String::new();
        row.utm_campaign = String::new();
        if index < n_marked {
            let marked = created + SignedDuration::from_hours(26);
            mark(&mut row, marked, person.owner);
            enter_entry(studio, "X2", row);
        } else {
            studio.salesforce.leads.push(row);
        }
    }
}

/// X4: a rep noted a telephone number and no address.
pub fn no_email(studio: &mut Studio, code: &str, _: usize) {
    let (mut person, marked) = newcomer(studio);
    person.email = String::new();
    let creator = *studio.dice.pick(ACTIVE_REPS);
    let mut row = lead(studio, &person, marked - SignedDuration::from_hours(3), creator);
    row.source = String::from("Phone Inquiry");
    mark(&mut row, marked, creator);
    enter_entry(studio, code, row);
}

/// X7: the HubSpot contact was archived after the handoff.
pub fn archived(studio: &mut Studio, code: &str, index: usize) {
    let (person, mql) = newcomer(studio);
    let (mut contact, mut lead) = handed_over(studio, &person, mql, &[]);
    set_status(&mut contact, &mut lead, index % 2);
    let gone = super::some_days_after(studio, mql);
    contact.archived = String::from("true");
    contact.archived_at = written(gone);
    contact.updated_at = written(gone).max(contact.updated_at);
    contact.archived_at.clone_from(&contact.updated_at);
    studio.hubspot.memberships.retain(|row| row.record_id != contact.id);
    studio.hubspot.contacts.push(contact);
    enter_entry(studio, code, lead);
}

/// X8: went from lead straight to SQL.
pub fn skipped_stage(studio: &mut Studio, code: &str, index: usize) {
    let (person, jumped) = newcomer(studio);
    let created = created_before(studio, jumped);
    let mut row = contact(studio, &person, created);
    let stage = if index % 4 == 3 { "opportunity" } else { "salesqualifiedlead" };
    travel(studio, &mut row, &[(created, "lead"), (jumped, stage)]);
    hand_off(studio, &mut row, jumped);
    let arrived = next_sync(jumped, 240);
    let mut lead = lead(studio, &person, arrived, INTEGRATION);
    link_lead(&mut row, &mut lead, arrived);
    lead.mql_at = written(jumped);
    set_status(&mut row, &mut lead, 2);
    studio.hubspot.contacts.push(row);
    enter_entry(studio, code, lead);
}

/// XD: another period by HubSpot's clock: next quarter in New York, or stamped late.
pub fn other_period(studio: &mut Studio, code: &str, index: usize) {
    if index.is_multiple_of(2) {
        let mql = studio.dice.instant(at("2026-10-01T04:03:00Z"), at("2026-10-01T06:55:00Z"));
        let person = person(studio, mql);
        let made =
            studio.dice.working_instant(at("2026-08-03T09:00:00Z"), at("2026-09-25T18:00:00Z"));
        let mut row = contact(studio, &person, made);
        travel(studio, &mut row, &[(made, "lead"), (mql, "marketingqualifiedlead")]);
        hand_off(studio, &mut row, mql);
        let mut lead = lead(studio, &person, next_sync(made, 33), INTEGRATION);
        let stamped = studio.dice.minutes_after(mql, 2, 14);
        link_lead(&mut row, &mut lead, stamped);
        studio.hubspot.contacts.push(row);
        enter_entry(studio, code, lead);
        return;
    }
    let mql = studio.dice.working_instant(at("2026-04-03T09:00:00Z"), at("2026-06-20T18:00:00Z"));
    let person = person(studio, mql);
    let mut row = qualified(studio, &person, mql);
    hand_off(studio, &mut row, mql);
    let stamped = entry_in_period(studio).min(last_sync());
    let mut lead = lead(studio, &person, next_sync(stamped, 50), INTEGRATION);
    link_lead(&mut row, &mut lead, next_sync(stamped, 50));
    lead.mql_at = written(stamped);
    studio.hubspot.contacts.push(row);
    enter_entry(studio, code, lead);
}

/// Marks a lead as MQL in Salesforce alone.
fn mark(row: &mut super::Lead, at: jiff::Timestamp, by: usize) {
    row.mql_at = written(at);
    row.stage = String::from("MQL");
    touch_lead(row, at, by);
}
