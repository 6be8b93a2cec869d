//! `concord sandbox`: the simulated CRMs on their own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::scratch::Scratch;
use super::session::{failed, open_sandbox, open_warehouse};
use super::{CliError, ExitCode, GlobalArgs, Ui};
use crate::config::WarehouseSettings;
use crate::sandbox::Sandbox;
use crate::sandbox::company::{CompanyOptions, generate};
use crate::sandbox::faults::Schedule;
use crate::sandbox::mirror::{MirrorError, Rules, Source, write_world};

/// Most contacts and most leads of a generated company.
const SCALE_MAX: i64 = 10_000_000;

/// Starts the simulated CRMs, or generates the company they hold
#[derive(Debug, Subcommand)]
#[command(before_help = "Example:\n    concord sandbox serve")]
pub enum SandboxCommand {
    Serve(ServeArgs),
    Generate(GenerateArgs),
}

/// Serves a HubSpot portal and a Salesforce org on this machine until interrupted
///
/// Reads the world directory, or with `--from` the latest complete snapshots of a warehouse with
/// their metadata: any portal and org that were pulled, with their own fields, objects and picklists.
/// What is written to them is gone at the end, so every start is the same, unless `--database` keeps
/// it. Prints the addresses and credentials to use.
#[derive(Debug, Args)]
#[command(
    before_help = "Examples:\n    concord sandbox serve\n    concord sandbox serve --world data/demo --hubspot-port 8081\n    concord sandbox serve --from file://./warehouse\n    concord sandbox serve --faults 7:0.1"
)]
pub struct ServeArgs {
    /// Directory with `world.toml`
    #[arg(long, value_name = "DIR", default_value = "data/demo")]
    pub world: PathBuf,
    /// Warehouse whose latest snapshots to serve instead, such as `file:///srv/concord`
    #[arg(long, value_name = "URL", conflicts_with = "world")]
    pub from: Option<String>,
    /// JSON file with rules that no snapshot tells, such as validation rules and triggers
    #[arg(long, value_name = "FILE", requires = "from")]
    pub rules: Option<PathBuf>,
    /// Directory to keep the records in, for the next start too
    #[arg(long, value_name = "DIR", conflicts_with = "from")]
    pub database: Option<PathBuf>,
    /// Port of the HubSpot side on the loopback interface; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub hubspot_port: u16,
    /// Port of the Salesforce side on the loopback interface; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub salesforce_port: u16,
    /// Misbehave by this seed, for a share of the calls [default share: 0.05]
    #[arg(long, value_name = "SEED[:RATE]")]
    pub faults: Option<Schedule>,
}

/// Generates a made-up company and the gap between its two dashboards
///
/// Writes a world directory with both CRMs' metadata and records, and `truth.csv`. The same seed
/// gives the same files.
#[derive(Debug, Args)]
#[command(before_help = "Example:\n    concord sandbox generate --seed 42 data/demo")]
pub struct GenerateArgs {
    /// Directory to write; it must be new or empty
    #[arg(value_name = "DIR")]
    pub world: PathBuf,
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// As many HubSpot contacts, and as many leads, for benchmarks
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=SCALE_MAX))]
    pub scale: Option<u32>,
}

pub async fn run(
    command: &SandboxCommand,
    global: &GlobalArgs,
    ui: &Ui,
) -> Result<ExitCode, CliError> {
    match command {
        SandboxCommand::Serve(args) => serve(args, global, ui).await,
        SandboxCommand::Generate(args) => generate_world(args, ui),
    }
}

async fn serve(args: &ServeArgs, global: &GlobalArgs, ui: &Ui) -> Result<ExitCode, CliError> {
    let dir = global.project.clone().unwrap_or_default();
    let scratch = args.from.as_ref().map(|_| Scratch::take(&dir, "mirror")).transpose()?;
    let sandbox = if let (Some(url), Some(scratch)) = (&args.from, &scratch) {
        open_mirror(url, args.rules.as_deref(), &dir, scratch, ui).await?
    } else {
        let database = args.database.as_ref().map(|database| dir.join(database));
        open_sandbox(&dir.join(&args.world), database.as_deref())?
    };
    if let Some(schedule) = &args.faults {
        sandbox.faults().follow(schedule.clone());
    }
    let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let running = sandbox
        .serve_on(loopback(args.hubspot_port), loopback(args.salesforce_port))
        .await
        .map_err(failed)?;
    ui.line(format_args!("hubspot     {}", running.hubspot_url))?;
    ui.line(format_args!("salesforce  {}", running.salesforce_url))?;
    let world = sandbox.world();
    ui.note(format_args!(
        "token {}; client id {}, client secret {}",
        world.hubspot.token, world.salesforce.client_id, world.salesforce.client_secret
    ));
    ui.note(match &args.database {
        Some(database) => format!("records are kept in {}; stop with Ctrl-C", database.display()),
        None => "what is written here is gone at the end; stop with Ctrl-C".to_owned(),
    });
    // Without the signal there is nothing to wait for.
    let _ = tokio::signal::ctrl_c().await;
    running.shutdown().await;
    Ok(ExitCode::Done)
}

/// Opens the simulated CRMs over a warehouse's latest snapshots, on databases in `scratch`.
async fn open_mirror(
    url: &str,
    rules: Option<&Path>,
    dir: &Path,
    scratch: &Scratch,
    ui: &Ui,
) -> Result<Sandbox, CliError> {
    let warehouse = open_warehouse(&WarehouseSettings::at(url), dir)?;
    let source = Source::latest(&warehouse).await.map_err(mirror_error)?;
    for manifest in [&source.hubspot, &source.salesforce] {
        ui.note(format_args!(
            "serving snapshot {} of {}",
            manifest.snapshot_id, manifest.connection
        ));
    }
    let world = scratch.path().join("world");
    write_world(&warehouse, &source, &read_rules(rules)?, &world).await.map_err(mirror_error)?;
    Sandbox::open(&world, Some(&scratch.path().join("crm"))).map_err(failed)
}

/// Reads a file of rules, where one is given.
pub fn read_rules(path: Option<&Path>) -> Result<Rules, CliError> {
    let rules = path.map(Rules::read).transpose();
    let rules = rules.map_err(|error| {
        let hint = "it holds the rules of a world under `hubspot` and `salesforce`".to_owned();
        CliError::stage(error, ExitCode::Usage, vec![hint])
    })?;
    Ok(rules.unwrap_or_default())
}

/// Turns what keeps a mirror from being made into words, an exit code and a way on.
pub fn mirror_error(error: MirrorError) -> CliError {
    let hints = error.hint().map(str::to_owned).into_iter().collect();
    CliError::stage(error, ExitCode::Failed, hints)
}

fn generate_world(args: &GenerateArgs, ui: &Ui) -> Result<ExitCode, CliError> {
    let options = match args.scale {
        Some(n) => {
            let n = usize::try_from(n).unwrap_or(usize::MAX);
            CompanyOptions::scaled(args.seed, n, n)
        }
        None if args.seed == CompanyOptions::demo().seed => CompanyOptions::demo(),
        None => CompanyOptions::random(args.seed),
    };
    generate(&options)
        .write(&args.world)
        .map_err(|source| CliError::ReadFile { path: args.world.clone(), source })?;
    ui.note(format_args!("wrote {}", args.world.display()));
    Ok(ExitCode::Done)
}
