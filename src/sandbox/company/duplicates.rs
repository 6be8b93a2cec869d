//! The mess outside the gap: duplicates, merges, role mailboxes, spelling variants.
//!
//! None of these people is counted in the reported quarter, so none of it moves a number.

use jiff::SignedDuration;

use super::accounts::{enter_account, enter_company};
use super::clock::{at, next_sync, written};
use super::connector::{contact, lead, link_lead, sales_contact, touch, touch_lead};
use super::people::{address_like, latin_words, person};
use super::records::Alias;
use super::staff::{ACTIVE_REPS, MARKETING_OPS, REVENUE_OPS, user_id};
use super::studio::Studio;

/// Adds every kind of harmless disorder, in proportion to the company's size.
pub fn add(studio: &mut Studio) {
    let n_contacts = studio.options.size.hubspot_contacts;
    // A handful of people has no duplicates among them.
    let n = (n_contacts / 300).max(usize::from(n_contacts >= 100));
    for _ in 0..n {
        two_addresses(studio);
        case_variant(studio);
        lead_and_contact(studio);
        merged_leads(studio);
        merged_contacts(studio);
        role_mailbox(studio);
        merged_sales_contacts(studio);
    }
    let size = studio.options.size;
    while studio.hubspot.companies.len() < size.companies {
        second_company(studio);
    }
    while studio.salesforce.accounts.len() < size.accounts {
        second_account(studio);
    }
}

/// Two HubSpot contacts with one name and one telephone number.
fn two_addresses(studio: &mut Studio) {
    let made = studio.dice.working_instant(at("2024-02-01T09:00:00Z"), at("2026-06-01T09:00:00Z"));
    let mut person = person(studio, made);
    person.score = studio.dice.between(5, 45);
    let mut first = contact(studio, &person, made);
    first.stage = String::from("lead");
    let local = format!("{}{}", latin_words(&person.first, ""), latin_words(&person.last, ""));
    let local = if local.len() > 3 { local } else { String::from("my.other.mail") };
    person.email = address_like(studio, &local, "gmail.com");
    let again = made + SignedDuration::from_hours(24 * 33);
    let mut second = contact(studio, &person, again);
    second.stage = String::from("subscriber");
    second.title = String::new();
    studio.hubspot.contacts.push(first);
    studio.hubspot.contacts.push(second);
}

/// Two leads whose addresses differ in case and blanks.
fn case_variant(studio: &mut Studio) {
    let made = studio.dice.working_instant(at("2024-02-01T09:00:00Z"), at("2026-06-01T09:00:00Z"));
    let person = person(studio, made);
    let first = lead(studio, &person, made, person.owner);
    let mut second =
        lead(studio, &person, made + SignedDuration::from_hours(24 * 51), MARKETING_OPS);
    second.email =
        if studio.dice.chance(60) { person.email.to_uppercase() } else { capitals(&person.email) };
    second.source = String::from("Purchased List");
    second.company = second.company.to_uppercase();
    studio.salesforce.leads.push(first);
    studio.salesforce.leads.push(second);
}

/// One person as a lead and, unconverted, as a contact.
fn lead_and_contact(studio: &mut Studio) {
    let made = studio.dice.working_instant(at("2024-02-01T09:00:00Z"), at("2026-06-01T09:00:00Z"));
    let person = person(studio, made);
    let creator = *studio.dice.pick(ACTIVE_REPS);
    let first = lead(studio, &person, made, creator);
    let second =
        sales_contact(studio, &person, made + SignedDuration::from_hours(24 * 9), person.owner);
    studio.salesforce.leads.push(first);
    studio.salesforce.contacts.push(second);
}

/// Two leads merged into one that HubSpot is linked to.
fn merged_leads(studio: &mut Studio) {
    let made = studio.dice.working_instant(at("2024-02-01T09:00:00Z"), at("2026-06-01T09:00:00Z"));
    let mut person = person(studio, made);
    person.score = studio.dice.between(5, 45);
    let mut row = contact(studio, &person, made);
    row.stage = String::from("lead");
    row.lead_status = String::from("NEW");
    let mut winner = lead(studio, &person, made, person.owner);
    link_lead(&mut row, &mut winner, next_sync(made, 70));
    let mut loser =
        lead(studio, &person, made + SignedDuration::from_hours(24 * 12), MARKETING_OPS);
    loser.deleted = String::from("true");
    loser.master_id.clone_from(&winner.id);
    let merged = made + SignedDuration::from_hours(24 * 40);
    touch_lead(&mut loser, merged, REVENUE_OPS);
    touch_lead(&mut winner, merged, REVENUE_OPS);
    studio.hubspot.contacts.push(row);
    studio.salesforce.leads.push(winner);
    studio.salesforce.leads.push(loser);
}

