//! `concord query`: SQL over the reconciled tables.

use std::path::PathBuf;

use clap::Args;

use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use futures::StreamExt;

use super::rows::Rows;
use super::session::{Session, failed};
use super::{CliError, ExitCode, Format, GlobalArgs, Ui, stages};
use crate::model::open_anything;
use crate::plan::register_latest;

/// Runs SQL over people, companies, deals, snapshots and the run log
///
/// Reads the latest build, plan and snapshots, the state and the run log, as far as they are there;
/// writes nothing. Statements that would write are refused.
#[derive(Debug, Args)]
#[command(
    before_help = "Examples:\n    concord query \"select owner, count(*) from people group by owner\"\n    concord query -f sql/handoff/gap_by_reason.sql --format csv"
)]
pub struct QueryArgs {
    /// One SELECT statement
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    pub sql: Option<String>,
    /// Read the statement from a file
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

pub async fn run(args: &QueryArgs, global: &GlobalArgs, ui: &Ui) -> Result<ExitCode, CliError> {
    let session = Session::open(global, None)?;
    let sql = match (&args.sql, &args.file) {
        (_, Some(path)) => std::fs::read_to_string(path)
            .map_err(|source| CliError::ReadFile { path: path.clone(), source })?,
        (Some(sql), None) => sql.clone(),
        (None, None) => String::new(),
    };
    let question = session.question(None)?;
    let opened = open_anything(&session.project, &session.warehouse, &question)
        .await
        .map_err(stages::stage_error)?;
    register_latest(&opened.ctx, &session.warehouse).await.map_err(failed)?;
    // Queries read; nothing here can make a table or write a file.
    let read_only =
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let sql_error = |error: DataFusionError| CliError::stage(error, ExitCode::Usage, Vec::new());
    let frame = opened.ctx.sql_with_options(&sql, read_only).await.map_err(sql_error)?;
    let mut stream = frame.execute_stream().await.map_err(sql_error)?;
    let schema = stream.schema();
    let mut rows = Rows::begin(ui, args.format, &schema);
    while let Some(batch) = stream.next().await {
        rows.print(&batch.map_err(sql_error)?)?;
    }
    rows.end()?;
    Ok(ExitCode::Done)
}
