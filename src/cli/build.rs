//! `concord build`: the reconciled tables.

use clap::Args;

use super::run::{begin, finish, take_lease};
use super::session::Session;
use super::{CliError, ExitCode, GlobalArgs, Ui, stages};

/// Builds the reconciled tables from the latest snapshots
///
/// Reads `snapshots/` and `state/` of the warehouse and `models/`; writes `builds/` and the next
/// `state/`. Ends in code 1 when a model's checks fail. Reaches no CRM.
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n    concord build\n    concord build --period 2026-08")]
pub struct BuildArgs {
    /// Reporting period, such as `2026-Q3`, `2026-08` or `2026-W31` [default: the project's]
    #[arg(long)]
    pub period: Option<String>,
}

pub async fn run(args: &BuildArgs, global: &GlobalArgs, ui: &Ui) -> Result<ExitCode, CliError> {
    let session = Session::open(global, args.period.as_deref())?;
    let id = session.new_id().await?;
    let _lease = take_lease(&session, &id).await?;
    let mut record = begin(&session, &id, "build").await?;
    let question = session.question(None)?;
    let result = stages::build(&session, ui, &id, &question).await.map(|(_, _, stage)| {
        record.stages.push(stage);
        ExitCode::Done
    });
    finish(&session, record, &result).await?;
    result
}
