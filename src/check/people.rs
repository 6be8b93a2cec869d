//! Whether owners have a counterpart on the other side.

use crate::config::{Entity, Field, FieldType};
use crate::schema::{Schema, User, UserType};

use super::finding::{Findings, quoted};
use super::flows::flows;
use super::{Metadata, Place, Severity, vendor};

pub fn judge(entity: &Entity, field: &Field, metadata: &Metadata, findings: &mut Findings) {
    if field.field_type != FieldType::Owner {
        return;
    }
    let place = Place::field(entity, field);
    for flow in flows(entity, field) {
        let (Some(from), Some(to)) = (metadata.schema(flow.from()), metadata.schema(flow.to))
        else {
            continue;
        };
        let (here, there) = (vendor(flow.from()), vendor(flow.to));
        let (mut missing, mut left) = (Vec::new(), Vec::new());
        let people = from.users.iter().filter(|u| u.user_type == UserType::Person && u.is_active);
        for user in people {
            let found = counterparts(user, to);
            if found.iter().any(|user| user.is_active) {
                continue;
            }
            if found.is_empty() { &mut missing } else { &mut left }.push(shown(user));
        }
        if !missing.is_empty() {
            let sentence = format!(
                "records are held back that belong to {here} users without a namesake, by e-mail, in {there}: {}",
                quoted(&missing)
            );
            let todo = format!("give them a user in {there}, or their records another owner");
            findings.add((Severity::Warning, "owner_unmapped"), &place, sentence, todo);
        }
        if !left.is_empty() {
            let sentence = format!(
                "records are held back that belong to {here} users who have left {there}: {}",
                quoted(&left)
            );
            let todo = "give their records an owner who is there";
            findings.add((Severity::Warning, "owner_inactive"), &place, sentence, todo);
        }
        let queues = from.users.iter().filter(|user| user.user_type == UserType::Queue);
        let queues: Vec<&str> = queues.map(shown).collect();
        if !queues.is_empty() {
            let sentence = format!(
                "records are held back that belong to a queue of {here}: {}",
                quoted(&queues)
            );
            let todo = "nothing, if they wait there to be taken";
            findings.add((Severity::Note, "owner_queue"), &place, sentence, todo);
        }
    }
}

fn counterparts<'a>(user: &User, to: &'a Schema) -> Vec<&'a User> {
    let address = |user: &User| user.email.as_deref().map(|email| email.trim().to_lowercase());
    let Some(wanted) = address(user) else { return Vec::new() };
    let is_same = |other: &&User| {
        other.user_type == UserType::Person && address(other).as_deref() == Some(wanted.as_str())
    };
    to.users.iter().filter(is_same).collect()
}

fn shown(user: &User) -> &str {
    if user.name.is_empty() { &user.user_id } else { &user.name }
}
