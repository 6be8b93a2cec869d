//! People who never reached Salesforce: not eligible, not tried, or refused.

use jiff::SignedDuration;

use super::super::clock::at;
use super::super::connector::hand_off;
use super::super::people::person;
use super::super::staff::{FORMER_REPS, owner_id};
use super::super::studio::Studio;
use super::{enter_exit, newcomer, qualified};

/// T1: never on the list; some score too low besides.
pub fn not_on_list(studio: &mut Studio, code: &str, index: usize) {
    let (mut person, mql) = newcomer(studio);
    if index % 6 == 3 {
        person.score = studio.dice.between(25, 49);
    }
    let mut contact = qualified(studio, &person, mql);
    if index % 6 == 5 {
        contact.segment = String::from("startup");
    }
    enter_exit(studio, code, contact);
}

/// T2: on the list, below the score that crosses.
pub fn low_score(studio: &mut Studio, code: &str, index: usize) {
    let (mut person, mql) = newcomer(studio);
    person.score = studio.dice.between(18, 49);
    let mut contact = qualified(studio, &person, mql);
    if index % 5 == 4 {
        contact.segment = String::from("startup");
    }
    hand_off(studio, &mut contact, mql);
    enter_exit(studio, code, contact);
}

/// T3: left a telephone number and no e-mail address.
pub fn no_email(studio: &mut Studio, code: &str, _: usize) {
    let (mut person, mql) = newcomer(studio);
    person.email = String::new();
    let mut contact = qualified(studio, &person, mql);
    contact.message = String::from("Please call me back, I do not want e-mail.");
    hand_off(studio, &mut contact, mql);
    enter_exit(studio, code, contact);
}

/// T8: everything is right, the connector never looked again.
pub fn never_triggered(studio: &mut Studio, code: &str, _: usize) {
    let (person, mql) = newcomer(studio);
    let mut contact = qualified(studio, &person, mql);
    hand_off(studio, &mut contact, mql);
    enter_exit(studio, code, contact);
}

/// T12: became MQL on the period's last day, after the connector's last run.
pub fn in_flight(studio: &mut Studio, code: &str, _: usize) {
    let mql = studio.dice.working_instant(at("2026-09-30T12:00:00Z"), at("2026-10-01T03:30:00Z"));
    let person = person(studio, mql);
    let mut contact = qualified(studio, &person, mql);
    hand_off(studio, &mut contact, mql);
    enter_exit(studio, code, contact);
}

/// T14: no last name, which Salesforce requires.
pub fn no_last_name(studio: &mut Studio, code: &str, _: usize) {
    let (person, mql) = newcomer(studio);
    let mut contact = qualified(studio, &person, mql);
    contact.last = String::new();
    hand_off(studio, &mut contact, mql);
    enter_exit(studio, code, contact);
}

/// T15: a segment that Salesforce's restricted picklist does not have.
pub fn unknown_segment(studio: &mut Studio, code: &str, _: usize) {
    let (mut person, mql) = newcomer(studio);
    person.segment = "startup";
    let mut contact = qualified(studio, &person, mql);
    hand_off(studio, &mut contact, mql);
    enter_exit(studio, code, contact);
}

/// T21: belongs to a colleague who left.
pub fn owner_left(studio: &mut Studio, code: &str, index: usize) {
    let (person, mql) = newcomer(studio);
    let mut contact = qualified(studio, &person, mql);
    contact.owner = owner_id(FORMER_REPS[index % FORMER_REPS.len()]);
    hand_off(studio, &mut contact, mql - SignedDuration::from_secs(30));
    enter_exit(studio, code, contact);
}
