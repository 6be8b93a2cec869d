//! The server: its state, its door, and the count of what comes through.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest as _, Multipart, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, HeaderValue, Response};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

use super::answer::Answer;
use super::call::{Call, Place};
use super::cursors::Cursors;
use super::errors::{Fault, ServerError};
use super::oauth::{self, Session, Sessions};
use super::org::{self, Org, WriteOptions};
use super::rules::Rules;
use super::schema::Catalog;
use super::{admin, bulk, dispatch, load, replication};
use crate::sandbox::world::SalesforceWorld;
use crate::sandbox::{CallCounters, Clock, World, database};

const NAME: &str = "salesforce";
/// Most bytes of a request body.
pub(super) const BODY_BYTES_MAX: usize = 150_000_000;
/// Most bytes of a request's address.
const ADDRESS_BYTES_MAX: usize = 16_384;
/// Span over which calls are held against the allowance.
const ALLOWANCE_SPAN: SignedDuration = SignedDuration::from_hours(24);

/// The server's state; clones share it.
#[derive(Clone)]
pub struct Server {
    shared: Arc<Shared>,
}

struct Shared {
    world: SalesforceWorld,
    connection: Mutex<Connection>,
    cursors: Mutex<Cursors>,
    sessions: Mutex<Sessions>,
    setup: Mutex<Arc<Setup>>,
    clock: Clock,
    counters: CallCounters,
}

/// What the org is like until an admin changes it.
struct Setup {
    whole: Arc<Catalog>,
    /// What the integration user sees of the whole.
    catalog: Catalog,
    rules: Rules,
    changed_at: Timestamp,
}

/// A request as the door reads it.
struct Visit {
    call: Call,
    place: Place,
    authorization: Option<String>,
    base_url: String,
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
        let directory = world_dir.join("salesforce");
        let whole = Catalog::read(&directory.join("schema"))?;
        let rules = Rules::read(&directory.join("rules.json"))?;
        let connection = database::open(database)?;
        org::create_tables(&connection, &whole)?;
        connection.execute_batch(bulk::TABLES)?;
        connection.execute_batch(replication::TABLES)?;
        let is_loaded = connection
            .query_row("select 1 from sandbox_facts where name = 'loaded'", [], |_| Ok(()))
            .optional()?
            .is_some();
        if !is_loaded {
            connection.execute_batch("begin")?;
            load::load(&connection, &whole, world, &directory)?;
            org::create_indexes(&connection, &whole)?;
            connection.execute_batch(
                "insert into sandbox_facts values ('loaded', 1); commit; analyze;",
            )?;
        }
        let catalog = rules.catalog(&whole).map_err(|fault| ServerError::Unfit(fault.message))?;
        let setup = Setup { whole: Arc::new(whole), catalog, rules, changed_at: clock.now() };
        Ok(Self {
            shared: Arc::new(Shared {
                world: world.salesforce.clone(),
                connection: Mutex::new(connection),
                cursors: Mutex::default(),
                sessions: Mutex::default(),
                setup: Mutex::new(Arc::new(setup)),
                clock,
                counters,
            }),
        })
    }

    /// Ends all sessions, as an admin can.
    pub fn expire_sessions(&self) {
        lock(&self.shared.sessions).expire_all();
    }

    /// Lets other apps of the org use up what is left of the allowance.
    pub async fn let_others_spend_the_day(&self) {
        let shared = Arc::clone(&self.shared);
        let spent = tokio::task::spawn_blocking(move || {
            let now = shared.clock.now();
            let connection = lock(&shared.connection);
            let left = shared.world.daily_calls_max.saturating_sub(calls_used(&connection, now)?);
            spend_calls(&connection, now, left)
        });
        if !matches!(spent.await, Ok(Ok(()))) {
            tracing::error!("cannot spend the Salesforce sandbox's allowance");
        }
    }

    /// Returns the server's routes.
    pub fn router(&self) -> Router {
        // Addresses may start with `//` and name a version, so the server routes by itself.
        let gzip = CompressionLayer::new().quality(CompressionLevel::Fastest);
        Router::new().fallback(receive).with_state(self.clone()).layer(gzip)
    }
}

