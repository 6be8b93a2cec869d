//! What every command that does work needs: the project, its warehouse, its CRMs and a clock.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{CliError, ExitCode, GlobalArgs, Ui, environment};
use crate::config::{
    Connection, Credentials, Project, SandboxAccount, Secret, SecretValue, StoreSetting,
    WarehouseSettings,
};
use crate::crm::transport::{
    Backoff, Budget, Fetched, Now, RequestLog, TransportOptions, is_loopback, plain_client,
};
use crate::crm::{Crm, CrmError, CrmKind, Sensitive, hubspot, salesforce};
use crate::model::Question;
use crate::sandbox::admin::ClockView;
use crate::sandbox::faults::{Schedule, ScheduleError};
use crate::sandbox::{Clock, Running, Sandbox, World};
use crate::snapshot::Manifest;
use crate::warehouse::{Address, StoreOptions, Warehouse};

/// Memory that DataFusion's operators may hold before they spill to disk.
const QUERY_MEMORY_BYTES_MAX: usize = 768 * 1024 * 1024;

/// The world of the demo, carried by the repository.
const DEMO_WORLD: &str = "data/demo";
/// Where the sandbox keeps its databases between commands.
const SANDBOX_DATABASE: &str = ".concord/sandbox/crm";

/// A sandbox that runs already answers at once or is not there.
const CLOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// A project opened for work.
pub struct Session {
    pub project: Project,
    pub warehouse: Warehouse,
    pub stop: Arc<AtomicBool>,
    /// Where every call to a CRM is written down.
    pub requests: RequestLog,
    crms: BTreeMap<CrmKind, Arc<dyn Crm>>,
    /// The simulated CRMs and their servers, with `--sandbox`.
    sandbox: Option<(Sandbox, Running)>,
    /// The sandbox's time, for commands that do not start it.
    kept_clock: Option<Clock>,
}

impl Session {
    /// Opens the project without reaching a CRM. In the sandbox the time is that of its clock, as
    /// the last command left it.
    ///
    /// # Errors
    /// When the project or its warehouse cannot be opened.
    pub fn open(global: &GlobalArgs, period: Option<&str>) -> Result<Self, CliError> {
        let project = global.project(period)?;
        if !global.sandbox {
            return Self::over(project);
        }
        let kept = project.dir.join(SANDBOX_DATABASE).join("clock");
        let mut session = Self::over(in_sandbox_warehouse(project, global))?;
        if kept.is_file() {
            session.kept_clock = Some(Clock::kept_in(&kept, machine_time()).map_err(failed)?);
        }
        Ok(session)
    }

    /// Opens the project with clients for its CRMs, or for the sandbox, which is started unless it
    /// runs already.
    ///
    /// # Errors
    /// When a secret cannot be had, or the sandbox does not start or answer.
    pub async fn connect(
        global: &GlobalArgs,
        ui: &Ui,
        period: Option<&str>,
    ) -> Result<Self, CliError> {
        let project = global.project(period)?;
        let (mut session, now) = match environment::variable(environment::SANDBOX) {
            _ if !global.sandbox => (Self::over(project)?, Now::new(machine_time)),
            Some(addresses) => {
                let (project, clock) = join_sandbox(project, &addresses).await?;
                let mut session = Self::over(in_sandbox_warehouse(project, global))?;
                session.kept_clock = Some(clock.clone());
                (session, Now::new(move || clock.now()))
            }
            None => {
                let (project, sandbox) = start_sandbox(project).await?;
                let clock = sandbox.0.clock().clone();
                let mut session = Self::over(in_sandbox_warehouse(project, global))?;
                session.sandbox = Some(sandbox);
                (session, Now::new(move || clock.now()))
            }
        };
        session.requests = RequestLog::new(session.warehouse.clone(), now.clone());
        for connection in session.project.connections.values() {
            let crm = client(connection, &session, &now, ui)?;
            session.crms.insert(connection.kind, crm);
        }
        Ok(session)
    }

    fn over(project: Project) -> Result<Self, CliError> {
        let warehouse = open_warehouse(&project.warehouse, &project.dir)?;
        Ok(Self {
            project,
            requests: RequestLog::new(warehouse.clone(), Now::new(machine_time)),
            warehouse,
            stop: Arc::new(AtomicBool::new(false)),
            crms: BTreeMap::new(),
            sandbox: None,
            kept_clock: None,
        })
    }

    /// Tells the time: the sandbox's own, or the machine's.
    pub fn now(&self) -> Timestamp {
        match (&self.sandbox, &self.kept_clock) {
            (Some((sandbox, _)), _) => sandbox.clock().now(),
            (None, Some(clock)) => clock.now(),
            (None, None) => machine_time(),
        }
    }

