//! Lists and their members (reference section 11).
//!
//! A dynamic list keeps its filters and shows them; its members are what the world says they are.

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
use super::routes::{Params, after, flag, limit, many, one};
use super::time::iso;
use super::{Server, Work, parse, reply, store};

const SEARCH_DEFAULT: usize = 20;
const SEARCH_MAX: usize = 500;
const MEMBERS_DEFAULT: usize = 100;
const MEMBERS_MAX: usize = 250;

/// Members that can be taken over from another list in one call.
const ADD_FROM_MAX: i64 = 100_000;
/// How long a deleted list can be brought back.
const RESTORE_MS: i64 = 90 * 24 * 60 * 60 * 1000;

const COLUMNS: &str = "id, name, object, processing_type, created_at, updated_at,
    (select count(*) from list_memberships where list_id = lists.id), version, filter_branch,
    filters_updated_at";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListView {
    list_id: String,
    list_version: i64,
    name: String,
    object_type_id: String,
    processing_type: String,
    processing_status: &'static str,
    size: i64,
    created_at: String,
    updated_at: String,
    additional_properties: Value,
    filters_updated_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter_branch: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateList {
    name: String,
    object_type_id: String,
    processing_type: String,
    #[serde(default)]
    filter_branch: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct AllRequest {
    after: Option<Id>,
    count: Option<usize>,
    object_type_id: Option<String>,
    processing_types: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FilterUpdate {
    filter_branch: Value,
}

#[derive(Deserialize)]
struct RecordsBatch {
    #[serde(default)]
    inputs: Vec<RecordInput>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecordInput {
    object_type_id: String,
    record_id: Id,
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
            let is_taken: bool = work.db.query_row(
                "select exists (select 1 from lists where object = ?1 and name = ?2
                 and deleted_at is null)",
                params![object.id, request.name],
                |row| row.get(0),
            )?;
            if is_taken {
                return Err(ApiError::invalid(format!(
                    "A list with the name '{}' already exists",
                    request.name
                )));
            }
            if request.processing_type == "DYNAMIC" && request.filter_branch.is_none() {
                return Err(ApiError::invalid("A DYNAMIC list needs a filterBranch"));
            }
            work.db.execute(
                "insert into lists (name, object, processing_type, created_at, updated_at,
                 filter_branch, filters_updated_at) values (?1, ?2, ?3, ?4, ?4, ?5, ?4)",
                params![
                    request.name,
                    object.id,
                    request.processing_type,
                    now,
                    request.filter_branch.map(|branch| branch.to_string())
                ],
            )?;
            find(work, &work.db.last_insert_rowid().to_string())
        })
        .await?;
    reply(StatusCode::OK, &json!({ "list": view }))
}

pub async fn read(
    State(server): State<Server>,
    Path(list): Path<String>,
    params: Params,
) -> Result<Response, ApiError> {
    let with_filters = flag(&params, "includeFilters");
    let view = server.read(move |work| Ok(find(work, &list)?.shown(with_filters))).await?;
    reply(StatusCode::OK, &json!({ "list": view }))
}

pub async fn read_by_name(
    State(server): State<Server>,
    Path((object, name)): Path<(String, String)>,
    params: Params,
) -> Result<Response, ApiError> {
    let with_filters = flag(&params, "includeFilters");
    let view = server
        .read(move |work| {
            let object = work.schema.object(&object)?;
            work.db
                .prepare_cached(&format!(
                    "select {COLUMNS} from lists
                     where object = ?1 and name = ?2 and deleted_at is null"
                ))?
                .query_row(params![object.id, name], read_list)
                .optional()?
                .map(|list| list.shown(with_filters))
                .ok_or_else(|| ApiError::not_found(format!("List does not exist with name {name}")))
        })
        .await?;
    reply(StatusCode::OK, &json!({ "list": view }))
}

