//! Runs models in order, materialises each, and runs its checks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::common::TableReference;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use datafusion::sql::resolve::resolve_table_references;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::task::JoinSet;

use super::checks::{CheckFailure, run_checks};
use super::render::render;
use super::session::register_batches;
use super::{
    Joins, ModelError, ModelFile, ModelSet, Opened, RenderContext, SqlError, order,
    register_parquet,
};
use crate::warehouse::Warehouse;

/// Format of `builds/<id>/manifest.json`.
const BUILD_VERSION: u32 = 1;

/// What a build read, written into its manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildInputs {
    /// Connection → snapshot id.
    pub snapshots: BTreeMap<String, String>,
    /// Build whose state was read; `None` for the first build.
    pub state: Option<String>,
    pub field_map_digest: String,
    /// The time at which the story is told, RFC 3339.
    pub as_of: String,
}

/// `builds/<id>/manifest.json`, put last: a build without it does not exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    pub version: u32,
    pub id: String,
    pub inputs: BuildInputs,
    pub models: Vec<BuiltModel>,
}

/// One materialised model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltModel {
    pub name: String,
    pub files: Vec<String>,
    pub rows: u64,
    /// How long it took, its checks included, beside the other model that ran.
    #[serde(default)]
    pub ms: u64,
    /// Models and sources that it read.
    pub reads: Vec<String>,
}

/// Told as models run.
pub trait ModelProgress: Send + Sync {
    fn started(&self, _model: &str) {}
    fn finished(&self, _model: &str, _n_rows: u64) {}
}

impl ModelProgress for () {}

/// A model ready to run.
#[derive(Clone)]
struct Rendered {
    file: ModelFile,
    sql: String,
    reads: BTreeSet<String>,
}

/// Runs every model, `at_a_time` of them side by side, and publishes the build.
///
/// The session must hold the sources; sources that staging names and the session lacks are
/// registered as empty tables. Models are left registered in the session.
///
/// # Errors
/// When a model cannot be rendered or run, or a check fails. Nothing is published then.
pub async fn build(
    opened: &Opened,
    warehouse: &Warehouse,
    id: &str,
    at_a_time: usize,
    progress: &dyn ModelProgress,
) -> Result<Build, ModelError> {
    let Opened { ctx, set, render_context, inputs, .. } = opened;
    register_missing_sources(ctx, set, render_context)?;
    let rendered = render_all(ctx, set, render_context)?;
    let edges: BTreeMap<String, BTreeSet<String>> = rendered
        .iter()
        .map(|(name, model)| (name.clone(), inputs_among(model, &rendered)))
        .collect();
    let ordered = order(&edges)?;

    let mut waiting: Vec<&String> = ordered.iter().collect();
    let mut done: BTreeMap<String, BuiltModel> = BTreeMap::new();
    let mut running = JoinSet::new();
    let mut failures = Vec::new();
    while done.len() < ordered.len() {
        waiting.retain(|&name| {
            let is_ready = edges[name].iter().all(|input| done.contains_key(input));
            if !is_ready || running.len() >= at_a_time.max(1) {
                return true;
            }
            progress.started(name);
            let (ctx, model, warehouse) = (ctx.clone(), rendered[name].clone(), warehouse.clone());
            let directory = format!("builds/{id}/{name}");
            running.spawn(async move { run_model(&ctx, &model, &warehouse, &directory).await });
            false
        });
        // Ready models wait for nothing but a place, so one is running whenever some are left.
        let Some(ended) = running.join_next().await else { break };
        let (model, failed) = ended.unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(DataFusionError::External(Box::new(error)).into()),
        })?;
        failures.extend(failed);
        progress.finished(&model.name, model.rows);
        done.insert(model.name.clone(), model);
    }
    if !failures.is_empty() {
        return Err(ModelError::Checks { failures });
    }
    let models = ordered.iter().filter_map(|name| done.remove(name)).collect();
    let (id, inputs) = (id.to_owned(), inputs.clone());
    let build = Build { version: BUILD_VERSION, id, inputs, models };
    warehouse.put_json(&format!("builds/{}/manifest.json", build.id), &build).await?;
    Ok(build)
}

