//! `concord undo`: the inverse of a run, as a plan.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use clap::Args;
use datafusion::arrow::array::AsArray;
use datafusion::prelude::SessionContext;

use super::apply::{How, carry_out_under, check_guards};
use super::run::{begin, finish, take_lease};
use super::session::{Session, failed};
use super::stages::{Watch, crm_error, live_records, spendable, stage_error};
use super::why::find;
use super::{CliError, ExitCode, GlobalArgs, Ui, carry_out};
use crate::apply::{read_live, written_by};
use crate::crm::{CrmKind, Record, Standing};
use crate::model::open_anything;
use crate::plan::{
    self, Action, Care, Plan, PlanInputs, Selection, Undoes, Undoing, Written, read_plan, show,
};
use crate::state::StoredForms;
use crate::warehouse::Lease;
use crate::warehouse::run_log::{self, RunRecord};

/// Takes back what a run wrote
///
/// Reads the run's journal and the CRMs; writes `plans/` of the warehouse, and to the CRMs once the
/// plan is confirmed: at the terminal, by `--yes`, or later with `concord apply`. What anyone changed
/// since stays. What is taken back is on hold until it is released, or until another value is to be
/// written there.
#[derive(Debug, Args)]
#[command(
    before_help = "Examples:\n    concord undo 20261001T100000Z\n    concord undo 20261001T100000Z --field phone --yes\n    concord undo 20261001T100000Z --record ana.silva@example.com --creates"
)]
pub struct UndoArgs {
    /// Run to undo, as `ops.runs` names it
    pub run: String,
    /// Only this field of the field map
    #[arg(long)]
    pub field: Option<String>,
    /// Only what the run wrote by this rule, as its plan names it
    #[arg(long, visible_alias = "reason")]
    pub rule: Option<String>,
    /// Only this person, company or deal: email address, record id or golden id
    #[arg(long, value_name = "EMAIL OR ID")]
    pub record: Option<String>,
    /// Remove the records that the run made as well, where nobody has worked on them
    #[arg(long)]
    pub creates: bool,
    /// Apply the plan at once
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub how: How,
}

/// Records of each kind that the plan shows in full.
const EXAMPLES_SHOWN: usize = 20;

pub async fn run(args: &UndoArgs, global: &GlobalArgs, ui: &Ui) -> Result<ExitCode, CliError> {
    let session = Session::connect(global, ui, None).await?;
    session.watch_interrupt(ui);
    let log = run_log::read_all(&session.warehouse).await.map_err(failed)?;
    let undone = log.iter().find(|run| run.id == args.run);
    let Some(undone_plan) = undone.and_then(|run| run.plan.clone()) else {
        return Err(CliError::NoSuchRun { run: args.run.clone() });
    };
    let undone_plan = read_plan(&session.warehouse, &undone_plan).await.map_err(failed)?;
    let id = session.new_id().await?;
    let lease = take_lease(&session, &id).await?;
    let mut record = begin(&session, &id, "undo").await?;
    let result = undo(args, &session, ui, &lease, &undone_plan, &mut record).await;
    finish(&session, record, &result).await?;
    result
}

async fn undo(
    args: &UndoArgs,
    session: &Session,
    ui: &Ui,
    lease: &Lease,
    undone_plan: &Plan,
    record: &mut RunRecord,
) -> Result<ExitCode, CliError> {
    // An answer that was lost may hide a write.
    carry_out::recover(session, ui, lease, &record.id).await?;
    let planned = make_plan(args, session, ui, undone_plan, record).await?;
    record.plan = Some(planned.id.clone());
    record.put(&session.warehouse).await.map_err(failed)?;
    if planned.summary.is_empty() {
        return Ok(ExitCode::Done);
    }
    check_guards(&args.how, &planned)?;
    let is_confirmed = args.how.confirm.as_ref() == Some(&planned.digest);
    let question = format!("apply undo {} ({})?", planned.id, planned.digest);
    if args.yes || is_confirmed || ui.ask(&question)? {
        return carry_out_under(session, ui, lease, &planned, &args.how, record).await;
    }
    "waiting".clone_into(&mut record.status);
    ui.hint(format_args!(
        "look at the plan above, then\n    concord apply {} --confirm {}",
        planned.id, planned.digest
    ));
    Ok(ExitCode::Done)
}

