//! Outcomes as a table, and what later runs look up in it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::prelude::{ParquetReadOptions, SessionContext};

use super::{ApplyError, Outcome, Status};
use crate::plan::{Action, After};
use crate::warehouse::Warehouse;

/// Writes `runs/<run>/outcomes.parquet`: one row for each field of each action with an outcome.
///
/// # Errors
/// When the file cannot be written.
pub async fn write_outcomes(
    warehouse: &Warehouse,
    run: &str,
    plan: &str,
    actions: &[Action],
    outcomes: &[Outcome],
) -> Result<(), ApplyError> {
    let outcome_by_action: HashMap<&str, &Outcome> =
        outcomes.iter().map(|outcome| (outcome.action_id.as_str(), outcome)).collect();
    let columns = [
        "run_id",
        "plan_id",
        "action_id",
        "source_system",
        "object",
        "operation",
        "record_id",
        "golden_id",
        "field",
        "target_field",
        "before",
        "sent",
        "stored",
        "status",
        "code",
        "message",
        "written_at",
        "rule",
        "refused_field",
    ];
    let mut rows: Vec<Vec<Option<String>>> = Vec::new();
    let mut created: Vec<bool> = Vec::new();
    for action in actions {
        let Some(outcome) = outcome_by_action.get(action.action_id.as_str()) else { continue };
        for change in &action.changes {
            let sent = match &change.after {
                After::Value(value) => Some(value.clone()),
                After::Clear => None,
                After::RecordIdOf(create) => {
                    outcome_by_action.get(create.as_str()).and_then(|o| o.record_id.clone())
                }
            };
            rows.push(vec![
                Some(run.to_owned()),
                Some(plan.to_owned()),
                Some(action.action_id.clone()),
                Some(action.system.as_str().to_owned()),
                Some(action.object.clone()),
                Some(action.operation.as_str().to_owned()),
                outcome.record_id.clone(),
                Some(action.golden_id.clone()),
                Some(change.field.clone()),
                Some(change.target_field.clone()),
                change.before.clone(),
                sent,
                outcome.stored.get(&change.target_field).cloned().flatten(),
                Some(outcome.status.as_str().to_owned()),
                outcome.code.clone(),
                outcome.message.clone(),
                Some(outcome.at.clone()),
                Some(change.rule.clone()),
                outcome.field.clone(),
            ]);
            created.push(outcome.is_created);
        }
    }
    let mut fields: Vec<Field> =
        columns.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
    fields.push(Field::new("is_created", DataType::Boolean, false));
    let mut arrays: Vec<ArrayRef> = (0..columns.len())
        .map(|index| -> ArrayRef {
            Arc::new(rows.iter().map(|row| row[index].as_deref()).collect::<StringArray>())
        })
        .collect();
    arrays.push(Arc::new(BooleanArray::from(created)));
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)
        .map_err(|error| datafusion::error::DataFusionError::ArrowError(Box::new(error), None))?;
    let mut file = warehouse.create_parquet(&outcomes_path(run), schema)?;
    file.write(&batch).await?;
    file.finish().await?;
    Ok(())
}

/// Reads the outcomes of a run's actions that were not sent, as its table holds them; none before the
/// table is there. The journal knows only what was sent.
///
/// # Errors
/// When the file cannot be read.
pub async fn left_out(warehouse: &Warehouse, run: &str) -> Result<Vec<Outcome>, ApplyError> {
    let path = outcomes_path(run);
    if !warehouse.list(&format!("runs/{run}")).await?.contains(&path) {
        return Ok(Vec::new());
    }
    let mut left_out: BTreeMap<String, Outcome> = BTreeMap::new();
    for batch in warehouse.read_parquet(&path).await? {
        let column = |name: &str| batch.column_by_name(name).map(AsArray::as_string::<i32>);
        for row in 0..batch.num_rows() {
            let text = |name: &str| {
                let column = column(name)?;
                column.is_valid(row).then(|| column.value(row).to_owned())
            };
            let Some(status) = text("status").and_then(|word| Status::parse(&word)) else {
                continue;
            };
            let (Some(action_id), Some(at)) = (text("action_id"), text("written_at")) else {
                continue;
            };
            if !status.is_sent() {
                left_out.insert(
                    action_id.clone(),
                    Outcome {
                        action_id,
                        status,
                        record_id: text("record_id"),
                        is_created: false,
                        code: text("code"),
                        message: text("message"),
                        field: None,
                        stored: BTreeMap::new(),
                        at,
                    },
                );
            }
        }
    }
    Ok(left_out.into_values().collect())
}

