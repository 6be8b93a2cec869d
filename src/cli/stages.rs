//! Build and plan as commands run them: each prints one line, and says what it counted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::prelude::SessionContext;

use super::session::{Session, failed};
use super::{CliError, ExitCode, Ui};
use crate::apply::{Journal, objects_of_others, written_fields};
use crate::config::{FIELD_MAP_FILE, FieldMap, Mode, suggestion};
use crate::crm::{Allowance, CrmError, CrmKind};
use crate::golden::FieldRegistry;
use crate::model::{self, Build, ModelError, ModelProgress, Opened, Question, StageError};
use crate::plan::{self, Action, Care, Change, Plan, PlanInputs};
use crate::snapshot::PullError;
use crate::warehouse::run_log::{self, StageRecord};

/// A stopwatch for one stage.
pub struct Watch(Instant);

impl Watch {
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Closes the stage with what it counted.
    pub fn record(&self, stage: &str, calls: u64, counts: &[(&str, u64)]) -> StageRecord {
        StageRecord {
            stage: stage.to_owned(),
            seconds: self.0.elapsed().as_secs_f64(),
            calls,
            counts: counts.iter().map(|(what, n)| ((*what).to_owned(), *n)).collect(),
        }
    }
}

/// Builds the marts over the latest snapshots.
pub async fn build(
    session: &Session,
    ui: &Ui,
    id: &str,
    question: &Question,
) -> Result<(Opened, Build, StageRecord), CliError> {
    let watch = Watch::start();
    let stage = ui.stage("build");
    let built =
        model::run_build(&session.project, &session.warehouse, question, id, &Models(&stage)).await;
    let (opened, build) = built.map_err(stage_error)?;
    let rows: u64 = build.models.iter().map(|model| model.rows).sum();
    let models = build.models.len() as u64;
    let record = watch.record("build", 0, &[("models", models), ("rows", rows)]);
    for unseen in unseen_fields(&session.project.field_map, &opened.registry) {
        ui.warning(unseen);
    }
    let people = rows_of(&build, "people");
    stage.done(format_args!(
        "{models} models, {people} people, {} companies, {} deals, {:.1} s",
        rows_of(&build, "companies"),
        rows_of(&build, "deals"),
        record.seconds
    ));
    Ok((opened, build, record))
}

/// Describes the fields of the map that a CRM does not show to the connection, each with its place.
fn unseen_fields(map: &FieldMap, registry: &FieldRegistry) -> Vec<String> {
    let mut unseen = Vec::new();
    for entity in &map.entities {
        for field in &entity.fields {
            let hubspot = (CrmKind::HubSpot, &entity.hubspot, &field.hubspot);
            let salesforce =
                field.salesforce.iter().map(|(o, name)| (CrmKind::Salesforce, o, name));
            for (crm, object, name) in std::iter::once(hubspot).chain(salesforce) {
                if registry.field_info(crm, object, name).is_some() {
                    continue;
                }
                let known: Vec<&str> =
                    registry.schema(crm).fields_of(object).map(|f| f.field.as_str()).collect();
                let hint = suggestion(name, &known).map(|hint| format!("; {hint}"));
                unseen.push(format!(
                    "{FIELD_MAP_FILE}:{}: {}.{}: {object} has no field `{name}`, or hides it from the connection{}",
                    field.line,
                    entity.name,
                    field.name,
                    hint.unwrap_or_default()
                ));
            }
        }
    }
    unseen
}

fn rows_of(build: &Build, name: &str) -> u64 {
    build.models.iter().find(|model| model.name == name).map_or(0, |model| model.rows)
}

struct Models<'a>(&'a super::ui::Stage);

impl ModelProgress for Models<'_> {
    fn started(&self, model: &str) {
        self.0.progress(model);
    }
}

/// A plan with what it was made from.
pub struct Planned {
    pub plan: Plan,
    pub actions: Vec<Action>,
    pub changes: Vec<Change>,
}

