//! HubSpot's stand-in: the CRM endpoints that Concord and other clients use, over SQLite.
//!
//! The dated paths `2026-09` and `2026-03` and the older `v3`/`v4` reach the same handlers. A call
//! is one transaction: a refused one leaves nothing behind. Exports and imports are tasks that get
//! on when somebody looks at them, because the clock stands still. What no snapshot of an account
//! shows is a [`Rule`]. Left out: webhooks, what the filters of dynamic lists mean, list folders,
//! and the older association shapes below `v3`.
//!
//! Source: HubSpot's developer documentation and its official API descriptions, read in November
//! 2026; what they leave open is a switch in [`Settings`].

mod account;
mod association_types;
mod associations;
mod batch;
mod database;
mod definitions;
mod errors;
mod exports;
mod filter;
mod gate;
mod gdpr;
mod groups;
mod imports;
mod labels;
mod lists;
mod load;
mod merge;
pub(super) mod mirror;
mod oauth;
mod objects;
mod owners;
mod pipelines;
mod properties;
mod record;
mod routes;
mod rules;
mod schema;
mod schemas;
mod scopes;
mod search;
mod settings;
mod store;
mod time;
mod validate;
mod validations;
mod write;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rusqlite::Connection;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{CallCounters, Clock, World};
use errors::ApiError;
use rules::FollowUp;
use schema::Schema;

pub use gate::family;
pub use load::LoadError;
pub use rules::{Condition, Rule, RuleError};
pub use settings::{
    ConditionalRequirement, ExportSettings, ExportTimes, ImportSettings, JobEnd, LifecycleBackward,
    OAuthSettings, Settings,
};

/// The id of the app behind the sandbox's token, as history and `hs_object_source_id` show it.
pub const APP_ID: &str = "8675309";

/// The server's state; clones share it.
#[derive(Clone)]
pub struct Server {
    shared: Arc<Shared>,
}

struct Shared {
    connection: Mutex<Connection>,
    /// Idle connections for calls that only read; none are made for a database without a file.
    readers: Mutex<Vec<Connection>>,
    database: Option<PathBuf>,
    schema: RwLock<Arc<Schema>>,
    settings: RwLock<Arc<Settings>>,
    rules: RwLock<Arc<Vec<Rule>>>,
    windows: Mutex<gate::Windows>,
    usage: Mutex<gate::Usage>,
    calls_answered: AtomicU64,
    world: World,
    clock: Clock,
    counters: CallCounters,
}

/// What one call works with: the open transaction and everything that does not change under it.
#[derive(Clone)]
struct Work<'a> {
    db: &'a Connection,
    schema: Arc<Schema>,
    settings: Arc<Settings>,
    rules: Arc<Vec<Rule>>,
    /// What automations owe once the call is answered.
    follow_ups: Rc<RefCell<Vec<FollowUp>>>,
    world: &'a World,
    /// Epoch milliseconds.
    now: i64,
    source: Source,
}

/// Who writes, as history and `hs_object_source` show it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    kind: &'static str,
    id: String,
    label: &'static str,
}

/// The API version a call was made under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    #[error("database was made by another version of the sandbox, remove it: `{path}`")]
    Version { path: PathBuf },
    #[error("a rule is refused")]
    Rule(#[from] RuleError),
    #[error("portal id is no number: `{portal_id}`")]
    PortalId { portal_id: String },
}