    pub fn is_sandbox(&self) -> bool {
        self.sandbox.is_some() || self.kept_clock.is_some()
    }

    pub fn crm(&self, kind: CrmKind) -> Result<&dyn Crm, CliError> {
        self.crms.get(&kind).map(|crm| &**crm).ok_or_else(|| {
            let missing = crate::model::StageError::NoConnection { kind };
            CliError::stage(missing, ExitCode::Usage, Vec::new())
        })
    }

    pub fn crms(&self) -> BTreeMap<CrmKind, &dyn Crm> {
        self.crms.iter().map(|(kind, crm)| (*kind, &**crm)).collect()
    }

    /// Says what is asked by default: the first metric, in the project's period.
    pub fn question(&self, metric: Option<&str>) -> Result<Question, CliError> {
        let metric = metric
            .or_else(|| self.project.metrics.keys().next().map(String::as_str))
            .unwrap_or("mql")
            .to_owned();
        let period = crate::config::Period::parse(&self.project.period)?;
        Ok(Question { metric, period, memory_bytes_max: QUERY_MEMORY_BYTES_MAX })
    }

    /// Returns an id for this run from the clock, unlike any run's before: `20261001T100000Z`.
    ///
    /// # Errors
    /// When the warehouse cannot be listed.
    pub async fn new_id(&self) -> Result<String, CliError> {
        let stem = self.now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let mut taken = self.warehouse.list_directories("runs").await.map_err(failed)?;
        taken.extend(self.warehouse.list_directories("builds").await.map_err(failed)?);
        if !taken.contains(&stem) {
            return Ok(stem);
        }
        let next = (2..=taken.len() + 2).map(|n| format!("{stem}-{n:03}"));
        Ok(next.into_iter().find(|id| !taken.contains(id)).unwrap_or(stem))
    }

    /// Lets a night pass in the sandbox that this command started, when it has been pulled before.
    ///
    /// # Errors
    /// When the warehouse cannot be read.
    pub async fn pass_a_night(&self) -> Result<(), CliError> {
        let Some((sandbox, _)) = &self.sandbox else { return Ok(()) };
        for connection in self.project.connections.keys() {
            if Manifest::latest(&self.warehouse, connection).await.map_err(failed)?.is_some() {
                sandbox.clock().advance(SignedDuration::from_hours(24));
                break;
            }
        }
        Ok(())
    }

    /// Stops at the first Ctrl-C after the call in flight, and at once at the second.
    pub fn watch_interrupt(&self, ui: &Ui) {
        let stop = Arc::clone(&self.stop);
        let ui = ui.clone();
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                if stop.swap(true, Ordering::SeqCst) {
                    std::process::exit(130);
                }
                ui.note("stopping after the stage or call under way; press Ctrl-C again to stop at once");
            }
        });
    }
}

/// Wraps an error that ends the command with code 1.
pub fn failed<E>(error: E) -> CliError
where
    E: std::error::Error + Send + Sync + 'static,
{
    CliError::stage(error, ExitCode::Failed, Vec::new())
}

#[expect(clippy::disallowed_methods, reason = "the command line is where the clock is read")]
pub fn machine_time() -> Timestamp {
    Timestamp::now()
}

/// Opens a warehouse, with what the environment and the project in `dir` say of its store.
///
/// # Errors
/// When a secret cannot be had, or the store cannot be opened.
pub fn open_warehouse(settings: &WarehouseSettings, dir: &Path) -> Result<Warehouse, CliError> {
    let mut resolved = Vec::new();
    for (name, setting) in &settings.settings {
        let value = match setting {
            StoreSetting::Plain(text) => SecretValue::new(text),
            StoreSetting::Secret(secret) => secret.resolve(dir)?,
        };
        resolved.push((name.clone(), value));
    }
    let options =
        StoreOptions { environment: environment::variables_of_stores(), settings: resolved };
    let lease_time = Duration::from_secs(settings.lease_seconds);
    let opened = Address::parse(&settings.url, dir)
        .and_then(|address| Warehouse::open_with(address, options, lease_time));
    opened.map_err(|error| {
        let hints = error.hint().into_iter().collect();
        CliError::stage(error, ExitCode::Usage, hints)
    })
}

/// Turns the project to the warehouse that the sandbox keeps, unless a flag names another.
fn in_sandbox_warehouse(project: Project, global: &GlobalArgs) -> Project {
    let mut project = project.in_sandbox_warehouse();
    if let Some(url) = &global.warehouse {
        project.warehouse.move_to(url);
    }
    project
}

