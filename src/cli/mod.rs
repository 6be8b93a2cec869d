//! The command line: one file a command, and the only part that touches the terminal.
//!
//! A command reads its arguments, calls the stage, and prints what came of it through [`ui`].
//! A flag is stronger than an environment variable ([`environment`]), that one than the project
//! file, and that one than the default; `concord config show` says which won.

pub mod environment;
pub mod error;
pub mod exit_code;
pub mod ui;

mod alert;
mod apply;
mod audit;
mod build;
mod carry_out;
mod check;
mod config;
mod hold;
mod init;
mod plan;
mod pull;
mod pull_stage;
mod query;
mod reconcile;
mod rehearse;
mod report;
mod rows;
mod run;
mod sandbox;
mod scratch;
mod sections;
mod session;
mod stages;
mod undo;
mod why;

use std::path::PathBuf;
use std::process;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::config::{Origin, Overrides, Period, Project, load};

pub use error::CliError;
pub use exit_code::ExitCode;
pub use ui::{ColorChoice, Ui, Verbosity};

/// Makes HubSpot and Salesforce tell one story.
#[derive(Debug, Parser)]
#[command(name = "concord", version, about, before_help = EXAMPLE, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLE: &str = "\
Try it without any account:
    concord run --sandbox
    concord reconcile mql --period 2026-Q3";

const EXIT_CODES: &str = "\
Exit codes:
  0  done, records held back before sending included
  1  failed or interrupted
  2  wrong usage or configuration
  3  a plan waits to be applied (with --exit-code)
  4  a CRM rejected something, or its answer was lost
  5  stale, or refused by a guard

Data goes to standard output, everything else to standard error.
Environment: CONCORD_PROJECT, CONCORD_WAREHOUSE, CONCORD_LOG, CONCORD_SANDBOX,
CONCORD_SANDBOX_FAULTS, NO_COLOR, the variables that `concord.toml` names for its secrets, and
AWS_*, AZURE_*, GOOGLE_* for a warehouse in a cloud.";

#[derive(Clone, Debug, Args)]
pub struct GlobalArgs {
    /// Directory with `concord.toml` and `field_map.toml` [default: the current one]
    #[arg(long, global = true, value_name = "DIR")]
    pub project: Option<PathBuf>,
    /// Warehouse to use instead of the project's, such as `/srv/concord` or `s3://bucket/concord`
    #[arg(long, global = true, value_name = "URL")]
    pub warehouse: Option<String>,
    /// Work with the built-in CRMs and the demo data, in a warehouse of their own
    #[arg(long, global = true)]
    pub sandbox: bool,
    /// When to use color
    #[arg(long, global = true, value_enum, default_value_t)]
    pub color: ColorChoice,
    /// Say nothing but errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more; twice shows the log as well
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Run(run::RunArgs),
    Pull(pull::PullArgs),
    Build(build::BuildArgs),
    Plan(plan::PlanArgs),
    Rehearse(rehearse::RehearseArgs),
    Apply(apply::ApplyArgs),
    Undo(undo::UndoArgs),
    Reconcile(reconcile::ReconcileArgs),
    Why(why::WhyArgs),
    Hold(hold::HoldArgs),
    Release(hold::ReleaseArgs),
    Audit(audit::AuditArgs),
    Check(check::CheckArgs),
    Query(query::QueryArgs),
    #[command(subcommand)]
    Report(report::ReportCommand),
    #[command(subcommand)]
    Sandbox(sandbox::SandboxCommand),
    #[command(subcommand)]
    Config(config::ConfigCommand),
    Init(init::InitArgs),
}

/// How a table of data is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// One document.
    Json,
    /// One object a line.
    Jsonl,
    Csv,
}

impl GlobalArgs {
    /// Opens the project that the flags and the environment name.
    ///
    /// # Errors
    /// When there is none, or its files hold a mistake.
    pub fn project(&self, period: Option<&str>) -> Result<Project, CliError> {
        let dir = self
            .project
            .clone()
            .or_else(|| environment::variable(environment::PROJECT).map(PathBuf::from))
            .unwrap_or_else(|| PathBuf::from("."));
        let warehouse_flag = || Origin::Flag("--warehouse".to_owned());
        let warehouse_variable = || Origin::Env(environment::WAREHOUSE.to_owned());
        let warehouse_url = match &self.warehouse {
            Some(url) => Some((url.clone(), warehouse_flag())),
            None => {
                environment::variable(environment::WAREHOUSE).map(|url| (url, warehouse_variable()))
            }
        };
        let period = period.map(Period::parse).transpose()?;
        let period = period.map(|period| (period, Origin::Flag("--period".to_owned())));
        Ok(load(&dir, &Overrides { warehouse_url, period })?)
    }

