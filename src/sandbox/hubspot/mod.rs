//! HubSpot's stand-in: the CRM endpoints that Concord and other clients use, over one SQLite file.
//!
//! The dated paths `2026-09` and `2026-03` and the older `v3`/`v4` reach the same handlers. A call
//! is one transaction: a refused one leaves nothing behind. Left out: OAuth flows, imports,
//! exports, webhooks, custom object definitions, dynamic list filters and the older association
//! shapes below `v3`.
//!
//! Source: HubSpot's developer documentation and its official API descriptions, read in November
//! 2026; what they leave open is a switch in [`Settings`].

mod account;
mod association_types;
mod associations;
mod batch;
mod errors;
mod faults;
mod gate;
mod lists;
mod load;
mod merge;
mod objects;
mod owners;
mod properties;
mod record;
mod routes;
mod schema;
mod search;
mod settings;
mod store;
mod time;
mod validate;
mod write;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rusqlite::Connection;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::{CallCounters, Clock, World};
use errors::ApiError;
use schema::Schema;

pub use faults::Fault;
pub use load::LoadError;
pub use settings::{LifecycleBackward, Settings};

/// The id of the app behind the sandbox's token, as history and `hs_object_source_id` show it.
pub const APP_ID: &str = "8675309";

/// The server's state; clones share it.
#[derive(Clone)]
pub struct Server {
    shared: Arc<Shared>,
}

struct Shared {
    connection: Mutex<Connection>,
    schema: RwLock<Arc<Schema>>,
    settings: RwLock<Arc<Settings>>,
    faults: Mutex<Vec<Fault>>,
    windows: Mutex<gate::Windows>,
    calls_answered: AtomicU64,
    world: World,
    clock: Clock,
    counters: CallCounters,
}

/// What one call works with: the open transaction and everything that does not change under it.
struct Work<'a> {
    db: &'a Connection,
    schema: Arc<Schema>,
    settings: Arc<Settings>,
    world: &'a World,
    /// Epoch milliseconds.
    now: i64,
}

/// The API version a call was made under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ApiVersion {
    /// `v3` and `v4`.
    Numbered,
    March2026,
    September2026,
}

