//! One row of a call that writes many, as collections and bulk jobs do it.

use serde_json::{Map, Value};

use super::errors::Fault;
use super::ids;
use super::org::Org;
use super::schema::{Field, Object};
use super::writes::{self, UpsertFault, Upserted};

/// Changes the record that the row's own id names, and returns the id's long form.
pub fn update(
    org: &Org<'_>,
    object: &Object,
    record: &Map<String, Value>,
) -> Result<String, Fault> {
    let id = record_id(record)
        .filter(|id| !id.is_empty())
        .ok_or_else(|| Fault::row("MISSING_ARGUMENT", "Id not specified in an update call", &[]))?;
    let normalized = ids::normalize(id)
        .filter(|id| id.starts_with(&object.key_prefix))
        .ok_or_else(|| malformed_id(id))?;
    writes::update(org, object, &normalized, record).map_err(missing_row)?;
    Ok(normalized)
}

/// Updates or creates the record that has the row's key.
///
/// `earlier` are the keys of the rows before it in the same call, as [`key_text`] gives them: of
/// rows that share a key only the first is taken.
pub fn upsert(
    org: &Org<'_>,
    object: &Object,
    key: &Field,
    record: &Map<String, Value>,
    earlier: &[Option<String>],
) -> Result<Upserted, Fault> {
    if let Some(own) = key_text(record, key)
        && earlier.iter().flatten().any(|earlier| *earlier == own)
    {
        let message = format!("Duplicate external id specified: {own}");
        return Err(Fault::row("DUPLICATE_VALUE", message, &[&key.name]));
    }
    let mut body = record.clone();
    let name = body.keys().find(|own| own.eq_ignore_ascii_case(&key.name)).cloned();
    let value = name.and_then(|name| body.remove(&name)).unwrap_or(Value::Null);
    if value.is_null() {
        let message = format!("{} not specified", key.name);
        return Err(Fault::row("MISSING_ARGUMENT", message, &[]));
    }
    match writes::upsert(org, object, key, &value, &body, false) {
        Ok(done) => Ok(done),
        Err(UpsertFault::Refused(fault)) => Err(missing_row(fault)),
        Err(UpsertFault::Ambiguous(found)) => {
            let found: Vec<&str> = found.iter().map(|id| ids::short(id)).collect();
            let message = format!(
                "{}: more than one record found for external id field: [{}]",
                key.name,
                found.join(", ")
            );
            Err(Fault::row("DUPLICATE_EXTERNAL_ID", message, &[&key.name]))
        }
    }
}

/// Deletes the record of an id, of `object` or of whatever object it belongs to.
pub fn delete(org: &Org<'_>, object: Option<&Object>, id: &str) -> Result<String, Fault> {
    let (object, id) = named(org, object, id)?;
    writes::delete(org, object, &id).map_err(missing_row)?;
    Ok(id)
}

/// Deletes a record past the recycle bin, whether or not it lies in it already.
pub fn delete_for_good(org: &Org<'_>, object: &Object, id: &str) -> Result<String, Fault> {
    let (object, id) = named(org, Some(object), id)?;
    writes::delete_for_good(org, object, &id).map_err(missing_row)?;
    Ok(id)
}

/// Returns the text of a row's key, folded as keys compare.
pub fn key_text(record: &Map<String, Value>, key: &Field) -> Option<String> {
    record
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(&key.name))
        .and_then(|(_, value)| value.as_str())
        .map(str::to_lowercase)
}

/// Returns the id that a row names itself by.
pub fn record_id(record: &Map<String, Value>) -> Option<&str> {
    record.get("id").or_else(|| record.get("Id")).and_then(Value::as_str)
}

fn named<'a>(
    org: &Org<'a>,
    object: Option<&'a Object>,
    id: &str,
) -> Result<(&'a Object, String), Fault> {
    let malformed = || Fault::row("MALFORMED_ID", format!("malformed id {id}"), &[]);
    let normalized = ids::normalize(id).ok_or_else(malformed)?;
    let found = org.catalog.object_of_id(&normalized).ok_or_else(malformed)?;
    if object.is_some_and(|object| object.name != found.name) {
        return Err(malformed());
    }
    Ok((found, normalized))
}

/// Says of a row that was never there what calls of many rows say of it.
fn missing_row(fault: Fault) -> Fault {
    if fault.code == "NOT_FOUND" { Fault::invalid_cross_reference(&[]) } else { fault }
}

fn malformed_id(id: &str) -> Fault {
    Fault::row("MALFORMED_ID", format!("Record ID: id value of incorrect type: {id}"), &["Id"])
}
