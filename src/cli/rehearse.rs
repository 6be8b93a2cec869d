//! `concord rehearse`: a plan carried out on a copy of both CRMs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use super::sandbox::{mirror_error, read_rules};
use super::scratch::Scratch;
use super::session::{Session, failed};
use super::stages::crm_error;
use super::{CliError, ExitCode, Format, GlobalArgs, Ui, sections};
use crate::apply::ApplyProgress;
use crate::crm::CrmKind;
use crate::model::new_session;
use crate::plan::{Plan, PlanError, latest_plan, read_actions, read_plan};
use crate::rehearse::{Rehearsal, RehearseError, RehearseOptions, rehearse, show};

/// Carries out a plan on a copy of both CRMs and tells what would be refused
///
/// Reads the plan and the snapshots that it was made from; serves them by the built-in sandbox and
/// applies the plan there, over HTTP, with the client that would write to the CRMs. Reaches no CRM
/// and writes nothing to the warehouse. What the CRMs' own rules would do besides, no snapshot
/// tells.
#[derive(Debug, Args)]
#[command(
    before_help = "Examples:\n    concord rehearse\n    concord rehearse 20261001T100000Z --format json"
)]
pub struct RehearseArgs {
    /// Plan to rehearse, as `concord plan` names it [default: the latest]
    pub plan: Option<String>,
    /// JSON file with rules of the CRMs that no snapshot tells, such as validation rules and triggers
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// How to write the rehearsal to standard output
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Records shown for each reason.
const EXAMPLES_SHOWN: usize = 5;

pub async fn run(args: &RehearseArgs, global: &GlobalArgs, ui: &Ui) -> Result<ExitCode, CliError> {
    sections::check(args.format, "rehearse")?;
    let session = Session::open(global, None)?;
    session.watch_interrupt(ui);
    let plan = find_plan(args, &session).await?;
    let question = session.question(None)?;
    let ctx = new_session(&session.warehouse, question.memory_bytes_max).map_err(failed)?;
    let actions = read_actions(&ctx, &session.warehouse, &plan.id).await.map_err(failed)?;
    let connections = session.project.connections.values();
    let versions: BTreeMap<CrmKind, String> =
        connections.map(|one| (one.kind, one.api_version.clone())).collect();

    let rules = read_rules(args.rules.as_deref())?;
    let scratch = Scratch::take(&session.project.dir, "rehearsal")?;
    let stage = ui.stage("rehearse");
    let options = RehearseOptions {
        scratch: scratch.path(),
        versions: &versions,
        rules: &rules,
        is_reread: session.project.apply.reread,
        stop: &session.stop,
    };
    let rehearsed = rehearse(&session.warehouse, &plan, &actions, &options, &Calls(&stage)).await;
    let rehearsal = rehearsed.map_err(rehearse_error)?;
    let summary = &rehearsal.summary;
    stage.done(format_args!(
        "{} of {} actions would be refused; {} records would still differ",
        summary.rejected,
        summary.planned,
        rehearsal.differing.len()
    ));
    print(args.format, ui, &rehearsal)?;
    if summary.is_interrupted {
        return Err(CliError::Interrupted);
    }
    Ok(if summary.rejected + summary.unknown > 0 { ExitCode::Rejected } else { ExitCode::Done })
}

async fn find_plan(args: &RehearseArgs, session: &Session) -> Result<Plan, CliError> {
    let found = match &args.plan {
        Some(id) => read_plan(&session.warehouse, id).await,
        None => latest_plan(&session.warehouse)
            .await
            .and_then(|latest| latest.ok_or(PlanError::NoPlanYet)),
    };
    found.map_err(|error| {
        let hint = "make one with\n    concord plan".to_owned();
        CliError::stage(error, ExitCode::Usage, vec![hint])
    })
}

fn print(format: Format, ui: &Ui, rehearsal: &Rehearsal) -> Result<(), CliError> {
    match format {
        Format::Table | Format::Csv => ui.data(show(rehearsal, EXAMPLES_SHOWN)),
        Format::Json => ui.line(serde_json::to_string_pretty(rehearsal).map_err(failed)?),
        Format::Jsonl => rehearsal
            .rejects
            .iter()
            .try_for_each(|reject| ui.line(serde_json::to_string(reject).map_err(failed)?)),
    }
}

fn rehearse_error(error: RehearseError) -> CliError {
    match error {
        RehearseError::Mirror(error) => mirror_error(error),
        RehearseError::Crm(error) => crm_error(error),
        RehearseError::SnapshotGone { .. } => {
            let hint = "plan again from a fresh snapshot:\n    concord pull && concord build && concord plan";
            CliError::stage(error, ExitCode::Refused, vec![hint.to_owned()])
        }
        error => failed(error),
    }
}

struct Calls<'a>(&'a super::ui::Stage);

impl ApplyProgress for Calls<'_> {
    fn answered(&self, n_done: usize, n_planned: usize) {
        self.0.progress(format_args!("{n_done} of {n_planned}"));
    }
}
