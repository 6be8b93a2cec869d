//! Property definitions (reference sections 6.1 and 6.2).

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::batch::answer;
use super::errors::{ApiError, ErrorBody};
use super::routes::{Params, flag, one};
use super::schema::{ObjectType, Property, PropertyOption};
use super::{Server, Work, definitions, parse, reply};

#[derive(Deserialize)]
struct Inputs<T> {
    #[serde(default = "Vec::new")]
    inputs: Vec<T>,
}

#[derive(Deserialize)]
struct NameInput {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PropertyUpdate {
    label: Option<String>,
    description: Option<String>,
    group_name: Option<String>,
    field_type: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    options: Option<Vec<PropertyOption>>,
    display_order: Option<i64>,
    hidden: Option<bool>,
    form_field: Option<bool>,
}

pub async fn list(
    State(server): State<Server>,
    Path(object): Path<String>,
    params: Params,
) -> Result<Response, ApiError> {
    let archived = flag(&params, "archived");
    let sensitivity = one(&params, "dataSensitivity").unwrap_or("non_sensitive").to_owned();
    let view = server
        .read(move |work| {
            let object = work.schema.object(&object)?;
            let found: Vec<&Property> = object
                .properties
                .values()
                .filter(|one| one.archived == archived && one.data_sensitivity == sensitivity)
                .collect();
            Ok(json!({ "results": found }))
        })
        .await?;
    reply(StatusCode::OK, &view)
}

pub async fn read(
    State(server): State<Server>,
    Path((object, name)): Path<(String, String)>,
    params: Params,
) -> Result<Response, ApiError> {
    let archived = flag(&params, "archived");
    let property = server
        .read(move |work| {
            let object = work.schema.object(&object)?;
            object
                .properties
                .get(&name)
                .filter(|one| one.archived == archived)
                .cloned()
                .ok_or_else(|| no_such_property(&name))
        })
        .await?;
    reply(StatusCode::OK, &property)
}

pub async fn create(
    State(server): State<Server>,
    Path(object): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let sent: Property = parse(&body)?;
    let made = server
        .call(move |work| {
            let object = work.schema.object(&object)?;
            define(work, object, sent)
        })
        .await?;
    server.reload_schema().await?;
    reply(StatusCode::CREATED, &made)
}

pub async fn batch_create(
    State(server): State<Server>,
    Path(object): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let inputs = parse::<Inputs<Property>>(&body)?.inputs;
    let made = server
        .call(move |work| {
            let object = work.schema.object(&object)?;
            let mut results = Vec::new();
            let mut errors: Vec<ErrorBody> = Vec::new();
            for sent in inputs {
                let name = sent.name.clone();
                match work.isolated(|| define(work, object, sent)) {
                    Ok(property) => results.push(property),
                    Err(error) if error.status.is_server_error() => return Err(error),
                    Err(error) => errors.push(error.with_context("name", vec![name]).body),
                }
            }
            answer(work, StatusCode::CREATED, results, errors)
        })
        .await?;
    server.reload_schema().await?;
    Ok(made)
}

pub async fn batch_read(
    State(server): State<Server>,
    Path(object): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let inputs = parse::<Inputs<NameInput>>(&body)?.inputs;
    server
        .read(move |work| {
            let object = work.schema.object(&object)?;
            let mut results = Vec::new();
            let mut errors = Vec::new();
            for input in inputs {
                match object.property(&input.name) {
                    Some(property) => results.push(property),
                    None => errors.push(no_such_property(&input.name).body),
                }
            }
            answer(work, StatusCode::OK, results, errors)
        })
        .await
}

pub async fn update(
    State(server): State<Server>,
    Path((object, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let change: PropertyUpdate = parse(&body)?;
    let property = server
        .call(move |work| {
            let object = work.schema.object(&object)?;
            let mut property =
                object.property(&name).cloned().ok_or_else(|| no_such_property(&name))?;
            let set = |target: &mut String, value: Option<String>| {
                if let Some(value) = value {
                    *target = value;
                }
            };
            set(&mut property.label, change.label);
            set(&mut property.description, change.description);
            set(&mut property.group_name, change.group_name);
            set(&mut property.field_type, change.field_type);
            set(&mut property.kind, change.kind);
            property.options = change.options.unwrap_or(property.options);
            property.display_order = change.display_order.unwrap_or(property.display_order);
            property.hidden = change.hidden.unwrap_or(property.hidden);
            property.form_field = change.form_field.unwrap_or(property.form_field);
            definitions::save_property(work.db, &object.id, &property)?;
            Ok(property)
        })
        .await?;
    server.reload_schema().await?;
    reply(StatusCode::OK, &property)
}

pub async fn archive(
    State(server): State<Server>,
    Path((object, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    server
        .call(move |work| {
            let object = work.schema.object(&object)?;
            retire(work, object, &name)
        })
        .await?;
    server.reload_schema().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn batch_archive(
    State(server): State<Server>,
    Path(object): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let inputs = parse::<Inputs<NameInput>>(&body)?.inputs;
    server
        .call(move |work| {
            let object = work.schema.object(&object)?;
            inputs.iter().try_for_each(|input| retire(work, object, &input.name))
        })
        .await?;
    server.reload_schema().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Archives a definition; its values stay with the records.
fn retire(work: &Work<'_>, object: &ObjectType, name: &str) -> Result<(), ApiError> {
    let mut property = object.property(name).cloned().ok_or_else(|| no_such_property(name))?;
    if !property.modification_metadata.archivable || property.hubspot_defined {
        return Err(ApiError::invalid(format!("Property {name} cannot be archived")));
    }
    let is_used =
        work.rules.iter().any(|rule| rule.when.property == name || rule.set.contains_key(name));
    if is_used {
        let mut error = ApiError::invalid(format!("Property {name} is used by a workflow"));
        error.body.sub_category =
            Some("PropertyValidationError.CANNOT_DELETE_PROPERTY_IN_USE".to_owned());
        return Err(error);
    }
    property.archived = true;
    definitions::save_property(work.db, &object.id, &property)?;
    Ok(())
}

/// Makes a definition, or brings back an archived one of the same name.
pub fn define(work: &Work<'_>, object: &ObjectType, sent: Property) -> Result<Property, ApiError> {
    let is_name = sent.name.starts_with(|c: char| c.is_ascii_lowercase())
        && sent.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !is_name {
        return Err(ApiError::invalid(format!("Invalid property name: {}", sent.name)));
    }
    if object.property(&sent.name).is_some() {
        let mut error = ApiError::new(
            StatusCode::CONFLICT,
            Some("OBJECT_ALREADY_EXISTS"),
            format!("A property named '{}' already exists.", sent.name),
        );
        error.body.sub_category = Some("Properties.PROPERTY_WITH_NAME_EXISTS".to_owned());
        return Err(error);
    }
    let is_boolean_pair = sent.options.len() == 2
        && ["true", "false"]
            .into_iter()
            .all(|value| sent.options.iter().any(|option| option.value == value));
    if sent.kind == "bool" && !is_boolean_pair {
        let mut error =
            ApiError::invalid("A bool property needs exactly the options true and false");
        error.body.sub_category = Some("PropertyValidationError.INVALID_BOOLEAN_OPTION".to_owned());
        return Err(error);
    }
    let mut property = sent;
    property.archived = false;
    property.hubspot_defined = false;
    definitions::save_property(work.db, &object.id, &property)?;
    Ok(property)
}

fn no_such_property(name: &str) -> ApiError {
    ApiError::not_found(format!("Property \"{name}\" does not exist"))
}