/// Materialises one model, registers it, and runs its checks.
async fn run_model(
    ctx: &SessionContext,
    model: &Rendered,
    warehouse: &Warehouse,
    directory: &str,
) -> Result<(BuiltModel, Vec<CheckFailure>), ModelError> {
    let started_at = Instant::now();
    let name = model.file.name.clone();
    let file = format!("{directory}/part-0000.parquet");
    let rows =
        materialise(&with_joins(ctx, model.file.sidecar.joins), model, warehouse, &file).await?;
    warehouse.put_text(&format!("{directory}/model.sql"), &model.sql).await?;
    register_parquet(ctx, name.as_str(), std::slice::from_ref(&file), &[]).await?;
    let failures = run_checks(ctx, &model.file).await?;
    let reads = model.reads.iter().cloned().collect();
    let ms = u64::try_from(started_at.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok((BuiltModel { name, files: vec![file], rows, ms, reads }, failures))
}

/// Returns a session over the same tables and memory that joins as the model asks.
fn with_joins(ctx: &SessionContext, joins: Joins) -> SessionContext {
    match joins {
        Joins::SortMerge => ctx.clone(),
        Joins::Hash => {
            let mut state = ctx.state();
            state.config_mut().options_mut().optimizer.prefer_hash_join = true;
            SessionContext::new_with_state(state)
        }
    }
}

/// Runs again, as views over a finished build, the models that depend on any of `changed`
/// (`project.period`, say), so that a question can be asked of another period.
///
/// # Errors
/// When a model cannot be rendered or planned.
pub async fn run_models(
    ctx: &SessionContext,
    set: &ModelSet,
    render_context: &RenderContext,
    changed: &[&str],
) -> Result<(), ModelError> {
    let rendered = render_all(ctx, set, render_context)?;
    let edges = rendered.iter().map(|(name, model)| (name.clone(), inputs_among(model, &rendered)));
    let mut stale: BTreeSet<String> = changed.iter().map(|name| (*name).to_owned()).collect();
    for name in order(&edges.collect())? {
        let model = &rendered[&name];
        if model.reads.is_disjoint(&stale) {
            continue;
        }
        let batches = plan(ctx, model).await?.collect().await.map_err(|e| sql_error(model, e))?;
        let schema = batches.first().map_or_else(
            || Arc::new(Schema::empty()),
            datafusion::arrow::array::RecordBatch::schema,
        );
        if schema.fields().is_empty() {
            let frame = plan(ctx, model).await?;
            let schema = Arc::new(frame.schema().as_arrow().clone());
            register_batches(ctx, name.as_str(), schema, Vec::new())?;
        } else {
            register_batches(ctx, name.as_str(), schema, batches)?;
        }
        stale.insert(name);
    }
    Ok(())
}

/// Renders every model; each after those that it reads.
///
/// # Errors
/// When a model cannot be rendered or parsed, or models depend on each other in a circle.
pub fn rendered_in_order(
    ctx: &SessionContext,
    set: &ModelSet,
    render_context: &RenderContext,
) -> Result<Vec<(String, String)>, ModelError> {
    let mut rendered = render_all(ctx, set, render_context)?;
    let edges = rendered.iter().map(|(name, model)| (name.clone(), inputs_among(model, &rendered)));
    let ordered = order(&edges.collect())?;
    Ok(ordered
        .into_iter()
        .filter_map(|name| rendered.remove(&name).map(|model| (name, model.sql)))
        .collect())
}

impl Build {
    /// Returns the newest finished build, or `None` when there is none.
    ///
    /// # Errors
    /// When a manifest cannot be read.
    pub async fn latest(warehouse: &Warehouse) -> Result<Option<Self>, ModelError> {
        for id in warehouse.list_directories("builds").await?.into_iter().rev() {
            if let Some(build) = Self::read(warehouse, &id).await? {
                return Ok(Some(build));
            }
        }
        Ok(None)
    }

    /// Reads the manifest of one build; `None` when the build never finished.
    ///
    /// # Errors
    /// When the manifest cannot be read.
    pub async fn read(warehouse: &Warehouse, id: &str) -> Result<Option<Self>, ModelError> {
        Ok(warehouse.get_json(&format!("builds/{id}/manifest.json")).await?)
    }

    /// Registers every model of the build in a session.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub async fn register(&self, ctx: &SessionContext) -> Result<(), ModelError> {
        for model in &self.models {
            register_parquet(ctx, model.name.as_str(), &model.files, &[]).await?;
        }
        Ok(())
    }
}