/// Plans from the build that the session context holds.
pub async fn plan(
    session: &Session,
    ui: &Ui,
    id: &str,
    ctx: &SessionContext,
    build: &Build,
) -> Result<(Planned, StageRecord), CliError> {
    let watch = Watch::start();
    let stage = ui.stage("plan");
    session.requests.begin_stage("plan").await.map_err(failed)?;
    let mut allowances = BTreeMap::new();
    let mut accounts = BTreeMap::new();
    let mut calls_left = BTreeMap::new();
    let mut calls = 0;
    for connection in session.project.connections.values() {
        let crm = session.crm(connection.kind)?;
        let before = crm.calls().total();
        let account = crm.account().await.map_err(crm_error)?;
        allowances.insert(connection.kind, crm.allowances().await.map_err(crm_error)?);
        accounts.insert(connection.name.clone(), account.id);
        calls += crm.calls().total() - before;
        calls_left.insert(connection.kind, spendable(session, connection.kind, &allowances)?);
    }
    let mut changes = plan::read_changes(ctx).await.map_err(failed)?;
    let parents = plan::read_parents(ctx, &changes).await.map_err(failed)?;
    let mut actions =
        plan::build_actions(&changes, &parents, &session.project.field_map).map_err(failed)?;
    let canary = canary_objects(session, ctx, id, &actions).await?;
    let care = Care { is_reread: session.project.apply.reread, canary: &canary };
    let routes = plan::choose_routes(&mut actions, session.project.apply.route, care.is_reread);
    // Judged before the budget cuts it: a small part of a large mistake is a mistake.
    let live = live_records(ctx).await.map_err(failed)?;
    let guards = plan::judge(&plan::summarize(&actions), &live, &session.project.guardrails);
    let (actions, carried) = plan::fit(actions, care, &calls_left);
    plan::hold_carried(&mut changes, &carried);
    let price = plan::price(&actions, care, &allowances);
    let written = written_fields(ctx, &session.warehouse).await.map_err(failed)?;
    let inputs = PlanInputs {
        id: id.to_owned(),
        parent: replaced_plan(session).await?,
        undoes: None,
        created_at: session.now().to_string(),
        as_of: build.inputs.as_of.clone(),
        build: build.id.clone(),
        snapshots: build.inputs.snapshots.clone(),
        accounts,
        field_map_digest: session.project.field_map.digest.clone(),
    };
    let is_written =
        |object: &str, field: &str| written.contains(&(object.to_owned(), field.to_owned()));
    let plan = plan::build_plan(&inputs, &changes, &actions, price, routes, guards, &is_written);
    plan::write_plan(&session.warehouse, &plan, &actions, &changes).await.map_err(failed)?;
    if !session.project.field_map.entities.iter().any(|entity| entity.is_mapped) {
        ui.note("there is no `field_map.toml`, so nothing is compared or written");
    }
    let held: u64 = plan.held.values().sum();
    let noops: u64 = plan.noops.values().sum();
    let n_actions = actions.len() as u64;
    let record =
        watch.record("plan", calls, &[("actions", n_actions), ("held", held), ("noops", noops)]);
    stage.done(format_args!(
        "{n_actions} actions, {held} held back, {noops} left alone, {:.1} s",
        record.seconds
    ));
    Ok((Planned { plan, actions, changes }, record))
}

/// Names the objects of which a run sends a canary without being asked: in `review`, those that no other
/// run has written.
pub async fn canary_objects(
    session: &Session,
    ctx: &SessionContext,
    run: &str,
    actions: &[Action],
) -> Result<BTreeSet<String>, CliError> {
    if session.project.apply.mode != Mode::Review {
        return Ok(BTreeSet::new());
    }
    let written = objects_of_others(ctx, &session.warehouse, run).await.map_err(failed)?;
    let objects = actions.iter().map(|action| &action.object);
    Ok(objects.filter(|object| !written.contains(*object)).cloned().collect())
}