async fn receive(State(server): State<Server>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let address = parts.uri.path_and_query().map_or("/", |address| address.as_str()).to_owned();
    if address.len() > ADDRESS_BYTES_MAX {
        return Fault::new(414, "URI_TOO_LONG", "URI Too Long").to_answer().into_response();
    }
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return Fault::new(413, "REQUEST_TOO_LARGE", "Request body is too large")
            .to_answer()
            .into_response();
    };
    let (mut call, place) = Call::new(parts.method.as_str(), &address);
    call.headers = text_headers(&parts.headers);
    if call.header("content-type").is_some_and(|form| form.starts_with("multipart/form-data")) {
        let content_type = parts.headers.get(CONTENT_TYPE).cloned();
        match parts_of(content_type, body).await {
            Some((first, second)) => (call.body, call.content) = (first, Some(second)),
            None => {
                return Fault::json("Multipart body is not understood").to_answer().into_response();
            }
        }
    } else {
        call.body = body.to_vec();
    }
    let authorization = text_header(&parts.headers, AUTHORIZATION.as_str()).map(str::to_owned);
    let host = text_header(&parts.headers, HOST.as_str()).unwrap_or("localhost");
    let visit = Visit { call, place, authorization, base_url: format!("http://{host}") };
    match tokio::task::spawn_blocking(move || server.shared.answer(&visit)).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "a call to the sandbox broke off");
            Fault::new(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred")
                .to_answer()
                .into_response()
        }
    }
}

impl Shared {
    fn answer(&self, visit: &Visit) -> Response<Body> {
        let now = self.clock.now();
        match &visit.place {
            Place::Versions => {
                self.counters.count(NAME, "versions", &visit.call.method);
                dispatch::versions().into_response()
            }
            Place::Data { .. } => self.data(visit, now),
            Place::Other(path) => self.other(visit, path, now).into_response(),
        }
    }

    fn data(&self, visit: &Visit, now: Timestamp) -> Response<Body> {
        let n_calls = dispatch::n_calls(&visit.call);
        let family = dispatch::family(&visit.call, dispatch::plain_family);
        for _ in 0..n_calls {
            self.counters.count(NAME, &family, &visit.call.method);
        }
        let setup = Arc::clone(&lock(&self.setup));
        let connection = lock(&self.connection);
        let max = self.world.daily_calls_max;
        let (answer, used) = match (calls_used(&connection, now), self.enter(visit, &setup, now)) {
            (Err(error), _) => (Fault::from(error).to_answer(), 0),
            (Ok(used), Err(fault)) => (fault.to_answer(), used),
            (Ok(used), Ok(_)) if used >= max => {
                let message = "TotalRequests Limit exceeded.";
                (Fault::new(403, "REQUEST_LIMIT_EXCEEDED", message).to_answer(), used)
            }
            (Ok(used), Ok(session)) => {
                let used = used + n_calls;
                let org = self.org(&setup, &connection, &session.user_id, now, used);
                let answer = in_transaction(&org, |org| dispatch::data(org, &visit.call));
                if let Err(error) = spend_calls(&connection, now, n_calls) {
                    tracing::error!(%error, "cannot count a call to the sandbox");
                }
                (answer, used)
            }
        };
        let mut response = answer.into_response();
        if let Ok(value) = HeaderValue::from_str(&format!("api-usage={used}/{max}")) {
            response.headers_mut().insert("sforce-limit-info", value);
        }
        response
    }

    /// Lets a caller in by the token of the header or, as the identity address does, of the address.
    fn enter(&self, visit: &Visit, setup: &Setup, now: Timestamp) -> Result<Session, Fault> {
        let authorization = visit.authorization.as_deref();
        let token = match (authorization, visit.call.parameter("oauth_token")) {
            (None, Some(token)) => token,
            _ => oauth::bearer(authorization)?,
        };
        lock(&self.sessions)
            .enter(&setup.rules.oauth, token, now)
            .ok_or_else(Fault::invalid_session)
    }

