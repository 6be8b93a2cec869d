//! People who reached Salesforce and are not counted there: removed, unlinked, elsewhere, rejected.

use jiff::SignedDuration;

use super::super::clock::{at, date};
use super::super::connector::{
    STATUSES, contact, contact_change, hand_off, lead, lead_change, link_contact, sales_contact,
    set_status, touch, touch_lead, travel, version,
};
use super::super::people::{address_like, latin_words, person_at};
use super::super::staff::{
    ACTIVE_REPS, INTEGRATION, MARKETING_OPS, REVENUE_OPS, hubspot_user_id, queue_id,
};
use super::super::studio::Studio;
use super::super::words::LOSS_REASONS;
use super::{enter_exit, handed_over, newcomer, qualified, some_days_after};

/// R1: the lead went to the recycle bin.
pub fn deleted(studio: &mut Studio, code: &str, _: usize) {
    let (person, mql) = newcomer(studio);
    let (contact, mut lead) = handed_over(studio, &person, mql, &[]);
    lead.deleted = String::from("true");
    let binned = some_days_after(studio, mql);
    touch_lead(&mut lead, binned, person.owner);
    studio.salesforce.leads.push(lead);
    enter_exit(studio, code, contact);
}

/// R2: the lead was merged into another that went to the recycle bin itself.
pub fn merged_away(studio: &mut Studio, code: &str, _: usize) {
    let (person, mql) = newcomer(studio);
    let (contact, mut loser) = handed_over(studio, &person, mql, &[]);
    let merged = some_days_after(studio, mql);
    let created = mql - SignedDuration::from_hours(24 * 40);
    let mut master = lead(studio, &person, created, person.owner);
    master.deleted = String::from("true");
    touch_lead(&mut master, merged + SignedDuration::from_mins(90), REVENUE_OPS);
    loser.deleted = String::from("true");
    loser.master_id.clone_from(&master.id);
    touch_lead(&mut loser, merged, REVENUE_OPS);
    studio.salesforce.leads.push(loser);
    studio.salesforce.leads.push(master);
    enter_exit(studio, code, contact);
}

/// L1: the contact's address changed, the lead still has the former one.
pub fn former_email(studio: &mut Studio, code: &str, index: usize) {
    let (mut person, mql) = newcomer(studio);
    let former = person.email.clone();
    let local = format!("{}.{}", latin_words(&person.last, ""), latin_words(&person.first, ""));
    let local = if local.len() > 3 { local } else { String::from("new.address") };
    let domain = studio.firms[person.firm].domain.clone();
    person.email = address_like(studio, &local, &domain);
    let mut contact = qualified(studio, &person, mql);
    hand_off(studio, &mut contact, mql);
    let created: jiff::Timestamp = contact.created_at.parse().unwrap_or(mql);
    version(studio, &mut contact, "email", &former, created, ("FORM", "", ""));
    let changed = some_days_after(studio, mql);
    let address = person.email.clone();
    let user = hubspot_user_id(MARKETING_OPS);
    version(
        studio,
        &mut contact,
        "email",
        &address,
        changed,
        ("CRM_UI", &format!("userId:{user}"), &user),
    );
    let before = studio.dice.working_instant(mql - SignedDuration::from_hours(900), mql);
    let mut twin = lead(studio, &person, before, person.owner);
    twin.email = former;
    if index % 2 == 1 {
        twin.phone = String::new();
    }
    studio.salesforce.leads.push(twin);
    enter_exit(studio, code, contact);
}

/// L2: the lead has the contact's second address.
pub fn additional_email(studio: &mut Studio, code: &str, _: usize) {
    let (person, mql) = newcomer(studio);
    let mut contact = qualified(studio, &person, mql);
    hand_off(studio, &mut contact, mql);
    let local = format!(
        "{}{}",
        latin_words(&person.last, ""),
        latin_words(&person.first, "").chars().take(1).collect::<String>()
    );
    let local = if local.len() > 3 { local } else { String::from("second.address") };
    let second = address_like(studio, &local, "gmail.com");
    contact.additional_emails.clone_from(&second);
    let before = studio.dice.working_instant(mql - SignedDuration::from_hours(900), mql);
    let mut twin = lead(studio, &person, before, person.owner);
    twin.email = second;
    studio.salesforce.leads.push(twin);
    enter_exit(studio, code, contact);
}

/// L5: the stored id is of a deleted lead, while a rep works another.
pub fn stale_link(studio: &mut Studio, code: &str, _: usize) {
    let (person, mql) = newcomer(studio);
    let (contact, mut old) = handed_over(studio, &person, mql, &[]);
    let binned = some_days_after(studio, mql);
    old.deleted = String::from("true");
    touch_lead(&mut old, binned, person.owner);
    let again = binned + SignedDuration::from_mins(25);
    let mut twin = lead(studio, &person, again, person.owner);
    twin.source = String::from("Phone Inquiry");
    studio.salesforce.leads.push(old);
    studio.salesforce.leads.push(twin);
    enter_exit(studio, code, contact);
}

