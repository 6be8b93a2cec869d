//! `concord reconcile`: the bridge between two claims.

use clap::{Args, ValueEnum};

use super::session::Session;
use super::{CliError, ExitCode, Format, GlobalArgs, Ui, stages};
use crate::model::open_latest;
use crate::model::run_models;
use crate::reconcile::{self, ExplainedRow, Group, ReconcileError};

/// Explains why two teams report different numbers
///
/// Reads the latest build; writes nothing. The bridge leads from one claim to the other, adds up, and
/// names every person on one side only, with a reason, its grade, the evidence and the fix.
#[derive(Debug, Args)]
#[command(
    before_help = "Examples:\n    concord reconcile mql --period 2026-Q3\n    concord reconcile mql --people --format csv > gap.csv"
)]
pub struct ReconcileArgs {
    /// Metric of `concord.toml`
    pub metric: String,
    /// Reporting period, such as `2026-Q3`, `2026-08` or `2026-W31` [default: the project's]
    #[arg(long)]
    pub period: Option<String>,
    /// List the people instead of the bridge
    #[arg(long)]
    pub people: bool,
    /// Only this reason code, such as `T15`; may be given again
    #[arg(long, value_name = "CODE")]
    pub reason: Vec<String>,
    /// Explain one person, by golden id or email
    #[arg(long, value_name = "EMAIL OR ID", conflicts_with_all = ["people", "reason", "by"])]
    pub person: Option<String>,
    /// One bridge for each value of the group
    #[arg(long, value_enum, conflicts_with_all = ["people", "reason"])]
    pub by: Option<GroupBy>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

pub async fn run(args: &ReconcileArgs, global: &GlobalArgs, ui: &Ui) -> Result<ExitCode, CliError> {
    let session = Session::open(global, args.period.as_deref())?;
    if !session.project.metrics.contains_key(&args.metric) {
        let known: Vec<&str> = session.project.metrics.keys().map(String::as_str).collect();
        return Err(CliError::NoSuchMetric { name: args.metric.clone(), known: known.join(", ") });
    }
    let question = session.question(Some(&args.metric))?;
    let (opened, _) = open_latest(&session.project, &session.warehouse, &question)
        .await
        .map_err(stages::stage_error)?;
    // The build answers for its own period; the models that read the period answer for this one.
    run_models(
        &opened.ctx,
        &opened.set,
        &opened.render_context,
        &["project.period", "project.claims"],
    )
    .await
    .map_err(|error| stages::stage_error(error.into()))?;
    if let Some(person) = &args.person {
        let rows = reconcile::person(&opened.ctx, person).await.map_err(reconcile_error)?;
        return people(args, ui, &rows);
    }
    if args.people || !args.reason.is_empty() {
        let mut rows = Vec::new();
        for code in args
            .reason
            .iter()
            .map(|code| Some(code.as_str()))
            .chain(args.reason.is_empty().then_some(None))
        {
            rows.extend(reconcile::people(&opened.ctx, code).await.map_err(reconcile_error)?);
        }
        return people(args, ui, &rows);
    }
    let bridges = reconcile::bridge(&opened.ctx, args.by.map(GroupBy::group))
        .await
        .map_err(reconcile_error)?;
    match args.format {
        Format::Table => {
            for (index, bridge) in bridges.iter().enumerate() {
                if index > 0 {
                    ui.line("")?;
                }
                ui.data(reconcile::bridge_text(bridge))?;
            }
        }
        Format::Json => ui.line(reconcile::bridges_json(&bridges).map_err(reconcile_error)?)?,
        Format::Csv => ui.data(reconcile::bridges_csv(&bridges).map_err(reconcile_error)?)?,
        Format::Jsonl => {
            return Err(CliError::NoSuchFormat { format: "jsonl", command: "reconcile" });
        }
    }
    Ok(ExitCode::Done)
}

fn people(args: &ReconcileArgs, ui: &Ui, rows: &[ExplainedRow]) -> Result<ExitCode, CliError> {
    match args.format {
        Format::Table if rows.is_empty() => ui.line("nothing to explain")?,
        Format::Table => ui.data(reconcile::people_text(rows))?,
        Format::Json => ui.line(reconcile::people_json(rows).map_err(reconcile_error)?)?,
        Format::Csv => ui.data(reconcile::people_csv(rows).map_err(reconcile_error)?)?,
        Format::Jsonl => {
            return Err(CliError::NoSuchFormat { format: "jsonl", command: "reconcile" });
        }
    }
    Ok(ExitCode::Done)
}

fn reconcile_error(error: ReconcileError) -> CliError {
    let hints = error.hint().into_iter().collect();
    CliError::stage(error, ExitCode::Failed, hints)
}

/// What a grouped bridge is cut by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GroupBy {
    Source,
    Owner,
    Week,
}

impl GroupBy {
    fn group(self) -> Group {
        match self {
            Self::Source => Group::Source,
            Self::Owner => Group::Owner,
            Self::Week => Group::Week,
        }
    }
}
