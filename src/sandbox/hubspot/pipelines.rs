//! Pipelines and their stages, with who changed them when (reference section 7).

use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rusqlite::params;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::errors::ApiError;
use super::routes::{Params, flag, one};
use super::schema::ObjectType;
use super::time::iso;
use super::{ApiVersion, Server, Work, parse, reply, validate};

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StageInput {
    label: String,
    #[serde(default)]
    display_order: i64,
    #[serde(default)]
    metadata: Map<String, Value>,
    #[serde(default)]
    stage_id: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PipelineInput {
    label: String,
    #[serde(default)]
    display_order: i64,
    #[serde(default)]
    stages: Vec<StageInput>,
    #[serde(default)]
    pipeline_id: Option<String>,
}

/// What a change may hold; the rest stays.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    label: Option<String>,
    display_order: Option<i64>,
    metadata: Option<Map<String, Value>>,
}

/// What happened to a pipeline or a stage.
struct Event<'a> {
    pipeline: &'a str,
    stage: Option<&'a str>,
    action: &'static str,
}

pub async fn list(
    State(server): State<Server>,
    Path(object): Path<String>,
) -> Result<Response, ApiError> {
    let view = server
        .read(move |work| {
            let object = work.schema.object(&object)?;
            Ok(json!({ "results": whole(work, object)? }))
        })
        .await?;
    reply(StatusCode::OK, &view)
}

