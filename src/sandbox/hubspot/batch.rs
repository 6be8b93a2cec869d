//! Batches of records and what happens to the rest when one is refused (reference sections 4.3 to
//! 4.6).
//!
//! Without a trace id on every input a batch is one write: any refused value or conflict refuses
//! all of it. With unique trace ids each input stands alone and the answer is a 207. A missing id
//! is a 207 either way.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::associations::{self, InlineLink};
use super::errors::{ApiError, ErrorBody, PropertyError};
use super::record::{self, RecordView, Selection, Shape};
use super::routes::{Params, flag};
use super::schema::ObjectType;
use super::store::{self, Stored};
use super::time::iso;
use super::validate::{self, Checked};
use super::write::{self, Written};
use super::{ApiVersion, Server, Work, parse_object, reply};

const INPUTS_MAX: usize = 100;
const INPUTS_WITH_HISTORY_MAX: usize = 50;

/// A batch without its `inputs` is an empty batch, as with the vendor.
#[derive(Deserialize)]
struct Batch {
    #[serde(default)]
    inputs: Vec<Input>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    #[serde(default)]
    id: Option<Id>,
    #[serde(default)]
    id_property: Option<String>,
    #[serde(default)]
    properties: Map<String, Value>,
    #[serde(default)]
    associations: Vec<InlineLink>,
    #[serde(default)]
    object_write_trace_id: Option<String>,
}

/// Ids come as strings and, from some clients, as numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Id {
    Text(String),
    Number(i64),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadBatch {
    #[serde(default)]
    properties: Vec<String>,
    #[serde(default)]
    properties_with_history: Vec<String>,
    #[serde(default)]
    id_property: Option<String>,
    #[serde(default)]
    inputs: Vec<ReadInput>,
}

#[derive(Deserialize)]
struct ReadInput {
    id: Id,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchView<T> {
    pub status: &'static str,
    pub results: Vec<T>,
    #[serde(skip_serializing_if = "is_zero")]
    pub num_errors: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ErrorBody>,
    pub started_at: String,
    pub completed_at: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Id {
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        }
    }
}

/// Answers a batch: `complete` when all went well, 207 otherwise.
pub fn answer<T: Serialize>(
    work: &Work<'_>,
    complete: StatusCode,
    mut results: Vec<T>,
    errors: Vec<ErrorBody>,
) -> Result<Response, ApiError> {
    if work.settings.reverses_batch_results {
        results.reverse();
    }
    let status = if errors.is_empty() { complete } else { StatusCode::MULTI_STATUS };
    let now = iso(work.now);
    reply(
        status,
        &BatchView {
            status: "COMPLETE",
            results,
            num_errors: errors.len(),
            errors,
            started_at: now.clone(),
            completed_at: now,
        },
    )
}

pub async fn read(
    State(server): State<Server>,
    Path(object): Path<String>,
    params: Params,
    body: Bytes,
) -> Result<Response, ApiError> {
    let batch: ReadBatch = parse_object(&body)?;
    let archived = flag(&params, "archived");
    if !batch.properties_with_history.is_empty() && batch.inputs.len() > INPUTS_WITH_HISTORY_MAX {
        return Err(ApiError::too_many_inputs_with_history());
    }
    if batch.inputs.len() > INPUTS_MAX {
        return Err(ApiError::too_many_inputs(INPUTS_MAX));
    }
    server
        .read(move |work| {
            let object = work.schema.object(&object)?;
            let key = usable_key(object, batch.id_property.as_deref(), true)?;
            let selection = Selection {
                properties: batch.properties,
                history: batch.properties_with_history,
                associations: Vec::new(),
            };
            let shape = Shape::of(work, object, &selection)?;
            let mut records = Vec::with_capacity(batch.inputs.len());
            let mut missing = Vec::new();
            let mut seen = HashSet::new();
            for input in &batch.inputs {
                let id = input.id.text();
                let found = match find_id(work, object, &id, key)? {
                    Some(id) => store::find_raw(work.db, &object.id, id)?,
                    None => None,
                };
                match found.filter(|one| one.head.archived == archived) {
                    Some(record) if seen.insert(record.head.id) => records.push(record),
                    Some(_) => {}
                    None => missing.push(id),
                }
            }
            let results = records
                .iter()
                .map(|record| record::view(work, &shape, record))
                .collect::<Result<Vec<_>, _>>()?;
            answer(work, StatusCode::OK, results, missing_ids(object, missing))
        })
        .await
}

