//! Groups that property definitions are shown under (reference section 6.1).

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rusqlite::params;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::errors::ApiError;
use super::schema::ObjectType;
use super::{Server, Work, parse, reply};

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: String,
    label: String,
    display_order: i64,
    archived: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupInput {
    name: String,
    label: String,
    #[serde(default = "unordered")]
    display_order: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupChange {
    label: Option<String>,
    display_order: Option<i64>,
}

fn unordered() -> i64 {
    -1
}

pub async fn list(
    State(server): State<Server>,
    Path(object): Path<String>,
) -> Result<Response, ApiError> {
    let groups = server.read(move |work| all(work, work.schema.object(&object)?)).await?;
    reply(StatusCode::OK, &json!({ "results": groups }))
}

pub async fn read(
    State(server): State<Server>,
    Path((object, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let group = server.read(move |work| find(work, work.schema.object(&object)?, &name)).await?;
    reply(StatusCode::OK, &group)
}

pub async fn create(
    State(server): State<Server>,
    Path(object): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let input: GroupInput = parse(&body)?;
    let group = server
        .call(move |work| {
            let object = work.schema.object(&object)?;
            if find(work, object, &input.name).is_ok() {
                return Err(ApiError::new(
                    StatusCode::CONFLICT,
                    Some("OBJECT_ALREADY_EXISTS"),
                    format!("A group named '{}' already exists.", input.name),
                ));
            }
            let group = Group {
                name: input.name,
                label: input.label,
                display_order: input.display_order,
                archived: false,
            };
            save(work, object, &group)?;
            Ok(group)
        })
        .await?;
    reply(StatusCode::CREATED, &group)
}

pub async fn update(
    State(server): State<Server>,
    Path((object, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let change: GroupChange = parse(&body)?;
    let group = server
        .call(move |work| {
            let object = work.schema.object(&object)?;
            let mut group = find(work, object, &name)?;
            group.label = change.label.unwrap_or(group.label);
            group.display_order = change.display_order.unwrap_or(group.display_order);
            save(work, object, &group)?;
            Ok(group)
        })
        .await?;
    reply(StatusCode::OK, &group)
}

pub async fn archive(
    State(server): State<Server>,
    Path((object, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    server
        .call(move |work| {
            let object = work.schema.object(&object)?;
            let group = find(work, object, &name)?;
            let is_used =
                object.properties.values().any(|one| !one.archived && one.group_name == name);
            if is_used {
                let mut error =
                    ApiError::invalid(format!("Group '{name}' still has active properties."));
                error.body.sub_category =
                    Some("PropertyGroupError.GROUP_WITH_ACTIVE_PROPERTIES".to_owned());
                return Err(error);
            }
            save(work, object, &Group { archived: true, ..group })
        })
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Lists the groups that are kept and those that only property definitions name.
fn all(work: &Work<'_>, object: &ObjectType) -> Result<Vec<Group>, ApiError> {
    let mut groups: Vec<Group> = work
        .db
        .prepare_cached(
            "select name, label, display_order, archived from property_groups
             where object = ?1 order by name",
        )?
        .query_map([&object.id], |row| {
            Ok(Group {
                name: row.get(0)?,
                label: row.get(1)?,
                display_order: row.get(2)?,
                archived: row.get(3)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    for property in object.properties.values().filter(|one| !one.archived) {
        if !groups.iter().any(|group| group.name == property.group_name) {
            groups.push(Group {
                name: property.group_name.clone(),
                label: property.group_name.clone(),
                display_order: unordered(),
                archived: false,
            });
        }
    }
    groups.retain(|group| !group.archived);
    Ok(groups)
}

fn find(work: &Work<'_>, object: &ObjectType, name: &str) -> Result<Group, ApiError> {
    all(work, object)?
        .into_iter()
        .find(|group| group.name == name)
        .ok_or_else(|| ApiError::not_found(format!("Group \"{name}\" does not exist")))
}

fn save(work: &Work<'_>, object: &ObjectType, group: &Group) -> Result<(), ApiError> {
    work.db.execute(
        "insert or replace into property_groups (object, name, label, display_order, archived)
         values (?1, ?2, ?3, ?4, ?5)",
        params![object.id, group.name, group.label, group.display_order, group.archived],
    )?;
    Ok(())
}
