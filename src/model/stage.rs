//! The build stage: latest snapshots and state in, a published build and new state out.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::TableReference;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use jiff::Timestamp;
use thiserror::Error;

use super::run::register_missing_sources;
use super::session::register_batches;
use super::{
    Build, BuildInputs, ModelError, ModelProgress, ModelSet, RenderContext, build, functions,
    new_session, register_extra_sources, register_parquet, register_project, register_rows,
    register_seeds, render_context, seeds,
};
use crate::apply::{ApplyError, last_writes, outcome_files};
use crate::config::{Period, Project};
use crate::crm::CrmKind;
use crate::crm::transport::request_log::{request_files, request_schema};
use crate::golden::FieldRegistry;
use crate::schema::Schema;
use crate::snapshot::{Manifest, PullError, schema_tables};
use crate::state::{DECISION_COLUMNS, Decision, State, decisions};
use crate::warehouse::{Warehouse, WarehouseError, run_log};

/// Seconds before a snapshot within which our own writes may not show in it yet. HubSpot's lists
/// and search lag by half a minute (reported); an hour is far past any lag and far below a night.
const WRITE_LAG_SECONDS: i64 = 3600;

const CRMS: [CrmKind; 2] = [CrmKind::HubSpot, CrmKind::Salesforce];

#[derive(Debug, Error)]
pub enum StageError {
    #[error("there is no snapshot of {kind} yet")]
    NoSnapshot { kind: CrmKind },
    #[error("there is no build yet")]
    NoBuild,
    #[error("project has no connection to {kind}")]
    NoConnection { kind: CrmKind },
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Pull(#[from] PullError),
    #[error(transparent)]
    Apply(#[from] Box<ApplyError>),
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    #[error("cannot set up the session")]
    DataFusion(#[from] datafusion::error::DataFusionError),
}

/// A session that holds every source, ready for models and queries.
pub struct Opened {
    pub ctx: SessionContext,
    pub set: ModelSet,
    pub render_context: RenderContext,
    pub inputs: BuildInputs,
    pub manifests: BTreeMap<CrmKind, Manifest>,
    pub registry: Arc<FieldRegistry>,
}

/// What is asked, and within which memory.
#[derive(Clone, Debug)]
pub struct Question {
    pub metric: String,
    pub period: Period,
    pub memory_bytes_max: usize,
}

/// Registers the latest snapshots, metadata, seeds, configuration, state and run log in a session.
/// A CRM without a snapshot has empty
/// tables.
///
/// # Errors
/// When a file cannot be read.
pub async fn open_sources(
    project: &Project,
    warehouse: &Warehouse,
    question: &Question,
) -> Result<Opened, StageError> {
    let mut manifests = BTreeMap::new();
    let mut schemas: BTreeMap<CrmKind, Schema> = BTreeMap::new();
    for kind in CRMS {
        let connection = connection(project, kind)?;
        let Some(manifest) = Manifest::latest(warehouse, connection).await? else { continue };
        schemas.insert(kind, manifest.read_schema(warehouse).await?);
        manifests.insert(kind, manifest);
    }
    let registry = Arc::new(FieldRegistry::new(
        &project.field_map,
        schemas.remove(&CrmKind::HubSpot).unwrap_or_default(),
        schemas.remove(&CrmKind::Salesforce).unwrap_or_default(),
        &project.phone_region,
    ));
    let set = ModelSet::load(&project.dir)?;
    let render_context = render_context(project);
    let ctx = new_session(warehouse, question.memory_bytes_max)?;
    functions::register(&ctx, &registry);
    for kind in CRMS {
        match manifests.get(&kind) {
            Some(manifest) => {
                register_snapshot(&ctx, &set, &render_context, kind, manifest).await?;
            }
            None => register_no_metadata(&ctx, kind)?,
        }
    }
    register_seeds(&ctx, &seeds(&project.dir)?)?;
    register_extra_sources(&ctx, project, warehouse).await?;

    let as_of = manifests.values().map(|manifest| manifest.pulled_at).max().unwrap_or_default();
    register_project(&ctx, project, &question.metric, &question.period, as_of)?;
    let snapshots: BTreeMap<String, String> = manifests
        .values()
        .map(|manifest| (manifest.connection.clone(), manifest.snapshot_id.clone()))
        .collect();
    let state = State::before(warehouse, &snapshots).await?;
    if let Some(state) = &state {
        for (table, file) in &state.tables {
            let table = TableReference::partial("state", table.as_str());
            register_parquet(&ctx, table, std::slice::from_ref(file), &[]).await?;
        }
    }
    register_ops(&ctx, &set, warehouse, as_of).await?;
    register_missing_sources(&ctx, &set, &render_context)?;
    let inputs = BuildInputs {
        snapshots,
        state: state.map(|state| state.id),
        field_map_digest: project.field_map.digest.clone(),
        as_of: as_of.to_string(),
    };
    Ok(Opened { ctx, set, render_context, inputs, manifests, registry })
}

/// Runs every model over the latest snapshots, publishes the build and then its state.
///
/// # Errors
/// When a CRM has no snapshot yet, or a model or a check fails; neither build nor state exists then.
pub async fn run_build(
    project: &Project,
    warehouse: &Warehouse,
    question: &Question,
    id: &str,
    progress: &dyn ModelProgress,
) -> Result<(Opened, Build), StageError> {
    let opened = open_sources(project, warehouse, question).await?;
    if let Some(kind) = CRMS.into_iter().find(|kind| !opened.manifests.contains_key(kind)) {
        return Err(StageError::NoSnapshot { kind });
    }
    let at_a_time = models_at_a_time(&opened.manifests);
    let built = build(&opened, warehouse, id, at_a_time, progress).await?;
    State::publish(warehouse, &built).await?;
    Ok((opened, built))
}

/// Says how many models run side by side: two for a small company, whose models are mostly planning,
/// and one where each needs the memory for itself.
fn models_at_a_time(manifests: &BTreeMap<CrmKind, Manifest>) -> usize {
    const ROWS_OF_SMALL_COMPANY_MAX: u64 = 250_000;
    let tables = manifests.values().flat_map(|manifest| &manifest.tables);
    let rows: u64 = tables.map(|table| table.rows).sum();
    if rows <= ROWS_OF_SMALL_COMPANY_MAX { 2 } else { 1 }
}

/// Opens whatever there is to ask: sources, and the models of the latest build if there is one.
///
/// # Errors
/// When a file cannot be read.
pub async fn open_anything(
    project: &Project,
    warehouse: &Warehouse,
    question: &Question,
) -> Result<Opened, StageError> {
    let opened = open_sources(project, warehouse, question).await?;
    if let Some(build) = Build::latest(warehouse).await? {
        build.register(&opened.ctx).await?;
    }
    Ok(opened)
}

/// Opens the latest build with its sources, for questions.
///
/// # Errors
/// [`StageError::NoBuild`] when there is none.
pub async fn open_latest(
    project: &Project,
    warehouse: &Warehouse,
    question: &Question,
) -> Result<(Opened, Build), StageError> {
    let build = Build::latest(warehouse).await?.ok_or(StageError::NoBuild)?;
    let opened = open_sources(project, warehouse, question).await?;
    build.register(&opened.ctx).await?;
    Ok((opened, build))
}

/// Names the project's connection to a CRM.
///
/// # Errors
/// [`StageError::NoConnection`] when it has none.
pub fn connection(project: &Project, kind: CrmKind) -> Result<&str, StageError> {
    project
        .connections
        .values()
        .find(|connection| connection.kind == kind)
        .map(|connection| connection.name.as_str())
        .ok_or(StageError::NoConnection { kind })
}

async fn register_snapshot(
    ctx: &SessionContext,
    set: &ModelSet,
    render_context: &RenderContext,
    kind: CrmKind,
    manifest: &Manifest,
) -> Result<(), StageError> {
    let crm = kind.as_str();
    for table in &manifest.tables {
        let mut expected: Vec<String> = set
            .sources
            .get(&(crm.to_owned(), table.name.clone()))
            .map(|source| source.columns.clone())
            .unwrap_or_default();
        let mapped = render_context.mapped_columns.iter().filter(|((system, object), _)| {
            system == crm && super::snake_case(object) == table.name
        });
        expected.extend(mapped.flat_map(|(_, columns)| columns.iter().cloned()));
        let reference = TableReference::partial(crm, table.name.as_str());
        register_parquet(ctx, reference, &table.files, &expected).await?;
    }
    let schema = format!("{crm}_metadata");
    for table in ["objects", "fields", "picklist_values", "stages", "users"] {
        let file = format!(
            "snapshots/{}/_schema/snapshot={}/{table}.parquet",
            manifest.connection, manifest.snapshot_id
        );
        let reference = TableReference::partial(schema.as_str(), table);
        register_parquet(ctx, reference, &[file], &[]).await?;
    }
    Ok(())
}

/// Registers the metadata tables of a CRM that was not pulled yet, without rows.
pub(super) fn register_no_metadata(ctx: &SessionContext, kind: CrmKind) -> Result<(), StageError> {
    let schema = format!("{kind}_metadata");
    for (table, batch) in schema_tables(&Schema::default())? {
        let reference = TableReference::partial(schema.as_str(), table);
        register_batches(ctx, reference, batch.schema(), vec![batch])?;
    }
    Ok(())
}

/// Registers the run log, the requests and outcomes of all runs, and the last write of each record.
async fn register_ops(
    ctx: &SessionContext,
    set: &ModelSet,
    warehouse: &Warehouse,
    as_of: Timestamp,
) -> Result<(), StageError> {
    let log = run_log::read_all(warehouse).await?;
    let ops = |table: &'static str| TableReference::partial("ops", table);
    register_rows(ctx, ops("runs"), &run_log::RUN_COLUMNS, &run_log::run_rows(&log))?;
    register_rows(ctx, ops("stages"), &run_log::STAGE_COLUMNS, &run_log::stage_rows(&log))?;
    let decided: Vec<_> = decisions(warehouse).await?.into_iter().map(Decision::row).collect();
    register_rows(ctx, ops("decisions"), &DECISION_COLUMNS, &decided)?;
    let files = outcome_files(warehouse).await.map_err(Box::new)?;
    if !files.is_empty() {
        // Files of older versions lack the columns that came later.
        let source = set.sources.get(&("ops".to_owned(), "outcomes".to_owned()));
        let columns = source.map_or(&[][..], |source| &source.columns);
        register_parquet(ctx, ops("outcomes"), &files, columns).await?;
    }
    let files = request_files(warehouse).await?;
    let (table, schema) = (ops("requests"), request_schema());
    if files.is_empty() {
        register_batches(ctx, table, schema, Vec::new())?;
    } else {
        let urls: Vec<String> = files.iter().map(|file| warehouse.url_of(file)).collect();
        // Every part has this shape; a year of nights is not opened to find it out.
        let options = ParquetReadOptions::default().schema(&schema);
        ctx.register_table(table, ctx.read_parquet(urls, options).await?.into_view())?;
    }
    let since = Timestamp::from_second(as_of.as_second() - WRITE_LAG_SECONDS).unwrap_or(as_of);
    let rows = last_writes(ctx, warehouse, &since.to_string()).await.map_err(Box::new)?;
    let columns = ["source_system", "object", "record_id", "written_at_text"];
    register_rows(ctx, ops("last_writes_text"), &columns, &rows)?;
    let typed = ctx
        .sql(
            "select source_system, object, record_id, as_timestamp(written_at_text) as written_at \
             from ops.last_writes_text",
        )
        .await?;
    ctx.register_table(ops("last_writes"), typed.into_view())?;
    Ok(())
}
