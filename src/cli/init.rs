//! `concord init`: a new project, and what an admin must make in each CRM.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::tz::TimeZone;

use super::check::read_metadata;
use super::run::{begin, finish};
use super::session::{Session, machine_time};
use super::{CliError, ExitCode, GlobalArgs, Ui, shell_word};
use crate::check::{Metadata, vendor};
use crate::config::{
    ConfigError, FIELD_MAP_FILE, FieldMap, PROJECT_FILE, field_map_schema, project_schema,
    read_field_map,
};
use crate::crm::CrmKind;
use crate::init::{PLACEHOLDER_URL, SEEDS, admin_steps, draft, project_file};

/// Makes a new project, and says what an admin must make in each CRM
///
/// Writes `concord.toml`, `field_map.toml`, `data/seeds/` and `schemas/`; never overwrites a file that
/// somebody changed. Where both CRMs can be reached, by the credentials that `concord.toml` names,
/// reads their metadata and drafts the field map from it; otherwise it holds the standard fields, and
/// `init` again drafts it as long as nobody touched it. Writes nothing to a CRM.
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n    concord init my-company\n    concord init --sandbox")]
pub struct InitArgs {
    /// Directory of the project [default: the one that `--project` names, or the current one]
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

pub async fn run(args: &InitArgs, global: &GlobalArgs, ui: &Ui) -> Result<ExitCode, CliError> {
    let dir = args.dir.clone().or_else(|| global.project.clone());
    let dir = dir.unwrap_or_else(|| PathBuf::from("."));
    let there = GlobalArgs { project: Some(dir.clone()), ..global.clone() };
    let files = Files { dir: &dir, ui };
    let today = machine_time().to_zoned_datetime(TimeZone::UTC).date();
    files.put(PROJECT_FILE, &project_file(&name_of(&dir), today))?;
    for (name, text) in SEEDS {
        files.put(&format!("data/seeds/{name}"), text)?;
    }
    files.put("schemas/concord.schema.json", &format!("{:#}\n", project_schema()))?;
    files.put("schemas/field_map.schema.json", &format!("{:#}\n", field_map_schema()))?;

    let undrafted = draft(&Metadata::default());
    let map_path = dir.join(FIELD_MAP_FILE);
    // An unread map must not keep the project from opening.
    let is_own = fs::read_to_string(&map_path).is_ok_and(|text| text != undrafted);
    let metadata = reach(&there, ui).await?;
    let is_seen = metadata.is_some();
    let metadata = metadata.unwrap_or_default();
    let drafted = draft(&metadata);
    let map = read(if is_own { None } else { Some(&drafted) }, &map_path)?;
    if is_own {
        ui.line(format_args!("kept {}", map_path.display()))?;
    } else {
        files.replace(FIELD_MAP_FILE, &drafted)?;
    }
    say_steps(&map, &metadata, ui)?;
    say_next(&dir, global, is_seen, ui)?;
    Ok(ExitCode::Done)
}

/// Files of the new project.
struct Files<'a> {
    dir: &'a Path,
    ui: &'a Ui,
}

impl Files<'_> {
    /// Writes a file where there is none.
    fn put(&self, name: &str, text: &str) -> Result<(), CliError> {
        let path = self.dir.join(name);
        if path.exists() {
            return self.ui.line(format_args!("kept {}", path.display()));
        }
        self.replace(name, text)
    }

    fn replace(&self, name: &str, text: &str) -> Result<(), CliError> {
        let path = self.dir.join(name);
        let failed = |source| CliError::WriteFile { path: path.clone(), source };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        fs::write(&path, text).map_err(failed)?;
        self.ui.line(format_args!("wrote {}", path.display()))
    }
}

/// Reads a map's text, or the file.
fn read(text: Option<&str>, path: &Path) -> Result<FieldMap, CliError> {
    let text = match text {
        Some(text) => text.to_owned(),
        None => fs::read_to_string(path)
            .map_err(|source| CliError::ReadFile { path: path.to_owned(), source })?,
    };
    Ok(read_field_map(&text).map_err(|problems| ConfigError::Invalid { problems })?)
}

/// Names a company after its directory.
fn name_of(dir: &Path) -> String {
    let full = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    full.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Reads both CRMs' metadata; `None` where nobody has said yet how to reach them.
async fn reach(there: &GlobalArgs, ui: &Ui) -> Result<Option<Metadata>, CliError> {
    let project = there.project(None)?;
    let is_placeholder = |url: &str| url == PLACEHOLDER_URL;
    if !there.sandbox && project.connections.values().any(|c| is_placeholder(&c.url)) {
        ui.note("no CRM was asked: `concord.toml` does not name your org's address yet");
        return Ok(None);
    }
    let session = match Session::connect(there, ui, None).await {
        Ok(session) => session,
        Err(CliError::Secret(error)) => {
            ui.note(format_args!("no CRM was asked: {error}"));
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let id = session.new_id().await?;
    session.requests.begin_run(&id);
    let record = begin(&session, &id, "init").await?;
    let metadata = read_metadata(&session).await;
    let (metadata, result) = match metadata {
        Ok(metadata) => (Some(metadata), Ok(ExitCode::Done)),
        Err(error) => (None, Err(error)),
    };
    finish(&session, record, &result).await?;
    result.map(|_| metadata)
}

fn say_steps(map: &FieldMap, metadata: &Metadata, ui: &Ui) -> Result<(), CliError> {
    let steps = admin_steps(map, metadata);
    for crm in [CrmKind::HubSpot, CrmKind::Salesforce] {
        let of_crm: Vec<_> = steps.iter().filter(|step| step.crm == crm).collect();
        if of_crm.is_empty() {
            continue;
        }
        ui.line(format_args!("\nto make in {}", vendor(crm)))?;
        for step in of_crm {
            ui.line(format_args!("  {}.{}\n    {}", step.object, step.field, step.sentence))?;
        }
    }
    Ok(())
}

fn say_next(dir: &Path, global: &GlobalArgs, is_seen: bool, ui: &Ui) -> Result<(), CliError> {
    let mut flags = String::new();
    if dir != Path::new(".") {
        flags = format!(" --project {}", shell_word(&dir.display().to_string()));
    }
    if global.sandbox {
        flags.push_str(" --sandbox");
    }
    if is_seen {
        ui.line("\nnext: read the draft, and see what is wrong with it")?;
        return ui.line(format_args!("    concord check{flags}"));
    }
    ui.line("\nnext: correct the lines marked EDIT in concord.toml, set HUBSPOT_TOKEN, SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET, and draft the map from both CRMs")?;
    ui.line(format_args!("    concord init {}", shell_word(&dir.display().to_string())))
}
