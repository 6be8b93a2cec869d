//! `concord apply`: carries out one plan.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;

use super::carry_out::{self, Manner};
use super::run::{begin, end_of, finish, take_lease};
use super::session::{Session, failed};
use super::stages::canary_objects;
use super::{CliError, ExitCode, GlobalArgs, Ui};
use crate::apply::{Journal, Outcome, Status};
use crate::config::Mode;
use crate::model::new_session;
use crate::plan::{Action, Plan, read_actions, read_plan, show};
use crate::warehouse::Lease;
use crate::warehouse::run_log::{self, RunRecord};

/// Commands under which a plan may have been begun.
const BEGINNERS: [&str; 3] = ["run", "apply", "undo"];

/// Stands for the latest run that left something.
const LATEST: &str = "latest";

/// Carries out one plan
///
/// Reads the plan; writes to the CRMs, and intent and outcome of every call to `runs/` of the
/// warehouse. Asks on a terminal; elsewhere it wants `--confirm` or the project's `mode = "auto"`.
/// Interrupt once to stop after the call in flight; the same command resumes.
#[derive(Debug, Args)]
#[command(
    before_help = "Examples:\n    concord apply p-7f3a\n    concord apply p-7f3a --limit 10 --confirm 4c1d09aa\n    concord apply --resume"
)]
pub struct ApplyArgs {
    /// Plan to carry out, as `concord plan` names it
    #[arg(required_unless_present = "resume", conflicts_with = "resume")]
    pub plan: Option<String>,
    /// Go on with what a run left, the latest one unless it is named
    #[arg(long, value_name = "RUN", num_args = 0..=1, default_missing_value = LATEST)]
    pub resume: Option<String>,
    #[command(flatten)]
    pub how: How,
}

/// How a plan is carried out.
#[derive(Debug, Args)]
pub struct How {
    /// Digest of the plan, as `concord plan` prints it, where nobody can be asked
    #[arg(long, value_name = "DIGEST")]
    pub confirm: Option<String>,
    /// Apply although the plan is past a share of the guardrails
    #[arg(long)]
    pub past_guardrails: bool,
    /// Only the first N actions that are not done, and what depends on them; the rest stays owed
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Send ten records of each object first, look at them again, and stop where something wrote to
    /// them; in `review` an object that was never written always begins so
    #[arg(long)]
    pub canary: bool,
    /// Seconds that automations have to show themselves on a canary
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    pub canary_wait: u64,
    /// Send no canary, or go on although something wrote to it
    #[arg(long, conflicts_with = "canary")]
    pub past_canary: bool,
}

pub async fn run(args: &ApplyArgs, global: &GlobalArgs, ui: &Ui) -> Result<ExitCode, CliError> {
    let session = Session::connect(global, ui, None).await?;
    session.watch_interrupt(ui);
    let log = run_log::read_all(&session.warehouse).await.map_err(failed)?;
    let id = match (&args.plan, &args.resume) {
        (Some(plan), _) => plan.clone(),
        (None, named) => {
            let named = named.as_deref().filter(|run| *run != LATEST);
            plan_of_run_to_resume(&session, &log, named).await?
        }
    };
    let plan = read_plan(&session.warehouse, &id).await.map_err(|error| {
        let hint = "`concord plan` makes one and prints its id".to_owned();
        CliError::stage(error, ExitCode::Usage, vec![hint])
    })?;
    // A plan that was begun goes on under the run that began it, in the same journal.
    let begun = log.iter().rev().find(|run| {
        run.plan.as_ref() == Some(&plan.id) && BEGINNERS.contains(&run.command.as_str())
    });
    if let Some(run) = begun.filter(|run| is_carried_out(run)) {
        ui.note(format_args!(
            "plan `{}` was carried out by run `{}`; nothing of it is left to do",
            plan.id, run.id
        ));
        return Ok(if run.status == "rejected" { ExitCode::Rejected } else { ExitCode::Done });
    }
    confirm(&args.how, &session, ui, &plan)?;
    let id = match begun {
        Some(run) => run.id.clone(),
        None => session.new_id().await?,
    };
    let lease = take_lease(&session, &id).await?;
    let mut record = match begun {
        Some(run) => RunRecord {
            status: "running".to_owned(),
            finished_at: None,
            error: None,
            ..run.clone()
        },
        None => begin(&session, &id, "apply").await?,
    };
    record.plan = Some(plan.id.clone());
    record.put(&session.warehouse).await.map_err(failed)?;
    let result = match carry_out::recover(&session, ui, &lease, &id).await {
        Ok(()) => carry_out_under(&session, ui, &lease, &plan, &args.how, &mut record).await,
        Err(error) => Err(error),
    };
    finish(&session, record, &result).await?;
    result
}