/// Registers as empty every source that staging names and the session lacks.
pub(super) fn register_missing_sources(
    ctx: &SessionContext,
    set: &ModelSet,
    render_context: &RenderContext,
) -> Result<(), ModelError> {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    for ((schema, table), source) in &set.sources {
        let reference = TableReference::partial(schema.as_str(), table.as_str());
        if ctx.table_exist(reference.clone())? {
            continue;
        }
        let mut fields: Vec<Field> = Vec::new();
        let mapped = render_context
            .mapped_columns
            .iter()
            .filter(|((crm, object), _)| crm == schema && snake_case(object) == *table)
            .flat_map(|(_, columns)| columns);
        for column in source.columns.iter().chain(mapped) {
            if fields.iter().all(|field| field.name() != column) {
                fields.push(Field::new(column, DataType::Utf8, true));
            }
        }
        for column in &source.timestamps {
            fields.push(Field::new(column, utc.clone(), true));
        }
        fields.push(Field::new("_snapshot_id", DataType::Utf8, true));
        fields.push(Field::new("_pulled_at", utc.clone(), true));
        fields.push(Field::new("_archived", DataType::Boolean, true));
        fields.push(Field::new("_fingerprint", DataType::Utf8, true));
        register_batches(ctx, reference, Arc::new(Schema::new(fields)), Vec::new())?;
    }
    Ok(())
}

/// Turns a vendor's object name into its table name: `OpportunityContactRole` →
/// `opportunity_contact_role`.
pub fn snake_case(object: &str) -> String {
    let mut name = String::with_capacity(object.len() + 4);
    for (index, c) in object.chars().enumerate() {
        if c.is_uppercase() && index > 0 {
            name.push('_');
        }
        name.extend(c.to_lowercase());
    }
    name
}

fn render_all(
    ctx: &SessionContext,
    set: &ModelSet,
    render_context: &RenderContext,
) -> Result<BTreeMap<String, Rendered>, ModelError> {
    let mut rendered = BTreeMap::new();
    for (name, file) in &set.models {
        let sql = render(set, file, render_context)?;
        let mut model = Rendered { file: file.clone(), sql, reads: BTreeSet::new() };
        let statement = parse(ctx, &model)?;
        let (tables, _) =
            resolve_table_references(&statement, true).map_err(|error| sql_error(&model, error))?;
        model.reads = tables.iter().map(ToString::to_string).collect();
        rendered.insert(name.clone(), model);
    }
    Ok(rendered)
}

fn inputs_among(model: &Rendered, all: &BTreeMap<String, Rendered>) -> BTreeSet<String> {
    model.reads.iter().filter(|table| all.contains_key(*table)).cloned().collect()
}

fn parse(ctx: &SessionContext, model: &Rendered) -> Result<Statement, ModelError> {
    let dialect = ctx.state().config().options().sql_parser.dialect;
    ctx.state().sql_to_statement(&model.sql, &dialect).map_err(|error| sql_error(model, error))
}

async fn plan(
    ctx: &SessionContext,
    model: &Rendered,
) -> Result<datafusion::prelude::DataFrame, ModelError> {
    ctx.sql(&model.sql).await.map_err(|error| sql_error(model, error))
}

/// Writes the model's rows as they come; memory is the operators' own and one row group.
async fn materialise(
    ctx: &SessionContext,
    model: &Rendered,
    warehouse: &Warehouse,
    path: &str,
) -> Result<u64, ModelError> {
    let frame = plan(ctx, model).await?;
    let mut stream = frame.execute_stream().await.map_err(|error| sql_error(model, error))?;
    let mut file = warehouse.create_parquet(path, stream.schema())?;
    while let Some(batch) = stream.next().await {
        file.write(&batch.map_err(|error| sql_error(model, error))?).await?;
    }
    Ok(file.finish().await?)
}

/// Names the model and, where DataFusion tells it, the line and column.
fn sql_error(model: &Rendered, source: DataFusionError) -> ModelError {
    let span =
        source.iter().find_map(|error| error.diagnostic().and_then(|diagnostic| diagnostic.span));
    let (line, column) = match span {
        Some(span) => (Some(span.start.line), Some(span.start.column)),
        None => position_in_text(&source.to_string()),
    };
    ModelError::Sql {
        path: format!("models/{}", model.file.path),
        line,
        column,
        source: SqlError::new(source),
    }
}

/// Finds the parser's `at Line: 3, Column: 7` in its message.
fn position_in_text(message: &str) -> (Option<u64>, Option<u64>) {
    let number_after = |word: &str| -> Option<u64> {
        let rest = &message[message.find(word)? + word.len()..];
        rest.split(|c: char| !c.is_ascii_digit()).find(|part| !part.is_empty())?.parse().ok()
    };
    (number_after("Line: "), number_after("Column: "))
}