/// O1: known to Salesforce as a Contact; the report counts Leads.
pub fn is_contact(studio: &mut Studio, code: &str, _: usize) {
    let (mut person, mql) = newcomer(studio);
    move_to_account(studio, &mut person);
    let mut contact = qualified(studio, &person, mql);
    hand_off(studio, &mut contact, mql);
    let created = studio
        .dice
        .working_instant(at("2024-02-01T09:00:00Z"), mql - SignedDuration::from_hours(30));
    let creator = *studio.dice.pick(ACTIVE_REPS);
    let mut other = sales_contact(studio, &person, created, creator);
    let synced = super::next_sync(mql, 300);
    link_contact(&mut contact, &mut other, synced);
    let stamp = other.mql_at.clone();
    contact_change(studio, &other, "MQL_Date__c", ("", &stamp), synced, INTEGRATION);
    studio.salesforce.contacts.push(other);
    enter_exit(studio, code, contact);
}

/// O2: the lead had been converted before this MQL entry.
pub fn converted_before(studio: &mut Studio, code: &str, _: usize) {
    let (mut person, mql) = newcomer(studio);
    move_to_account(studio, &mut person);
    let converted =
        studio.dice.working_instant(at("2025-03-01T09:00:00Z"), at("2026-06-10T18:00:00Z"));
    let made =
        studio.dice.working_instant(converted - SignedDuration::from_hours(1_200), converted);
    let created = made.min(mql - SignedDuration::from_hours(72));
    let mut row = contact(studio, &person, created);
    travel(studio, &mut row, &[(created, "lead"), (mql, "marketingqualifiedlead")]);
    hand_off(studio, &mut row, mql);
    let mut old = lead(studio, &person, made, person.owner);
    let mut other = sales_contact(studio, &person, converted, person.owner);
    old.converted = String::from("true");
    old.status = String::from("Closed - Converted");
    old.unread = String::from("false");
    old.converted_date = date(converted);
    old.converted_contact.clone_from(&other.id);
    old.converted_account.clone_from(&other.account_id);
    touch_lead(&mut old, converted, person.owner);
    row.lead_status = String::from("OPEN_DEAL");
    let synced = super::next_sync(mql, 410);
    link_contact(&mut row, &mut other, synced);
    studio.salesforce.leads.push(old);
    studio.salesforce.contacts.push(other);
    enter_exit(studio, code, row);
}

/// P1: nobody took the lead from the queue.
pub fn in_queue(studio: &mut Studio, code: &str, _: usize) {
    let (person, mql) = newcomer(studio);
    let (mut contact, mut lead) = handed_over(studio, &person, mql, &[]);
    set_status(&mut contact, &mut lead, 0);
    lead.owner =
        queue_id(usize::from(person.country != "United States" && person.country != "Canada"));
    contact.owner = String::new();
    studio.salesforce.leads.push(lead);
    enter_exit(studio, code, contact);
}

/// P6 and P7: rejected, with and without a reason.
pub fn disqualified(studio: &mut Studio, code: &str, _: usize) {
    let (person, mql) = newcomer(studio);
    let (mut contact, mut lead) = handed_over(studio, &person, mql, &[]);
    set_status(&mut contact, &mut lead, 4);
    if code == "P6" {
        (*studio.dice.pick(LOSS_REASONS)).clone_into(&mut lead.reason);
    }
    let rejected = some_days_after(studio, mql);
    let changed = (STATUSES[0].1, STATUSES[4].1);
    lead_change(studio, &lead, "Status", changed, rejected, person.owner);
    touch_lead(&mut lead, rejected, person.owner);
    touch(&mut contact, rejected);
    studio.salesforce.leads.push(lead);
    enter_exit(studio, code, contact);
}

/// P8: sent back to marketing.
pub fn recycled(studio: &mut Studio, code: &str, _: usize) {
    let (person, mql) = newcomer(studio);
    let (mut contact, mut lead) = handed_over(studio, &person, mql, &[]);
    set_status(&mut contact, &mut lead, 3);
    let recycled = some_days_after(studio, mql);
    let changed = (STATUSES[0].1, STATUSES[3].1);
    lead_change(studio, &lead, "Status", changed, recycled, person.owner);
    touch_lead(&mut lead, recycled, person.owner);
    touch(&mut contact, recycled);
    studio.salesforce.leads.push(lead);
    enter_exit(studio, code, contact);
}

/// Makes sure that a person who is a Contact works at an account.
fn move_to_account(studio: &mut Studio, person: &mut super::Person) {
    if studio.firms[person.firm].account.is_some() {
        return;
    }
    let holders: Vec<usize> =
        (0..studio.firms.len()).filter(|firm| studio.firms[*firm].account.is_some()).collect();
    if holders.is_empty() {
        return;
    }
    let firm = *studio.dice.pick(&holders);
    let now = studio.now;
    *person = person_at(studio, firm, now);
}