/// Carries out a plan under a run and lists what was rejected.
pub async fn carry_out_under(
    session: &Session,
    ui: &Ui,
    lease: &Lease,
    plan: &Plan,
    how: &How,
    record: &mut RunRecord,
) -> Result<ExitCode, CliError> {
    let question = session.question(None)?;
    let ctx = new_session(&session.warehouse, question.memory_bytes_max).map_err(failed)?;
    let actions = read_actions(&ctx, &session.warehouse, &plan.id).await.map_err(failed)?;
    let canary = if how.past_canary {
        BTreeSet::new()
    } else if how.canary {
        actions.iter().map(|action| action.object.clone()).collect()
    } else {
        canary_objects(session, &ctx, &record.id, &actions).await?
    };
    let manner =
        Manner { limit: how.limit, canary, canary_wait: Duration::from_secs(how.canary_wait) };
    let (outcomes, summary, stage) =
        carry_out::apply(session, ui, &record.id, lease, (plan, &actions), &manner).await?;
    // The stage's counts cover the whole plan, whatever part an earlier process did.
    record.stages.retain(|known| known.stage != stage.stage);
    record.stages.push(stage);
    show_rejected(ui, &actions, &outcomes)?;
    Ok(end_of(&summary, record))
}

/// Finds the plan of the named run, or of the latest one that began a plan and left some of it.
async fn plan_of_run_to_resume(
    session: &Session,
    log: &[RunRecord],
    named: Option<&str>,
) -> Result<String, CliError> {
    for run in log.iter().rev().filter(|run| named.is_none_or(|named| run.id == named)) {
        let Some(plan) = &run.plan else { continue };
        let is_begun = BEGINNERS.contains(&run.command.as_str())
            && Journal::is_begun(&session.warehouse, &run.id).await.map_err(failed)?;
        if named.is_some() || (is_begun && !is_carried_out(run)) {
            return Ok(plan.clone());
        }
    }
    Err(CliError::NothingToResume { run: named.map(str::to_owned) })
}

/// Says whether a run reached every action of its plan and knows what became of it.
fn is_carried_out(run: &RunRecord) -> bool {
    run.stages.iter().any(|stage| {
        let is_none = |what: &str| stage.counts.get(what).is_some_and(|n| *n == 0);
        stage.stage == "apply" && is_none("left") && is_none("unknown")
    })
}

/// Refuses a plan that is past a guard, unless it is let through.
pub fn check_guards(how: &How, plan: &Plan) -> Result<(), CliError> {
    let Some(guard) = plan.guards.first().filter(|_| !how.past_guardrails) else { return Ok(()) };
    let message = format!(
        "plan `{}` passes a guard: {} {} of {} live {} {}",
        plan.id, guard.records, guard.what, guard.live, guard.system, guard.object
    );
    Err(CliError::Refused {
        message,
        hint: "look at the plan; `--past-guardrails` lets it through".to_owned(),
    })
}

/// Asks on a terminal; elsewhere wants the plan's digest, or a project that applies by itself.
fn confirm(how: &How, session: &Session, ui: &Ui, plan: &Plan) -> Result<(), CliError> {
    check_guards(how, plan)?;
    match &how.confirm {
        Some(digest) if *digest == plan.digest => return Ok(()),
        Some(digest) => {
            return Err(CliError::Refused {
                message: format!("plan `{}` has digest {}, not {digest}", plan.id, plan.digest),
                hint: "the plan is not the one that was looked at".to_owned(),
            });
        }
        None if session.project.apply.mode == Mode::Auto => return Ok(()),
        None => {}
    }
    ui.data(show(plan, &[], &[], 0))?;
    if ui.ask(&format!("apply plan {} ({})?", plan.id, plan.digest))? {
        return Ok(());
    }
    Err(CliError::Refused {
        message: format!("plan `{}` was not confirmed", plan.id),
        hint: format!("confirm it with\n    concord apply {} --confirm {}", plan.id, plan.digest),
    })
}

/// Lines that the list of rejected records shows.
const REJECTED_SHOWN: usize = 20;

/// Lists what the CRMs rejected or left unknown, by record id and the vendor's own words.
pub fn show_rejected(ui: &Ui, actions: &[Action], outcomes: &[Outcome]) -> Result<(), CliError> {
    let bad: Vec<&Outcome> = outcomes
        .iter()
        .filter(|outcome| matches!(outcome.status, Status::Rejected | Status::Unknown))
        .collect();
    for outcome in bad.iter().take(REJECTED_SHOWN) {
        let action = actions.iter().find(|action| action.action_id == outcome.action_id);
        let object = action.map_or("", |action| action.object.as_str());
        let golden_id = action.map_or("", |action| action.golden_id.as_str());
        ui.line(format_args!(
            "{} {object} {} {golden_id}  {} {}",
            outcome.status.as_str(),
            outcome.record_id.as_deref().unwrap_or("(new)"),
            outcome.code.as_deref().unwrap_or(""),
            outcome.field.as_deref().unwrap_or(""),
        ))?;
    }
    if bad.len() > REJECTED_SHOWN {
        ui.line(format_args!("and {} more in ops.outcomes", bad.len() - REJECTED_SHOWN))?;
    }
    Ok(())
}
