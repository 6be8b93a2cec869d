//! `concord config`: what is set, and why.

use comfy_table::{Table, presets};
use serde_json::json;

use clap::{Args, Subcommand, ValueEnum};

use super::{CliError, ExitCode, Format, GlobalArgs, Ui};
use crate::config::{field_map_schema, project_schema};

/// Shows the project's settings, or what its files may hold
#[derive(Debug, Subcommand)]
#[command(before_help = "Example:\n    concord config show")]
pub enum ConfigCommand {
    Show(ShowArgs),
    Schema(SchemaArgs),
}

/// Lists every setting and which of flag, environment, file and default won
///
/// Reads `concord.toml` and `field_map.toml`; writes nothing.
/// A secret appears as the place where it lies.
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n    concord config show\n    concord config show --format csv")]
pub struct ShowArgs {
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Prints the JSON Schema of a project's files, for editors
///
/// Reads nothing. An editor finds it by a first line such as `#:schema ./schemas/concord.schema.json`.
#[derive(Debug, Args)]
#[command(
    before_help = "Examples:\n    concord config schema\n    concord config schema field-map > field_map.schema.json"
)]
pub struct SchemaArgs {
    /// Of which file
    #[arg(value_enum, default_value_t)]
    pub file: SchemaOf,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// `concord.toml`
    #[default]
    Project,
    /// `field_map.toml`
    FieldMap,
}

pub fn run(command: &ConfigCommand, global: &GlobalArgs, ui: &Ui) -> Result<ExitCode, CliError> {
    match command {
        ConfigCommand::Show(args) => show(args, global, ui),
        ConfigCommand::Schema(args) => {
            let schema = match args.file {
                SchemaOf::Project => project_schema(),
                SchemaOf::FieldMap => field_map_schema(),
            };
            ui.line(format_args!("{schema:#}"))?;
            Ok(ExitCode::Done)
        }
    }
}

fn show(args: &ShowArgs, global: &GlobalArgs, ui: &Ui) -> Result<ExitCode, CliError> {
    let project = global.project(None)?;
    let mut rows: Vec<[String; 3]> = project
        .settings
        .iter()
        .map(|setting| [setting.name.clone(), setting.value.clone(), setting.origin.to_string()])
        .collect();
    let map = &project.field_map;
    rows.push(["field_map.digest".to_owned(), map.digest.clone(), "field_map.toml".to_owned()]);
    for sign_off in &map.sign_offs {
        let state = if sign_off.covers(map) { "" } else { ", an earlier map" };
        let signed = format!("{} on {}{state}", sign_off.name, sign_off.date);
        rows.push(["field_map.sign_off".to_owned(), signed, "field_map.toml".to_owned()]);
    }
    ui.data(render(&rows, args.format))?;
    Ok(ExitCode::Done)
}

fn render(rows: &[[String; 3]], format: Format) -> String {
    const HEADER: [&str; 3] = ["setting", "value", "from"];
    let object = |[name, value, origin]: &[String; 3]| json!({ "setting": name, "value": value, "from": origin });
    match format {
        Format::Table => {
            let mut table = Table::new();
            table.load_preset(presets::NOTHING).set_header(HEADER);
            table.add_rows(rows.iter().cloned());
            format!("{}\n", table.trim_fmt())
        }
        Format::Json => format!("{:#}\n", json!(rows.iter().map(object).collect::<Vec<_>>())),
        Format::Jsonl => {
            let lines: Vec<String> = rows.iter().map(|row| object(row).to_string()).collect();
            format!("{}\n", lines.join("\n"))
        }
        Format::Csv => {
            let quote = |cell: &str| format!("\"{}\"", cell.replace('"', "\"\""));
            let line = |cells: &[String; 3]| cells.each_ref().map(|cell| quote(cell)).join(",");
            let lines: Vec<String> = rows.iter().map(line).collect();
            format!("{}\n{}\n", HEADER.join(","), lines.join("\n"))
        }
    }
}
