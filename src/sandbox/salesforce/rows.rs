//! Endpoints of single records: by id and by external id.

use serde::Serialize;

use super::answer::Answer;
use super::call::Call;
use super::errors::Fault;
use super::org::{Org, StoredRow};
use super::query::{for_each_row, write_record};
use super::schema::{Field, Object};
use super::soql;
use super::writes::{self, UpsertFault};
use super::{conditional, wire};

/// What a create or an upsert answers, keys in the vendor's order.
#[derive(Serialize)]
struct Saved<'a> {
    id: &'a str,
    success: bool,
    errors: [(); 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<bool>,
}

/// Answers `POST sobjects/X`.
pub fn create(org: &Org<'_>, call: &Call, object: &Object) -> Result<Answer, Fault> {
    let body = call.json_object()?;
    if body.keys().any(|key| key.eq_ignore_ascii_case("id")) {
        return Err(id_in_body());
    }
    let id = org.attempt(|| writes::create(org, object, &body))?;
    let saved = Saved { id: &id, success: true, errors: [], created: None };
    let location = call.url(&format!("sobjects/{}/{id}", object.name));
    Ok(Answer::json(201, &saved).with("location", location))
}

/// Answers `GET`, `PATCH` and `DELETE` on `sobjects/X/<id>`.
pub fn by_id(org: &Org<'_>, call: &Call, object: &Object, id: &str) -> Result<Answer, Fault> {
    match call.method.as_str() {
        "GET" | "HEAD" => {
            let row = writes::visible_row(org, object, id)?;
            if let Some(unchanged) = check_change(call, object, &row)? {
                return Ok(unchanged);
            }
            let plan = plan(org, object, call.parameter("fields"))?;
            read(org, call, &plan, row.row)
        }
        "PATCH" => {
            let body = call.json_object()?;
            if body.keys().any(|key| key.eq_ignore_ascii_case("id")) {
                return Err(id_in_body());
            }
            if call.headers.iter().any(|(name, _)| name.ends_with("modified-since")) {
                check_change(call, object, &writes::live_row(org, object, id)?)?;
            }
            org.attempt(|| writes::update(org, object, id, &body))?;
            Ok(Answer::empty())
        }
        "DELETE" => {
            org.attempt(|| writes::delete(org, object, id))?;
            Ok(Answer::empty())
        }
        method => Err(Fault::method_not_allowed(method, "GET,HEAD,PATCH,DELETE")),
    }
}

/// Answers `GET`, `PATCH` and `DELETE` on `sobjects/X/<field>/<value>`.
pub fn by_key(
    org: &Org<'_>,
    call: &Call,
    object: &Object,
    key: &str,
    value: &str,
) -> Result<Answer, Fault> {
    let field = lookup_key(object, key)?;
    if call.method == "PATCH" {
        let body = call.json_object()?;
        if body.keys().any(|own| own.eq_ignore_ascii_case("id")) {
            return Err(id_in_body());
        }
        if body.keys().any(|own| own.eq_ignore_ascii_case(&field.name)) {
            let message =
                format!("The {} field should not be specified in the sobject data.", field.name);
            return Err(Fault::new(400, "INVALID_FIELD", message));
        }
        let is_update_only = call.parameter("updateOnly") == Some("true");
        let mut ambiguous = None;
        let upserted = org.attempt(|| {
            let value = serde_json::Value::from(value);
            match writes::upsert(org, object, field, &value, &body, is_update_only) {
                Ok(upserted) => Ok(Some(upserted)),
                Err(UpsertFault::Refused(fault)) => Err(fault),
                Err(UpsertFault::Ambiguous(ids)) => {
                    ambiguous = Some(ids);
                    Ok(None)
                }
            }
        })?;
        return Ok(match (upserted, ambiguous) {
            (Some(done), _) => {
                let status = if done.is_created { 201 } else { 200 };
                let created = Some(done.is_created);
                Answer::json(status, &Saved { id: &done.id, success: true, errors: [], created })
            }
            (None, ids) => choices(call, object, &ids.unwrap_or_default()),
        });
    }
    let cell = wire::parse_text(field.kind, value).ok_or_else(Fault::not_found)?;
    let mut rows = Vec::new();
    for row in org.rows_by(object, field, &cell)? {
        if !org.is_kept_from(object, &row, false)? {
            rows.push(row);
        }
    }
    match (call.method.as_str(), rows.as_slice()) {
        (_, []) => Err(Fault::not_found()),
        ("GET" | "HEAD", [row]) => {
            let plan = plan(org, object, call.parameter("fields"))?;
            read(org, call, &plan, row.row)
        }
        ("DELETE", [row]) => {
            org.attempt(|| writes::delete(org, object, row.id(object)))?;
            Ok(Answer::empty())
        }
        ("GET" | "HEAD" | "DELETE", rows) => {
            let ids: Vec<String> = rows.iter().map(|row| row.id(object).to_owned()).collect();
            Ok(choices(call, object, &ids))
        }
        (method, _) => Err(Fault::method_not_allowed(method, "GET,HEAD,PATCH,DELETE")),
    }
}

/// Returns the field that an upsert or a look-up goes by.
///
/// # Errors
/// `NOT_FOUND` when the object has no such key.
pub fn lookup_key<'a>(object: &'a Object, key: &str) -> Result<&'a Field, Fault> {
    object.field(key).filter(|field| field.is_lookup_key).ok_or_else(|| {
        let message =
            format!("Provided external ID field does not exist or is not accessible: {key}");
        Fault::new(404, "NOT_FOUND", message)
    })
}

/// Returns the reading plan of some or all fields, without the query's own `Id` in front.
///
/// # Errors
/// `INVALID_FIELD` for a field that the object lacks.
pub fn plan(org: &Org<'_>, object: &Object, fields: Option<&str>) -> Result<soql::Plan, Fault> {
    let mut names: Vec<&str> = match fields {
        Some(fields) => fields.split(',').map(str::trim).filter(|name| !name.is_empty()).collect(),
        None => object.visible_fields().map(|field| field.name.as_str()).collect(),
    };
    if let Some(unknown) =
        names.iter().find(|name| !name.contains('.') && object.field(name).is_none())
    {
        let message = format!("No such column '{unknown}' on sobject of type {}", object.name);
        return Err(Fault::new(400, "INVALID_FIELD", message));
    }
    if fields.is_some() && !names.iter().any(|name| name.eq_ignore_ascii_case("id")) {
        names.push("Id");
    }
    let text = format!("SELECT {} FROM {}", names.join(", "), object.name);
    let query = soql::parse(&text)?;
    soql::translate(&org.frame(), &text, &query, true)
}

fn read(org: &Org<'_>, call: &Call, plan: &soql::Plan, row: i64) -> Result<Answer, Fault> {
    let mut out = String::new();
    for_each_row(org, plan, &[row], |row| write_record(org, &mut out, call, row, plan))?;
    Ok(Answer::text(200, out))
}

fn check_change(call: &Call, object: &Object, row: &StoredRow) -> Result<Option<Answer>, Fault> {
    match row.text(object, "LastModifiedDate").and_then(wire::parse_moment) {
        Some(changed_at) => conditional::check(call, changed_at),
        None => Ok(None),
    }
}

fn choices(call: &Call, object: &Object, ids: &[String]) -> Answer {
    let urls: Vec<String> =
        ids.iter().map(|id| call.url(&format!("sobjects/{}/{id}", object.name))).collect();
    Answer::json(300, &urls)
}

fn id_in_body() -> Fault {
    Fault::new(400, "INVALID_FIELD", "The Id field should not be specified in the sobject data.")
}
