//! Erasing a contact for good (reference section 4.9).

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rusqlite::params;
use serde::Deserialize;

use super::batch::Id;
use super::errors::ApiError;
use super::schema::ObjectType;
use super::store::{self, Stored};
use super::{Server, Work, objects, parse, write};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EraseRequest {
    object_id: Id,
    #[serde(default)]
    id_property: Option<String>,
}

/// Erases a contact; an address that no contact has is only kept from coming back by an import.
pub async fn erase(State(server): State<Server>, body: Bytes) -> Result<Response, ApiError> {
    let request: EraseRequest = parse(&body)?;
    server
        .call(move |work| {
            let object = work.schema.object("contacts")?;
            let asked = request.object_id.text();
            let id = match request.id_property.as_deref() {
                Some("email") => {
                    block_email(work, &asked)?;
                    store::holder(work.db, &object.id, "email", &asked)?.map(|holder| holder.id)
                }
                Some(key) => return Err(ApiError::key_not_unique(&object.id, key)),
                None => {
                    let id = objects::numeric(&asked)?;
                    Some(store::resolve_alias(work.db, &object.id, id)?)
                }
            };
            let record = match id {
                Some(id) => store::find(work.db, &object.id, id)?,
                None => None,
            };
            match record {
                Some(record) => erase_record(work, object, &record),
                None if request.id_property.is_some() => Ok(()),
                None => Err(ApiError::no_such_record()),
            }
        })
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Tells whether an address was erased, so that no import may bring it back.
pub fn is_blocked(work: &Work<'_>, email: &str) -> Result<bool, ApiError> {
    Ok(work
        .db
        .prepare_cached("select exists (select 1 from blocked_emails where email = ?1)")?
        .query_row([email.trim().to_lowercase()], |row| row.get(0))?)
}

fn erase_record(work: &Work<'_>, object: &ObjectType, record: &Stored) -> Result<(), ApiError> {
    let emails = ["email", "hs_additional_emails"];
    for email in emails.iter().filter_map(|name| record.properties.get(*name)) {
        for email in email.split(';') {
            block_email(work, email)?;
        }
    }
    write::unlink(work, object, record.id)?;
    for table in ["history", "unique_values", "aliases", "records"] {
        work.db.execute(
            &format!("delete from {table} where object = ?1 and id = ?2"),
            params![object.id, record.id],
        )?;
    }
    Ok(())
}

fn block_email(work: &Work<'_>, email: &str) -> Result<(), ApiError> {
    work.db.execute(
        "insert or ignore into blocked_emails (email) values (?1)",
        [email.trim().to_lowercase()],
    )?;
    Ok(())
}
