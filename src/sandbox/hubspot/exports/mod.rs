//! Exports: tasks that leave a file behind (reference section 8).
//!
//! One export runs at a time and the others wait. Every look at a task is a step of the one at the
//! head of the queue, so that a queue moves although the clock stands still. The file is written
//! at the last step, from the records as they are then.

mod file;

use std::fmt::Write as _;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::batch::Id;
use super::errors::ApiError;
use super::filter::{Criteria, Filter, FilterGroup};
use super::record::base_url;
use super::routes::{Params, one};
use super::settings::JobEnd;
use super::time::iso;
use super::{Server, Work, objects, parse, reply};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// How long the address of a file works.
const URL_LIFE_MS: i64 = 5 * 60 * 1000;
const ASSOCIATED_OBJECTS_MAX: usize = 4;
const COLUMNS: &str = "id, request, state, n_polls, record_count, is_zip, created_at, updated_at";

/// What is to be exported, as it was asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExportRequest {
    export_type: String,
    #[serde(default)]
    export_name: String,
    format: String,
    object_type: String,
    object_properties: Vec<String>,
    /// `NAMES` and `VALUES`; labels where they are left out.
    #[serde(default)]
    export_internal_values_options: Vec<String>,
    #[serde(default)]
    associated_object_type: OneOrMany,
    #[serde(default)]
    include_primary_display_property_for_associated_objects: bool,
    #[serde(default)]
    include_labeled_associations: bool,
    #[serde(default)]
    override_associated_objects_per_definition_per_row_limit: bool,
    #[serde(default)]
    public_crm_search_request: Option<Value>,
    #[serde(default)]
    list_id: Option<Id>,
}

/// The documentation's example sends one name, the API description a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// An export's filters; beside groups it takes a plain list, which older clients send.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ExportCriteria {
    #[serde(flatten)]
    criteria: Criteria,
    filters: Vec<Filter>,
}

struct Export {
    id: i64,
    request: ExportRequest,
    /// `ENQUEUED`, `PROCESSING`, `DONE`, `FAILED` or `CANCELED`.
    state: String,
    n_polls: u32,
    record_count: Option<i64>,
    is_zip: bool,
    created_at: i64,
    updated_at: i64,
}

impl Default for OneOrMany {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl OneOrMany {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Many(names) => names,
        }
    }
}

impl ExportRequest {
    fn has_internal(&self, option: &str) -> bool {
        self.export_internal_values_options.iter().any(|one| one == option)
    }

    fn criteria(&self, work: &Work<'_>) -> Result<Criteria, ApiError> {
        let sent = match &self.public_crm_search_request {
            Some(sent) => {
                let mut sent = sent.clone();
                name_properties(&mut sent);
                serde_json::from_value::<ExportCriteria>(sent)
                    .map_err(|error| ApiError::invalid(format!("Invalid input JSON: {error}")))?
            }
            None => ExportCriteria::default(),
        };
        let mut criteria = sent.criteria;
        if !sent.filters.is_empty() {
            criteria.filter_groups.push(FilterGroup { filters: sent.filters });
        }
        criteria.includes_archived = work.settings.exports.includes_archived;
        Ok(criteria)
    }
}

/// Takes `property` in a filter for `propertyName`, as one of the vendor's examples has it.
fn name_properties(value: &mut Value) {
    match value {
        Value::Object(keys) => {
            if let Some(name) = keys.remove("property") {
                keys.insert("propertyName".to_owned(), name);
            }
            keys.values_mut().for_each(name_properties);
        }
        Value::Array(all) => all.iter_mut().for_each(name_properties),
        _ => {}
    }
}

pub async fn start(
    State(server): State<Server>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let request: ExportRequest = parse(&body)?;
    let id = server.call(move |work| enqueue(work, &request)).await?;
    let status =
        format!("{}/crm/exports/2026-09/export/async/tasks/{id}/status", base_url(&headers));
    reply(StatusCode::ACCEPTED, &json!({"id": id.to_string(), "links": {"status": status}}))
}

