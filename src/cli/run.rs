//! `concord run`: the nightly job.

use std::sync::atomic::Ordering;

use clap::Args;
use datafusion::arrow::array::AsArray;
use datafusion::prelude::SessionContext;

use super::alert::{self, Alert};
use super::carry_out::Manner;
use super::pull_stage::{self, PullAsked};
use super::session::{Session, failed};
use super::{CliError, ExitCode, GlobalArgs, Ui, carry_out, stages};
use crate::apply::ApplySummary;
use crate::config::Mode;
use crate::plan::{Plan, show};
use crate::reconcile;
use crate::warehouse::Lease;
use crate::warehouse::run_log::{self, RUN_VERSION, RunRecord};

/// Runs the nightly job: pull, build, plan, apply
///
/// Reads both CRMs; writes snapshots, a build, a plan, a journal and one row of the run log to the
/// warehouse. Writes to a CRM only with `mode = "auto"`, `access = "write"` and inside the guardrails;
/// otherwise it leaves the plan for `concord apply`.
#[derive(Debug, Args)]
#[command(
    before_help = "Examples:\n    concord run --sandbox     the demo, against simulated CRMs, on its own clock\n    concord run               the project in this directory"
)]
pub struct RunArgs {
    /// Reporting period, such as `2026-Q3`, `2026-08` or `2026-W31` [default: the project's]
    #[arg(long)]
    pub period: Option<String>,
    /// End with code 3 when a plan waits to be applied
    #[arg(long)]
    pub exit_code: bool,
}

/// Records of each kind that the plan shows in full.
const EXAMPLES_SHOWN: usize = 2;

pub async fn run(args: &RunArgs, global: &GlobalArgs, ui: &Ui) -> Result<ExitCode, CliError> {
    let session = Session::connect(global, ui, args.period.as_deref()).await?;
    session.watch_interrupt(ui);
    session.pass_a_night().await?;
    let id = session.new_id().await?;
    let lease = take_lease(&session, &id).await?;
    warn_if_stale(&session, ui).await?;
    let mut record = begin(&session, &id, "run").await?;
    let result = night(&session, ui, &id, &lease, args.exit_code, &mut record).await;
    let record = finish(&session, record, &result).await?;
    tell(&session, ui, &record).await?;
    result
}

/// Takes the writers' lease, or says who has it; calls that follow are logged under the run's id.
pub async fn take_lease(session: &Session, id: &str) -> Result<Lease, CliError> {
    session.requests.begin_run(id);
    Lease::take(&session.warehouse, id).await.map_err(|error| {
        let hints = error.hint().into_iter().collect();
        CliError::stage(error, ExitCode::Refused, hints)
    })
}

/// Puts the first version of a run's record.
pub async fn begin(session: &Session, id: &str, command: &str) -> Result<RunRecord, CliError> {
    let record = RunRecord {
        version: RUN_VERSION,
        id: id.to_owned(),
        command: command.to_owned(),
        started_at: session.now().to_string(),
        finished_at: None,
        status: "running".to_owned(),
        plan: None,
        stages: Vec::new(),
        error: None,
    };
    record.put(&session.warehouse).await.map_err(failed)?;
    Ok(record)
}

/// Puts the rest of the request log and the last version of a run's record, which it returns.
pub async fn finish(
    session: &Session,
    mut record: RunRecord,
    result: &Result<ExitCode, CliError>,
) -> Result<RunRecord, CliError> {
    let logged = session.requests.flush().await;
    record.finished_at = Some(session.now().to_string());
    match result {
        Ok(ExitCode::Rejected) => "rejected".clone_into(&mut record.status),
        Ok(_) if record.status == "running" => "done".clone_into(&mut record.status),
        Ok(_) => {}
        Err(error) => {
            let status = match error.exit_code() {
                ExitCode::Refused => "refused",
                _ if matches!(error, CliError::Interrupted) => "interrupted",
                _ => "failed",
            };
            status.clone_into(&mut record.status);
            record.error = Some(error.to_string());
        }
    }
    record.put(&session.warehouse).await.map_err(failed)?;
    // What went wrong before is told first.
    if result.is_ok() {
        logged.map_err(failed)?;
    }
    Ok(record)
}

/// Alerts when a night did not go well, or ended otherwise than the night before. Whoever types
/// another command sees how it ends; a night has no such witness.
async fn tell(session: &Session, ui: &Ui, record: &RunRecord) -> Result<(), CliError> {
    let log = run_log::read_all(&session.warehouse).await.map_err(failed)?;
    let before = log.iter().rev().find(|run| run.id < record.id && run.command == "run");
    let status_before = before.map(|run| run.status.as_str());
    let is_good = matches!(record.status.as_str(), "done" | "waiting");
    if !is_good || status_before.is_some_and(|status| status != record.status) {
        alert::send(session, ui, &Alert::of(record, status_before)).await;
    }
    Ok(())
}

/// Says so when the last good run is older than the project allows.
async fn warn_if_stale(session: &Session, ui: &Ui) -> Result<(), CliError> {
    let log = run_log::read_all(&session.warehouse).await.map_err(failed)?;
    let last_good = log
        .iter()
        .rev()
        .find(|run| run.command == "run" && matches!(run.status.as_str(), "done" | "waiting"));
    let Some(last_good) = last_good else { return Ok(()) };
    let started: jiff::Timestamp = last_good.started_at.parse().unwrap_or_default();
    let hours = (session.now().as_second() - started.as_second()) / 3600;
    if hours > i64::from(session.project.alerts.stale_after_hours) {
        ui.warning(format_args!("the last good run was {hours} hours ago (`{}`)", last_good.id));
        alert::send(session, ui, &Alert::stale(&last_good.id, hours)).await;
    }
    Ok(())
}