impl Server {
    /// Opens the server's database, loading the world into a new one.
    ///
    /// `database` is a file, or none for a database that is gone with the server.
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
        let connection = database::open(database)?;
        if !database::is_current(&connection)? {
            let path = database.unwrap_or(world_dir).to_path_buf();
            return Err(ServerError::Version { path });
        }
        let (schema, rules) = if database::meta(&connection, "loaded")?.is_some() {
            (definitions::schema(&connection)?, definitions::rules(&connection)?)
        } else {
            let transaction = connection.unchecked_transaction()?;
            let schema = load::load(&transaction, world_dir)?;
            let rules = load::rules(world_dir, &schema)?;
            definitions::save_rules(&transaction, &rules)?;
            database::set_meta(&transaction, "loaded", &world.now.to_string())?;
            transaction.commit()?;
            (schema, rules)
        };
        let usage = gate::Usage::kept(&connection)?;
        Ok(Self {
            shared: Arc::new(Shared {
                connection: Mutex::new(connection),
                readers: Mutex::new(Vec::new()),
                database: database.map(Path::to_path_buf),
                schema: RwLock::new(Arc::new(schema)),
                settings: RwLock::new(Arc::new(Settings::default())),
                rules: RwLock::new(Arc::new(rules)),
                windows: Mutex::new(gate::Windows::default()),
                usage: Mutex::new(usage),
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
        self.shared.settings().as_ref().clone()
    }

    /// Changes how the server behaves from the next call on.
    pub fn set_settings(&self, settings: Settings) {
        *self.shared.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// Lets other apps of the account use up what is left of the day's allowance.
    pub fn let_others_spend_the_day(&self) {
        let max = self.shared.world.hubspot.daily_calls_max;
        self.shared.usage().spend(gate::today(self), max);
    }

    pub fn rules(&self) -> Vec<Rule> {
        self.shared.rules.read().unwrap_or_else(PoisonError::into_inner).as_ref().clone()
    }

    /// Takes the place of all rules from the next call on; they are kept with the records.
    ///
    /// # Errors
    /// When a rule names what the account does not have or does not do one thing.
    pub fn set_rules(&self, rules: Vec<Rule>) -> Result<(), ServerError> {
        rules::check(&self.schema(), &rules)?;
        let connection = self.shared.connection.lock().unwrap_or_else(PoisonError::into_inner);
        definitions::save_rules(&connection, &rules)?;
        *self.shared.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
        Ok(())
    }

    /// Puts an archived record back, as the recycle bin does; answers whether there was one.
    ///
    /// Its associations are not restored.
    ///
    /// # Errors
    /// When the database fails.
    pub fn restore(&self, object: &str, id: &str) -> Result<bool, ServerError> {
        let schema = self.schema();
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
        self.blocking(|shared| {
            let connection = shared.connection.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = connection.unchecked_transaction()?;
            let own = shared.work(&transaction);
            let result = work(&own).and_then(|answer| {
                rules::follow_up(&own)?;
                Ok(answer)
            });
            match &result {
                Ok(_) => {
                    shared.usage().keep(&transaction)?;
                    transaction.commit()?;
                }
                Err(_) => transaction.rollback()?,
            }
            result
        })
        .await
    }

    /// Runs one call that changes nothing, beside other calls where the database is a file.
    async fn read<T, F>(&self, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Work<'_>) -> Result<T, ApiError> + Send + 'static,
    {
        self.blocking(|shared| {
            let Some(file) = &shared.database else {
                let connection = shared.connection.lock().unwrap_or_else(PoisonError::into_inner);
                return work(&shared.work(&connection));
            };
            let idle = shared.readers().pop();
            let reader = match idle {
                Some(reader) => reader,
                None => database::open_reader(file)?,
            };
            let transaction = reader.unchecked_transaction()?;
            let result = work(&shared.work(&transaction));
            transaction.rollback()?;
            shared.readers().push(reader);
            result
        })
        .await
    }

    async fn blocking<T, F>(&self, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Shared) -> Result<T, ApiError> + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || work(&shared)).await.map_err(|error| {
            tracing::error!(%error, "a call to the HubSpot sandbox broke off");
            ApiError::internal()
        })?
    }

    fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.shared.schema.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over definitions that a call changed in the database.
    async fn reload_schema(&self) -> Result<(), ApiError> {
        let schema = self.call(|work| Ok(definitions::schema(work.db)?)).await?;
        *self.shared.schema.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(schema);
        Ok(())
    }
}

impl Shared {
    fn work<'a>(&'a self, db: &'a Connection) -> Work<'a> {
        Work {
            db,
            schema: Arc::clone(&self.schema.read().unwrap_or_else(PoisonError::into_inner)),
            settings: self.settings(),
            rules: Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner)),
            follow_ups: Rc::default(),
            world: &self.world,
            now: self.clock.now().as_millisecond(),
            source: Source::app(),
        }
    }

    fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn readers(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn usage(&self) -> MutexGuard<'_, gate::Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source {
    /// The app behind the sandbox's token.
    fn app() -> Self {
        Self { kind: "INTEGRATION", id: APP_ID.to_owned(), label: "Private app" }
    }

    fn workflow() -> Self {
        Self { kind: "AUTOMATION_PLATFORM", id: "workflow".to_owned(), label: "Workflow" }
    }

    fn import(id: i64) -> Self {
        Self { kind: "IMPORT", id: id.to_string(), label: "Import" }
    }
}

impl Work<'_> {
    fn portal_id(&self) -> &str {
        &self.world.hubspot.portal_id
    }

    /// Runs one input of a batch, or row of an import, so that a refusal undoes it alone.
    fn isolated<T, E: From<rusqlite::Error>>(
        &self,
        one: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.db.execute_batch("savepoint input")?;
        let n_owed = self.follow_ups.borrow().len();
        let result = one();
        if result.is_err() {
            self.db.execute_batch("rollback to input")?;
            self.follow_ups.borrow_mut().truncate(n_owed);
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
