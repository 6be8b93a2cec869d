//! Imports: files of rows that are carried out as a task (reference section 9).
//!
//! At most three run at a time and the others wait. Every look at an import is a step of all that
//! run, so that they get on although the clock stands still. A row passes the same checks as an
//! input of a batch; a refused one is skipped and listed among the import's errors.

mod cell;
mod request;
mod row;
mod run;

use std::collections::BTreeMap;

use axum::extract::{Extension, Multipart, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use rusqlite::{OptionalExtension, Row, params};
use serde::Serialize;
use serde_json::{Value, json};

use super::errors::ApiError;
use super::record::Paging;
use super::routes::{Params, after, flag, limit, one};
use super::store::{self, sql_count};
use super::time::iso;
use super::{ApiVersion, Server, Work, objects, reply};
use request::{ImportRequest, Upload};

/// Largest request that is read, in bytes: one file of the largest size and its description.
pub const BODY_BYTES_MAX: usize = FILE_BYTES_MAX + (1 << 20);

const FILE_BYTES_MAX: usize = 512 * 1024 * 1024;
const ROWS_PER_FILE_MAX: usize = 1_048_576;
const ROWS_PER_DAY_MAX: i64 = 80_000_000;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const RUNNING_MAX: usize = 3;
const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 500;
const COLUMNS: &str = "id, request, version, state, n_polls, n_rows, n_rows_done, counters, lists,
    created_at, updated_at";

/// Numbers of an import by the names that its metadata shows.
type Counters = BTreeMap<String, i64>;

struct Import {
    id: i64,
    request: ImportRequest,
    version: ApiVersion,
    /// `STARTED`, `PROCESSING`, `DONE`, `FAILED`, `CANCELED` or `DEFERRED`.
    state: String,
    n_polls: u32,
    n_rows: i64,
    n_rows_done: i64,
    counters: Counters,
    lists: Value,
    created_at: i64,
    updated_at: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ImportView {
    id: String,
    state: String,
    created_at: String,
    updated_at: String,
    import_name: String,
    import_source: &'static str,
    mapped_object_type_ids: Vec<String>,
    opt_out_import: bool,
    import_request_json: ImportRequest,
    metadata: Value,
}

impl Import {
    fn view(self) -> ImportView {
        let file_ids: Vec<String> =
            (1..=self.request.files.len()).map(|n| format!("{}{n:02}", self.id)).collect();
        ImportView {
            id: self.id.to_string(),
            state: self.state,
            created_at: iso(self.created_at),
            updated_at: iso(self.updated_at),
            import_name: self.request.name.clone(),
            import_source: "API",
            mapped_object_type_ids: self.request.object_type_ids(),
            opt_out_import: false,
            import_request_json: self.request,
            metadata: json!({
                "counters": self.counters,
                "fileIds": file_ids,
                "objectLists": self.lists,
            }),
        }
    }
}

pub async fn start(
    State(server): State<Server>,
    Extension(version): Extension<ApiVersion>,
    headers: HeaderMap,
    multipart: Multipart,
) -> Result<Response, ApiError> {
    if headers.get_all(header::CONTENT_TYPE).iter().count() > 1 {
        return Err(ApiError::invalid("Invalid input: two Content-Type headers"));
    }
    let (request, uploads) = request::read(multipart).await?;
    let view = server.call(move |work| enqueue(work, request, &uploads, version)).await?;
    reply(StatusCode::OK, &view)
}

pub async fn list(State(server): State<Server>, params: Params) -> Result<Response, ApiError> {
    let limit = limit(&params, PAGE_DEFAULT, PAGE_MAX)?;
    let floor = after(&params)?;
    let before = one(&params, "before").and_then(|text| text.parse::<i64>().ok());
    let view = server
        .call(move |work| {
            run::step(work)?;
            let mut imports: Vec<Import> = work
                .db
                .prepare_cached(&format!(
                    "select {COLUMNS} from imports where id >= ?1 and (?2 is null or id < ?2)
                     order by id limit ?3"
                ))?
                .query_map(params![floor, before, sql_count(limit + 1)], read_import)?
                .collect::<Result<_, _>>()?;
            let next = if imports.len() > limit { imports.pop() } else { None };
            let results: Vec<ImportView> = imports.into_iter().map(Import::view).collect();
            let mut view = json!({ "results": results });
            if let Some(next) = next {
                view["paging"] = serde_json::to_value(Paging::after(&next.id, None))?;
            }
            Ok(view)
        })
        .await?;
    reply(StatusCode::OK, &view)
}

pub async fn read(
    State(server): State<Server>,
    Path(import): Path<String>,
) -> Result<Response, ApiError> {
    let view = server
        .call(move |work| {
            run::step(work)?;
            Ok(find(work, &import)?.view())
        })
        .await?;
    reply(StatusCode::OK, &view)
}

/// Stops an import; rows carried out before stay.
pub async fn cancel(
    State(server): State<Server>,
    Path(import): Path<String>,
) -> Result<Response, ApiError> {
    let view = server
        .call(move |work| {
            let import = find(work, &import)?;
            if !["STARTED", "PROCESSING", "DEFERRED"].contains(&import.state.as_str()) {
                return Err(ApiError::invalid(format!(
                    "Import {} cannot be canceled: it is {}",
                    import.id, import.state
                )));
            }
            run::end(work, &import, "CANCELED")?;
            Ok(json!({
                "status": "CANCELED",
                "requestedAt": iso(work.now),
                "startedAt": iso(work.now),
                "completedAt": iso(work.now),
            }))
        })
        .await?;
    reply(StatusCode::OK, &view)
}

pub async fn errors(
    State(server): State<Server>,
    Path(import): Path<String>,
    params: Params,
) -> Result<Response, ApiError> {
    let limit = limit(&params, PAGE_DEFAULT, PAGE_MAX)?;
    let floor = after(&params)?;
    let with_message = flag(&params, "includeErrorMessage");
    let with_row = flag(&params, "includeRowData");
    let view = server
        .read(move |work| {
            let import = find(work, &import)?;
            let mut errors: Vec<(i64, String)> = work
                .db
                .prepare_cached(
                    "select id, error from import_errors where import = ?1 and id >= ?2
                     order by id limit ?3",
                )?
                .query_map(params![import.id, floor, sql_count(limit + 1)], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?
                .collect::<Result<_, _>>()?;
            let next = if errors.len() > limit { errors.pop() } else { None };
            let mut results = Vec::with_capacity(errors.len());
            for (id, text) in errors {
                let mut error: Value = serde_json::from_str(&text)?;
                error["id"] = json!(id.to_string());
                if !with_row {
                    error["sourceData"]["rowData"] = json!([]);
                }
                if !with_message && let Some(keys) = error.as_object_mut() {
                    keys.remove("errorMessage");
                }
                results.push(error);
            }
            let mut view = json!({ "results": results });
            if let Some((next, _)) = next {
                view["paging"] = serde_json::to_value(Paging::after(&next, None))?;
            }
            Ok(view)
        })
        .await?;
    reply(StatusCode::OK, &view)
}

fn enqueue(
    work: &Work<'_>,
    mut request: ImportRequest,
    uploads: &[Upload],
    version: ApiVersion,
) -> Result<ImportView, ApiError> {
    request.name_objects_by_id(work)?;
    let parts = request::split(work, &request, uploads)?;
    let n_rows: i64 = parts.iter().map(|part| part.n_rows).sum();
    let n_rows_today: i64 = work.db.query_row(
        "select coalesce(sum(n_rows), 0) from imports where created_at > ?1",
        [work.now.saturating_sub(DAY_MS)],
        |row| row.get(0),
    )?;
    if n_rows_today + n_rows > ROWS_PER_DAY_MAX {
        return Err(ApiError::rate_limited("DAILY", "daily import row"));
    }
    let n_running: usize = work.db.query_row(
        "select count(*) from imports where state in ('STARTED', 'PROCESSING')",
        [],
        |row| row.get::<_, i64>(0).map(|count| usize::try_from(count).unwrap_or_default()),
    )?;
    let state = if n_running < RUNNING_MAX { "STARTED" } else { "DEFERRED" };
    work.db.execute(
        "insert into imports (request, version, state, n_polls, n_rows, n_rows_done, counters,
         lists, created_at, updated_at) values (?1, ?2, ?3, 0, ?4, 0, '{}', '[]', ?5, ?5)",
        params![
            serde_json::to_string(&request)?,
            serde_json::to_string(&version)?,
            state,
            n_rows,
            work.now
        ],
    )?;
    let id = work.db.last_insert_rowid();
    let mut insert = work.db.prepare_cached(
        "insert into import_parts (import, part, file, first_row, first_line, n_rows, data)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let mut first_row = 0;
    for (at, part) in parts.into_iter().enumerate() {
        insert.execute(params![
            id,
            store::sql_count(at),
            store::sql_count(part.file),
            first_row,
            part.first_line,
            part.n_rows,
            part.data
        ])?;
        first_row += part.n_rows;
    }
    Ok(find(work, &id.to_string())?.view())
}

fn find(work: &Work<'_>, id: &str) -> Result<Import, ApiError> {
    let id = objects::numeric(id)?;
    work.db
        .prepare_cached(&format!("select {COLUMNS} from imports where id = ?1"))?
        .query_row([id], read_import)
        .optional()?
        .ok_or_else(ApiError::no_such_record)
}

fn read_import(row: &Row<'_>) -> rusqlite::Result<Import> {
    let unreadable = |error| rusqlite::Error::ToSqlConversionFailure(Box::new(error));
    let text = |at: usize| row.get_ref(at)?.as_str().map_err(rusqlite::Error::from);
    Ok(Import {
        id: row.get(0)?,
        request: serde_json::from_str(text(1)?).map_err(unreadable)?,
        version: serde_json::from_str(text(2)?).map_err(unreadable)?,
        state: row.get(3)?,
        n_polls: row.get(4)?,
        n_rows: row.get(5)?,
        n_rows_done: row.get(6)?,
        counters: serde_json::from_str(text(7)?).map_err(unreadable)?,
        lists: serde_json::from_str(text(8)?).map_err(unreadable)?,
        created_at: row.get(9)?,
        updated_at: row.get(10)?,
    })
}