pub async fn create(
    State(server): State<Server>,
    Path(object): Path<String>,
    Extension(version): Extension<ApiVersion>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let batch = parse_batch(&body)?;
    server
        .call(move |work| {
            let object = work.schema.object(&object)?;
            let is_partial = is_traced(&batch.inputs);
            let (checked, mut errors) =
                check_all(work, object, &batch.inputs, version, is_partial)?;
            let mut ready = Vec::with_capacity(checked.len());
            for (input, checked) in checked {
                match validate::missing_on_create(work, object, &checked.values, version) {
                    Ok(()) => ready.push((input, checked)),
                    Err(error) => refuse(work, &mut errors, input, error, is_partial)?,
                }
            }
            let mut results = Vec::with_capacity(ready.len());
            for (input, checked) in ready {
                let made = work.isolated(|| {
                    let written = write::create(work, object, checked)?;
                    let (id, links) = (written.record.id, &input.associations);
                    associations::link_new(work, object, id, links, version)?;
                    Ok(written)
                });
                match made {
                    Ok(written) => results.push(view_of(work, object, input, written)),
                    Err(error) => refuse(work, &mut errors, input, error, is_partial)?,
                }
            }
            answer(work, StatusCode::CREATED, results, errors)
        })
        .await
}

pub async fn update(
    State(server): State<Server>,
    Path(object): Path<String>,
    Extension(version): Extension<ApiVersion>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let batch = parse_batch(&body)?;
    server
        .call(move |work| {
            let object = work.schema.object(&object)?;
            for input in &batch.inputs {
                usable_key(object, input.id_property.as_deref(), false)?;
            }
            refuse_duplicates(&batch.inputs)?;
            let is_partial = is_traced(&batch.inputs) && work.settings.update_traceid_partial;
            let (checked, mut errors) =
                check_all(work, object, &batch.inputs, version, is_partial)?;
            let mut results = Vec::with_capacity(checked.len());
            let mut missing = Vec::new();
            for (input, checked) in checked {
                let id = input.id.as_ref().map(Id::text).unwrap_or_default();
                let found = find(work, object, &id, input.id_property.as_deref())?;
                let Some(record) = found.filter(|one| !one.archived) else {
                    missing.push(id);
                    continue;
                };
                let made = work.isolated(|| {
                    validate::missing_on_update(work, object, &record, &checked.values, version)?;
                    write::update(work, object, record, checked)
                });
                match made {
                    Ok(written) => results.push(view_of(work, object, input, written)),
                    Err(error) => refuse(work, &mut errors, input, error, is_partial)?,
                }
            }
            errors.extend(missing_ids(object, missing));
            answer(work, StatusCode::OK, results, errors)
        })
        .await
}

pub async fn upsert(
    State(server): State<Server>,
    Path(object): Path<String>,
    Extension(version): Extension<ApiVersion>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let batch = parse_batch(&body)?;
    server
        .call(move |work| {
            let object = work.schema.object(&object)?;
            let mut is_by_email = false;
            for input in &batch.inputs {
                let key = input.id_property.as_deref().unwrap_or("hs_object_id");
                usable_key(object, Some(key), true)?;
                is_by_email |= key == "email";
            }
            refuse_duplicates(&batch.inputs)?;
            let is_partial =
                is_traced(&batch.inputs) && (!is_by_email || work.settings.email_upsert_partial);
            let (checked, mut errors) =
                check_all(work, object, &batch.inputs, version, is_partial)?;
            let mut results = Vec::with_capacity(checked.len());
            for (input, checked) in checked {
                match work.isolated(|| upsert_one(work, object, input, checked, version)) {
                    Ok(view) => results.push(view),
                    Err(error) => refuse(work, &mut errors, input, error, is_partial)?,
                }
            }
            answer(work, StatusCode::OK, results, errors)
        })
        .await
}

