//! Checks of the ids that a record points to.

use rusqlite::types::Value as Cell;
use serde_json::{Map, Value};

use super::errors::Fault;
use super::ids;
use super::org::Org;
use super::schema::{Field, Object};
use super::validate::Change;
use super::wire;

/// Refuses a reference of the wrong object, to nothing, to what was deleted, to a converted lead,
/// or to an owner who cannot own.
pub fn check(org: &Org<'_>, object: &Object, field: &Field, id: &str) -> Result<(), Fault> {
    let target = org.catalog.object_of_id(id);
    let is_known = field.reference_to.iter().any(|name| org.catalog.object(name).is_some());
    if field.reference_to.is_empty() || !is_known {
        return Ok(());
    }
    let fields = [field.name.as_str()];
    let Some(target) = target.filter(|target| field.reference_to.contains(&target.name)) else {
        // A queue in place of a user is an id of the right kind for another object.
        if field.name == "OwnerId" {
            return Err(Fault::invalid_cross_reference(&fields));
        }
        return Err(malformed(field, id));
    };
    let Some(row) = org.row(target, id)? else {
        return Err(Fault::invalid_cross_reference(&fields));
    };
    if row.is_deleted(target) {
        return Err(Fault { status: 400, ..Fault::entity_is_deleted() });
    }
    if org.is_kept_from(target, &row, false)? {
        let message =
            format!("insufficient access rights on cross-reference id: {}", ids::short(id));
        return Err(Fault::row("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", message, &[]));
    }
    if target.name == "Lead" && object.name != "Lead" && row.is_true(target, "IsConverted") {
        return Err(converted());
    }
    let is_inactive = target.name == "User"
        && target.field("IsActive").is_some()
        && !row.is_true(target, "IsActive");
    if field.name == "OwnerId" && is_inactive {
        let message = format!("operation performed with inactive user [{}]", ids::short(id));
        return Err(Fault::row("INACTIVE_OWNER_OR_USER", message, &fields));
    }
    Ok(())
}

/// Resolves `"Account": {"Key__c": "42"}` to the parent's id.
pub fn by_external_id(
    org: &Org<'_>,
    object: &Object,
    relationship: &str,
    parent: &Map<String, Value>,
) -> Result<Change, Fault> {
    let unknown = || {
        let message = format!("No such column '{relationship}' on sobject of type {}", object.name);
        Fault::new(400, "INVALID_FIELD", message)
    };
    let field = object.relationship(relationship).ok_or_else(unknown)?;
    let index = object.position(&field.name).ok_or_else(unknown)?;
    let mut keys = parent.iter().filter(|(key, _)| *key != "attributes");
    let (Some((key, value)), None) = (keys.next(), keys.next()) else {
        return Err(Fault::new(
            400,
            "INVALID_FIELD",
            format!("Foreign key relationship {relationship} needs exactly one external id"),
        ));
    };
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let wanted = parent.get("attributes").and_then(|own| own.get("type")).and_then(Value::as_str);
    for target in field
        .reference_to
        .iter()
        .filter(|name| wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(name)))
        .filter_map(|name| org.catalog.object(name))
    {
        let Some(own) = target.field(key).filter(|own| own.is_lookup_key) else { continue };
        let Some(cell) = wire::parse_text(own.kind, &text) else { continue };
        if let [row] = org.rows_by(target, own, &cell)?.as_slice() {
            return Ok((index, Cell::Text(row.id(target).to_owned())));
        }
    }
    let entity = field.reference_to.first().map_or("", String::as_str);
    let message =
        format!("Foreign key external ID: {text} not found for field {key} in entity {entity}");
    Err(Fault::new(400, "INVALID_FIELD", message))
}

pub fn malformed(field: &Field, id: &str) -> Fault {
    let message = format!("{}: id value of incorrect type: {id}", field.label);
    Fault::row("MALFORMED_ID", message, &[&field.name])
}

pub fn converted() -> Fault {
    Fault::row("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", &[])
}