/// Says so when fields are contested that were not the night before.
async fn warn_of_contested(
    session: &Session,
    ui: &Ui,
    id: &str,
    ctx: &SessionContext,
) -> Result<(), CliError> {
    let new = "select * from int_contested where contested_at = (select as_of_at from project.run)";
    let n_fields = ctx.sql(new).await.map_err(failed)?.count().await.map_err(failed)?;
    if n_fields > 0 {
        ui.warning(format_args!(
            "{n_fields} fields are contested: something in a CRM wrote over them twice"
        ));
        alert::send(session, ui, &Alert::contested(id, n_fields as u64)).await;
    }
    Ok(())
}

/// Says in one line how many records wait because a CRM refused them, and for what.
async fn tell_of_refused(ui: &Ui, ctx: &SessionContext) -> Result<(), CliError> {
    let waiting = "select concat(count(distinct golden_id), ' ', refusal_reason) as line from held_back \
                   where reason_code = 'refused_there' group by refusal_reason \
                   order by count(distinct golden_id) desc, refusal_reason";
    let batches = ctx.sql(waiting).await.map_err(failed)?.collect().await.map_err(failed)?;
    let lines: Vec<&str> = batches
        .iter()
        .flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten())
        .collect();
    if !lines.is_empty() {
        ui.note(format_args!(
            "in quarantine, refused by a CRM before: {}; `select * from state_rejections` says what lets each go",
            lines.join(", ")
        ));
    }
    Ok(())
}

async fn night(
    session: &Session,
    ui: &Ui,
    id: &str,
    lease: &Lease,
    is_exit_code: bool,
    record: &mut RunRecord,
) -> Result<ExitCode, CliError> {
    carry_out::recover(session, ui, lease, id).await?;
    record.stages.extend(pull_stage::pull(session, ui, id, &PullAsked::default()).await?);
    let question = session.question(None)?;
    let (opened, build, built) = stages::build(session, ui, id, &question).await?;
    record.stages.push(built);
    warn_of_contested(session, ui, id, &opened.ctx).await?;
    check_stop(session)?;
    let (planned, stage) = stages::plan(session, ui, id, &opened.ctx, &build).await?;
    record.stages.push(stage);
    tell_of_refused(ui, &opened.ctx).await?;
    record.plan = Some(planned.plan.id.clone());
    // On disk before anything is sent, so that a killed run can be resumed by its plan.
    record.put(&session.warehouse).await.map_err(failed)?;

    ui.line("")?;
    for bridge in reconcile::bridge(&opened.ctx, None).await.map_err(failed)? {
        ui.data(reconcile::bridge_text(&bridge))?;
    }
    ui.line("")?;
    ui.data(show(&planned.plan, &planned.actions, &planned.changes, EXAMPLES_SHOWN))?;
    ui.line("")?;

    if planned.actions.is_empty() {
        return Ok(ExitCode::Done);
    }
    if let Some(reason) = why_not_by_itself(session, &planned.plan) {
        "waiting".clone_into(&mut record.status);
        ui.note(format_args!("not applied: {reason}"));
        ui.hint(format_args!(
            "look at the plan above, then\n    concord apply {} --confirm {}",
            planned.plan.id, planned.plan.digest
        ));
        return Ok(if is_exit_code { ExitCode::PlanWaits } else { ExitCode::Done });
    }
    let (outcomes, summary, stage) = carry_out::apply(
        session,
        ui,
        id,
        lease,
        (&planned.plan, &planned.actions),
        &Manner::default(),
    )
    .await?;
    record.stages.push(stage);
    super::apply::show_rejected(ui, &planned.actions, &outcomes)?;
    Ok(end_of(&summary, record))
}

/// Ends the night between two stages once somebody asked for it; what is built stays.
fn check_stop(session: &Session) -> Result<(), CliError> {
    if session.stop.load(Ordering::SeqCst) { Err(CliError::Interrupted) } else { Ok(()) }
}

/// Says how an apply ends.
pub fn end_of(summary: &ApplySummary, record: &mut RunRecord) -> ExitCode {
    if summary.is_interrupted {
        "interrupted".clone_into(&mut record.status);
        return ExitCode::Failed;
    }
    if summary.rejected + summary.unknown > 0 { ExitCode::Rejected } else { ExitCode::Done }
}

/// Says why a plan waits for a person; `None` when it may go by itself.
fn why_not_by_itself(session: &Session, plan: &Plan) -> Option<String> {
    if session.project.apply.mode == Mode::Review {
        return Some("`[apply] mode` is `review`".to_owned());
    }
    if let Some(guard) = plan.guards.first() {
        return Some(format!(
            "{} {} of {} live {} {} pass a guard",
            guard.records, guard.what, guard.live, guard.system, guard.object
        ));
    }
    let is_first = !session.is_sandbox() && !plan.first_time.is_empty();
    is_first.then(|| format!("writes for the first time to {}", plan.first_time.join(", ")))
}
