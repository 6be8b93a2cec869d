//! The plan on disk: `plan.json` for the page, Parquet for the actions and for what was not done.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray, UInt32Array};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::TableReference;
use datafusion::prelude::{ParquetReadOptions, SessionContext};

use super::rows::TextColumns;
use super::{Action, After, Change, ChangeStatus, FieldChange, Plan, PlanError};
use crate::config::FieldType;
use crate::crm::{CrmKind, WriteApi, WriteOperation};
use crate::model::register_parquet;
use crate::warehouse::Warehouse;

/// Publishes a plan: actions, no-ops and held-back changes first, the page last.
///
/// # Errors
/// When a file cannot be written.
pub async fn write_plan(
    warehouse: &Warehouse,
    plan: &Plan,
    actions: &[Action],
    changes: &[Change],
) -> Result<(), PlanError> {
    write_actions(warehouse, &plan.id, actions).await?;
    for (name, status) in [("noops", ChangeStatus::Noop), ("held", ChangeStatus::Held)] {
        let rows: Vec<&Change> = changes.iter().filter(|change| change.status == status).collect();
        write_changes(warehouse, &format!("plans/{}/{name}.parquet", plan.id), &rows).await?;
    }
    warehouse.put_json(&format!("plans/{}/plan.json", plan.id), plan).await?;
    Ok(())
}

/// Reads a plan's page.
///
/// # Errors
/// [`PlanError::NoPlan`] when there is none of this id.
pub async fn read_plan(warehouse: &Warehouse, id: &str) -> Result<Plan, PlanError> {
    let plan = warehouse.get_json(&format!("plans/{id}/plan.json")).await?;
    plan.ok_or_else(|| PlanError::NoPlan { id: id.to_owned() })
}

/// Reads the page of the latest plan, or `None` before the first.
///
/// # Errors
/// When it cannot be read.
pub async fn latest_plan(warehouse: &Warehouse) -> Result<Option<Plan>, PlanError> {
    for id in warehouse.list_directories("plans").await?.into_iter().rev() {
        if let Some(plan) = warehouse.get_json(&format!("plans/{id}/plan.json")).await? {
            return Ok(Some(plan));
        }
    }
    Ok(None)
}

/// Registers the latest plan's files as `plan.actions`, `plan.held` and `plan.noops`, if there is one.
///
/// # Errors
/// When a file cannot be read.
pub async fn register_latest(ctx: &SessionContext, warehouse: &Warehouse) -> Result<(), PlanError> {
    let Some(plan) = latest_plan(warehouse).await? else { return Ok(()) };
    for table in ["actions", "held", "noops"] {
        let file = format!("plans/{}/{table}.parquet", plan.id);
        register_parquet(ctx, TableReference::partial("plan", table), &[file], &[]).await?;
    }
    Ok(())
}

/// Columns of `actions.parquet`, one row for each field of each action.
const ACTION_COLUMNS: [&str; 17] = [
    "action_id",
    "system",
    "object",
    "operation",
    "api",
    "record_id",
    "key_field",
    "key",
    "golden_id",
    "depends_on",
    "field",
    "target_field",
    "field_type",
    "before",
    "after",
    "after_kind",
    "rule",
];

async fn write_actions(
    warehouse: &Warehouse,
    plan: &str,
    actions: &[Action],
) -> Result<(), PlanError> {
    let mut calls: Vec<u32> = Vec::new();
    let mut rows: Vec<[Option<String>; ACTION_COLUMNS.len()]> = Vec::new();
    for action in actions {
        for change in &action.changes {
            let (after, kind) = match &change.after {
                After::Value(value) => (Some(value.clone()), "value"),
                After::Clear => (None, "clear"),
                After::RecordIdOf(action) => (Some(action.clone()), "record_id_of"),
            };
            calls.push(action.call);
            rows.push([
                Some(action.action_id.clone()),
                Some(action.system.as_str().to_owned()),
                Some(action.object.clone()),
                Some(action.operation.as_str().to_owned()),
                Some(action.api.as_str().to_owned()),
                action.record_id.clone(),
                action.create_key.as_ref().map(|(field, _)| field.clone()),
                action.create_key.as_ref().map(|(_, key)| key.clone()),
                Some(action.golden_id.clone()),
                action.depends_on.clone(),
                Some(change.field.clone()),
                Some(change.target_field.clone()),
                Some(change.field_type.as_str().to_owned()),
                change.before.clone(),
                after,
                Some(kind.to_owned()),
                Some(change.rule.clone()),
            ]);
        }
    }
    let mut fields = vec![Field::new("call", DataType::UInt32, false)];
    fields.extend(ACTION_COLUMNS.iter().map(|name| Field::new(*name, DataType::Utf8, true)));
    let mut arrays: Vec<ArrayRef> = vec![Arc::new(UInt32Array::from(calls))];
    arrays.extend((0..ACTION_COLUMNS.len()).map(|index| -> ArrayRef {
        Arc::new(rows.iter().map(|row| row[index].as_deref()).collect::<StringArray>())
    }));
    put(warehouse, &format!("plans/{plan}/actions.parquet"), fields, arrays).await
}

