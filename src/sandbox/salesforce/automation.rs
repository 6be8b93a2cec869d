//! What the org's rules make of a record that was just written.
//!
//! Rules look at the record as it lies in the database, inside the write's own savepoint, so that
//! any condition a query can have works as a rule's; a refusal undoes the write.

use rusqlite::types::Value as Cell;

use super::errors::Fault;
use super::ids;
use super::org::{Assignment, Org};
use super::rules::{Event, Reformat, Trigger, When};
use super::schema::Object;
use super::{duplicates, names, validate};

/// A write that happened and may still be refused.
#[derive(Clone, Copy)]
pub struct Written<'a> {
    pub object: &'a Object,
    pub row: i64,
    pub event: Event,
    /// Positions of rules whose condition on the record before the write was met.
    pub met_before: &'a MetBefore,
}

/// Which rules' conditions a record met before it was written.
#[derive(Debug, Default)]
pub struct MetBefore {
    triggers: Vec<usize>,
    validation: Vec<usize>,
}

/// Looks at a record before it is changed.
pub fn before(org: &Org<'_>, object: &Object, row: i64) -> Result<MetBefore, Fault> {
    let mut met = MetBefore::default();
    let is_met = |rule_object: &str, when: Option<&When>| match when {
        Some(when) if rule_object.eq_ignore_ascii_case(&object.name) => {
            org.meets(object, row, when)
        }
        _ => Ok(false),
    };
    for (index, rule) in org.rules.triggers.iter().enumerate() {
        if is_met(&rule.object, rule.before.as_ref())? {
            met.triggers.push(index);
        }
    }
    for (index, rule) in org.rules.validation.iter().enumerate() {
        if is_met(&rule.object, rule.before.as_ref())? {
            met.validation.push(index);
        }
    }
    Ok(met)
}

/// Runs triggers, validation, duplicate rules and assignment on a written record, in this order.
///
/// # Errors
/// When a rule refuses the record.
pub fn after(org: &Org<'_>, written: Written<'_>) -> Result<(), Fault> {
    let Written { object, row, event, met_before } = written;
    let is_of = |own: &str| own.eq_ignore_ascii_case(&object.name);
    for (index, trigger) in org.rules.triggers.iter().enumerate() {
        let is_due = is_of(&trigger.object)
            && trigger.on.contains(&event)
            && (trigger.before.is_none() || met_before.triggers.contains(&index));
        if is_due && trigger.after.as_ref().map_or(Ok(true), |when| org.meets(object, row, when))? {
            fire(org, written, trigger)?;
        }
    }
    for (index, rule) in org.rules.validation.iter().enumerate() {
        let is_due = is_of(&rule.object)
            && rule.on.contains(&event)
            && (rule.before.is_none() || met_before.validation.contains(&index));
        if is_due && org.meets(object, row, &rule.after)? {
            let fields: Vec<&str> = rule.field.iter().map(String::as_str).collect();
            return Err(Fault::row("FIELD_CUSTOM_VALIDATION_EXCEPTION", &rule.message, &fields));
        }
    }
    if !org.is_system {
        duplicates::check(org, object, row, event)?;
        assign(org, written)?;
    }
    Ok(())
}

/// Refuses a write of a record that the rules lock, in the vendor's words.
pub fn check_lock(org: &Org<'_>, object: &Object, id: &str, event: Event) -> Result<(), Fault> {
    if org.is_system {
        return Ok(());
    }
    let is_locked = org.rules.locks.iter().any(|rule| {
        rule.object.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(&object.name))
            && (rule.ids.is_empty() || rule.ids.iter().any(|own| own == id))
            && rule.on.contains(&event)
            && rule.times.take()
    });
    if !is_locked {
        return Ok(());
    }
    let message = format!("unable to obtain exclusive access to this record or 1 records: {id}");
    Err(Fault::row("UNABLE_TO_LOCK_ROW", message, &[]))
}

fn fire(org: &Org<'_>, written: Written<'_>, trigger: &Trigger) -> Result<(), Fault> {
    let Written { object, row, event, .. } = written;
    if let Some(message) = &trigger.refuse {
        let event = match event {
            Event::Create => "AfterInsert",
            Event::Update => "AfterUpdate",
            Event::Delete => "AfterDelete",
        };
        let name = &object.name;
        let message = format!("{name}Trigger: execution of {event} caused by: {message}");
        return Err(Fault::row("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message, &[]));
    }
    let whole = org.whole.object(&object.name).unwrap_or(object);
    let stored = org.row_number(whole, row)?;
    let mut changes = Vec::new();
    for (name, value) in &trigger.set {
        let Some(index) = whole.position(name) else { continue };
        let Some(field) = whole.fields.get(index) else { continue };
        changes.push((index, validate::parse(field, value)?));
    }
    for (name, form) in &trigger.reformat {
        let Some(index) = whole.position(name) else { continue };
        if let Some(Cell::Text(text)) = stored.cells.get(index) {
            changes.push((index, Cell::Text(reformat(*form, text))));
        }
    }
    let mut cells = stored.cells.clone();
    for (index, cell) in &changes {
        if let Some(slot) = cells.get_mut(*index) {
            *slot = cell.clone();
        }
    }
    names::compute(whole, &mut cells);
    let differing: Vec<(usize, Cell)> = stored
        .cells
        .iter()
        .zip(cells)
        .enumerate()
        .filter(|(_, (old, new))| *old != new)
        .map(|(index, (_, new))| (index, new))
        .collect();
    org.update(whole, row, &differing)
}

/// Gives the record to the owner of the first rule that fits.
fn assign(org: &Org<'_>, written: Written<'_>) -> Result<(), Fault> {
    let Written { object, row, event, .. } = written;
    let assignment = org.options.assignment;
    for rule in &org.rules.assignment {
        let is_wanted = match assignment {
            Assignment::Active => rule.is_active,
            Assignment::Off => false,
            Assignment::Named(id) => {
                ids::normalize(&rule.id).is_some_and(|own| own.as_bytes() == id)
            }
        };
        let is_due = is_wanted
            && rule.object.eq_ignore_ascii_case(&object.name)
            && rule.on.contains(&event)
            && rule.when.as_ref().map_or(Ok(true), |when| org.meets(object, row, when))?;
        if let (true, Some(index)) = (is_due, object.position("OwnerId")) {
            return org.update(object, row, &[(index, Cell::Text(rule.owner_id.clone()))]);
        }
    }
    Ok(())
}

fn reformat(form: Reformat, text: &str) -> String {
    let digits = || text.chars().filter(char::is_ascii_digit).collect::<String>();
    match form {
        Reformat::Upper => text.to_uppercase(),
        Reformat::Lower => text.to_lowercase(),
        Reformat::Trim => text.trim().to_owned(),
        Reformat::Digits => digits(),
        Reformat::UsPhone => {
            let digits = digits();
            let ten = if digits.len() == 11 { digits.strip_prefix('1') } else { Some(&*digits) };
            match ten.filter(|ten| ten.len() == 10).map(|ten| ten.split_at(3)) {
                Some((area, rest)) => {
                    let (exchange, line) = rest.split_at(3);
                    format!("({area}) {exchange}-{line}")
                }
                None => text.to_owned(),
            }
        }
    }
}