pub async fn archive(
    State(server): State<Server>,
    Path(object): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let batch = parse_batch(&body)?;
    server
        .call(move |work| {
            let object = work.schema.object(&object)?;
            for id in batch.inputs.iter().filter_map(|input| input.id.as_ref()) {
                // Ids that nothing has are passed over.
                if let Ok(id) = id.text().parse() {
                    write::archive(work, object, id)?;
                }
            }
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn upsert_one(
    work: &Work<'_>,
    object: &ObjectType,
    input: &Input,
    mut checked: Checked,
    version: ApiVersion,
) -> Result<RecordView<'static>, ApiError> {
    let key = input.id_property.as_deref().unwrap_or_default();
    let id = input.id.as_ref().map(Id::text).unwrap_or_default();
    if id.trim().is_empty() {
        return Err(ApiError::invalid("Invalid input: an input has no id"));
    }
    let found = find(work, object, &id, Some(key))?.filter(|record| !record.archived);
    let (written, is_new): (Written, bool) = if let Some(record) = found {
        validate::missing_on_update(work, object, &record, &checked.values, version)?;
        (write::update(work, object, record, checked)?, false)
    } else {
        if !checked.values.contains_key(key) {
            let sent = Map::from_iter([(key.to_owned(), Value::String(id))]);
            let own = validate::check(work, object, &sent, version)?
                .map_err(|refused| ApiError::invalid_properties(work.portal_id(), &refused))?;
            checked.values.extend(own.values);
        }
        validate::missing_on_create(work, object, &checked.values, version)?;
        (write::create(work, object, checked)?, true)
    };
    let mut view = view_of(work, object, input, written);
    view.is_new = Some(is_new);
    Ok(view)
}

fn view_of(
    work: &Work<'_>,
    object: &ObjectType,
    input: &Input,
    written: Written,
) -> RecordView<'static> {
    let mut view = record::view_written(work, object, written);
    if work.settings.echoes_trace_ids {
        view.object_write_trace_id.clone_from(&input.object_write_trace_id);
    }
    view
}

fn parse_batch(body: &Bytes) -> Result<Batch, ApiError> {
    let batch: Batch = parse_object(body)?;
    if batch.inputs.len() > INPUTS_MAX {
        return Err(ApiError::too_many_inputs(INPUTS_MAX));
    }
    Ok(batch)
}

/// Tells whether every input carries a trace id of its own.
fn is_traced(inputs: &[Input]) -> bool {
    let mut seen = HashSet::new();
    inputs.iter().all(|input| {
        input
            .object_write_trace_id
            .as_ref()
            .is_some_and(|trace| !trace.is_empty() && seen.insert(trace))
    })
}

/// Refuses a batch that names a record twice, trace ids or not.
fn refuse_duplicates(inputs: &[Input]) -> Result<(), ApiError> {
    let mut seen = HashSet::new();
    let mut twice = BTreeSet::new();
    for input in inputs {
        if let Some(id) = &input.id {
            let id = id.text();
            let form = match input.id_property.as_deref() {
                Some("email") => id.trim().to_lowercase(),
                _ => id.clone(),
            };
            if !seen.insert((input.id_property.clone(), form)) {
                twice.insert(id);
            }
        }
    }
    if twice.is_empty() {
        Ok(())
    } else {
        Err(ApiError::duplicate_ids(twice.into_iter().collect()))
    }
}

/// Refuses keys that do not name one record each. Email counts where `takes_email` says so.
fn usable_key<'a>(
    object: &ObjectType,
    key: Option<&'a str>,
    takes_email: bool,
) -> Result<Option<&'a str>, ApiError> {
    match key {
        None => Ok(None),
        Some(key) => {
            let is_email = object.is_contacts() && key == "email";
            if object.is_key(key) && (takes_email || !is_email) {
                Ok(Some(key))
            } else {
                Err(ApiError::key_not_unique(&object.id, key))
            }
        }
    }
}