async fn write_changes(
    warehouse: &Warehouse,
    path: &str,
    changes: &[&Change],
) -> Result<(), PlanError> {
    type Value = fn(&Change) -> Option<&str>;
    let columns: [(&str, Value); 11] = [
        ("golden_id", |c| Some(&c.golden_id)),
        ("entity", |c| Some(&c.entity)),
        ("system", |c| Some(c.target_system.as_str())),
        ("object", |c| Some(&c.target_object)),
        ("record_id", |c| c.target_id.as_deref()),
        ("operation", |c| Some(c.operation.as_str())),
        ("field", |c| Some(&c.field)),
        ("before", |c| c.before.as_deref()),
        ("value", |c| c.after.as_deref()),
        ("reason_code", |c| c.reason_code.as_deref()),
        ("rule", |c| Some(&c.rule)),
    ];
    let fields = columns.iter().map(|(name, _)| Field::new(*name, DataType::Utf8, true)).collect();
    let arrays = columns
        .iter()
        .map(|(_, value)| -> ArrayRef {
            Arc::new(changes.iter().map(|change| value(change)).collect::<StringArray>())
        })
        .collect();
    put(warehouse, path, fields, arrays).await
}

async fn put(
    warehouse: &Warehouse,
    path: &str,
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
) -> Result<(), PlanError> {
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)
        .map_err(|error| PlanError::Shape { path: path.to_owned(), message: error.to_string() })?;
    let mut file = warehouse.create_parquet(path, schema)?;
    file.write(&batch).await?;
    file.finish().await?;
    Ok(())
}

/// Reads a plan's actions in their order.
///
/// # Errors
/// When the file is missing or not of the shape that [`write_plan`] gives it.
pub async fn read_actions(
    ctx: &SessionContext,
    warehouse: &Warehouse,
    plan: &str,
) -> Result<Vec<Action>, PlanError> {
    let path = format!("plans/{plan}/actions.parquet");
    let local = warehouse.url_of(&path);
    let frame = ctx.read_parquet(local, ParquetReadOptions::default()).await?;
    let shape =
        |message: &str| PlanError::Shape { path: path.clone(), message: message.to_owned() };
    let mut actions: BTreeMap<String, Action> = BTreeMap::new();
    for batch in frame.collect().await? {
        let columns = TextColumns::of(&batch);
        let calls = batch
            .column_by_name("call")
            .and_then(|array| array.as_any().downcast_ref::<UInt32Array>())
            .ok_or_else(|| shape("column `call` is missing"))?;
        for row in 0..batch.num_rows() {
            let text = |name: &str| columns.text(name, row);
            let needed = |name: &str| text(name)?.ok_or_else(|| shape("a value is missing"));
            let id = needed("action_id")?;
            let system = match needed("system")?.as_str() {
                "hubspot" => CrmKind::HubSpot,
                _ => CrmKind::Salesforce,
            };
            let operation = WriteOperation::parse(&needed("operation")?)
                .ok_or_else(|| shape("column `operation` holds a word that is not known"))?;
            let after = match needed("after_kind")?.as_str() {
                "value" => After::Value(needed("after")?),
                "record_id_of" => After::RecordIdOf(needed("after")?),
                "clear" => After::Clear,
                _ => return Err(shape("column `after_kind` holds a word that is not known")),
            };
            let action = match actions.entry(id.clone()) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => entry.insert(Action {
                    action_id: id,
                    call: calls.value(row),
                    system,
                    object: needed("object")?,
                    operation,
                    api: WriteApi::parse(&needed("api")?)
                        .ok_or_else(|| shape("column `api` holds a word that is not known"))?,
                    record_id: text("record_id")?,
                    create_key: text("key_field")?.zip(text("key")?),
                    golden_id: needed("golden_id")?,
                    depends_on: text("depends_on")?,
                    changes: Vec::new(),
                }),
            };
            action.changes.push(FieldChange {
                field: needed("field")?,
                target_field: needed("target_field")?,
                field_type: FieldType::parse(&needed("field_type")?)
                    .ok_or_else(|| shape("column `field_type` holds a word that is not known"))?,
                before: text("before")?,
                after,
                rule: needed("rule")?,
            });
        }
    }
    let mut actions: Vec<Action> = actions.into_values().collect();
    for action in &mut actions {
        action.changes.sort_by(|a, b| a.target_field.cmp(&b.target_field));
    }
    Ok(actions)
}