async fn start_sandbox(project: Project) -> Result<(Project, (Sandbox, Running)), CliError> {
    let world = project.dir.join(DEMO_WORLD);
    let database = project.dir.join(SANDBOX_DATABASE);
    std::fs::create_dir_all(&database)
        .map_err(|source| CliError::ReadFile { path: database.clone(), source })?;
    let sandbox = open_sandbox(&world, Some(&database))?;
    if let Some(text) = environment::variable(environment::SANDBOX_FAULTS) {
        let schedule: Schedule = text.parse().map_err(|error: ScheduleError| {
            let hint = format!("correct the variable {}", environment::SANDBOX_FAULTS);
            CliError::stage(error, ExitCode::Usage, vec![hint])
        })?;
        sandbox.faults().follow(schedule);
    }
    let running = sandbox.serve().await.map_err(failed)?;
    let accounts = sandbox_accounts(sandbox.world(), &running.hubspot_url, &running.salesforce_url);
    Ok((project.in_sandbox(&accounts), (sandbox, running)))
}

/// Turns the project to simulated CRMs that run elsewhere, and asks them what time it is.
async fn join_sandbox(project: Project, addresses: &str) -> Result<(Project, Clock), CliError> {
    let Some((hubspot_url, salesforce_url)) = addresses.split_once(',') else {
        return Err(CliError::Stage {
            message: format!("not two addresses with a comma between: `{addresses}`"),
            code: ExitCode::Usage,
            hints: vec![format!("correct the variable {}", environment::SANDBOX)],
            source: None,
        });
    };
    let world = World::read(&project.dir.join(DEMO_WORLD)).map_err(failed)?;
    let client = plain_client(CLOCK_TIMEOUT).map_err(failed)?;
    let asked = client.get(format!("{hubspot_url}/__sandbox/clock")).send().await;
    let answer = asked.and_then(reqwest::Response::error_for_status).map_err(failed)?;
    let clock: ClockView = answer.json().await.map_err(failed)?;
    let accounts = sandbox_accounts(&world, hubspot_url, salesforce_url);
    Ok((project.in_sandbox(&accounts), Clock::new(clock.now)))
}

/// Opens the simulated CRMs over a world.
///
/// # Errors
/// When the world cannot be read.
pub fn open_sandbox(world: &Path, database: Option<&Path>) -> Result<Sandbox, CliError> {
    Sandbox::open(world, database).map_err(|error| {
        let hint = "run in a checkout of Concord, or name one with `--project`".to_owned();
        CliError::stage(error, ExitCode::Failed, vec![hint])
    })
}

/// Says how the simulated CRMs are reached.
pub fn sandbox_accounts(
    world: &World,
    hubspot_url: &str,
    salesforce_url: &str,
) -> [SandboxAccount; 2] {
    let known = |value: &str| Secret::Known(SecretValue::new(value));
    [
        SandboxAccount {
            kind: CrmKind::HubSpot,
            url: hubspot_url.to_owned(),
            account_id: world.hubspot.portal_id.clone(),
            credentials: Credentials::Token(known(&world.hubspot.token)),
        },
        SandboxAccount {
            kind: CrmKind::Salesforce,
            url: salesforce_url.to_owned(),
            account_id: world.salesforce.org_id.clone(),
            credentials: Credentials::ClientCredentials {
                client_id: known(&world.salesforce.client_id),
                client_secret: known(&world.salesforce.client_secret),
            },
        },
    ]
}

fn client(
    connection: &Connection,
    session: &Session,
    now: &Now,
    ui: &Ui,
) -> Result<Arc<dyn Crm>, CliError> {
    let project = &session.project;
    let budget = project.budget.get(&connection.name);
    let calls_max = budget.and_then(|budget| budget.calls_per_run_max);
    let defaults = TransportOptions::default();
    let options = TransportOptions {
        call_timeout: defaults.call_timeout.min(session.warehouse.call_time_max()),
        write_time_max: session.warehouse.call_time_max(),
        fence: session.warehouse.fence().clone(),
        budget: Arc::new(calls_max.map_or_else(Budget::unlimited, Budget::new)),
        reserve_share: budget.map_or(0.0, |budget| budget.reserve_share),
        // A CRM on this machine is the sandbox, whose clock stands still: no second ever ends there.
        keeps_known_limits: !is_loopback(&connection.url),
        log: Some(session.requests.of(&connection.name)),
        backoff: Backoff {
            first_ms: project.retry.first_wait_ms,
            longest_ms: project.retry.longest_wait_ms,
            tries_max: project.retry.tries_max,
            longest_job_ms: project.retry.longest_job_wait_ms,
        },
        ..defaults
    };
    let usage = |error| CliError::stage(error, ExitCode::Usage, Vec::new());
    match connection.kind {
        CrmKind::HubSpot => {
            let config = hubspot::Config {
                base_url: connection.url.clone(),
                credentials: hubspot_credentials(connection, project)?,
                version: connection.api_version.clone(),
            };
            Ok(Arc::new(hubspot::HubSpot::new(config, options).map_err(usage)?))
        }
        CrmKind::Salesforce => {
            let config = salesforce::Config {
                instance_url: connection.url.clone(),
                credentials: salesforce_credentials(connection, project, now, ui)?,
                version: connection.api_version.clone(),
            };
            Ok(Arc::new(salesforce::Salesforce::new(config, options).map_err(usage)?))
        }
    }
}