/// Makes the inverse plan, publishes it and shows it.
async fn make_plan(
    args: &UndoArgs,
    session: &Session,
    ui: &Ui,
    undone_plan: &Plan,
    record: &mut RunRecord,
) -> Result<Plan, CliError> {
    let watch = Watch::start();
    let stage = ui.stage("plan");
    let calls = || -> u64 { session.crms().values().map(|crm| crm.calls().total()).sum() };
    let calls_before = calls();
    let question = session.question(None)?;
    let opened = open_anything(&session.project, &session.warehouse, &question)
        .await
        .map_err(stage_error)?;
    let selection = selection(args, session, &opened.ctx).await?;
    let written = written_by(&session.warehouse, &args.run).await.map_err(failed)?;
    let (live, standings) = look(session, &written, &selection).await?;
    let forms = StoredForms::read(&session.warehouse).await.map_err(failed)?;
    let is_stored_form = |system: CrmKind, object: &str, field: &str, sent: &str, held: &str| {
        forms.holds(system, object, field, sent, held)
    };
    let field_map = &session.project.field_map;
    let undoing = Undoing {
        written: &written,
        live: &live,
        standings: &standings,
        is_stored_form: &is_stored_form,
        field_map,
    };
    let mut changes = plan::invert(&undoing, &selection);
    // Their order is a matter of locks alone: an undo does not fail for want of a build.
    let parents = plan::read_parents(&opened.ctx, &changes).await.unwrap_or_default();
    let mut actions = plan::build_actions(&changes, &parents, field_map).map_err(failed)?;
    // The run that is undone has written every object of it, so that none is new.
    let no_canary = BTreeSet::new();
    let care = Care { is_reread: session.project.apply.reread, canary: &no_canary };
    let routes = plan::choose_routes(&mut actions, session.project.apply.route, care.is_reread);
    let live_counts = live_records(&opened.ctx).await.unwrap_or_default();
    let guards = plan::judge(&plan::summarize(&actions), &live_counts, &session.project.guardrails);
    let mut allowances = BTreeMap::new();
    let mut calls_left = BTreeMap::new();
    for (kind, crm) in session.crms() {
        allowances.insert(kind, crm.allowances().await.map_err(crm_error)?);
        calls_left.insert(kind, spendable(session, kind, &allowances)?);
    }
    let (actions, carried) = plan::fit(actions, care, &calls_left);
    plan::hold_carried(&mut changes, &carried);
    let price = plan::price(&actions, care, &allowances);
    let now = session.now().to_string();
    let inputs = PlanInputs {
        id: record.id.clone(),
        parent: None,
        undoes: Some(Undoes { run: args.run.clone(), lasting: plan::lasting(&written, field_map) }),
        created_at: now.clone(),
        as_of: now,
        build: undone_plan.build.clone(),
        snapshots: undone_plan.snapshots.clone(),
        // What was written in one account is never taken back in another.
        accounts: undone_plan.accounts.clone(),
        field_map_digest: field_map.digest.clone(),
    };
    let plan = plan::build_plan(&inputs, &changes, &actions, price, routes, guards, &|_, _| true);
    plan::write_plan(&session.warehouse, &plan, &actions, &changes).await.map_err(failed)?;
    let counts = [
        ("actions", actions.len() as u64),
        ("held", plan.held.values().sum()),
        ("noops", plan.noops.values().sum()),
    ];
    let stage_record = watch.record("plan", calls() - calls_before, &counts);
    let [(_, n_actions), (_, n_held), (_, n_noops)] = counts;
    stage.done(format_args!(
        "{n_actions} actions, {n_held} held back, {n_noops} left alone, {:.1} s",
        stage_record.seconds
    ));
    record.stages.push(stage_record);
    ui.data(show(&plan, &actions, &changes, EXAMPLES_SHOWN))?;
    Ok(plan)
}

async fn selection(
    args: &UndoArgs,
    session: &Session,
    ctx: &SessionContext,
) -> Result<Selection, CliError> {
    let fields = session.project.field_map.entities.iter().flat_map(|entity| &entity.fields);
    let known: BTreeSet<&str> = fields.map(|field| field.name.as_str()).collect();
    if let Some(field) = args.field.as_ref().filter(|field| !known.contains(field.as_str())) {
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        return Err(CliError::NoSuchField { name: field.clone(), known });
    }
    let ids = match &args.record {
        Some(named) => Some(records_of(ctx, named).await?),
        None => None,
    };
    Ok(Selection {
        field: args.field.clone(),
        rule: args.rule.clone(),
        ids,
        is_with_creates: args.creates,
    })
}

/// Lists the golden id and the record ids of whoever is named. A record id that no build knows yet,
/// as of one that the run made, stands for itself.
async fn records_of(ctx: &SessionContext, named: &str) -> Result<BTreeSet<String>, CliError> {
    let mut ids = BTreeSet::from([named.to_owned()]);
    let golden_id = match find(ctx, named).await {
        Ok(golden_id) => golden_id,
        Err(CliError::NoSuchPerson { .. }) if !named.contains('@') => return Ok(ids),
        Err(error) => return Err(error),
    };
    // A golden id that a query gave, never text from outside.
    let sql = format!("select source_id from crosswalk where golden_id = '{golden_id}'");
    let batches = ctx.sql(&sql).await.map_err(failed)?.collect().await.map_err(failed)?;
    ids.insert(golden_id);
    for batch in &batches {
        let column = batch.column(0).as_string::<i32>();
        ids.extend(column.iter().flatten().map(str::to_owned));
    }
    Ok(ids)
}

type ByRecord<T> = HashMap<(String, String), T>;

/// Reads what the run wrote as it is now, and what ties the records that it made.
async fn look(
    session: &Session,
    written: &[Written],
    selection: &Selection,
) -> Result<(ByRecord<Record>, ByRecord<Standing>), CliError> {
    let mut live = HashMap::new();
    let mut standings = HashMap::new();
    let mut made: BTreeMap<(CrmKind, &str), Vec<String>> = BTreeMap::new();
    for (kind, crm) in session.crms() {
        let updates: Vec<Action> = written
            .iter()
            .filter(|w| w.action.system == kind && w.action.operation.is_of_live_record())
            .map(|w| w.action.clone())
            .collect();
        live.extend(read_live(crm, &updates).await.map_err(crm_error)?);
    }
    for written in written.iter().filter(|w| selection.is_with_creates && w.is_created) {
        let key = (written.action.system, written.action.object.as_str());
        made.entry(key).or_default().push(written.record_id.clone());
    }
    for ((kind, object), ids) in made {
        let crm = session.crm(kind)?;
        for ids in ids.chunks(kind.records_per_key_read()) {
            for standing in crm.standings(object, ids).await.map_err(crm_error)? {
                standings.insert((object.to_owned(), standing.id.clone()), standing);
            }
        }
    }
    Ok((live, standings))
}