pub async fn read_many(State(server): State<Server>, params: Params) -> Result<Response, ApiError> {
    let ids = many(&params, "listIds");
    let with_filters = flag(&params, "includeFilters");
    let lists = server
        .read(move |work| {
            let all = all_lists(work)?;
            Ok(all
                .into_iter()
                .filter(|list| ids.contains(&list.list_id))
                .map(|list| list.shown(with_filters))
                .collect::<Vec<_>>())
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
            let page: Vec<_> = found
                .into_iter()
                .skip(request.offset)
                .take(count)
                .map(|list| list.shown(false))
                .collect();
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

/// Walks through every list by ascending id.
pub async fn all(State(server): State<Server>, body: Bytes) -> Result<Response, ApiError> {
    let request: AllRequest = if body.is_empty() { AllRequest::default() } else { parse(&body)? };
    let count = request.count.unwrap_or(SEARCH_DEFAULT);
    if count > SEARCH_MAX {
        return Err(ApiError::invalid(format!(
            "Invalid input: count must not exceed {SEARCH_MAX}, got {count}"
        )));
    }
    let view = server
        .read(move |work| {
            let floor: i64 = match &request.after {
                Some(after) => super::objects::numeric(&after.text())?,
                None => 0,
            };
            let is_asked_for = |list: &ListView| {
                list.list_id.parse::<i64>().is_ok_and(|id| id >= floor)
                    && request.object_type_id.as_ref().is_none_or(|id| *id == list.object_type_id)
                    && (request.processing_types.is_empty()
                        || request.processing_types.contains(&list.processing_type))
            };
            let mut lists: Vec<ListView> =
                all_lists(work)?.into_iter().filter(is_asked_for).collect();
            let next = lists.get(count).map(|list| list.list_id.clone());
            lists.truncate(count);
            let shown: Vec<ListView> = lists.into_iter().map(|list| list.shown(false)).collect();
            let mut view = json!({ "results": shown });
            if let Some(next) = next {
                view["paging"] = serde_json::to_value(Paging::after(&next, None))?;
            }
            Ok(view)
        })
        .await?;
    reply(StatusCode::OK, &view)
}

pub async fn update_name(
    State(server): State<Server>,
    Path(list): Path<String>,
    params: Params,
) -> Result<Response, ApiError> {
    let name = one(&params, "listName").map(str::to_owned);
    let with_filters = flag(&params, "includeFilters");
    let view = server
        .call(move |work| {
            let list = find(work, &list)?;
            let name = name.ok_or_else(|| ApiError::invalid("Invalid input: no listName"))?;
            work.db.execute(
                "update lists set name = ?2, updated_at = ?3, version = version + 1 where id = ?1",
                params![list.list_id, name, iso(work.now)],
            )?;
            Ok(find(work, &list.list_id)?.shown(with_filters))
        })
        .await?;
    reply(StatusCode::OK, &json!({ "updatedList": view }))
}

pub async fn update_filters(
    State(server): State<Server>,
    Path(list): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let request: FilterUpdate = parse(&body)?;
    let view = server
        .call(move |work| {
            let list = find(work, &list)?;
            if list.processing_type != "DYNAMIC" {
                return Err(ApiError::invalid(format!(
                    "List {} is {}: it has no filters",
                    list.list_id, list.processing_type
                )));
            }
            work.db.execute(
                "update lists set filter_branch = ?2, updated_at = ?3, filters_updated_at = ?3,
                 version = version + 1 where id = ?1",
                params![list.list_id, request.filter_branch.to_string(), iso(work.now)],
            )?;
            find(work, &list.list_id)
        })
        .await?;
    reply(StatusCode::OK, &json!({ "updatedList": view }))
}

pub async fn delete(
    State(server): State<Server>,
    Path(list): Path<String>,
) -> Result<Response, ApiError> {
    server
        .call(move |work| {
            let list = find(work, &list)?;
            work.db.execute(
                "update lists set deleted_at = ?2 where id = ?1",
                params![list.list_id, work.now],
            )?;
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Brings a deleted list back, its members too, for as long as that is possible.
pub async fn restore(
    State(server): State<Server>,
    Path(list): Path<String>,
) -> Result<Response, ApiError> {
    server
        .call(move |work| {
            let n_restored = work.db.execute(
                "update lists set deleted_at = null where id = ?1 and deleted_at > ?2",
                params![list, work.now.saturating_sub(RESTORE_MS)],
            )?;
            if n_restored == 0 { Err(no_such_list(&list)) } else { Ok(()) }
        })
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The account was made after legacy ids: a list has one id under both names.
pub async fn id_mapping(
    State(server): State<Server>,
    params: Params,
) -> Result<Response, ApiError> {
    let legacy = one(&params, "legacyListId").unwrap_or_default().to_owned();
    let list = server.read(move |work| find(work, &legacy)).await?;
    reply(StatusCode::OK, &json!({"listId": list.list_id, "legacyListId": list.list_id}))
}

pub async fn id_mappings(State(server): State<Server>, body: Bytes) -> Result<Response, ApiError> {
    let legacy: Vec<Id> = parse(&body)?;
    let view = server
        .read(move |work| {
            let (mut found, mut missing) = (Vec::new(), Vec::new());
            for id in legacy {
                match find(work, &id.text()) {
                    Ok(list) => {
                        found.push(json!({"listId": list.list_id, "legacyListId": list.list_id}));
                    }
                    Err(_) => missing.push(id.text()),
                }
            }
            Ok(json!({"legacyListIdsToIdsMapping": found, "missingLegacyListIds": missing}))
        })
        .await?;
    reply(StatusCode::OK, &view)
}

/// Lists what a record is a member of.
pub async fn lists_of_record(
    State(server): State<Server>,
    Path((object, record)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let view = server
        .read(move |work| {
            let object = work.schema.object(&object)?;
            let id = super::objects::numeric(&record)?;
            Ok(json!({ "results": memberships(work, &object.id, id)? }))
        })
        .await?;
    reply(StatusCode::OK, &view)
}

pub async fn lists_of_records(
    State(server): State<Server>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let batch: RecordsBatch = parse(&body)?;
    server
        .read(move |work| {
            let mut results = Vec::new();
            for input in &batch.inputs {
                let object = work.schema.object(&input.object_type_id)?;
                let id = super::objects::numeric(&input.record_id.text())?;
                results.push(json!({
                    "objectTypeId": object.id,
                    "recordId": id.to_string(),
                    "memberships": memberships(work, &object.id, id)?,
                }));
            }
            super::batch::answer(work, StatusCode::OK, results, Vec::new())
        })
        .await
}

pub async fn add_from(
    State(server): State<Server>,
    Path((list, source)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    server
        .call(move |work| {
            let list = writable(work, &list)?;
            let source = find(work, &source)?;
            if source.object_type_id != list.object_type_id {
                return Err(ApiError::invalid("The lists hold different objects"));
            }
            if source.size > ADD_FROM_MAX {
                return Err(ApiError::invalid(format!(
                    "List {} has more than {ADD_FROM_MAX} members",
                    source.list_id
                )));
            }
            work.db.execute(
                "insert or ignore into list_memberships (list_id, record_id, joined_at)
                 select ?1, record_id, ?3 from list_memberships where list_id = ?2",
                params![list.list_id, source.list_id, iso(work.now)],
            )?;
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
        .prepare_cached(&format!(
            "select {COLUMNS} from lists where id = ?1 and deleted_at is null"
        ))?
        .query_row([list], read_list)
        .optional()?
        .ok_or_else(|| no_such_list(list))
}

fn no_such_list(list: &str) -> ApiError {
    ApiError::not_found(format!("List does not exist with ID {list}"))
}

fn all_lists(work: &Work<'_>) -> Result<Vec<ListView>, ApiError> {
    Ok(work
        .db
        .prepare_cached(&format!(
            "select {COLUMNS} from lists where deleted_at is null order by id"
        ))?
        .query_map([], read_list)?
        .collect::<Result<_, _>>()?)
}

fn memberships(work: &Work<'_>, object: &str, record: i64) -> Result<Vec<Value>, ApiError> {
    Ok(work
        .db
        .prepare_cached(
            "select list_id, joined_at from list_memberships
             join lists on lists.id = list_id
             where record_id = ?2 and object = ?1 and deleted_at is null order by list_id",
        )?
        .query_map(params![object, record], |row| {
            let (list, joined_at): (i64, String) = (row.get(0)?, row.get(1)?);
            Ok(json!({
                "listId": list.to_string(),
                "listVersion": 1,
                "firstAddedTimestamp": joined_at,
                "lastAddedTimestamp": joined_at,
            }))
        })?
        .collect::<Result<_, _>>()?)
}

impl ListView {
    /// Leaves the filters out unless they were asked for.
    fn shown(self, with_filters: bool) -> Self {
        let filter_branch = self.filter_branch.filter(|_| with_filters);
        Self { filter_branch, ..self }
    }
}

fn read_list(row: &Row<'_>) -> rusqlite::Result<ListView> {
    let size: i64 = row.get(6)?;
    let filter_branch: Option<String> = row.get(8)?;
    Ok(ListView {
        list_id: row.get::<_, i64>(0)?.to_string(),
        list_version: row.get(7)?,
        name: row.get(1)?,
        object_type_id: row.get(2)?,
        processing_type: row.get(3)?,
        processing_status: "COMPLETE",
        size,
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
        additional_properties: json!({"hs_list_size": size.to_string()}),
        filters_updated_at: row.get(9)?,
        filter_branch: filter_branch.and_then(|text| serde_json::from_str(&text).ok()),
    })
}
