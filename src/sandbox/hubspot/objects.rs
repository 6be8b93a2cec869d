//! Single records and the walk through all of them (reference section 4.1).

use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::associations::{self, InlineLink};
use super::errors::ApiError;
use super::gate::CalledPath;
use super::record::{self, Paging, RecordView, Selection, Shape};
use super::routes::{Params, after, flag, limit, many, one};
use super::schema::ObjectType;
use super::store::{self, Stored};
use super::{ApiVersion, Server, Work, parse, reply, validate, write};

const PAGE_MAX: usize = 100;
const PAGE_WITH_HISTORY_MAX: usize = 50;

#[derive(Serialize)]
struct PageView<'a> {
    results: Vec<RecordView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paging: Option<Paging>,
}

#[derive(Deserialize)]
pub struct CreateInput {
    #[serde(default)]
    pub properties: Map<String, Value>,
    #[serde(default)]
    pub associations: Vec<InlineLink>,
}

#[derive(Deserialize)]
struct UpdateInput {
    #[serde(default)]
    properties: Map<String, Value>,
}

fn selection(params: &Params) -> Selection {
    Selection {
        properties: many(params, "properties"),
        history: many(params, "propertiesWithHistory"),
        associations: many(params, "associations"),
    }
}

pub async fn list(
    State(server): State<Server>,
    Path(object): Path<String>,
    Extension(CalledPath(path)): Extension<CalledPath>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, ApiError> {
    let selection = selection(&params);
    if !selection.history.is_empty()
        && one(&params, "limit").and_then(|text| text.parse().ok()).unwrap_or(0)
            > PAGE_WITH_HISTORY_MAX
    {
        return Err(ApiError::too_many_inputs_with_history());
    }
    let limit = limit(&params, 10, PAGE_MAX)?;
    let floor = after(&params)?;
    let archived = flag(&params, "archived");
    let link = next_link(&record::base_url(&headers), &path, &params);
    server
        .read(move |work| {
            let object = work.schema.object(&object)?;
            let shape = Shape::of(work, object, &selection)?;
            let mut records = store::page(work.db, &object.id, archived, floor, limit + 1)?;
            let next = if records.len() > limit { records.pop() } else { None };
            let results = records
                .iter()
                .map(|record| record::view(work, &shape, record))
                .collect::<Result<_, _>>()?;
            let paging = next
                .map(|next| Paging::after(&next.head.id, Some(format!("{link}{}", next.head.id))));
            reply(StatusCode::OK, &PageView { results, paging })
        })
        .await
}

pub async fn read(
    State(server): State<Server>,
    Path((object, id)): Path<(String, String)>,
    params: Params,
) -> Result<Response, ApiError> {
    let selection = selection(&params);
    let archived = flag(&params, "archived");
    let key = one(&params, "idProperty").map(str::to_owned);
    server
        .read(move |work| {
            let object = work.schema.object(&object)?;
            let record = find_one(work, object, &id, key.as_deref(), archived)?.raw()?;
            let shape = Shape::of(work, object, &selection)?;
            reply(StatusCode::OK, &record::view(work, &shape, &record)?)
        })
        .await
}

pub async fn create(
    State(server): State<Server>,
    Path(object): Path<String>,
    Extension(version): Extension<ApiVersion>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let input: CreateInput = parse(&body)?;
    let view = server
        .call(move |work| {
            let object = work.schema.object(&object)?;
            let checked = validate::check(work, object, &input.properties, version)?
                .map_err(|refused| ApiError::invalid_properties(work.portal_id(), &refused))?;
            validate::missing_on_create(work, object, &checked.values, version)?;
            let written = write::create(work, object, checked)?;
            associations::link_new(work, object, written.record.id, &input.associations, version)?;
            Ok(record::view_written(work, object, written))
        })
        .await?;
    let location = format!("/crm/v3/objects/{}", view.id);
    let mut answer = reply(StatusCode::CREATED, &view)?;
    if let Ok(location) = location.parse() {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    Ok(answer)
}

pub async fn update(
    State(server): State<Server>,
    Path((object, id)): Path<(String, String)>,
    Extension(version): Extension<ApiVersion>,
    params: Params,
    body: Bytes,
) -> Result<Response, ApiError> {
    let input: UpdateInput = parse(&body)?;
    let key = one(&params, "idProperty").map(str::to_owned);
    let view = server
        .call(move |work| {
            let object = work.schema.object(&object)?;
            let record = find_one(work, object, &id, key.as_deref(), false)?;
            let checked = validate::check(work, object, &input.properties, version)?
                .map_err(|refused| ApiError::invalid_properties(work.portal_id(), &refused))?;
            validate::missing_on_update(work, object, &record, &checked.values, version)?;
            let written = write::update(work, object, record, checked)?;
            Ok(record::view_written(work, object, written))
        })
        .await?;
    reply(StatusCode::OK, &view)
}

pub async fn archive(
    State(server): State<Server>,
    Path((object, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    server
        .call(move |work| {
            let object = work.schema.object(&object)?;
            let id = numeric(&id)?;
            let is_known = store::find(work.db, &object.id, id)?.is_some();
            let may_repeat = is_known && !work.settings.second_delete_is_missing;
            if !write::archive(work, object, id)? && !may_repeat {
                return Err(ApiError::no_such_record());
            }
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Finds the record a single call names by id, by email or by a unique property.
///
/// Ids of merged-away records lead to the survivor.
fn find_one(
    work: &Work<'_>,
    object: &ObjectType,
    id: &str,
    key: Option<&str>,
    archived: bool,
) -> Result<Stored, ApiError> {
    let id = match key.filter(|key| *key != "hs_object_id") {
        Some(key) if object.is_key(key) => {
            store::holder(work.db, &object.id, key, id)?.ok_or_else(ApiError::no_such_record)?.id
        }
        Some(key) => return Err(ApiError::key_not_unique(&object.id, key)),
        None => store::resolve_alias(work.db, &object.id, numeric(id)?)?,
    };
    store::find(work.db, &object.id, id)?
        .filter(|record| record.archived == archived)
        .ok_or_else(ApiError::no_such_record)
}

/// Reads a record id.
///
/// # Errors
/// 404 in the vendor's words when it is no number.
pub fn numeric(id: &str) -> Result<i64, ApiError> {
    id.parse().map_err(|_| ApiError::id_not_numeric(id))
}

/// Returns the address of the next page up to and including `after=`.
fn next_link(base: &str, path: &str, params: &Params) -> String {
    let mut link = format!("{base}{path}?");
    for (key, value) in params.0.iter().filter(|(key, _)| key != "after") {
        link.push_str(key);
        link.push('=');
        link.push_str(&value.replace(' ', "%20"));
        link.push('&');
    }
    link.push_str("after=");
    link
}