/// Says how many calls a plan may spend on a CRM: what is left to this run, and of the day once the
/// reserve for others is kept.
pub fn spendable(
    session: &Session,
    kind: CrmKind,
    allowances: &BTreeMap<CrmKind, Vec<Allowance>>,
) -> Result<u64, CliError> {
    let name = model::connection(&session.project, kind).map_err(stage_error)?;
    let reserve_share = session.project.budget.get(name).map_or(0.0, |budget| budget.reserve_share);
    let daily = allowances
        .get(&kind)
        .and_then(|all| all.iter().find(|allowance| allowance.name == Allowance::DAILY));
    let of_day = daily.map_or(u64::MAX, |daily| daily.left_with_reserve(reserve_share));
    Ok(session.crm(kind)?.calls_left().min(of_day))
}

/// Names the latest plan before this one, unless some of it was carried out.
async fn replaced_plan(session: &Session) -> Result<Option<String>, CliError> {
    let Some(latest) = plan::latest_plan(&session.warehouse).await.map_err(failed)? else {
        return Ok(None);
    };
    for run in run_log::read_all(&session.warehouse).await.map_err(failed)? {
        let is_of_plan = run.plan.as_ref() == Some(&latest.id);
        if is_of_plan && Journal::is_begun(&session.warehouse, &run.id).await.map_err(failed)? {
            return Ok(None);
        }
    }
    // A plan does not replace an undo that waits: they are about different things.
    Ok((!latest.summary.is_empty() && latest.undoes.is_none()).then_some(latest.id))
}

pub async fn live_records(
    ctx: &SessionContext,
) -> Result<BTreeMap<(CrmKind, String), u64>, datafusion::error::DataFusionError> {
    let batches = ctx
        .sql(
            "select source_system, source_object, count(*) from crosswalk where is_live \
             group by source_system, source_object",
        )
        .await?
        .collect()
        .await?;
    let mut live = BTreeMap::new();
    for batch in &batches {
        for row in 0..batch.num_rows() {
            let kind = match batch.column(0).as_string::<i32>().value(row) {
                "hubspot" => CrmKind::HubSpot,
                _ => CrmKind::Salesforce,
            };
            let object = batch.column(1).as_string::<i32>().value(row).to_owned();
            let n = batch.column(2).as_primitive::<Int64Type>().value(row);
            live.insert((kind, object), u64::try_from(n).unwrap_or(0));
        }
    }
    Ok(live)
}

/// Turns a stage's error into words, an exit code and a way on.
pub fn stage_error(error: StageError) -> CliError {
    match error {
        StageError::NoSnapshot { .. } => CliError::stage(
            error,
            ExitCode::Failed,
            vec!["take one with\n    concord pull".to_owned()],
        ),
        StageError::NoBuild => CliError::stage(
            error,
            ExitCode::Failed,
            vec!["make one with\n    concord build".to_owned()],
        ),
        StageError::Model(error @ ModelError::Sql { .. }) => CliError::stage(
            error,
            ExitCode::Usage,
            vec!["the SQL as run is beside the build, in `model.sql`".to_owned()],
        ),
        StageError::Model(error) => failed(error),
        StageError::Pull(error) => pull_error(error),
        error => failed(error),
    }
}

pub fn pull_error(error: PullError) -> CliError {
    if matches!(error, PullError::Cancelled) {
        return CliError::Interrupted;
    }
    let mut hints: Vec<String> = error.hint().map(str::to_owned).into_iter().collect();
    if let PullError::Extraction { source, .. } | PullError::Metadata { source, .. } = &error {
        hints.extend(crm_hint(source));
    }
    CliError::stage(error, ExitCode::Failed, hints)
}

pub fn crm_error(error: CrmError) -> CliError {
    let hints = crm_hint(&error).into_iter().collect();
    CliError::stage(error, ExitCode::Failed, hints)
}

fn crm_hint(error: &CrmError) -> Option<String> {
    match error {
        CrmError::Unreachable { .. } => {
            Some("check the connection's `url` and the network; nothing was written".to_owned())
        }
        CrmError::Unauthorized { .. } => Some(
            "check the connection's secrets: `concord config show` says where each comes from"
                .to_owned(),
        ),
        CrmError::BudgetSpent { .. } => {
            Some("run again when the allowance has filled up; nothing done is lost".to_owned())
        }
        _ => None,
    }
}
