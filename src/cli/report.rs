//! `concord report`: pages for people.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::rows::objects;
use super::session::{Session, failed};
use super::{CliError, ExitCode, GlobalArgs, Ui, stages};
use crate::crm::CrmKind;
use crate::model::{connection, open_latest};
use crate::report::{Labels, MergeRow, field_map_page, merges_page};
use crate::schema::Schema;
use crate::snapshot::Manifest;

/// Writes pages for people
#[derive(Debug, Subcommand)]
#[command(before_help = "Example:\n    concord report field-map --out field_map.html")]
pub enum ReportCommand {
    FieldMap(FieldMapArgs),
    Merges(MergesArgs),
}

/// Writes the merge worklist as a page for whoever administers a CRM
///
/// Reads the latest build; calls no CRM and merges nothing. As CSV it is
/// `concord query --format csv -f sql/duplicates/merge_worklist.sql`.
#[derive(Debug, Args)]
#[command(before_help = "Example:\n    concord report merges --out merges.html")]
pub struct MergesArgs {
    /// File to write, replacing what is there [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Writes the field map as a page that both teams can read and sign
///
/// Reads `concord.toml`, `field_map.toml` and the labels in the latest snapshots, where there are any;
/// calls no CRM. The page is one HTML file without a script, and prints well.
#[derive(Debug, Args)]
#[command(before_help = "Example:\n    concord report field-map --out field_map.html")]
pub struct FieldMapArgs {
    /// File to write, replacing what is there [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

pub async fn run(
    command: &ReportCommand,
    global: &GlobalArgs,
    ui: &Ui,
) -> Result<ExitCode, CliError> {
    match command {
        ReportCommand::FieldMap(args) => {
            put(&field_map(global).await?, args.out.as_deref(), ui)?;
        }
        ReportCommand::Merges(args) => put(&merges(global).await?, args.out.as_deref(), ui)?,
    }
    Ok(ExitCode::Done)
}

async fn merges(global: &GlobalArgs) -> Result<String, CliError> {
    let session = Session::open(global, None)?;
    let question = session.question(None)?;
    let (opened, build) = open_latest(&session.project, &session.warehouse, &question)
        .await
        .map_err(stages::stage_error)?;
    let frame = opened.ctx.sql(WORKLIST).await.map_err(failed)?;
    let batches = frame.collect().await.map_err(failed)?;
    let rows: Result<Vec<MergeRow>, _> =
        objects(&batches)?.into_iter().map(serde_json::from_value).collect();
    let rows = rows.map_err(failed)?;
    merges_page(&session.project.name, &build.inputs.as_of, &rows).map_err(failed)
}

/// Those that change a number first; in each group the survivor first.
const WORKLIST: &str = "\
    select merge_worklist.*, cast(created_at as varchar) as made_at from merge_worklist \
    order by \
        max(n_counted_fewer) over (partition by golden_id, source_system) desc, \
        entity, source_system, golden_id, proposal desc, source_object, source_id";

async fn field_map(global: &GlobalArgs) -> Result<String, CliError> {
    let session = Session::open(global, None)?;
    let mut schemas: BTreeMap<CrmKind, Schema> = BTreeMap::new();
    let mut read_at = None;
    for kind in [CrmKind::HubSpot, CrmKind::Salesforce] {
        let Ok(name) = connection(&session.project, kind) else { continue };
        let Some(manifest) = Manifest::latest(&session.warehouse, name).await.map_err(failed)?
        else {
            continue;
        };
        schemas.insert(kind, manifest.read_schema(&session.warehouse).await.map_err(failed)?);
        read_at = read_at.max(Some(manifest.pulled_at));
    }
    let labels = Labels {
        schemas: schemas.iter().map(|(kind, schema)| (*kind, schema)).collect(),
        read_at: read_at.map(|at| at.strftime("%Y-%m-%d").to_string()),
    };
    field_map_page(&session.project, &labels).map_err(failed)
}

fn put(page: &str, out: Option<&Path>, ui: &Ui) -> Result<(), CliError> {
    let Some(path) = out else { return ui.data(page) };
    let written = std::fs::write(path, page);
    written.map_err(|source| CliError::WriteFile { path: path.to_owned(), source })?;
    ui.note(format_args!("wrote `{}`", path.display()));
    Ok(())
}