    /// Returns the flags that a further command needs to mean the same project, each after a space.
    fn flags(&self) -> String {
        let mut words = Vec::new();
        if let Some(project) = &self.project {
            words.extend(["--project".to_owned(), shell_word(&project.display().to_string())]);
        }
        if let Some(warehouse) = &self.warehouse {
            words.extend(["--warehouse".to_owned(), shell_word(warehouse)]);
        }
        if self.sandbox {
            words.push("--sandbox".to_owned());
        }
        words.iter().flat_map(|word| [" ", word]).collect()
    }

    fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, _) => Verbosity::Verbose,
        }
    }
}

/// Quotes a word for a shell where it needs it.
fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Parses the process's arguments, runs the command and says how the process ends.
pub fn main() -> process::ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version arrive here too, and go to standard output with code 0.
            let code = if error.use_stderr() { ExitCode::Usage } else { ExitCode::Done };
            let _ = error.print();
            return code.into();
        }
    };
    let ui = Ui::new(cli.global.color, cli.global.verbosity(), cli.global.flags());
    start_log(cli.global.verbose);
    match run_command(&cli, &ui) {
        Ok(code) => code.into(),
        Err(error) if error.is_broken_pipe() => ExitCode::Done.into(),
        Err(error) => {
            ui.error(&error);
            error.exit_code().into()
        }
    }
}

/// Threads for files and the sandbox's databases. Each keeps freed memory of its own, so that many
/// would hold more than they ever use together.
const BLOCKING_THREADS_MAX: usize = 4;

fn run_command(cli: &Cli, ui: &Ui) -> Result<ExitCode, CliError> {
    if let Command::Config(command) = &cli.command {
        return config::run(command, &cli.global, ui);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .build()
        .map_err(CliError::Runtime)?;
    runtime.block_on(dispatch(&cli.command, &cli.global, ui))
}

async fn dispatch(command: &Command, global: &GlobalArgs, ui: &Ui) -> Result<ExitCode, CliError> {
    match command {
        Command::Run(args) => run::run(args, global, ui).await,
        Command::Pull(args) => pull::run(args, global, ui).await,
        Command::Build(args) => build::run(args, global, ui).await,
        Command::Plan(args) => plan::run(args, global, ui).await,
        Command::Rehearse(args) => rehearse::run(args, global, ui).await,
        Command::Apply(args) => apply::run(args, global, ui).await,
        Command::Undo(args) => undo::run(args, global, ui).await,
        Command::Reconcile(args) => reconcile::run(args, global, ui).await,
        Command::Why(args) => why::run(args, global, ui).await,
        Command::Hold(args) => hold::hold(args, global, ui).await,
        Command::Release(args) => hold::release(args, global, ui).await,
        Command::Audit(args) => audit::run(args, global, ui).await,
        Command::Check(args) => check::run(args, global, ui).await,
        Command::Query(args) => query::run(args, global, ui).await,
        Command::Report(command) => report::run(command, global, ui).await,
        Command::Sandbox(command) => sandbox::run(command, global, ui).await,
        Command::Config(command) => config::run(command, global, ui),
        Command::Init(args) => init::run(args, global, ui).await,
    }
}

/// Sends the log to standard error: what `CONCORD_LOG` asks for, or warnings, or more by `-vv`.
fn start_log(verbose: u8) {
    let default = if verbose >= 2 { "warn,concord=debug" } else { "error" };
    let filter = environment::variable(environment::LOG).unwrap_or_else(|| default.to_owned());
    let filter = tracing_subscriber::EnvFilter::new(filter);
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A test that runs two commands in one process keeps the first log.
    let _ = subscriber.try_init();
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_every_help_opens_with_an_example() {
        fn check(command: &clap::Command) {
            let help = command.get_before_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("concord"), "no example: {}", command.get_name());
            command.get_subcommands().for_each(check);
        }
        let command = Cli::command();
        command.clone().debug_assert();
        check(&command);
    }
}
