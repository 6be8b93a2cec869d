//! Stand-ins for both CRMs, in the same binary: for the demo, for rehearsals, for every test.
//!
//! A [`Sandbox`] opens a world directory, keeps what happens to it in one SQLite database for each
//! server, and serves both over HTTP on loopback. The pipeline reaches it only through the client
//! it uses in production; nothing here is shared with what it is meant to check.
//!
//! The servers share a [`Clock`] that stands still unless moved and [`CallCounters`] that count
//! every call received. Both can be reached over HTTP too, see [`admin`]. They misbehave when they
//! are asked to, see [`faults`].

pub mod admin;
pub mod clock;
pub mod company;
pub mod counters;
mod database;
pub mod faults;
pub mod hubspot;
pub mod mirror;
pub mod salesforce;
pub mod world;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};

use axum::Router;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use clock::{Clock, ClockError};
pub use counters::{CallCount, CallCounters, CallKey};
pub use faults::Faults;
pub use mirror::MirrorError;
pub use world::{World, WorldError};

/// Both servers of one world, with the time and the counts they share.
#[derive(Clone)]
pub struct Sandbox {
    world: World,
    clock: Clock,
    counters: CallCounters,
    faults: Faults,
    hubspot: hubspot::Server,
    salesforce: salesforce::Server,
}

/// A sandbox that is answering calls. Dropping it stops both servers.
pub struct Running {
    /// Base address without a trailing slash, such as `http://127.0.0.1:41234`.
    pub hubspot_url: String,
    /// Base address without a trailing slash.
    pub salesforce_url: String,
    listening: Vec<Listening>,
}

struct Listening {
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

#[derive(Debug, Error)]
pub enum SandboxError {
    #[error("cannot open the world")]
    World(#[from] WorldError),
    #[error("cannot make the sandbox's database directory: `{path}`")]
    Directory {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Clock(#[from] ClockError),
    #[error("cannot open the HubSpot sandbox")]
    HubSpot(#[source] hubspot::ServerError),
    #[error("cannot open the Salesforce sandbox")]
    Salesforce(#[source] salesforce::ServerError),
    #[error("cannot listen on `{address}`")]
    Listen {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
}

impl Sandbox {
    /// Opens a world, keeping its state in the directory `database`, or without one until it is
    /// dropped.
    ///
    /// The world's files are read the first time only. A later opening continues with what the
    /// database holds, its clock included.
    ///
    /// # Errors
    /// When the world or the database cannot be read or made, or contradicts itself.
    pub fn open(world_dir: &Path, database: Option<&Path>) -> Result<Self, SandboxError> {
        let world = World::read(world_dir)?;
        let counters = CallCounters::default();
        let clock = match database {
            Some(path) => {
                std::fs::create_dir_all(path).map_err(|source| SandboxError::Directory {
                    path: path.to_path_buf(),
                    source,
                })?;
                Clock::kept_in(&path.join("clock"), world.now)?
            }
            None => Clock::new(world.now),
        };
        let file = |name| database.map(|path| path.join(name));
        let (clocks, counts) =
            ((clock.clone(), clock.clone()), (counters.clone(), counters.clone()));
        // A large company takes a while to load, so both halves are loaded at once.
        let (hubspot, salesforce) = std::thread::scope(|scope| {
            let salesforce = scope.spawn(|| {
                let file = file("salesforce.sqlite");
                salesforce::Server::open(world_dir, &world, file.as_deref(), clocks.0, counts.0)
            });
            let file = file("hubspot.sqlite");
            let hubspot =
                hubspot::Server::open(world_dir, &world, file.as_deref(), clocks.1, counts.1);
            (hubspot, salesforce.join().unwrap_or_else(|panic| resume_unwind(panic)))
        });
        let hubspot = hubspot.map_err(SandboxError::HubSpot)?;
        let salesforce = salesforce.map_err(SandboxError::Salesforce)?;
        Ok(Self { world, clock, counters, faults: Faults::default(), hubspot, salesforce })
    }

    /// Serves both CRMs on free ports of the loopback interface, on the current tokio runtime.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn serve(&self) -> Result<Running, SandboxError> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        self.serve_on(any, any).await
    }

    /// Serves both CRMs on the given addresses; port 0 takes a free one.
    ///
    /// # Errors
    /// When an address cannot be had.
    pub async fn serve_on(
        &self,
        hubspot: SocketAddr,
        salesforce: SocketAddr,
    ) -> Result<Running, SandboxError> {
        let (hubspot_url, hubspot) = listen(hubspot, self.hubspot_router()).await?;
        let (salesforce_url, salesforce) = listen(salesforce, self.salesforce_router()).await?;
        Ok(Running { hubspot_url, salesforce_url, listening: vec![hubspot, salesforce] })
    }

    /// Returns the HubSpot server's routes, the admin routes included.
    pub fn hubspot_router(&self) -> Router {
        self.guarded(faults::Server::HubSpot(self.hubspot.clone()))
    }

    /// Returns the Salesforce server's routes, the admin routes included.
    pub fn salesforce_router(&self) -> Router {
        self.guarded(faults::Server::Salesforce(self.salesforce.clone()))
    }

    pub fn hubspot(&self) -> &hubspot::Server {
        &self.hubspot
    }

    pub fn salesforce(&self) -> &salesforce::Server {
        &self.salesforce
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    pub fn counters(&self) -> &CallCounters {
        &self.counters
    }

    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    fn guarded(&self, server: faults::Server) -> Router {
        let guarded = faults::Guarded {
            server,
            faults: self.faults.clone(),
            clock: self.clock.clone(),
            counters: self.counters.clone(),
        };
        guarded
            .router()
            .merge(admin::router(self.clock.clone(), self.counters.clone()))
            .merge(faults::router(self.faults.clone()))
    }
}

impl Running {
    /// Stops taking calls, lets those in flight finish, and waits for both servers to end.
    pub async fn shutdown(self) {
        let tasks: Vec<_> = self
            .listening
            .into_iter()
            .map(|Listening { stop, task }| {
                drop(stop);
                task
            })
            .collect();
        for task in tasks {
            match task.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "a sandbox server ended badly"),
                Err(error) => tracing::warn!(%error, "a sandbox server broke off"),
            }
        }
    }
}

async fn listen(address: SocketAddr, router: Router) -> Result<(String, Listening), SandboxError> {
    let failed = |source| SandboxError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        axum::serve(listener, router)
            .with_graceful_shutdown(async move {
                // Sent or dropped, both mean the sandbox is no longer wanted.
                let _ = stopped.await;
            })
            .await
    });
    Ok((format!("http://{bound}"), Listening { stop, task }))
}
