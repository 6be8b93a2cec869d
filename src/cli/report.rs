//! `concord report`: pages for people.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::session::{Session, failed};
use super::{CliError, ExitCode, GlobalArgs, Ui};
use crate::crm::CrmKind;
use crate::model::connection;
use crate::report::{Labels, field_map_page};
use crate::schema::Schema;
use crate::snapshot::Manifest;

/// Writes pages for people
#[derive(Debug, Subcommand)]
#[command(before_help = "Example:\n    concord report field-map --out field_map.html")]
pub enum ReportCommand {
    FieldMap(FieldMapArgs),
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
    let ReportCommand::FieldMap(args) = command;
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
    let page = field_map_page(&session.project, &labels).map_err(failed)?;
    match &args.out {
        None => ui.data(page)?,
        Some(path) => {
            let written = std::fs::write(path, page);
            written.map_err(|source| CliError::WriteFile { path: path.clone(), source })?;
            ui.note(format_args!("wrote `{}`", path.display()));
        }
    }
    Ok(ExitCode::Done)
}
