//! Owners, the people and queues that records belong to (reference section 7).

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use rusqlite::{OptionalExtension, Row, params};
use serde::Serialize;

use super::errors::ApiError;
use super::record::Paging;
use super::routes::{Params, after, flag, limit, one};
use super::{Server, reply, store};

const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 500;

const COLUMNS: &str =
    "id, email, first_name, last_name, user_id, type, archived, created_at, updated_at";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OwnerView {
    id: String,
    email: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    first_name: String,
    last_name: String,
    /// Deactivated users have none.
    user_id: Option<i64>,
    user_id_including_inactive: Option<i64>,
    created_at: Option<String>,
    updated_at: Option<String>,
    archived: bool,
}

#[derive(Serialize)]
struct OwnersView {
    results: Vec<OwnerView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paging: Option<Paging>,
}

pub async fn list(State(server): State<Server>, params: Params) -> Result<Response, ApiError> {
    let limit = limit(&params, PAGE_DEFAULT, PAGE_MAX)?;
    let floor = after(&params)?;
    let archived = flag(&params, "archived");
    let email = one(&params, "email").map(str::to_lowercase);
    let view = server
        .read(move |work| {
            let mut owners: Vec<OwnerView> = work
                .db
                .prepare_cached(&format!(
                    "select {COLUMNS} from owners
                     where id >= ?1 and archived = ?2 and (?3 is null or lower(email) = ?3)
                     order by id limit ?4"
                ))?
                .query_map(
                    params![floor, archived, email, store::sql_count(limit + 1)],
                    read_owner,
                )?
                .collect::<Result<_, _>>()?;
            let next = if owners.len() > limit { owners.pop() } else { None };
            let paging = next.map(|owner| Paging::after(&owner.id, None));
            Ok(OwnersView { results: owners, paging })
        })
        .await?;
    reply(StatusCode::OK, &view)
}

pub async fn read(
    State(server): State<Server>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, ApiError> {
    let archived = flag(&params, "archived");
    let column = if one(&params, "idProperty") == Some("userId") { "user_id" } else { "id" };
    let id: i64 = id.parse().map_err(|_| ApiError::id_not_numeric(&id))?;
    let owner = server
        .read(move |work| {
            work.db
                .prepare_cached(&format!(
                    "select {COLUMNS} from owners where {column} = ?1 and archived = ?2"
                ))?
                .query_row(params![id, archived], read_owner)
                .optional()?
                .ok_or_else(ApiError::no_such_record)
        })
        .await?;
    reply(StatusCode::OK, &owner)
}

fn read_owner(row: &Row<'_>) -> rusqlite::Result<OwnerView> {
    let archived: bool = row.get(6)?;
    let user_id: Option<i64> = row.get(4)?;
    Ok(OwnerView {
        id: row.get::<_, i64>(0)?.to_string(),
        email: row.get(1)?,
        kind: row.get(5)?,
        first_name: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
        last_name: row.get::<_, Option<String>>(3)?.unwrap_or_default(),
        user_id: if archived { None } else { user_id },
        user_id_including_inactive: user_id,
        created_at: row.get(7)?,
        updated_at: row.get(8)?,
        archived,
    })
}
