//! Merging two records into one (reference section 4.8).

use std::collections::BTreeSet;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use rusqlite::params;
use serde::Deserialize;

use super::batch::Id;
use super::errors::ApiError;
use super::record::{self, Selection, Shape};
use super::schema::ObjectType;
use super::store::{self, Stored};
use super::{Server, Work, objects, parse, reply};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MergeRequest {
    primary_object_id: Id,
    object_id_to_merge: Id,
}

pub async fn merge(
    State(server): State<Server>,
    Path(object): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let request: MergeRequest = parse(&body)?;
    server
        .call(move |work| {
            let object = work.schema.object(&object)?;
            let primary = survivor(work, object, &request.primary_object_id.text())?;
            let other = survivor(work, object, &request.object_id_to_merge.text())?;
            if primary.id == other.id {
                return Err(ApiError::invalid("A record cannot be merged with itself"));
            }
            let merged = merge_records(work, object, &primary, &other)?;
            let shape = Shape::of(work, object, &Selection::default())?;
            reply(StatusCode::OK, &record::view(work, &shape, &merged.raw()?)?)
        })
        .await
}

fn survivor(work: &Work<'_>, object: &ObjectType, id: &str) -> Result<Stored, ApiError> {
    let id = store::resolve_alias(work.db, &object.id, objects::numeric(id)?)?;
    store::find(work.db, &object.id, id)?
        .filter(|record| !record.archived)
        .ok_or_else(ApiError::no_such_record)
}

fn merge_records(
    work: &Work<'_>,
    object: &ObjectType,
    primary: &Stored,
    other: &Stored,
) -> Result<Stored, ApiError> {
    let id = if work.settings.preserves_primary_id {
        primary.id
    } else {
        store::allocate_id(work.db, &object.id)?
    };
    let mut properties = other.properties.clone();
    properties.extend(primary.properties.clone());
    let joined = |name: &str, own: &dyn Fn(&Stored) -> Option<String>| {
        let mut all = BTreeSet::new();
        for record in [primary, other] {
            if let Some(held) = record.properties.get(name) {
                all.extend(held.split(';').filter(|one| !one.is_empty()).map(str::to_owned));
            }
            all.extend(own(record));
        }
        all
    };
    let ids = joined("hs_merged_object_ids", &|record| Some(record.id.to_string()));
    let ids: Vec<String> = ids.into_iter().filter(|one| *one != id.to_string()).collect();
    properties.insert("hs_merged_object_ids".to_owned(), ids.join(";"));
    if object.is_contacts() {
        let mut emails =
            joined("hs_additional_emails", &|record| record.properties.get("email").cloned());
        if let Some(email) = properties.get("email") {
            emails.remove(email);
        }
        if !emails.is_empty() {
            let emails: Vec<String> = emails.into_iter().collect();
            properties.insert("hs_additional_emails".to_owned(), emails.join(";"));
        }
    }
    let merged = Stored {
        id,
        archived: false,
        created_at: primary.created_at.min(other.created_at),
        updated_at: work.now.max(primary.updated_at + 1),
        archived_at: None,
        properties,
    };
    for old in [primary.id, other.id].into_iter().filter(|old| *old != id) {
        give_way(work, object, old, id, old == primary.id)?;
    }
    store::put(work.db, &object.id, &merged)?;
    store::index_unique_values(work.db, object, &merged)?;
    Ok(merged)
}

/// Hands everything that hangs on an old id to the new one and makes the old id an alias.
fn give_way(
    work: &Work<'_>,
    object: &ObjectType,
    old: i64,
    new: i64,
    keeps_history: bool,
) -> Result<(), ApiError> {
    let moves = [
        "update or ignore associations set from_id = ?3 where from_object = ?1 and from_id = ?2",
        "update or ignore associations set to_id = ?3 where to_object = ?1 and to_id = ?2
         and (from_object, from_id) in (
             select to_object, to_id from associations where from_object = ?1 and from_id = ?3)",
        "update aliases set id = ?3 where object = ?1 and id = ?2",
        "insert or replace into aliases (object, old_id, id) values (?1, ?2, ?3)",
        "update or ignore list_memberships set record_id = ?3 where record_id = ?2
         and list_id in (select id from lists where object = ?1)",
    ];
    for sql in moves {
        work.db.prepare_cached(sql)?.execute(params![object.id, old, new])?;
    }
    let removals = [
        "delete from associations where from_object = ?1 and from_id = ?2",
        "delete from list_memberships where record_id = ?2
         and list_id in (select id from lists where object = ?1)",
        "delete from unique_values where object = ?1 and id = ?2",
        "delete from records where object = ?1 and id = ?2",
    ];
    for sql in removals {
        work.db.prepare_cached(sql)?.execute(params![object.id, old])?;
    }
    if keeps_history {
        // The survivor shows the primary's past; the other's stays under its old id.
        work.db
            .prepare_cached("update history set id = ?3 where object = ?1 and id = ?2")?
            .execute(params![object.id, old, new])?;
    }
    Ok(())
}