fn resolved(secret: &Secret, project: &Project) -> Result<Sensitive<String>, CliError> {
    Ok(Sensitive::new(secret.resolve(&project.dir)?.expose().to_owned()))
}

/// A token made elsewhere.
enum Token {
    Fixed(Sensitive<String>),
    Fetched(Fetched),
}

/// Reads a token. A file or helper may give a newer one later; a variable cannot.
fn token_of(secret: &Secret, project: &Project) -> Result<Token, CliError> {
    let first = resolved(secret, project)?;
    match secret {
        Secret::Env(_) | Secret::Known(_) => Ok(Token::Fixed(first)),
        Secret::File(_) | Secret::Command(_) => {
            let (secret, dir) = (secret.clone(), project.dir.clone());
            Ok(Token::Fetched(Fetched::new(first, move || match secret.resolve(&dir) {
                Ok(value) => Ok(Sensitive::new(value.expose().to_owned())),
                Err(error) => Err(error.to_string()),
            })))
        }
    }
}

fn hubspot_credentials(
    connection: &Connection,
    project: &Project,
) -> Result<hubspot::Credentials, CliError> {
    match &connection.credentials {
        Credentials::Token(token) => Ok(match token_of(token, project)? {
            Token::Fixed(token) => hubspot::Credentials::Token(token),
            Token::Fetched(fetched) => hubspot::Credentials::Fetched(fetched),
        }),
        Credentials::RefreshToken { client_id, client_secret: Some(secret), refresh_token } => {
            Ok(hubspot::Credentials::Refresh {
                client_id: resolved(client_id, project)?,
                client_secret: resolved(secret, project)?,
                refresh_token: resolved(refresh_token, project)?,
            })
        }
        Credentials::RefreshToken { client_secret: None, .. }
        | Credentials::ClientCredentials { .. }
        | Credentials::JwtBearer { .. } => Err(foreign_credentials(connection)),
    }
}

fn salesforce_credentials(
    connection: &Connection,
    project: &Project,
    now: &Now,
    ui: &Ui,
) -> Result<salesforce::Credentials, CliError> {
    Ok(match &connection.credentials {
        Credentials::Token(token) => match token_of(token, project)? {
            Token::Fixed(token) => salesforce::Credentials::Token(token),
            Token::Fetched(fetched) => salesforce::Credentials::Fetched(fetched),
        },
        Credentials::ClientCredentials { client_id, client_secret } => {
            salesforce::Credentials::Client {
                client_id: resolved(client_id, project)?,
                client_secret: resolved(client_secret, project)?,
            }
        }
        Credentials::RefreshToken { client_id, client_secret, refresh_token } => {
            let client_secret =
                client_secret.as_ref().map(|secret| resolved(secret, project)).transpose()?;
            salesforce::Credentials::Refresh {
                client_id: resolved(client_id, project)?,
                client_secret,
                refresh_token: resolved(refresh_token, project)?,
                on_rotation: on_rotation(connection, refresh_token, ui),
            }
        }
        Credentials::JwtBearer { client_id, username, private_key, audience } => {
            let private_key = private_key.resolve_lines(&project.dir)?.expose().to_owned();
            salesforce::Credentials::Jwt {
                client_id: resolved(client_id, project)?,
                username: username.clone(),
                audience: audience.clone(),
                private_key: Sensitive::new(private_key),
                now: now.clone(),
            }
        }
    })
}

/// Warns of a token that died while the run used it, and of what that means for the next one.
fn on_rotation(connection: &Connection, token: &Secret, ui: &Ui) -> salesforce::OnRotation {
    let (name, place, ui) = (connection.name.clone(), token.to_string(), ui.clone());
    salesforce::OnRotation::new(move || {
        ui.warning(format_args!(
            "`connections.{name}.refresh_token` from {place} is dead: Salesforce replaced it when it was used"
        ));
        ui.hint(
            "this run goes on with the new one, which Concord does not keep: before the next run switch the rotation of refresh tokens off for this app and authorize it again, or use client credentials or a private key",
        );
    })
}

/// The project file's reader lets no such pair through.
fn foreign_credentials(connection: &Connection) -> CliError {
    let (kind, message) = (connection.kind, "credentials of another CRM".to_owned());
    CliError::stage(CrmError::Unauthorized { kind, message }, ExitCode::Usage, Vec::new())
}
