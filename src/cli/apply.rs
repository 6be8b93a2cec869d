//! `concord apply`: carries out one plan.

use clap::Args;

use super::run::{begin, end_of, finish, take_lease};
use super::session::{Session, failed};
use super::{CliError, ExitCode, GlobalArgs, Ui, carry_out};
use crate::apply::{Outcome, Status};
use crate::config::Mode;
use crate::model::new_session;
use crate::plan::{Action, Plan, read_actions, read_plan, show};
use crate::warehouse::run_log::{self, RunRecord};

/// Carries out one plan
///
/// Reads the plan; writes to the CRMs, and intent and outcome of every call to `runs/` of the
/// warehouse. Asks on a terminal; elsewhere it wants `--confirm` or the project's `mode = "auto"`.
/// Interrupt once to stop after the call in flight; the same command resumes.
#[derive(Debug, Args)]
#[command(
    before_help = "Examples:\n    concord apply p-7f3a\n    concord apply p-7f3a --confirm 4c1d09aa"
)]
pub struct ApplyArgs {
    /// Plan to carry out, as `concord plan` names it
    pub plan: String,
    /// Digest of the plan, as `concord plan` prints it, where nobody can be asked
    #[arg(long, value_name = "DIGEST")]
    pub confirm: Option<String>,
    /// Apply although the plan is past a share of the guardrails
    #[arg(long)]
    pub past_guardrails: bool,
}

pub async fn run(args: &ApplyArgs, global: &GlobalArgs, ui: &Ui) -> Result<ExitCode, CliError> {
    let session = Session::connect(global, None).await?;
    session.watch_interrupt(ui);
    let plan = read_plan(&session.warehouse, &args.plan).await.map_err(|error| {
        let hint = "`concord plan` makes one and prints its id".to_owned();
        CliError::stage(error, ExitCode::Usage, vec![hint])
    })?;
    let question = session.question(None)?;
    let ctx = new_session(&session.warehouse, question.memory_bytes_max).map_err(failed)?;
    let actions = read_actions(&ctx, &session.warehouse, &plan.id).await.map_err(failed)?;
    // A plan that was begun goes on under the run that began it, in the same journal.
    let log = run_log::read_all(&session.warehouse).await.map_err(failed)?;
    let begun = log.iter().rev().find(|run| {
        run.plan.as_ref() == Some(&plan.id) && matches!(run.command.as_str(), "run" | "apply")
    });
    if let Some(run) = begun.filter(|run| is_carried_out(run)) {
        ui.note(format_args!(
            "plan `{}` was carried out by run `{}`; nothing of it is left to do",
            plan.id, run.id
        ));
        return Ok(if run.status == "rejected" { ExitCode::Rejected } else { ExitCode::Done });
    }
    confirm(args, &session, ui, &plan)?;
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
    let applied = match carry_out::recover(&session, ui, &lease, &id).await {
        Ok(()) => carry_out::apply(&session, ui, &id, &lease, &plan, &actions).await,
        Err(error) => Err(error),
    };
    let result = match applied {
        Ok((outcomes, summary, stage)) => {
            // The stage's counts cover the whole plan, whatever part an earlier process did.
            record.stages.retain(|known| known.stage != stage.stage);
            record.stages.push(stage);
            show_rejected(ui, &actions, &outcomes)?;
            Ok(end_of(&summary, &mut record))
        }
        Err(error) => Err(error),
    };
    finish(&session, record, &result).await?;
    result
}

/// Says whether a run reached every action of its plan and knows what became of it.
fn is_carried_out(run: &RunRecord) -> bool {
    run.stages.iter().any(|stage| {
        let is_none = |what: &str| stage.counts.get(what).is_some_and(|n| *n == 0);
        stage.stage == "apply" && is_none("left") && is_none("unknown")
    })
}

/// Asks on a terminal; elsewhere wants the plan's digest, or a project that applies by itself.
fn confirm(args: &ApplyArgs, session: &Session, ui: &Ui, plan: &Plan) -> Result<(), CliError> {
    if let Some(guard) = plan.guards.first().filter(|_| !args.past_guardrails) {
        let message = format!(
            "plan `{}` passes a guard: {} {} of {} live {} {}",
            plan.id, guard.records, guard.what, guard.live, guard.system, guard.object
        );
        return Err(CliError::Refused {
            message,
            hint: "look at the plan; `--past-guardrails` lets it through".to_owned(),
        });
    }
    match &args.confirm {
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