/// Two Salesforce contacts merged into one.
fn merged_sales_contacts(studio: &mut Studio) {
    let made = studio.dice.working_instant(at("2024-02-01T09:00:00Z"), at("2026-06-01T09:00:00Z"));
    let person = person(studio, made);
    let winner = sales_contact(studio, &person, made, person.owner);
    let mut loser =
        sales_contact(studio, &person, made + SignedDuration::from_hours(24 * 6), person.owner);
    loser.deleted = String::from("true");
    loser.master_id.clone_from(&winner.id);
    loser.modified_at = written(made + SignedDuration::from_hours(24 * 50));
    loser.modified_by = user_id(REVENUE_OPS);
    studio.salesforce.contacts.push(winner);
    studio.salesforce.contacts.push(loser);
}

/// A contact that took in another: the old id and address live on in it.
fn merged_contacts(studio: &mut Studio) {
    let made = studio.dice.working_instant(at("2024-02-01T09:00:00Z"), at("2026-06-01T09:00:00Z"));
    let mut person = person(studio, made);
    person.score = studio.dice.between(5, 45);
    let old_id = studio.contact_id(made - SignedDuration::from_hours(24 * 60));
    let mut row = contact(studio, &person, made);
    row.stage = String::from("lead");
    row.merged_ids.clone_from(&old_id);
    let local = format!("{}.old", latin_words(&person.last, ""));
    row.additional_emails = address_like(studio, &local, "outlook.com");
    touch(&mut row, made + SignedDuration::from_hours(24 * 5));
    studio.hubspot.aliases.push(Alias {
        object: String::from("contacts"),
        old_id,
        record_id: row.id.clone(),
    });
    studio.hubspot.contacts.push(row);
}

/// A mailbox that belongs to a department.
fn role_mailbox(studio: &mut Studio) {
    let made = studio.dice.working_instant(at("2024-02-01T09:00:00Z"), at("2026-08-01T09:00:00Z"));
    let mut person = person(studio, made);
    person.score = studio.dice.between(0, 30);
    let role =
        *studio.dice.pick(&["info", "sales", "office", "it", "datateam", "accounts.payable"]);
    let domain = studio.firms[person.firm].domain.clone();
    person.email = address_like(studio, role, &domain);
    let mut row = contact(studio, &person, made);
    row.first = String::new();
    row.last = if studio.dice.chance(50) { String::from("Data Team") } else { String::new() };
    row.title = String::new();
    row.phone = String::new();
    row.stage = String::from("subscriber");
    studio.hubspot.contacts.push(row);
}

/// A second HubSpot company of a firm, under a variant of its name.
fn second_company(studio: &mut Studio) {
    let index = studio.dice.between(0, studio.firms.len() - 1);
    let mut twin = studio.firms[index].clone();
    twin.name = variant(&twin.name);
    twin.created_at = at("2025-02-03T14:00:00Z");
    let row = enter_company(studio, &twin);
    // HubSpot refuses a second company with one domain in its form, not in an import without it.
    studio.hubspot.companies.update(row, |row| row.domain = String::new());
}

/// A second account of a firm that has one: same domain, a variant of the name.
fn second_account(studio: &mut Studio) {
    let mut index = studio.dice.between(0, studio.firms.len() - 1);
    while studio.firms[index].account.is_none() {
        index = (index + 1) % studio.firms.len();
    }
    let mut twin = studio.firms[index].clone();
    twin.name = variant(&twin.name);
    twin.created_at = at("2025-05-12T16:00:00Z");
    let row = enter_account(studio, &twin);
    let original = studio.firms[index].account.map(|first| studio.salesforce.accounts.id(first));
    if studio.dice.chance(25) {
        studio.salesforce.accounts.update(row, |account| {
            account.deleted = String::from("true");
            account.master_id = original.unwrap_or_default();
            account.modified_at = written(at("2026-01-20T19:10:00Z"));
        });
    }
}

/// Writes a company's name as somebody else would.
fn variant(name: &str) -> String {
    let plain = name
        .trim_end_matches([' ', '.'])
        .trim_end_matches("Inc")
        .trim_end_matches("LLC")
        .trim_end_matches("GmbH")
        .trim_end_matches("Ltd")
        .trim();
    if plain.len() < name.len() { format!("{plain}, INC") } else { name.to_uppercase() }
}

fn capitals(address: &str) -> String {
    let mut upper = true;
    address
        .chars()
        .map(|letter| {
            let now = if upper { letter.to_ascii_uppercase() } else { letter };
            upper = letter == '.';
            now
        })
        .collect()
}
