//! `concord pull`: full snapshots of both CRMs.

use clap::Args;

use super::run::{begin, finish, take_lease};
use super::session::Session;
use super::{CliError, ExitCode, GlobalArgs, Ui, stages};

/// Lands full snapshots of both CRMs
///
/// Reads both CRMs; writes `snapshots/` of the warehouse. A snapshot counts only once it is proven
/// complete; an interrupted pull leaves nothing half visible.
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n    concord pull\n    concord pull --connection hubspot")]
pub struct PullArgs {
    /// Pull this connection only; may be given again [default: all]
    #[arg(long, value_name = "NAME")]
    pub connection: Vec<String>,
}

pub async fn run(args: &PullArgs, global: &GlobalArgs, ui: &Ui) -> Result<ExitCode, CliError> {
    let session = Session::connect(global, None).await?;
    if let Some(unknown) =
        args.connection.iter().find(|name| !session.project.connections.contains_key(*name))
    {
        let names: Vec<&str> = session.project.connections.keys().map(String::as_str).collect();
        return Err(CliError::NoSuchConnection { name: unknown.clone(), known: names.join(", ") });
    }
    session.watch_interrupt(ui);
    session.pass_a_night().await?;
    let id = session.new_id().await?;
    let _lease = take_lease(&session, &id).await?;
    let mut record = begin(&session, &id, "pull").await?;
    let result = stages::pull(&session, ui, &id, &args.connection).await.map(|stages| {
        record.stages = stages;
        ExitCode::Done
    });
    finish(&session, record, &result).await?;
    result
}