pub async fn status(
    State(server): State<Server>,
    Path(task): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let base = base_url(&headers);
    let view = server
        .call(move |work| {
            step(work)?;
            let export = find(work, &task)?;
            let mut view = json!({
                "status": match export.state.as_str() {
                    "ENQUEUED" => "PENDING",
                    "PROCESSING" => "PROCESSING",
                    "CANCELED" => "CANCELED",
                    _ => "COMPLETE",
                },
                "requestedAt": iso(export.created_at),
                "startedAt": iso(export.created_at),
                "completedAt": iso(export.updated_at),
            });
            match export.state.as_str() {
                "DONE" => view["result"] = json!(file_url(work, &base, &export)),
                "FAILED" => {
                    view["numErrors"] = json!(1);
                    view["errors"] = json!([ApiError::new(
                        StatusCode::OK,
                        Some("EXPORT_FAILED"),
                        "the export failed"
                    )
                    .body]);
                }
                _ => {}
            }
            Ok(view)
        })
        .await?;
    reply(StatusCode::OK, &view)
}

pub async fn read(
    State(server): State<Server>,
    Path(export): Path<String>,
) -> Result<Response, ApiError> {
    let view = server
        .call(move |work| {
            step(work)?;
            let export = find(work, &export)?;
            Ok(json!({
                "id": export.id.to_string(),
                "exportName": export.request.export_name,
                "exportType": export.request.export_type,
                "exportState": export.state,
                "objectType": export.request.object_type,
                "objectProperties": export.request.object_properties,
                "recordCount": export.record_count,
                "createdAt": iso(export.created_at),
                "updatedAt": iso(export.updated_at),
            }))
        })
        .await?;
    reply(StatusCode::OK, &view)
}

/// Serves a file to whoever has its address, for as long as the address works.
pub async fn download(
    State(server): State<Server>,
    Path(export): Path<String>,
    params: Params,
) -> Result<Response, ApiError> {
    let expires_at = one(&params, "expires").and_then(|text| text.parse::<i64>().ok());
    let signature = one(&params, "signature").unwrap_or_default().to_owned();
    let found = server
        .read(move |work| {
            let export = find(work, &export)?;
            let is_open = expires_at.is_some_and(|at| {
                work.now < at && signature == file_signature(work, export.id, at)
            });
            Ok(is_open.then_some(export))
        })
        .await;
    let export = match found {
        Ok(Some(export)) => export,
        Ok(None) => return Ok((StatusCode::FORBIDDEN, "Request has expired\n").into_response()),
        Err(error) => return Ok((error.status, "No such file\n").into_response()),
    };
    let id = export.id;
    let parts = stream::try_unfold(0_i64, move |part| {
        let server = server.clone();
        async move {
            let data = server
                .read(move |work| file_part(work, id, part))
                .await
                .map_err(|error| std::io::Error::other(error.body.message))?;
            Ok::<_, std::io::Error>(data.map(|data| (Bytes::from(data), part + 1)))
        }
    });
    let (kind, extension) =
        if export.is_zip { ("application/zip", "zip") } else { ("text/csv", "csv") };
    let disposition = format!("attachment; filename=\"hubspot-export-{id}.{extension}\"");
    Ok((
        [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)],
        Body::from_stream(parts),
    )
        .into_response())
}