pub async fn read(
    State(server): State<Server>,
    Path((object, pipeline)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let view = server
        .read(move |work| {
            let object = work.schema.object(&object)?;
            Ok(pick(&mut whole(work, object)?, &pipeline)?.clone())
        })
        .await?;
    reply(StatusCode::OK, &view)
}

pub async fn create(
    State(server): State<Server>,
    Path(object): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let input: PipelineInput = parse(&body)?;
    let view = server
        .call(move |work| {
            let object = work.schema.object(&object)?;
            let mut pipelines = whole(work, object)?;
            let made = new_pipeline(work, &pipelines, input)?;
            pipelines.push(made.clone());
            save(work, object, &pipelines)?;
            note(work, object, &Event { pipeline: id_of(&made), stage: None, action: "CREATE" })?;
            Ok(made)
        })
        .await?;
    reply(StatusCode::CREATED, &view)
}

/// Takes the place of a pipeline's label, order and stages.
pub async fn replace(
    State(server): State<Server>,
    Path((object, pipeline)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let input: PipelineInput = parse(&body)?;
    let view = server
        .call(move |work| {
            let object = work.schema.object(&object)?;
            let mut pipelines = whole(work, object)?;
            let held = pick(&mut pipelines, &pipeline)?.clone();
            let others: Vec<Value> =
                pipelines.iter().filter(|one| id_of(one) != pipeline).cloned().collect();
            let input = PipelineInput { pipeline_id: Some(pipeline.clone()), ..input };
            let mut made = new_pipeline(work, &others, input)?;
            made["createdAt"] = held["createdAt"].clone();
            *pick(&mut pipelines, &pipeline)? = made.clone();
            save(work, object, &pipelines)?;
            note(work, object, &Event { pipeline: &pipeline, stage: None, action: "UPDATE" })?;
            Ok(made)
        })
        .await?;
    reply(StatusCode::OK, &view)
}

pub async fn update(
    State(server): State<Server>,
    Path((object, pipeline)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let change: Change = parse(&body)?;
    let view = server
        .call(move |work| {
            let object = work.schema.object(&object)?;
            let mut pipelines = whole(work, object)?;
            let held = pick(&mut pipelines, &pipeline)?;
            change.put_into(work, held);
            let view = held.clone();
            save(work, object, &pipelines)?;
            note(work, object, &Event { pipeline: &pipeline, stage: None, action: "UPDATE" })?;
            Ok(view)
        })
        .await?;
    reply(StatusCode::OK, &view)
}

pub async fn delete(
    State(server): State<Server>,
    Path((object, pipeline)): Path<(String, String)>,
    Extension(version): Extension<ApiVersion>,
    params: Params,
) -> Result<Response, ApiError> {
    let checks = checks_references(&params, version);
    server
        .call(move |work| {
            let object = work.schema.object(&object)?;
            let mut pipelines = whole(work, object)?;
            pick(&mut pipelines, &pipeline)?;
            if checks {
                refuse_used(work, object, "pipeline", &pipeline)?;
            }
            pipelines.retain(|one| id_of(one) != pipeline);
            save(work, object, &pipelines)?;
            note(work, object, &Event { pipeline: &pipeline, stage: None, action: "DELETE" })
        })
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn audit(
    State(server): State<Server>,
    Path((object, pipeline)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    events(server, object, pipeline, None).await
}

pub async fn stages(
    State(server): State<Server>,
    Path((object, pipeline)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let view = server
        .read(move |work| {
            let object = work.schema.object(&object)?;
            let stages = pick(&mut whole(work, object)?, &pipeline)?["stages"].clone();
            Ok(json!({ "results": stages }))
        })
        .await?;
    reply(StatusCode::OK, &view)
}

pub async fn read_stage(
    State(server): State<Server>,
    Path((object, pipeline, stage)): Path<(String, String, String)>,
) -> Result<Response, ApiError> {
    let view = server
        .read(move |work| {
            let object = work.schema.object(&object)?;
            let mut pipelines = whole(work, object)?;
            Ok(pick_stage(pick(&mut pipelines, &pipeline)?, &stage)?.clone())
        })
        .await?;
    reply(StatusCode::OK, &view)
}

pub async fn create_stage(
    State(server): State<Server>,
    Path((object, pipeline)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let input: StageInput = parse(&body)?;
    let view = server
        .call(move |work| {
            let object = work.schema.object(&object)?;
            let mut pipelines = whole(work, object)?;
            let made = new_stage(work, &pipelines, input)?;
            let held = pick(&mut pipelines, &pipeline)?;
            stages_of(held)?.push(made.clone());
            save(work, object, &pipelines)?;
            let event = Event { pipeline: &pipeline, stage: Some(id_of(&made)), action: "CREATE" };
            note(work, object, &event)?;
            Ok(made)
        })
        .await?;
    reply(StatusCode::CREATED, &view)
}

/// Changes a stage; a replacement and a change differ only in what is sent.
pub async fn update_stage(
    State(server): State<Server>,
    Path((object, pipeline, stage)): Path<(String, String, String)>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let change: Change = parse(&body)?;
    let view = server
        .call(move |work| {
            let object = work.schema.object(&object)?;
            let mut pipelines = whole(work, object)?;
            let held = pick_stage(pick(&mut pipelines, &pipeline)?, &stage)?;
            change.put_into(work, held);
            let view = held.clone();
            save(work, object, &pipelines)?;
            let event = Event { pipeline: &pipeline, stage: Some(&stage), action: "UPDATE" };
            note(work, object, &event)?;
            Ok(view)
        })
        .await?;
    reply(StatusCode::OK, &view)
}

pub async fn delete_stage(
    State(server): State<Server>,
    Path((object, pipeline, stage)): Path<(String, String, String)>,
    Extension(version): Extension<ApiVersion>,
    params: Params,
) -> Result<Response, ApiError> {
    let checks = checks_references(&params, version);
    server
        .call(move |work| {
            let object = work.schema.object(&object)?;
            let mut pipelines = whole(work, object)?;
            let held = pick(&mut pipelines, &pipeline)?;
            pick_stage(held, &stage)?;
            if checks {
                refuse_used(work, object, stage_property(object), &stage)?;
            }
            stages_of(held)?.retain(|one| id_of(one) != stage);
            save(work, object, &pipelines)?;
            let event = Event { pipeline: &pipeline, stage: Some(&stage), action: "DELETE" };
            note(work, object, &event)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn stage_audit(
    State(server): State<Server>,
    Path((object, pipeline, stage)): Path<(String, String, String)>,
) -> Result<Response, ApiError> {
    events(server, object, pipeline, Some(stage)).await
}

impl Change {
    fn put_into(self, work: &Work<'_>, held: &mut Value) {
        if let Some(label) = self.label {
            held["label"] = json!(label);
        }
        if let Some(order) = self.display_order {
            held["displayOrder"] = json!(order);
        }
        if let Some(metadata) = self.metadata {
            held["metadata"] = Value::Object(metadata);
        }
        held["updatedAt"] = json!(iso(work.now));
    }
}

/// Reads an object's pipelines with what every one has and world files leave out.
fn whole(work: &Work<'_>, object: &ObjectType) -> Result<Vec<Value>, ApiError> {
    let made_at = iso(work.world.now.as_millisecond());
    let complete = |value: &mut Value| {
        if let Some(keys) = value.as_object_mut() {
            for key in ["createdAt", "updatedAt"] {
                keys.entry(key).or_insert_with(|| json!(made_at));
            }
            keys.entry("archived").or_insert(json!(false));
        }
    };
    let mut pipelines = validate::pipelines(work, object)?;
    for pipeline in &mut pipelines {
        complete(pipeline);
        for stage in pipeline["stages"].as_array_mut().into_iter().flatten() {
            complete(stage);
            if let Some(keys) = stage.as_object_mut() {
                keys.entry("writePermissions").or_insert(json!("CRM_PERMISSIONS_ENFORCEMENT"));
            }
        }
    }
    Ok(pipelines)
}

fn save(work: &Work<'_>, object: &ObjectType, pipelines: &[Value]) -> Result<(), ApiError> {
    work.db.execute(
        "insert or replace into pipelines (object, definition) values (?1, ?2)",
        params![object.name, serde_json::to_string(pipelines)?],
    )?;
    Ok(())
}

fn new_pipeline(
    work: &Work<'_>,
    others: &[Value],
    input: PipelineInput,
) -> Result<Value, ApiError> {
    if others.iter().any(|one| one["label"] == input.label.as_str()) {
        return Err(taken(&input.label));
    }
    let id = input.pipeline_id.unwrap_or_else(|| free_id(others));
    let mut made = json!({
        "id": id,
        "label": input.label,
        "displayOrder": input.display_order,
        "stages": [],
        "createdAt": iso(work.now),
        "updatedAt": iso(work.now),
        "archived": false,
    });
    for stage in input.stages {
        let mut known = others.to_vec();
        known.push(made.clone());
        let stage = new_stage(work, &known, stage)?;
        stages_of(&mut made)?.push(stage);
    }
    Ok(made)
}

fn new_stage(work: &Work<'_>, pipelines: &[Value], input: StageInput) -> Result<Value, ApiError> {
    let id = input.stage_id.unwrap_or_else(|| free_id(pipelines));
    let is_taken = pipelines
        .iter()
        .filter_map(|pipeline| pipeline["stages"].as_array())
        .flatten()
        .any(|stage| id_of(stage) == id);
    if is_taken {
        return Err(taken(&id));
    }
    Ok(json!({
        "id": id,
        "label": input.label,
        "displayOrder": input.display_order,
        "metadata": input.metadata,
        "createdAt": iso(work.now),
        "updatedAt": iso(work.now),
        "archived": false,
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
    }))
}

/// Returns a number that no pipeline and no stage has; the account's own ids are numbers.
fn free_id(pipelines: &[Value]) -> String {
    let stages = pipelines.iter().filter_map(|one| one["stages"].as_array()).flatten();
    let highest = pipelines
        .iter()
        .chain(stages)
        .filter_map(|one| id_of(one).parse::<u64>().ok())
        .max()
        .unwrap_or(900_000);
    (highest + 1).to_string()
}

fn taken(name: &str) -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        Some("OBJECT_ALREADY_EXISTS"),
        format!("A pipeline or stage named '{name}' already exists."),
    )
}

fn id_of(value: &Value) -> &str {
    value["id"].as_str().unwrap_or_default()
}

fn pick<'a>(pipelines: &'a mut [Value], id: &str) -> Result<&'a mut Value, ApiError> {
    pipelines.iter_mut().find(|one| id_of(one) == id).ok_or_else(ApiError::no_such_record)
}

fn pick_stage<'a>(pipeline: &'a mut Value, id: &str) -> Result<&'a mut Value, ApiError> {
    stages_of(pipeline)?
        .iter_mut()
        .find(|one| id_of(one) == id)
        .ok_or_else(ApiError::no_such_record)
}

fn stages_of(pipeline: &mut Value) -> Result<&mut Vec<Value>, ApiError> {
    pipeline["stages"].as_array_mut().ok_or_else(ApiError::internal)
}

/// References are checked where that is asked for, on 2026-09 unless it is declined.
fn checks_references(params: &Params, version: ApiVersion) -> bool {
    let asked = ["validateReferencesBeforeDelete", "validateDealStageUsagesBeforeDelete"]
        .into_iter()
        .find(|key| one(params, key).is_some());
    match asked {
        Some(key) => flag(params, key),
        None => version == ApiVersion::September2026,
    }
}

fn stage_property(object: &ObjectType) -> &'static str {
    if object.id == "0-3" { "dealstage" } else { "hs_pipeline_stage" }
}

fn refuse_used(
    work: &Work<'_>,
    object: &ObjectType,
    property: &str,
    id: &str,
) -> Result<(), ApiError> {
    let users: Vec<i64> = work
        .db
        .prepare_cached(
            "select id from records where object = ?1 and archived = 0
             and properties ->> ('$.' || ?2) = ?3 order by id limit 100",
        )?
        .query_map([object.id.as_str(), property, id], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    if users.is_empty() {
        return Ok(());
    }
    let users: Vec<String> = users.iter().map(i64::to_string).collect();
    Err(ApiError::invalid(format!("{id} is still used by records {}", users.join(", "))))
}

fn note(work: &Work<'_>, object: &ObjectType, event: &Event<'_>) -> Result<(), ApiError> {
    work.db.execute(
        "insert into pipeline_audit (object, pipeline, stage, action, at)
         values (?1, ?2, ?3, ?4, ?5)",
        params![object.name, event.pipeline, event.stage, event.action, work.now],
    )?;
    Ok(())
}

async fn events(
    server: Server,
    object: String,
    pipeline: String,
    stage: Option<String>,
) -> Result<Response, ApiError> {
    let view = server
        .read(move |work| {
            let object = work.schema.object(&object)?;
            let portal_id = work.portal_id().parse::<u64>().unwrap_or_default();
            let identifier = stage.clone().unwrap_or_else(|| pipeline.clone());
            let results: Vec<Value> = work
                .db
                .prepare_cached(
                    "select action, at from pipeline_audit
                     where object = ?1 and pipeline = ?2 and stage is ?3
                     order by at desc, rowid desc",
                )?
                .query_map(params![object.name, pipeline, stage], |row| {
                    let (action, at): (String, i64) = (row.get(0)?, row.get(1)?);
                    Ok(json!({
                        "portalId": portal_id,
                        "identifier": identifier,
                        "action": action,
                        "timestamp": iso(at),
                        "fromUserId": 1,
                    }))
                })?
                .collect::<Result<_, _>>()?;
            Ok(json!({ "results": results }))
        })
        .await?;
    reply(StatusCode::OK, &view)
}
