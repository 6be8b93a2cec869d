//! The account's own association labels (reference section 10).

use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::association_types::{AssociationType, Link, USER_DEFINED, remove_both_ways};
use super::associations::{self, PairInput};
use super::errors::ApiError;
use super::{ApiVersion, Server, Work, definitions, parse, reply};

/// Labels of one pair of objects; the next is refused with a status of its own.
const LABELS_MAX: usize = 50;
const TOO_MANY_LABELS: u16 = 437;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LabelInput {
    label: String,
    name: String,
    #[serde(default)]
    inverse_label: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LabelChange {
    association_type_id: i64,
    label: String,
    #[serde(default)]
    inverse_label: Option<String>,
}

pub async fn list(
    State(server): State<Server>,
    Path((from, to)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let view = server
        .read(move |work| {
            let from = work.schema.object(&from)?;
            let to = work.schema.object(&to)?;
            let known = work.schema.associations.between(&from.id, &to.id);
            let results: Vec<Value> = known.iter().map(view).collect();
            Ok(json!({ "results": results }))
        })
        .await?;
    reply(StatusCode::OK, &view)
}

/// Makes a label: a type for each direction, even where both read the same.
pub async fn create(
    State(server): State<Server>,
    Path((from, to)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let input: LabelInput = parse(&body)?;
    let view = server
        .call(move |work| {
            let from = work.schema.object(&from)?;
            let to = work.schema.object(&to)?;
            let known = work.schema.associations.between(&from.id, &to.id);
            if known.iter().any(|one| one.name.as_ref() == Some(&input.name)) {
                return Err(ApiError::invalid(format!(
                    "An association named '{}' already exists",
                    input.name
                )));
            }
            if known.iter().filter(|one| one.is_own_label()).count() >= LABELS_MAX {
                let status = StatusCode::from_u16(TOO_MANY_LABELS);
                return Err(ApiError::new(
                    status.unwrap_or(StatusCode::BAD_REQUEST),
                    Some("VALIDATION_ERROR"),
                    format!("At most {LABELS_MAX} labels between {} and {}", from.name, to.name),
                ));
            }
            let type_id = definitions::next_association_type(work.db)?;
            let made = AssociationType {
                from: from.id.clone(),
                to: to.id.clone(),
                type_id,
                reverse_type_id: type_id + 1,
                category: USER_DEFINED.to_owned(),
                reverse_label: Some(input.inverse_label.unwrap_or_else(|| input.label.clone())),
                label: Some(input.label),
                name: Some(input.name),
            };
            definitions::save_association_type(work.db, &made)?;
            Ok(json!({"results": [
                view(&made),
                {"category": made.category, "typeId": made.reverse_type_id,
                 "label": made.reverse_label},
            ]}))
        })
        .await?;
    server.reload_schema().await?;
    reply(StatusCode::OK, &view)
}

pub async fn update(
    State(server): State<Server>,
    Path((from, to)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let change: LabelChange = parse(&body)?;
    server
        .call(move |work| {
            let mut held = own_label(work, &from, &to, change.association_type_id)?.clone();
            held.reverse_label = change.inverse_label.or_else(|| Some(change.label.clone()));
            held.label = Some(change.label);
            definitions::save_association_type(work.db, &held)?;
            Ok(())
        })
        .await?;
    server.reload_schema().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Removes a label, from the records that have it too.
pub async fn delete(
    State(server): State<Server>,
    Path((from, to, type_id)): Path<(String, String, i64)>,
) -> Result<Response, ApiError> {
    server
        .call(move |work| {
            let held = own_label(work, &from, &to, type_id)?;
            definitions::delete_association_type(work.db, held.type_id)?;
            Ok(())
        })
        .await?;
    server.reload_schema().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Takes labels off pairs and leaves the pairs linked.
pub async fn batch_archive(
    State(server): State<Server>,
    Path((from, to)): Path<(String, String)>,
    Extension(version): Extension<ApiVersion>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let inputs = associations::parse_inputs::<PairInput>(&body, associations::WRITES_MAX)?;
    server
        .call(move |work| {
            associations::may_edit(work, version)?;
            let from = work.schema.object(&from)?;
            let to = work.schema.object(&to)?;
            for input in &inputs {
                let (from_id, to_id) = input.ids()?;
                for sent in &input.types {
                    let link = Link {
                        from_object: &from.id,
                        from_id,
                        to_object: &to.id,
                        to_id,
                        type_id: sent.association_type_id,
                    };
                    remove_both_ways(work.db, &work.schema.associations, &link)?;
                }
                associations::refresh_derived(work, from, from_id)?;
                associations::refresh_derived(work, to, to_id)?;
            }
            associations::archived(work, version)
        })
        .await
}

fn view(one: &AssociationType) -> Value {
    json!({"category": one.category, "typeId": one.type_id, "label": one.label})
}

fn own_label<'w>(
    work: &'w Work<'_>,
    from: &str,
    to: &str,
    type_id: i64,
) -> Result<&'w AssociationType, ApiError> {
    let from = work.schema.object(from)?;
    let to = work.schema.object(to)?;
    work.schema
        .associations
        .find(&from.id, &to.id, type_id)
        .filter(|one| one.category == USER_DEFINED)
        .ok_or_else(ApiError::no_such_record)
}
