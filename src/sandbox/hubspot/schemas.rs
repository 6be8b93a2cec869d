//! Custom objects: their definitions, made and unmade (reference section 12).

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rusqlite::params;
use serde::Deserialize;
use serde_json::{Value, json};

use super::association_types::{AssociationType, USER_DEFINED};
use super::batch::answer;
use super::errors::ApiError;
use super::properties;
use super::routes::{Params, flag};
use super::schema::{Definition, Labels, ObjectType, Property, Schema};
use super::time::iso;
use super::{Server, Work, definitions, parse, reply};

const NAME_LENGTH_MAX: usize = 50;
/// Where the numbers of custom object types start.
const FIRST_TYPE: u64 = 3_000_001;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SchemaInput {
    name: String,
    labels: Labels,
    primary_display_property: Option<String>,
    #[serde(default)]
    secondary_display_properties: Vec<String>,
    #[serde(default)]
    required_properties: Vec<String>,
    #[serde(default)]
    searchable_properties: Vec<String>,
    #[serde(default)]
    allows_sensitive_properties: bool,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    properties: Vec<Property>,
    #[serde(default)]
    associated_objects: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SchemaChange {
    labels: Option<Labels>,
    primary_display_property: Option<String>,
    secondary_display_properties: Option<Vec<String>>,
    required_properties: Option<Vec<String>>,
    searchable_properties: Option<Vec<String>>,
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssociationInput {
    #[serde(default)]
    from_object_type_id: Option<String>,
    to_object_type_id: String,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct ReadBatch {
    #[serde(default)]
    inputs: Vec<ReadInput>,
}

#[derive(Deserialize)]
struct ReadInput {
    id: String,
}

pub async fn list(State(server): State<Server>, params: Params) -> Result<Response, ApiError> {
    let archived = flag(&params, "archived");
    let view = server
        .read(move |work| {
            let results: Vec<Value> = work
                .schema
                .objects
                .iter()
                .filter(|object| !object.is_standard() && object.definition.archived == archived)
                .map(|object| view(work, object))
                .collect();
            Ok(json!({ "results": results }))
        })
        .await?;
    reply(StatusCode::OK, &view)
}

pub async fn read(
    State(server): State<Server>,
    Path(object): Path<String>,
) -> Result<Response, ApiError> {
    let view = server.read(move |work| Ok(view(work, work.schema.object(&object)?))).await?;
    reply(StatusCode::OK, &view)
}

pub async fn batch_read(State(server): State<Server>, body: Bytes) -> Result<Response, ApiError> {
    let batch: ReadBatch = parse(&body)?;
    server
        .read(move |work| {
            let (mut results, mut errors) = (Vec::new(), Vec::new());
            for input in &batch.inputs {
                match work.schema.object(&input.id) {
                    Ok(object) => results.push(view(work, object)),
                    Err(error) => errors.push(error.body),
                }
            }
            answer(work, StatusCode::OK, results, errors)
        })
        .await
}

pub async fn create(State(server): State<Server>, body: Bytes) -> Result<Response, ApiError> {
    let input: SchemaInput = parse(&body)?;
    let id = server.call(move |work| define(work, input)).await?;
    server.reload_schema().await?;
    let view = server.read(move |work| Ok(view(work, work.schema.object(&id)?))).await?;
    reply(StatusCode::CREATED, &view)
}

pub async fn update(
    State(server): State<Server>,
    Path(object): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let change: SchemaChange = parse(&body)?;
    let id = server
        .call(move |work| {
            let object = custom(work, &object)?;
            let mut definition = object.definition.clone();
            definition.labels = change.labels.or(definition.labels);
            definition.primary_display_property =
                change.primary_display_property.or(definition.primary_display_property);
            let lists = [
                (&mut definition.secondary_display_properties, change.secondary_display_properties),
                (&mut definition.required_properties, change.required_properties),
                (&mut definition.searchable_properties, change.searchable_properties),
            ];
            for (held, sent) in lists {
                if let Some(sent) = sent {
                    *held = sent;
                }
            }
            definition.description = change.description.or(definition.description);
            definition.updated_at = work.now;
            definitions::save_definition(work.db, &object.id, &definition)?;
            Ok(object.id.clone())
        })
        .await?;
    server.reload_schema().await?;
    let view = server.read(move |work| Ok(view(work, work.schema.object(&id)?))).await?;
    reply(StatusCode::OK, &view)
}

/// Archives a definition that no record needs, or with `archived=true` removes it for good.
pub async fn delete(
    State(server): State<Server>,
    Path(object): Path<String>,
    params: Params,
) -> Result<Response, ApiError> {
    let purges = flag(&params, "archived");
    server
        .call(move |work| {
            let object = if purges {
                work.schema
                    .objects
                    .iter()
                    .find(|one| one.definition.archived && one.answers_to(&object))
                    .ok_or_else(ApiError::no_such_record)?
            } else {
                custom(work, &object)?
            };
            let n_records: i64 = work.db.query_row(
                "select count(*) from records where object = ?1 and archived = 0",
                [&object.id],
                |row| row.get(0),
            )?;
            if n_records > 0 {
                return Err(ApiError::invalid(format!(
                    "The object type {} still has {n_records} records and cannot be deleted",
                    object.id
                )));
            }
            if purges {
                return purge(work, object);
            }
            let definition =
                Definition { archived: true, updated_at: work.now, ..object.definition.clone() };
            Ok(definitions::save_definition(work.db, &object.id, &definition)?)
        })
        .await?;
    server.reload_schema().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn associate(
    State(server): State<Server>,
    Path(object): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let input: AssociationInput = parse(&body)?;
    let view = server
        .call(move |work| {
            let own = custom(work, &object)?;
            let from =
                work.schema.object(input.from_object_type_id.as_deref().unwrap_or(&own.id))?;
            let to = work.schema.object(&input.to_object_type_id)?;
            let type_id = definitions::next_association_type(work.db)?;
            let made = AssociationType {
                from: from.id.clone(),
                to: to.id.clone(),
                type_id,
                reverse_type_id: type_id + 1,
                category: USER_DEFINED.to_owned(),
                label: input.name.clone(),
                reverse_label: input.name.clone(),
                name: input.name,
            };
            definitions::save_association_type(work.db, &made)?;
            Ok(association_view(&made, work.now))
        })
        .await?;
    server.reload_schema().await?;
    reply(StatusCode::CREATED, &view)
}

pub async fn dissociate(
    State(server): State<Server>,
    Path((object, association)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    server
        .call(move |work| {
            custom(work, &object)?;
            let type_id: i64 = association.parse().map_err(|_| ApiError::no_such_record())?;
            if definitions::delete_association_type(work.db, type_id)? {
                Ok(())
            } else {
                Err(ApiError::no_such_record())
            }
        })
        .await?;
    server.reload_schema().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn custom<'w>(work: &'w Work<'_>, asked: &str) -> Result<&'w ObjectType, ApiError> {
    let object = work.schema.object(asked)?;
    if object.is_standard() {
        return Err(ApiError::invalid(format!("{asked} is not a custom object type")));
    }
    Ok(object)
}

fn define(work: &Work<'_>, input: SchemaInput) -> Result<String, ApiError> {
    let is_name = input.name.starts_with(|c: char| c.is_ascii_alphabetic())
        && input.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && input.name.len() <= NAME_LENGTH_MAX;
    if !is_name {
        return Err(ApiError::invalid(format!("Invalid object name: {}", input.name)));
    }
    if work.schema.objects.iter().any(|one| one.name.eq_ignore_ascii_case(&input.name)) {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            Some("OBJECT_ALREADY_EXISTS"),
            format!("An object type named '{}' already exists.", input.name),
        ));
    }
    let mentioned = input
        .primary_display_property
        .iter()
        .chain(&input.secondary_display_properties)
        .chain(&input.required_properties)
        .chain(&input.searchable_properties)
        .find(|name| !input.properties.iter().any(|property| property.name == **name));
    if let Some(name) = mentioned {
        return Err(ApiError::invalid(format!("Property \"{name}\" does not exist")));
    }
    let id = format!("2-{}", free_number(&work.schema));
    let mut object = ObjectType {
        id: id.clone(),
        name: input.name,
        definition: Definition {
            labels: Some(input.labels),
            primary_display_property: input.primary_display_property,
            secondary_display_properties: input.secondary_display_properties,
            required_properties: input.required_properties,
            searchable_properties: input.searchable_properties,
            allows_sensitive_properties: input.allows_sensitive_properties,
            description: input.description,
            archived: false,
            created_at: work.now,
            updated_at: work.now,
        },
        ..ObjectType::default()
    };
    object.add_derived_properties();
    definitions::add_object(work.db, &object)?;
    for property in object.properties.values() {
        definitions::save_property(work.db, &object.id, property)?;
    }
    for property in input.properties {
        properties::define(work, &object, property)?;
    }
    let mut linked: Vec<&ObjectType> = Vec::new();
    for name in &input.associated_objects {
        linked.push(work.schema.object(name)?);
    }
    linked.extend(
        work.schema
            .objects
            .iter()
            .filter(|one| !input.associated_objects.iter().any(|name| one.answers_to(name))),
    );
    for to in linked.into_iter().chain([&object]) {
        definitions::add_plain_type(work.db, &object.id, &to.id)?;
    }
    Ok(id)
}

fn free_number(schema: &Schema) -> u64 {
    let numbers = schema.objects.iter().filter_map(|object| object.id.strip_prefix("2-"));
    numbers.filter_map(|number| number.parse::<u64>().ok()).max().map_or(FIRST_TYPE, |max| max + 1)
}

fn purge(work: &Work<'_>, object: &ObjectType) -> Result<(), ApiError> {
    for table in ["records", "properties", "history", "property_groups", "property_validations"] {
        work.db.execute(&format!("delete from {table} where object = ?1"), [&object.id])?;
    }
    work.db.execute("delete from objects where id = ?1", [&object.id])?;
    work.db.execute(
        "delete from association_types where from_object = ?1 or to_object = ?1",
        params![object.id],
    )?;
    Ok(())
}

fn view(work: &Work<'_>, object: &ObjectType) -> Value {
    let definition = &object.definition;
    let properties: Vec<&Property> =
        object.properties.values().filter(|property| !property.archived).collect();
    let associations: Vec<Value> = work
        .schema
        .objects
        .iter()
        .flat_map(|to| work.schema.associations.between(&object.id, &to.id))
        .map(|one| association_view(one, definition.created_at))
        .collect();
    let labels = definition
        .labels
        .clone()
        .unwrap_or_else(|| Labels { singular: object.singular(), plural: object.name.clone() });
    let mut view = json!({
        "id": object.id.split_once('-').map(|(_, number)| number),
        "objectTypeId": object.id,
        "name": object.name,
        "fullyQualifiedName": object.qualified_name(work.portal_id()),
        "labels": labels,
        "primaryDisplayProperty": definition.primary_display_property,
        "secondaryDisplayProperties": definition.secondary_display_properties,
        "requiredProperties": definition.required_properties,
        "searchableProperties": definition.searchable_properties,
        "allowsSensitiveProperties": definition.allows_sensitive_properties,
        "archived": definition.archived,
        "properties": properties,
        "associations": associations,
        "createdAt": iso(definition.created_at),
        "updatedAt": iso(definition.updated_at),
    });
    if let Some(description) = &definition.description {
        view["description"] = json!(description);
    }
    view
}

fn association_view(one: &AssociationType, at: i64) -> Value {
    json!({
        "id": one.type_id.to_string(),
        "name": one.name.as_ref().or(one.label.as_ref()),
        "fromObjectTypeId": one.from,
        "toObjectTypeId": one.to,
        "createdAt": iso(at),
        "updatedAt": iso(at),
    })
}