    fn other(&self, visit: &Visit, path: &[String], now: Timestamp) -> Answer {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let method = visit.call.method.as_str();
        if let ["__sandbox", "salesforce", "rules"] = path.as_slice() {
            return self.rules(&visit.call, now).unwrap_or_else(|fault| fault.to_answer());
        }
        let setup = Arc::clone(&lock(&self.setup));
        let connection = lock(&self.connection);
        let org = self.org(&setup, &connection, &self.world.user_id, now, 0);
        let org = Org { catalog: &setup.whole, is_system: true, ..org };
        let count = |family: &str| self.counters.count(NAME, family, method);
        let request = oauth::Request {
            base_url: &visit.base_url,
            authorization: visit.authorization.as_deref(),
            body: &visit.call.body,
            query: &visit.call.query,
        };
        match (method, path.as_slice()) {
            ("POST", ["services", "oauth2", "token"]) => {
                count("oauth.token");
                oauth::token(&org, &mut lock(&self.sessions), &request)
            }
            ("GET" | "POST", ["services", "oauth2", "revoke"]) => {
                count("oauth.revoke");
                oauth::revoke(&org, &mut lock(&self.sessions), &request)
            }
            ("POST", ["services", "oauth2", "introspect"]) => {
                count("oauth.introspect");
                oauth::introspect(&org, &mut lock(&self.sessions), &request)
            }
            (_, ["services", "oauth2", "userinfo"] | ["id", _, _]) => {
                count("oauth.user_info");
                match self.enter(visit, &setup, now) {
                    Ok(session) => oauth::user_info(&org, &visit.base_url, &session.user_id),
                    Err(_) => Fault::new(403, "INVALID_SESSION_ID", "Bad_OAuth_Token").to_answer(),
                }
            }
            ("POST", ["__sandbox", "sessions", "expire"]) => {
                lock(&self.sessions).expire_all();
                Answer::empty()
            }
            (_, ["__sandbox", ..]) => in_transaction(&org, |org| admin::run(org, &visit.call)),
            _ => {
                count("unknown");
                Fault::not_found().to_answer()
            }
        }
    }

    /// Shows the rules, replaces them, or replaces the sections that a body names.
    fn rules(&self, call: &Call, now: Timestamp) -> Result<Answer, Fault> {
        let mut setup = lock(&self.setup);
        let rules = match call.method.as_str() {
            "GET" => return Ok(Answer::json(200, &setup.rules)),
            "POST" | "PUT" => Rules::from_sections(call.json_object()?)?,
            "PATCH" => setup.rules.with_sections(call.json_object()?)?,
            method => return Err(Fault::method_not_allowed(method, "GET,PATCH,POST,PUT")),
        };
        let whole = Arc::clone(&setup.whole);
        let catalog = rules.catalog(&whole)?;
        *setup = Arc::new(Setup { whole, catalog, rules, changed_at: now });
        Ok(Answer::json(200, &setup.rules))
    }

    fn org<'a>(
        &'a self,
        setup: &'a Setup,
        connection: &'a Connection,
        user_id: &'a str,
        now: Timestamp,
        calls_used: u64,
    ) -> Org<'a> {
        Org {
            catalog: &setup.catalog,
            whole: &setup.whole,
            is_system: false,
            options: WriteOptions::default(),
            rules: &setup.rules,
            changed_at: setup.changed_at,
            connection,
            world: &self.world,
            user_id,
            cursors: &self.cursors,
            now,
            calls_used,
        }
    }
}

/// Runs one call's work; what it wrote is kept, unless the database failed in between.
fn in_transaction(org: &Org<'_>, work: impl FnOnce(&Org<'_>) -> Result<Answer, Fault>) -> Answer {
    if !org.connection.is_autocommit()
        && let Err(error) = org.connection.execute_batch("rollback")
    {
        tracing::error!(%error, "cannot undo a call that broke off");
    }
    org.attempt(|| work(org)).unwrap_or_else(|fault| fault.to_answer())
}

/// Returns the calls of the 24 hours before `now`.
fn calls_used(connection: &Connection, now: Timestamp) -> rusqlite::Result<u64> {
    let since = now.saturating_sub(ALLOWANCE_SPAN).unwrap_or(Timestamp::MIN).to_string();
    let used: i64 = connection
        .prepare_cached(
            "select coalesce(sum(calls), 0) from sandbox_api_usage where at > ?1 and at <= ?2",
        )?
        .query_row([since, now.to_string()], |row| row.get(0))?;
    Ok(u64::try_from(used).unwrap_or_default())
}

fn spend_calls(connection: &Connection, now: Timestamp, n_calls: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "insert into sandbox_api_usage values (?1, ?2) \
             on conflict (at) do update set calls = calls + excluded.calls",
        )?
        .execute(params![now.to_string(), i64::try_from(n_calls).unwrap_or(i64::MAX)])?;
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A call that panics leaves an open transaction at worst, which the next one undoes.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the contents of the first two parts of a multipart body.
async fn parts_of(content_type: Option<HeaderValue>, body: Bytes) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut request = Request::new(Body::from(body));
    request.headers_mut().insert(CONTENT_TYPE, content_type?);
    let mut parts = Multipart::from_request(request, &()).await.ok()?;
    let mut contents = Vec::with_capacity(2);
    while contents.len() < 2 {
        let part = parts.next_field().await.ok()??;
        contents.push(part.bytes().await.ok()?.to_vec());
    }
    let second = contents.pop()?;
    Some((contents.pop()?, second))
}

fn text_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect()
}

fn text_header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
