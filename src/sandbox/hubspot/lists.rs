//! Lists and their members (reference section 11).

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::batch::Id;
use super::errors::ApiError;
use super::record::Paging;
use super::routes::{Params, after, limit, many};
use super::time::iso;
use super::{Server, Work, parse, reply, store};

const SEARCH_DEFAULT: usize = 20;
const SEARCH_MAX: usize = 500;
const MEMBERS_DEFAULT: usize = 100;
const MEMBERS_MAX: usize = 250;

const COLUMNS: &str = "id, name, object, processing_type, created_at, updated_at,
    (select count(*) from list_memberships where list_id = lists.id)";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListView {
    list_id: String,
    list_version: u32,
    name: String,
    object_type_id: String,
    processing_type: String,
    processing_status: &'static str,
    size: i64,
    created_at: String,
    updated_at: String,
    additional_properties: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateList {
    name: String,
    object_type_id: String,
    processing_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct SearchRequest {
    query: Option<String>,
    list_ids: Vec<Id>,
    processing_types: Vec<String>,
    object_type_id: Option<String>,
    offset: usize,
    count: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct AddAndRemove {
    record_ids_to_add: Vec<Id>,
    record_ids_to_remove: Vec<Id>,
}

pub async fn create(State(server): State<Server>, body: Bytes) -> Result<Response, ApiError> {
    let request: CreateList = parse(&body)?;
    if !["MANUAL", "SNAPSHOT", "DYNAMIC"].contains(&request.processing_type.as_str()) {
        return Err(ApiError::invalid(format!(
            "Invalid input: processingType is not valid: {}",
            request.processing_type
        )));
    }
    let view = server
        .call(move |work| {
            let object = work.schema.object(&request.object_type_id)?;
            let now = iso(work.now);
            work.db.execute(
                "insert into lists (name, object, processing_type, created_at, updated_at)
                 values (?1, ?2, ?3, ?4, ?4)",
                params![request.name, object.id, request.processing_type, now],
            )?;
            find(work, &work.db.last_insert_rowid().to_string())
        })
        .await?;
    reply(StatusCode::OK, &json!({ "list": view }))
}

pub async fn read(
    State(server): State<Server>,
    Path(list): Path<String>,
) -> Result<Response, ApiError> {
    let view = server.read(move |work| find(work, &list)).await?;
    reply(StatusCode::OK, &json!({ "list": view }))
}

pub async fn read_by_name(
    State(server): State<Server>,
    Path((object, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let view = server
        .read(move |work| {
            let object = work.schema.object(&object)?;
            work.db
                .prepare_cached(&format!(
                    "select {COLUMNS} from lists where object = ?1 and name = ?2"
                ))?
                .query_row(params![object.id, name], read_list)
                .optional()?
                .ok_or_else(|| ApiError::not_found(format!("List does not exist with name {name}")))
        })
        .await?;
    reply(StatusCode::OK, &json!({ "list": view }))
}

pub async fn read_many(State(server): State<Server>, params: Params) -> Result<Response, ApiError> {
    let ids = many(&params, "listIds");
    let lists = server
        .read(move |work| {
            let all = all_lists(work)?;
            Ok(all.into_iter().filter(|list| ids.contains(&list.list_id)).collect::<Vec<_>>())
        })
        .await?;
    reply(StatusCode::OK, &json!({ "lists": lists }))
}

pub async fn search(State(server): State<Server>, body: Bytes) -> Result<Response, ApiError> {
    let request: SearchRequest = parse(&body)?;
    let count = request.count.unwrap_or(SEARCH_DEFAULT);
    if count > SEARCH_MAX {
        return Err(ApiError::invalid(format!(
            "Invalid input: count must not exceed {SEARCH_MAX}, got {count}"
        )));
    }
    let view = server
        .read(move |work| {
            let words = request.query.as_deref().unwrap_or_default().to_lowercase();
            let ids: Vec<String> = request.list_ids.iter().map(Id::text).collect();
            let found: Vec<ListView> = all_lists(work)?
                .into_iter()
                .filter(|list| list.name.to_lowercase().contains(&words))
                .filter(|list| ids.is_empty() || ids.contains(&list.list_id))
                .filter(|list| {
                    request.processing_types.is_empty()
                        || request.processing_types.contains(&list.processing_type)
                })
                .filter(|list| {
                    request
                        .object_type_id
                        .as_ref()
                        .is_none_or(|asked| *asked == list.object_type_id)
                })
                .collect();
            let total = found.len();
            let page: Vec<_> = found.into_iter().skip(request.offset).take(count).collect();
            let offset = request.offset + page.len();
            Ok(json!({
                "lists": page,
                "hasMore": offset < total,
                "offset": offset,
                "total": total,
            }))
        })
        .await?;
    reply(StatusCode::OK, &view)
}

pub async fn delete(
    State(server): State<Server>,
    Path(list): Path<String>,
) -> Result<Response, ApiError> {
    server
        .call(move |work| {
            let list = find(work, &list)?;
            work.db.execute("delete from list_memberships where list_id = ?1", [&list.list_id])?;
            work.db.execute("delete from lists where id = ?1", [&list.list_id])?;
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn members(
    server: State<Server>,
    list: Path<String>,
    params: Params,
) -> Result<Response, ApiError> {
    page_of_members(server, list, params, "record_id").await
}

pub async fn members_by_join(
    server: State<Server>,
    list: Path<String>,
    params: Params,
) -> Result<Response, ApiError> {
    page_of_members(server, list, params, "joined_at, record_id").await
}

/// Pages through the members; the token is how many were shown before.
async fn page_of_members(
    State(server): State<Server>,
    Path(list): Path<String>,
    params: Params,
    order: &'static str,
) -> Result<Response, ApiError> {
    let limit = limit(&params, MEMBERS_DEFAULT, MEMBERS_MAX)?;
    let offset = after(&params)?.max(0);
    let view = server
        .read(move |work| {
            let list = find(work, &list)?;
            let mut members: Vec<Value> = work
                .db
                .prepare_cached(&format!(
                    "select record_id, joined_at from list_memberships where list_id = ?1
                     order by {order} limit ?2 offset ?3"
                ))?
                .query_map(params![list.list_id, store::sql_count(limit + 1), offset], |row| {
                    let (id, joined_at): (i64, String) = (row.get(0)?, row.get(1)?);
                    Ok(json!({"recordId": id.to_string(), "membershipTimestamp": joined_at}))
                })?
                .collect::<Result<_, _>>()?;
            let has_more = members.len() > limit;
            members.truncate(limit);
            let mut view = json!({"results": members, "total": list.size});
            if has_more {
                let next = usize::try_from(offset).unwrap_or_default() + limit;
                view["paging"] = serde_json::to_value(Paging::after(&next, None))?;
            }
            Ok(view)
        })
        .await?;
    reply(StatusCode::OK, &view)
}

pub async fn add(
    State(server): State<Server>,
    Path(list): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    change(server, list, parse(&body)?, Vec::new()).await
}

pub async fn remove(
    State(server): State<Server>,
    Path(list): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    change(server, list, Vec::new(), parse(&body)?).await
}

pub async fn add_and_remove(
    State(server): State<Server>,
    Path(list): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let request: AddAndRemove = parse(&body)?;
    change(server, list, request.record_ids_to_add, request.record_ids_to_remove).await
}

pub async fn clear(
    State(server): State<Server>,
    Path(list): Path<String>,
) -> Result<Response, ApiError> {
    server
        .call(move |work| {
            let list = writable(work, &list)?;
            work.db.execute("delete from list_memberships where list_id = ?1", [&list.list_id])?;
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn change(
    server: Server,
    list: String,
    to_add: Vec<Id>,
    to_remove: Vec<Id>,
) -> Result<Response, ApiError> {
    let view = server
        .call(move |work| {
            let list = writable(work, &list)?;
            let now = iso(work.now);
            let (mut added, mut removed, mut missing) = (Vec::new(), Vec::new(), Vec::new());
            for id in to_add {
                let id = id.text();
                let record = match id.parse() {
                    Ok(id) => store::find(work.db, &list.object_type_id, id)?,
                    Err(_) => None,
                };
                if record.is_none_or(|record| record.archived) {
                    missing.push(id);
                } else if work.db.execute(
                    "insert or ignore into list_memberships (list_id, record_id, joined_at)
                     values (?1, ?2, ?3)",
                    params![list.list_id, id, now],
                )? > 0
                {
                    added.push(id);
                }
            }
            for id in to_remove {
                let id = id.text();
                let gone = work.db.execute(
                    "delete from list_memberships where list_id = ?1 and record_id = ?2",
                    params![list.list_id, id],
                )?;
                if gone > 0 {
                    removed.push(id);
                }
            }
            work.db.execute(
                "update lists set updated_at = ?2 where id = ?1",
                params![list.list_id, now],
            )?;
            Ok(json!({
                "recordsIdsAdded": added,
                "recordIdsRemoved": removed,
                "recordIdsMissing": missing,
            }))
        })
        .await?;
    reply(StatusCode::OK, &view)
}

/// Finds a list whose members are kept by hand.
fn writable(work: &Work<'_>, list: &str) -> Result<ListView, ApiError> {
    let list = find(work, list)?;
    if list.processing_type == "DYNAMIC" {
        return Err(ApiError::invalid(format!(
            "List {} is DYNAMIC: its memberships cannot be edited",
            list.list_id
        )));
    }
    Ok(list)
}

pub fn find(work: &Work<'_>, list: &str) -> Result<ListView, ApiError> {
    work.db
        .prepare_cached(&format!("select {COLUMNS} from lists where id = ?1"))?
        .query_row([list], read_list)
        .optional()?
        .ok_or_else(|| ApiError::not_found(format!("List does not exist with ID {list}")))
}

fn all_lists(work: &Work<'_>) -> Result<Vec<ListView>, ApiError> {
    Ok(work
        .db
        .prepare_cached(&format!("select {COLUMNS} from lists order by id"))?
        .query_map([], read_list)?
        .collect::<Result<_, _>>()?)
}

fn read_list(row: &Row<'_>) -> rusqlite::Result<ListView> {
    let size: i64 = row.get(6)?;
    Ok(ListView {
        list_id: row.get::<_, i64>(0)?.to_string(),
        list_version: 1,
        name: row.get(1)?,
        object_type_id: row.get(2)?,
        processing_type: row.get(3)?,
        processing_status: "COMPLETE",
        size,
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
        additional_properties: json!({"hs_list_size": size.to_string()}),
    })
}