#[derive(Debug, Error)]
pub enum ServerError {
    #[error("cannot load the world")]
    Load(#[from] LoadError),
    #[error("cannot open the database")]
    Database(#[from] rusqlite::Error),
    #[error("portal id is no number: `{portal_id}`")]
    PortalId { portal_id: String },
}

impl Server {
    /// Opens the server's database, loading the world into a new one.
    ///
    /// `database` is a file, or none for a database in memory.
    ///
    /// # Errors
    /// When the world or the database cannot be read.
    pub fn open(
        world_dir: &Path,
        world: &World,
        database: Option<&Path>,
        clock: Clock,
        counters: CallCounters,
    ) -> Result<Self, ServerError> {
        if world.hubspot.portal_id.parse::<u64>().is_err() {
            return Err(ServerError::PortalId { portal_id: world.hubspot.portal_id.clone() });
        }
        let connection = store::open(database)?;
        let schema = if store::meta(&connection, "loaded")?.is_some() {
            store::schema(&connection)?
        } else {
            let transaction = connection.unchecked_transaction()?;
            let schema = load::load(&transaction, world_dir)?;
            store::set_meta(&transaction, "loaded", &world.now.to_string())?;
            transaction.commit()?;
            schema
        };
        Ok(Self {
            shared: Arc::new(Shared {
                connection: Mutex::new(connection),
                schema: RwLock::new(Arc::new(schema)),
                settings: RwLock::new(Arc::new(Settings::default())),
                faults: Mutex::new(Vec::new()),
                windows: Mutex::new(gate::Windows::default()),
                calls_answered: AtomicU64::new(0),
                world: world.clone(),
                clock,
                counters,
            }),
        })
    }

    /// Returns the server's routes.
    pub fn router(&self) -> Router {
        routes::router(self)
    }

    pub fn settings(&self) -> Settings {
        self.shared.settings.read().unwrap_or_else(PoisonError::into_inner).as_ref().clone()
    }

    /// Changes how the server behaves from the next call on.
    pub fn set_settings(&self, settings: Settings) {
        *self.shared.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// Adds a fault that the next matching calls meet.
    pub fn add_fault(&self, fault: Fault) {
        self.shared.faults.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// Puts an archived record back, as the recycle bin does; answers whether there was one.
    ///
    /// Its associations are not restored.
    ///
    /// # Errors
    /// When the database fails.
    pub fn restore(&self, object: &str, id: &str) -> Result<bool, ServerError> {
        let schema = Arc::clone(&self.shared.schema.read().unwrap_or_else(PoisonError::into_inner));
        let connection = self.shared.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let (Ok(object), Ok(id)) = (schema.object(object), id.parse()) else { return Ok(false) };
        let now = self.shared.clock.now().as_millisecond();
        match store::find(&connection, &object.id, id)? {
            Some(mut record) if record.archived => {
                record.archived = false;
                record.archived_at = None;
                record.updated_at = now.max(record.updated_at + 1);
                store::put(&connection, &object.id, &record)?;
                store::index_unique_values(&connection, object, &record)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Runs one call inside one transaction, which is undone when the call is refused.
    async fn call<T, F>(&self, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Work<'_>) -> Result<T, ApiError> + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || {
            let connection = shared.connection.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = connection.unchecked_transaction()?;
            let result = work(&Work {
                db: &transaction,
                schema: Arc::clone(&shared.schema.read().unwrap_or_else(PoisonError::into_inner)),
                settings: Arc::clone(
                    &shared.settings.read().unwrap_or_else(PoisonError::into_inner),
                ),
                world: &shared.world,
                now: shared.clock.now().as_millisecond(),
            });
            match &result {
                Ok(_) => transaction.commit()?,
                Err(_) => transaction.rollback()?,
            }
            result
        })
        .await
        .map_err(|error| {
            tracing::error!(%error, "a call to the HubSpot sandbox broke off");
            ApiError::internal()
        })?
    }

    /// Takes over definitions that a call changed in the database.
    async fn reload_schema(&self) -> Result<(), ApiError> {
        let schema = self.call(|work| Ok(store::schema(work.db)?)).await?;
        *self.shared.schema.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(schema);
        Ok(())
    }
}

impl Work<'_> {
    fn portal_id(&self) -> &str {
        &self.world.hubspot.portal_id
    }

    /// Runs one input of a batch so that a refusal undoes that input alone.
    fn isolated<T>(&self, one: impl FnOnce() -> Result<T, ApiError>) -> Result<T, ApiError> {
        self.db.execute_batch("savepoint input")?;
        let result = one();
        if result.is_err() {
            self.db.execute_batch("rollback to input")?;
        }
        self.db.execute_batch("release input")?;
        result
    }
}

/// Writes a JSON answer.
fn reply(status: StatusCode, body: &impl Serialize) -> Result<Response, ApiError> {
    let text = serde_json::to_vec(body)?;
    Ok((status, [(header::CONTENT_TYPE, "application/json;charset=utf-8")], text).into_response())
}

/// Reads a JSON body that must be an object; a list would pass for a struct without fields.
fn parse_object<T: DeserializeOwned>(body: &Bytes) -> Result<T, ApiError> {
    let object: serde_json::Map<String, serde_json::Value> = parse(body)?;
    serde_json::from_value(serde_json::Value::Object(object))
        .map_err(|error| ApiError::invalid(format!("Invalid input JSON: {error}")))
}

/// Reads a JSON body, with the vendor's words for one that cannot be read.
fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| {
        ApiError::invalid(format!(
            "Invalid input JSON on line {}, column {}: {error}",
            error.line(),
            error.column()
        ))
    })
}