fn enqueue(work: &Work<'_>, request: &ExportRequest) -> Result<i64, ApiError> {
    let object = work.schema.object(&request.object_type)?;
    match request.export_type.as_str() {
        "VIEW" => {
            request.criteria(work)?.question(work, object)?;
        }
        "LIST" => {
            let list = request.list_id.as_ref().map(Id::text).unwrap_or_default();
            super::lists::find(work, &list)?;
        }
        other => {
            return Err(ApiError::invalid(format!(
                "Invalid input: exportType is not valid: {other}"
            )));
        }
    }
    if request.format != "CSV" {
        return Err(ApiError::invalid(format!(
            "Invalid input: this stand-in writes the format CSV only, not {}",
            request.format
        )));
    }
    let associated = request.associated_object_type.as_slice();
    if associated.len() > ASSOCIATED_OBJECTS_MAX {
        return Err(ApiError::invalid(format!(
            "Invalid input: at most {ASSOCIATED_OBJECTS_MAX} associated object types, got {}",
            associated.len()
        )));
    }
    for name in associated {
        work.schema.object(name)?;
    }
    let since = work.now.saturating_sub(DAY_MS);
    let n_recent: u32 = work.db.query_row(
        "select count(*) from exports where created_at > ?1",
        [since],
        |row| row.get(0),
    )?;
    if n_recent >= work.settings.exports.per_day_max {
        let error = ApiError::rate_limited("DAILY", "daily export");
        return Err(error);
    }
    // Nobody fetches yesterday's file again.
    work.db.execute(
        "delete from export_parts where export in (select id from exports where created_at <= ?1)",
        [since],
    )?;
    work.db.execute(
        "insert into exports (request, state, n_polls, created_at, updated_at)
         values (?1, 'ENQUEUED', 0, ?2, ?2)",
        params![serde_json::to_string(request)?, work.now],
    )?;
    Ok(work.db.last_insert_rowid())
}

/// Gets the export at the head of the queue one step on.
fn step(work: &Work<'_>) -> Result<(), ApiError> {
    let head = work
        .db
        .prepare_cached(&format!(
            "select {COLUMNS} from exports where state in ('ENQUEUED', 'PROCESSING')
             order by id limit 1"
        ))?
        .query_row([], read_export)
        .optional()?;
    let Some(mut export) = head else { return Ok(()) };
    let settings = &work.settings.exports;
    export.n_polls += 1;
    let is_last = export.n_polls >= settings.polls;
    let state = match settings.ends {
        JobEnd::Done if is_last => "DONE",
        JobEnd::Failed if is_last => "FAILED",
        JobEnd::Canceled if is_last => "CANCELED",
        _ => "PROCESSING",
    };
    if state == "DONE" {
        file::write(work, &mut export)?;
    }
    work.db.execute(
        "update exports set state = ?2, n_polls = ?3, record_count = ?4, is_zip = ?5,
         updated_at = ?6 where id = ?1",
        params![export.id, state, export.n_polls, export.record_count, export.is_zip, work.now],
    )?;
    Ok(())
}

fn find(work: &Work<'_>, id: &str) -> Result<Export, ApiError> {
    let id = objects::numeric(id)?;
    work.db
        .prepare_cached(&format!("select {COLUMNS} from exports where id = ?1"))?
        .query_row([id], read_export)
        .optional()?
        .ok_or_else(ApiError::no_such_record)
}

fn read_export(row: &Row<'_>) -> rusqlite::Result<Export> {
    let request = serde_json::from_str(row.get_ref(1)?.as_str()?)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    Ok(Export {
        id: row.get(0)?,
        request,
        state: row.get(2)?,
        n_polls: row.get(3)?,
        record_count: row.get(4)?,
        is_zip: row.get(5)?,
        created_at: row.get(6)?,
        updated_at: row.get(7)?,
    })
}

fn file_url(work: &Work<'_>, base: &str, export: &Export) -> String {
    let expires_at = work.now + URL_LIFE_MS;
    let signature = file_signature(work, export.id, expires_at);
    format!("{base}/export-files/{}?expires={expires_at}&signature={signature}", export.id)
}

/// Returns what only the server can say about a file and a time.
fn file_signature(work: &Work<'_>, export: i64, expires_at: i64) -> String {
    let secret = &work.world.hubspot.token;
    let hash = Sha256::digest(format!("{secret}|{export}|{expires_at}"));
    hash.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn file_part(work: &Work<'_>, export: i64, part: i64) -> Result<Option<Vec<u8>>, ApiError> {
    Ok(work
        .db
        .prepare_cached("select data from export_parts where export = ?1 and part = ?2")?
        .query_row([export, part], |row| row.get(0))
        .optional()?)
}
