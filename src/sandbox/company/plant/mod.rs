//! The people between the two numbers: one recipe for each reason, one file for each group.

mod arrived;
mod both;
mod entries;
mod never_arrived;
mod not_valid;
mod time;

#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};

use super::clock::{last_sync, next_sync, period_opens, period_settles};
use super::connector::{Entry, contact, hand_off, lead, link_lead, travel};
use super::people::{Person, person};
use super::records::{Contact, Lead};
use super::staff::INTEGRATION;
use super::studio::Studio;

/// Plants everyone of the mix, and those whom both sides count.
pub fn plant(studio: &mut Studio) {
    let mix = studio.options.mix.clone();
    let pairs = both::counted_by_both(studio, mix.n_matched());
    both::second_contacts(studio, &pairs, mix.count("U1"));
    both::second_leads(studio, &pairs, mix.count("XU"));
    for (code, recipe) in RECIPES {
        for index in 0..mix.count(code) {
            recipe(studio, code, index);
        }
    }
    entries::badge_scans(studio, mix.count("X2"));
}

/// Plants one person for a code; the index counts the people of that code.
type Recipe = fn(&mut Studio, &str, usize);

const RECIPES: &[(&str, Recipe)] = &[
    ("V1", not_valid::test_record),
    ("V2", not_valid::own_employee),
    ("V3", not_valid::competitor),
    ("V10", not_valid::revoked),
    ("V11", not_valid::opted_out),
    ("T1", never_arrived::not_on_list),
    ("T2", never_arrived::low_score),
    ("T3", never_arrived::no_email),
    ("T8", never_arrived::never_triggered),
    ("T12", never_arrived::in_flight),
    ("T14", never_arrived::no_last_name),
    ("T15", never_arrived::unknown_segment),
    ("T21", never_arrived::owner_left),
    ("R1", arrived::deleted),
    ("R2", arrived::merged_away),
    ("L1", arrived::former_email),
    ("L2", arrived::additional_email),
    ("L5", arrived::stale_link),
    ("O1", arrived::is_contact),
    ("O2", arrived::converted_before),
    ("P1", arrived::in_queue),
    ("P6", arrived::disqualified),
    ("P7", arrived::disqualified),
    ("P8", arrived::recycled),
    ("F2", time::never_stamped),
    ("F4", time::stamp_reset),
    ("D1", time::time_zone),
    ("D2", time::created_date),
    ("D4", time::first_entry),
    ("X1", entries::sales_sourced),
    ("X4", entries::no_email),
    ("X7", entries::archived),
    ("X8", entries::skipped_stage),
    ("XD", entries::other_period),
];

/// Draws the instant of an MQL entry inside the period by both time zones.
fn entry_in_period(studio: &mut Studio) -> Timestamp {
    studio.dice.working_instant(period_opens(), period_settles())
}

/// Makes up a person who becomes MQL in the period, with that instant.
fn newcomer(studio: &mut Studio) -> (Person, Timestamp) {
    let mql = entry_in_period(studio);
    (person(studio, mql), mql)
}

/// Draws when a contact with this MQL entry was created.
fn created_before(studio: &mut Studio, mql: Timestamp) -> Timestamp {
    match studio.dice.weighted(&[45, 35, 20]) {
        0 => {
            mql - SignedDuration::from_mins(
                2 + i64::try_from(studio.dice.between(0, 50)).unwrap_or(0),
            )
        }
        1 => studio.dice.working_instant(
            mql - SignedDuration::from_hours(45 * 24),
            mql - SignedDuration::from_hours(1),
        ),
        _ => studio.dice.working_instant(
            mql - SignedDuration::from_hours(400 * 24),
            mql - SignedDuration::from_hours(48),
        ),
    }
}

/// Writes a contact with one MQL entry; it is on no list and not yet among the rows.
fn qualified(studio: &mut Studio, person: &Person, mql: Timestamp) -> Contact {
    let created = created_before(studio, mql);
    let mut contact = contact(studio, person, created);
    let first = if studio.dice.chance(20) { "subscriber" } else { "lead" };
    travel(studio, &mut contact, &[(created, first), (mql, "marketingqualifiedlead")]);
    contact.lead_status = String::from("NEW");
    contact
}

/// Writes a contact and the lead that the connector made of it in its next run, linked and
/// agreeing; `later` are stage entries after the MQL entry.
fn handed_over(
    studio: &mut Studio,
    person: &Person,
    mql: Timestamp,
    later: &[Entry],
) -> (Contact, Lead) {
    let mut contact = qualified(studio, person, mql);
    hand_off(studio, &mut contact, mql);
    let delay = i64::try_from(studio.dice.between(5, 900)).unwrap_or(5);
    let arrived = next_sync(mql, delay);
    let mut lead = lead(studio, person, arrived, INTEGRATION);
    let mut synced = arrived;
    if let Some((last, _)) = later.last() {
        travel(studio, &mut contact, later);
        synced = next_sync(*last, delay);
    }
    link_lead(&mut contact, &mut lead, synced);
    (contact, lead)
}

/// Draws an instant between two days after `from` and the connector's last run.
fn some_days_after(studio: &mut Studio, from: Timestamp) -> Timestamp {
    let earliest = from + SignedDuration::from_hours(7);
    studio
        .dice
        .working_instant(earliest.min(last_sync()), last_sync() - SignedDuration::from_hours(6))
        .max(earliest)
}

/// Enters a planted contact and says that Marketing alone counts it.
fn enter_exit(studio: &mut Studio, code: &str, contact: Contact) {
    studio.plant("exit", code, "hubspot", &contact.id);
    studio.hubspot.contacts.push(contact);
}

/// Enters a planted lead and says that Sales alone counts it.
fn enter_entry(studio: &mut Studio, code: &str, lead: Lead) {
    studio.plant("entry", code, "salesforce", &lead.id);
    studio.salesforce.leads.push(lead);
}
