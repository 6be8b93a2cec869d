//! `concord plan`: what would be written, and what it costs.

use clap::Args;

use super::run::{begin, finish, take_lease};
use super::session::{Session, failed};
use super::{CliError, ExitCode, Format, GlobalArgs, Ui, stages};
use crate::model::open_latest;
use crate::plan::{Plan, show};
use crate::warehouse::run_log::RunRecord;

/// Lists what would be written to the CRMs, why, and at what cost
///
/// Reads the latest build; writes `plans/` of the warehouse. Changes nothing in a CRM: this is the dry
/// run. What is held back is listed with its reason.
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n    concord plan\n    concord plan --exit-code --format json")]
pub struct PlanArgs {
    /// How to write the plan to standard output
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// End with code 3 when the plan holds actions
    #[arg(long)]
    pub exit_code: bool,
}

/// Records of each kind that the plan shows in full.
const EXAMPLES_SHOWN: usize = 20;

pub async fn run(args: &PlanArgs, global: &GlobalArgs, ui: &Ui) -> Result<ExitCode, CliError> {
    let session = Session::connect(global, ui, None).await?;
    let id = session.new_id().await?;
    let _lease = take_lease(&session, &id).await?;
    let mut record = begin(&session, &id, "plan").await?;
    let result = make(args, &session, ui, &id, &mut record).await;
    finish(&session, record, &result).await?;
    result
}

async fn make(
    args: &PlanArgs,
    session: &Session,
    ui: &Ui,
    id: &str,
    record: &mut RunRecord,
) -> Result<ExitCode, CliError> {
    let question = session.question(None)?;
    let (opened, build) = open_latest(&session.project, &session.warehouse, &question)
        .await
        .map_err(stages::stage_error)?;
    let (planned, stage) = stages::plan(session, ui, id, &opened.ctx, &build).await?;
    record.stages.push(stage);
    record.plan = Some(planned.plan.id.clone());
    match args.format {
        Format::Table => {
            ui.data(show(&planned.plan, &planned.actions, &planned.changes, EXAMPLES_SHOWN))?;
        }
        Format::Json => ui.line(json(&planned.plan)?)?,
        Format::Jsonl => {
            for action in &planned.actions {
                ui.line(serde_json::to_string(action).map_err(failed)?)?;
            }
        }
        Format::Csv => return Err(CliError::NoSuchFormat { format: "csv", command: "plan" }),
    }
    if planned.actions.is_empty() {
        return Ok(ExitCode::Done);
    }
    "waiting".clone_into(&mut record.status);
    ui.hint(format_args!("carry it out with\n    concord apply {}", planned.plan.id));
    Ok(if args.exit_code { ExitCode::PlanWaits } else { ExitCode::Done })
}

fn json(plan: &Plan) -> Result<String, CliError> {
    serde_json::to_string_pretty(plan).map_err(failed)
}
