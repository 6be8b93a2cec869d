//! People who should not count: tests, colleagues, competitors, revoked, opted out.

use jiff::SignedDuration;

use super::super::clock::period_settles;
use super::super::connector::{hand_off, travel};
use super::super::people::{address_like, latin_words};
use super::super::studio::Studio;
use super::{enter_exit, entry_in_period, newcomer, qualified};

const COMPETITORS: &[(&str, &str)] = &[
    ("rivalstack.com", "RivalStack"),
    ("beaconcrm.io", "BeaconCRM"),
    ("funnelworks.co", "Funnelworks"),
];

/// V1: somebody tried the form.
pub fn test_record(studio: &mut Studio, code: &str, index: usize) {
    let (mut person, mql) = newcomer(studio);
    let (first, last, local, domain) = match index % 4 {
        0 => ("Test", "Testerson", "test.form", "example.com"),
        1 => ("QA", "Regression", "qa+signup", "lumenforge-qa.dev"),
        2 => ("asdf", "asdf", "asdf", "test.com"),
        _ => ("Jane", "Doe", "jane.doe", "example.org"),
    };
    first.clone_into(&mut person.first);
    // A form takes the same words again and again; the number keeps the testers apart.
    person.last = if index < 4 { last.to_owned() } else { format!("{last} {index}") };
    person.email = address_like(studio, local, domain);
    person.title = String::new();
    let mut contact = qualified(studio, &person, mql);
    contact.company =
        if index % 4 == 2 { String::from("asdf") } else { String::from("Test Company") };
    detach_company(studio, &mut contact);
    enter_exit(studio, code, contact);
}

/// V2: a colleague downloaded the guide.
pub fn own_employee(studio: &mut Studio, code: &str, _: usize) {
    let (mut person, mql) = newcomer(studio);
    let local = format!("{}.{}", latin_words(&person.first, ""), latin_words(&person.last, ""));
    let local = if local.len() > 3 { local } else { String::from("new.colleague") };
    person.email = address_like(studio, &local, "lumenforge.io");
    let mut contact = qualified(studio, &person, mql);
    contact.company = String::from("Lumenforge");
    detach_company(studio, &mut contact);
    enter_exit(studio, code, contact);
}

/// V3: a competitor looked around.
pub fn competitor(studio: &mut Studio, code: &str, index: usize) {
    let (mut person, mql) = newcomer(studio);
    let (domain, name) = COMPETITORS[index % COMPETITORS.len()];
    let local = format!("{}.{}", latin_words(&person.first, ""), latin_words(&person.last, ""));
    let local = if local.len() > 3 { local } else { String::from("market.research") };
    person.email = address_like(studio, &local, domain);
    let mut contact = qualified(studio, &person, mql);
    name.clone_into(&mut contact.company);
    detach_company(studio, &mut contact);
    enter_exit(studio, code, contact);
}

/// V10: moved back within the period, by hand.
pub fn revoked(studio: &mut Studio, code: &str, index: usize) {
    let (person, _) = newcomer(studio);
    let latest = period_settles() - SignedDuration::from_hours(10 * 24);
    let mql = entry_in_period(studio).min(latest);
    let mut contact = qualified(studio, &person, mql);
    let back = studio.dice.working_instant(mql + SignedDuration::from_hours(5), period_settles());
    let stage = if index % 3 == 2 { "subscriber" } else { "lead" };
    if index.is_multiple_of(2) {
        travel(studio, &mut contact, &[(back, ""), (back + SignedDuration::from_secs(20), stage)]);
    } else {
        travel(studio, &mut contact, &[(back, stage)]);
    }
    enter_exit(studio, code, contact);
}

/// V11: unsubscribed from all e-mail.
pub fn opted_out(studio: &mut Studio, code: &str, index: usize) {
    let (person, mql) = newcomer(studio);
    let mut contact = qualified(studio, &person, mql);
    contact.opted_out = String::from("true");
    if index.is_multiple_of(2) {
        hand_off(studio, &mut contact, mql);
    }
    enter_exit(studio, code, contact);
}

/// Takes a contact off the company that its maker had at hand.
fn detach_company(studio: &mut Studio, contact: &mut super::Contact) {
    if !contact.company_id.is_empty() {
        contact.company_id.clear();
        studio.hubspot.associations.pop();
    }
}
