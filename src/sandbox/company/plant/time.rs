//! Handoffs whose mark in Salesforce is missing or of another time.

use jiff::SignedDuration;

use super::super::clock::{at, next_sync, written};
use super::super::connector::{
    contact, hand_off, lead, lead_change, link_lead, set_status, touch_lead, travel,
};
use super::super::people::person;
use super::super::staff::{INTEGRATION, REVENUE_OPS};
use super::super::studio::Studio;
use super::{enter_exit, entry_in_period, handed_over, newcomer, qualified, some_days_after};

/// F2: the lead was there first, and nobody filled the date afterwards.
pub fn never_stamped(studio: &mut Studio, code: &str, index: usize) {
    let (person, mql) = newcomer(studio);
    let (mut contact, mut lead) = handed_over(studio, &person, mql, &[]);
    set_status(&mut contact, &mut lead, index % 2);
    lead.mql_at = String::new();
    studio.salesforce.leads.push(lead);
    enter_exit(studio, code, contact);
}

/// F4: the date was set on arrival and emptied later.
pub fn stamp_reset(studio: &mut Studio, code: &str, index: usize) {
    let (person, mql) = newcomer(studio);
    let (mut contact, mut lead) = handed_over(studio, &person, mql, &[]);
    set_status(&mut contact, &mut lead, index % 2);
    let stamp = std::mem::take(&mut lead.mql_at);
    let set = next_sync(mql, 960);
    let reset = some_days_after(studio, set);
    lead_change(studio, &lead, "MQL_Date__c", ("", &stamp), set, INTEGRATION);
    lead_change(studio, &lead, "MQL_Date__c", (&stamp, ""), reset, REVENUE_OPS);
    touch_lead(&mut lead, reset, REVENUE_OPS);
    studio.salesforce.leads.push(lead);
    enter_exit(studio, code, contact);
}

/// D1: the first hours of July in New York are the last of June in Los Angeles.
pub fn time_zone(studio: &mut Studio, code: &str, index: usize) {
    let mql = studio.dice.instant(at("2026-07-01T04:02:00Z"), at("2026-07-01T06:58:00Z"));
    let person = person(studio, mql);
    let (mut contact, mut lead) = handed_over(studio, &person, mql, &[]);
    set_status(&mut contact, &mut lead, index % 2);
    studio.salesforce.leads.push(lead);
    enter_exit(studio, code, contact);
}

/// D2: the lead carries its own creation as MQL date.
pub fn created_date(studio: &mut Studio, code: &str, index: usize) {
    let mql = entry_in_period(studio);
    let made = studio.dice.working_instant(at("2026-02-02T09:00:00Z"), at("2026-06-25T18:00:00Z"));
    let person = person(studio, made);
    let mut row = contact(studio, &person, made - SignedDuration::from_mins(20));
    let seen = made - SignedDuration::from_mins(20);
    travel(studio, &mut row, &[(seen, "lead"), (mql, "marketingqualifiedlead")]);
    hand_off(studio, &mut row, mql);
    let mut lead = lead(studio, &person, made, person.owner);
    link_lead(&mut row, &mut lead, next_sync(mql, 77));
    lead.mql_at.clone_from(&lead.created_at);
    set_status(&mut row, &mut lead, index % 2);
    studio.salesforce.leads.push(lead);
    enter_exit(studio, code, row);
}

/// D4: MQL for the second time; Salesforce kept the first date.
pub fn first_entry(studio: &mut Studio, code: &str, index: usize) {
    let first = studio.dice.working_instant(at("2026-04-02T09:00:00Z"), at("2026-06-10T18:00:00Z"));
    let second = entry_in_period(studio);
    let person = person(studio, first);
    let mut row = qualified(studio, &person, first);
    hand_off(studio, &mut row, first);
    let arrived = next_sync(first, 120);
    let mut lead = lead(studio, &person, arrived, INTEGRATION);
    let back = first + SignedDuration::from_hours(24 * 9 + 3);
    travel(
        studio,
        &mut row,
        &[
            (back, ""),
            (back + SignedDuration::from_secs(15), "lead"),
            (second, "marketingqualifiedlead"),
        ],
    );
    link_lead(&mut row, &mut lead, next_sync(second, 120));
    lead.mql_at = written(first);
    set_status(&mut row, &mut lead, index % 2);
    studio.salesforce.leads.push(lead);
    enter_exit(studio, code, row);
}