type CheckedInputs<'a> = Vec<(&'a Input, Checked)>;

/// Checks every input's values, so that a batch that stands or falls together falls before any
/// record is written, with all of its bad properties named.
fn check_all<'a>(
    work: &Work<'_>,
    object: &ObjectType,
    inputs: &'a [Input],
    version: ApiVersion,
    is_partial: bool,
) -> Result<(CheckedInputs<'a>, Vec<ErrorBody>), ApiError> {
    let mut ready = Vec::with_capacity(inputs.len());
    let mut errors = Vec::new();
    let mut all_refused: Vec<PropertyError> = Vec::new();
    for input in inputs {
        match validate::check(work, object, &input.properties, version)? {
            Ok(checked) => ready.push((input, checked)),
            Err(refused) if is_partial => {
                let error = ApiError::invalid_properties(work.portal_id(), &refused);
                refuse(work, &mut errors, input, error, is_partial)?;
            }
            Err(refused) => all_refused.extend(refused),
        }
    }
    if all_refused.is_empty() {
        Ok((ready, errors))
    } else {
        Err(ApiError::invalid_properties(work.portal_id(), &all_refused))
    }
}

/// Notes one refused input, or refuses the whole batch.
fn refuse(
    work: &Work<'_>,
    errors: &mut Vec<ErrorBody>,
    input: &Input,
    mut error: ApiError,
    is_partial: bool,
) -> Result<(), ApiError> {
    if !is_partial && error.existing_id.is_some() && !work.settings.names_conflicting_record {
        "Contact already exists".clone_into(&mut error.body.message);
    }
    if !is_partial || error.status.is_server_error() {
        return Err(error);
    }
    if !work.settings.details_batch_errors {
        error.body.errors.clear();
    }
    let trace = input.object_write_trace_id.iter().cloned().collect();
    let existing = error.existing_id;
    let mut error = error.with_context("objectWriteTraceId", trace);
    if let Some(id) = existing {
        error = error.with_context("existingId", vec![id.to_string()]);
    }
    errors.push(error.body);
    Ok(())
}

/// Finds a record by id or by a key, archived ones too. Merged-away ids are not followed.
fn find(
    work: &Work<'_>,
    object: &ObjectType,
    id: &str,
    key: Option<&str>,
) -> Result<Option<Stored>, ApiError> {
    match find_id(work, object, id, key)? {
        Some(id) => Ok(store::find(work.db, &object.id, id)?),
        None => Ok(None),
    }
}

/// Returns the id that an input names; without a key it is the id itself.
fn find_id(
    work: &Work<'_>,
    object: &ObjectType,
    id: &str,
    key: Option<&str>,
) -> Result<Option<i64>, ApiError> {
    Ok(match key {
        Some(key) => store::holder(work.db, &object.id, key, id)?.map(|holder| holder.id),
        None => id.parse().ok(),
    })
}

fn missing_ids(object: &ObjectType, ids: Vec<String>) -> Vec<ErrorBody> {
    if ids.is_empty() {
        return Vec::new();
    }
    let error = ApiError::not_found(format!(
        "Could not get some {} objects, they may be deleted or not exist. Check that ids are \
         valid.",
        object.legacy_name()
    ));
    let mut body = error.body;
    body.context = BTreeMap::from([("ids".to_owned(), ids)]);
    vec![body]
}