/// Lists the outcome files of all runs, oldest first.
///
/// # Errors
/// When the warehouse cannot be listed.
pub async fn outcome_files(warehouse: &Warehouse) -> Result<Vec<String>, ApplyError> {
    let files = warehouse.list("runs").await?;
    Ok(files.into_iter().filter(|path| path.ends_with("/outcomes.parquet")).collect())
}

/// Returns the time of the last accepted write of every record, as rows of `ops.last_writes`:
/// system, object, record id, RFC 3339 time. Only writes after `since` count.
///
/// # Errors
/// When an outcome file cannot be read.
pub async fn last_writes(
    ctx: &SessionContext,
    warehouse: &Warehouse,
    since: &str,
) -> Result<Vec<Vec<Option<String>>>, ApplyError> {
    let mut last: BTreeMap<(String, String, String), String> = BTreeMap::new();
    for row in accepted(ctx, warehouse).await? {
        let [system, object, record, _, at] = row;
        if at.as_str() >= since {
            let known = last.entry((system, object, record)).or_default();
            if *known < at {
                *known = at;
            }
        }
    }
    Ok(last
        .into_iter()
        .map(|((system, object, record), at)| {
            vec![Some(system), Some(object), Some(record), Some(at)]
        })
        .collect())
}

/// Returns every `(object, field)` that some run has written.
///
/// # Errors
/// When an outcome file cannot be read.
pub async fn written_fields(
    ctx: &SessionContext,
    warehouse: &Warehouse,
) -> Result<BTreeSet<(String, String)>, ApplyError> {
    let rows = accepted(ctx, warehouse).await?;
    Ok(rows.into_iter().map(|[_, object, _, field, _]| (object, field)).collect())
}

/// Returns every object that a run other than this one has written.
///
/// # Errors
/// When an outcome file cannot be read.
pub async fn objects_of_others(
    ctx: &SessionContext,
    warehouse: &Warehouse,
    run: &str,
) -> Result<BTreeSet<String>, ApplyError> {
    let mut files = outcome_files(warehouse).await?;
    files.retain(|file| *file != outcomes_path(run));
    let rows = accepted_in(ctx, warehouse, &files).await?;
    Ok(rows.into_iter().map(|[_, object, _, _, _]| object).collect())
}

async fn accepted(
    ctx: &SessionContext,
    warehouse: &Warehouse,
) -> Result<Vec<[String; 5]>, ApplyError> {
    accepted_in(ctx, warehouse, &outcome_files(warehouse).await?).await
}

/// Reads system, object, record id, field and time of every accepted write.
async fn accepted_in(
    ctx: &SessionContext,
    warehouse: &Warehouse,
    files: &[String],
) -> Result<Vec<[String; 5]>, ApplyError> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let urls: Vec<String> = files.iter().map(|file| warehouse.url_of(file)).collect();
    let batches = ctx
        .read_parquet(urls, ParquetReadOptions::default())
        .await?
        .select_columns(&[
            "source_system",
            "object",
            "record_id",
            "target_field",
            "written_at",
            "status",
        ])?
        .collect()
        .await?;
    let mut rows = Vec::new();
    for batch in &batches {
        let column = |index: usize| batch.column(index).as_string::<i32>();
        for row in 0..batch.num_rows() {
            if column(5).value(row) == Status::Accepted.as_str() {
                rows.push([0, 1, 2, 3, 4].map(|index| column(index).value(row).to_owned()));
            }
        }
    }
    Ok(rows)
}

fn outcomes_path(run: &str) -> String {
    format!("runs/{run}/outcomes.parquet")
}
