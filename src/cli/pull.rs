//! `concord pull`: full snapshots of both CRMs.

use std::collections::BTreeMap;

use clap::Args;

use super::pull_stage::{self, PullAsked};
use super::run::{begin, finish, take_lease};
use super::session::Session;
use super::{CliError, ExitCode, GlobalArgs, Ui};
use crate::crm::Way;

/// Lands full snapshots of both CRMs
///
/// Reads both CRMs; writes `snapshots/` of the warehouse. Prints by which way each object is read,
/// what that costs, and what was not taken and why; then reads. A snapshot counts only once it is
/// proven complete; a broken pull leaves nothing half visible, and the next one goes on with it.
#[derive(Debug, Args)]
#[command(
    before_help = "Examples:\n    concord pull\n    concord pull --dry-run\n    concord pull --connection hubspot --way contacts=list"
)]
pub struct PullArgs {
    /// Pull this connection only; may be given again [default: all]
    #[arg(long, value_name = "NAME")]
    pub connection: Vec<String>,
    /// Read an object by this way whatever it costs: list, export, query, bulk or changes
    #[arg(long, value_name = "OBJECT=WAY", value_parser = way)]
    pub way: Vec<(String, Way)>,
    /// Read everything, even where the project asks for changes only
    #[arg(long)]
    pub full: bool,
    /// Show how it would go and what it would cost; read no record
    #[arg(long)]
    pub dry_run: bool,
}

fn way(text: &str) -> Result<(String, Way), String> {
    let known = Way::ALL.map(Way::as_str).join(", ");
    let hint = || format!("write an object and one of {known}: `contacts=list`");
    let (object, word) = text.split_once('=').ok_or_else(hint)?;
    let way = Way::ALL.into_iter().find(|way| way.as_str() == word).ok_or_else(hint)?;
    Ok((object.to_owned(), way))
}

pub async fn run(args: &PullArgs, global: &GlobalArgs, ui: &Ui) -> Result<ExitCode, CliError> {
    let session = Session::connect(global, ui, None).await?;
    if let Some(unknown) =
        args.connection.iter().find(|name| !session.project.connections.contains_key(*name))
    {
        let names: Vec<&str> = session.project.connections.keys().map(String::as_str).collect();
        return Err(CliError::NoSuchConnection { name: unknown.clone(), known: names.join(", ") });
    }
    let asked = PullAsked {
        only: args.connection.clone(),
        ways: args.way.iter().cloned().collect::<BTreeMap<_, _>>(),
        is_full: args.full,
        is_shown: true,
        is_dry: args.dry_run,
    };
    session.watch_interrupt(ui);
    if args.dry_run {
        let id = session.new_id().await?;
        pull_stage::pull(&session, ui, &id, &asked).await?;
        return Ok(ExitCode::Done);
    }
    session.pass_a_night().await?;
    let id = session.new_id().await?;
    let _lease = take_lease(&session, &id).await?;
    let mut record = begin(&session, &id, "pull").await?;
    let result = pull_stage::pull(&session, ui, &id, &asked).await.map(|stages| {
        record.stages = stages;
        ExitCode::Done
    });
    finish(&session, record, &result).await?;
    result
}
