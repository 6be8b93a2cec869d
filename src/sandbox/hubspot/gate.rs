//! What every call passes first and last: credentials, allowances, counts and headers.

use std::collections::{HashMap, VecDeque};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use rusqlite::{Connection, OptionalExtension, params};

use super::errors::ApiError;
use super::{Server, World, oauth, scopes};

const TEN_SECONDS_MS: i64 = 10_000;
const SEARCHES_PER_SECOND_MAX: usize = 5;

/// Times of recent calls, in epoch milliseconds of the sandbox's clock.
#[derive(Debug, Default)]
pub struct Windows {
    /// By token: each app has a window of its own.
    calls: HashMap<String, VecDeque<i64>>,
    /// Of the whole account.
    searches: VecDeque<i64>,
}

/// Calls of the account's days. Every call counts, so the count is kept in memory and reaches the
/// database with the next call that writes.
#[derive(Debug, Default)]
pub struct Usage {
    /// The account's calendar day, `YYYY-MM-DD`.
    day: String,
    calls: u64,
}

/// The path of a call before routing took its prefix away.
#[derive(Clone, Debug)]
pub struct CalledPath(pub String);

/// What is left to the account's day and to the token's ten seconds after a call.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    daily_max: u64,
    daily_used: u64,
    in_window: u32,
}

impl Usage {
    /// Reads what the last process counted.
    pub fn kept(connection: &Connection) -> rusqlite::Result<Self> {
        let last = connection
            .query_row("select day, calls from usage order by day desc limit 1", [], |row| {
                Ok((row.get(0)?, row.get::<_, i64>(1)?))
            })
            .optional()?;
        Ok(match last {
            Some((day, calls)) => Self { day, calls: u64::try_from(calls).unwrap_or_default() },
            None => Self::default(),
        })
    }

    /// Writes the day's count.
    pub fn keep(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection
            .prepare_cached("insert or replace into usage (day, calls) values (?1, ?2)")?
            .execute(params![self.day, i64::try_from(self.calls).unwrap_or(i64::MAX)])
            .map(|_| ())
    }

    /// Returns how many calls a day has seen.
    pub fn calls_on(&self, day: &str) -> u64 {
        if self.day == day { self.calls } else { 0 }
    }

    /// Brings a day to at least so many calls.
    pub fn spend(&mut self, day: String, calls: u64) {
        self.calls = self.calls_on(&day).max(calls);
        self.day = day;
    }

    /// Adds a call to a day and returns how many that makes.
    fn count(&mut self, day: String) -> u64 {
        self.calls = self.calls_on(&day) + 1;
        self.day = day;
        self.calls
    }
}

pub async fn gate(State(server): State<Server>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let family = family(&path);
    request.extensions_mut().insert(CalledPath(path));
    let method = request.method().as_str().to_owned();
    server.shared.counters.count("hubspot", &family, &method);
    let is_search = family.ends_with(".search") && family.starts_with("objects");
    let (answer, allowance) = admit_and_run(&server, is_search, request, next).await;
    finish(&server, answer, allowance, is_search)
}

async fn admit_and_run(
    server: &Server,
    is_search: bool,
    request: Request,
    next: Next,
) -> (Response, Option<Allowance>) {
    let caller = match oauth::authorize(server, request.headers()).await {
        Ok(caller) => caller,
        Err(error) => return (error.into_response(), None),
    };
    let mut allowance = Allowance {
        daily_max: server.shared.world.hubspot.daily_calls_max,
        daily_used: server.shared.usage().count(today(server)),
        // Without enforcement the window says what a calm client would see.
        in_window: 1,
    };
    let path = request.extensions().get::<CalledPath>().map(|path| path.0.as_str());
    let admitted = admit(server, &caller.token, &mut allowance, is_search).and_then(|()| {
        let method = request.method().as_str();
        permit(server, caller.scopes.as_deref(), path.unwrap_or_default(), method)
    });
    if let Err(error) = admitted {
        return (error.into_response(), Some(allowance));
    }
    (next.run(request).await, Some(allowance))
}

/// Refuses a call that its token has no scope for.
fn permit(
    server: &Server,
    scopes: Option<&[String]>,
    path: &str,
    method: &str,
) -> Result<(), ApiError> {
    let Some(scopes) = scopes else { return Ok(()) };
    let missing = scopes::needed(&server.schema(), path, method)
        .into_iter()
        .find(|any_of| !any_of.iter().any(|scope| scopes.contains(scope)));
    missing.map_or(Ok(()), |any_of| Err(ApiError::missing_scopes(any_of)))
}

/// Returns the account's time zone; an unknown name counts as UTC.
pub fn account_zone(world: &World) -> TimeZone {
    TimeZone::get(&world.hubspot.time_zone).unwrap_or(TimeZone::UTC)
}

pub fn today(server: &Server) -> String {
    let now = server.shared.clock.now();
    now.to_zoned_datetime(account_zone(&server.shared.world)).date().to_string()
}

fn admit(
    server: &Server,
    token: &str,
    allowance: &mut Allowance,
    is_search: bool,
) -> Result<(), ApiError> {
    let settings = server.shared.settings();
    if settings.enforces_daily_limit && allowance.daily_used > allowance.daily_max {
        return Err(ApiError::rate_limited("DAILY", "daily"));
    }
    let now = server.shared.clock.now().as_millisecond();
    let mut windows = server.shared.windows.lock().unwrap_or_else(PoisonError::into_inner);
    if is_search {
        if settings.enforces_search_limit
            && !enter(&mut windows.searches, now, 1000, SEARCHES_PER_SECOND_MAX)
        {
            return Err(ApiError::rate_limited("SECONDLY", "secondly"));
        }
    } else if settings.enforces_ten_secondly_limit {
        let window = windows.calls.entry(token.to_owned()).or_default();
        let max = usize::try_from(settings.ten_secondly_max).unwrap_or(usize::MAX);
        let has_room = enter(window, now, TEN_SECONDS_MS, max);
        allowance.in_window = u32::try_from(window.len()).unwrap_or(u32::MAX);
        if !has_room {
            return Err(ApiError::rate_limited("TEN_SECONDLY_ROLLING", "ten_secondly_rolling"));
        }
    }
    Ok(())
}

/// Adds a call to a rolling window unless it is full.
fn enter(window: &mut VecDeque<i64>, now: i64, length_ms: i64, max: usize) -> bool {
    while window.front().is_some_and(|at| *at <= now - length_ms) {
        window.pop_front();
    }
    let has_room = window.len() < max;
    if has_room {
        window.push_back(now);
    }
    has_room
}

/// Writes the error body, if any, and the headers that every answer carries.
fn finish(
    server: &Server,
    mut answer: Response,
    allowance: Option<Allowance>,
    is_search: bool,
) -> Response {
    let number = server.shared.calls_answered.fetch_add(1, Ordering::Relaxed);
    let correlation_id = format!("c0c0c0c0-0000-4000-8000-{number:012x}");
    if let Some(error) = answer.extensions_mut().remove::<ApiError>() {
        let mut body = error.body;
        body.correlation_id = Some(correlation_id.clone());
        answer = super::reply(error.status, &body).unwrap_or_else(|error| {
            // The error of writing an error has nothing left to say but its status.
            error.status.into_response()
        });
    }
    let status = answer.status();
    let headers = answer.headers_mut();
    let mut put = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    put("x-hubspot-correlation-id", correlation_id);
    if status == StatusCode::TOO_MANY_REQUESTS
        && let Some(seconds) = server.shared.settings().retry_after_seconds
    {
        put("retry-after", seconds.to_string());
    }
    let Some(allowance) = allowance else { return answer };
    if is_search {
        put("x-hubspot-rate-limit-exemptions", "[\"ten-secondly\"]".to_owned());
        return answer;
    }
    let settings = server.shared.settings();
    let Allowance { daily_max, daily_used, in_window } = allowance;
    let left = settings.ten_secondly_max.saturating_sub(in_window);
    put("x-hubspot-ratelimit-daily", daily_max.to_string());
    put("x-hubspot-ratelimit-daily-remaining", daily_max.saturating_sub(daily_used).to_string());
    put("x-hubspot-ratelimit-interval-milliseconds", TEN_SECONDS_MS.to_string());
    put("x-hubspot-ratelimit-max", settings.ten_secondly_max.to_string());
    put("x-hubspot-ratelimit-remaining", left.to_string());
    put("x-hubspot-ratelimit-secondly", (settings.ten_secondly_max / 10).to_string());
    put("x-hubspot-ratelimit-secondly-remaining", (left / 10).to_string());
    answer
}

/// Names an endpoint family from a path: versions and object types left out, ids as `one`.
///
/// `/crm/objects/2026-09/contacts/batch/read` and its `v3` form are both `objects.batch.read`,
/// a single record is `objects.one`.
pub fn family(path: &str) -> String {
    let mut segments = path
        .split('/')
        .filter(|segment| !["", "crm", "v3", "v4", "2026-03", "2026-09"].contains(segment));
    let area = segments.next().unwrap_or_default();
    let n_object_types = match area {
        "objects" | "properties" | "property-validations" | "pipelines" => 1,
        "associations" => 2,
        _ => 0,
    };
    let mut words = vec![area];
    let mut ends_in_id = false;
    for segment in segments.skip(n_object_types) {
        ends_in_id = !WORDS.contains(&segment);
        if !ends_in_id {
            words.push(segment);
        }
    }
    if ends_in_id && !words.contains(&"associations") {
        words.push("one");
    }
    words.join(".")
}

/// Path segments below an area that are neither ids nor names.
const WORDS: [&str; 45] = [
    "batch",
    "read",
    "create",
    "update",
    "upsert",
    "archive",
    "search",
    "merge",
    "associations",
    "associate",
    "default",
    "labels",
    "memberships",
    "join-order",
    "add",
    "remove",
    "add-and-remove",
    "object-type-id",
    "name",
    "details",
    "api-usage",
    "daily",
    "private-apps",
    "records",
    "custom-properties",
    "pipelines",
    "export",
    "async",
    "tasks",
    "status",
    "errors",
    "cancel",
    "gdpr-delete",
    "groups",
    "rule-type",
    "stages",
    "audit",
    "schemas",
    "all",
    "restore",
    "idmapping",
    "add-from",
    "update-list-name",
    "update-list-filters",
    "custom-object-types",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_family_whatever_the_version() {
        assert_eq!(family("/crm/objects/2026-09/contacts/batch/read"), "objects.batch.read");
        assert_eq!(family("/crm/v3/objects/contacts"), "objects");
        assert_eq!(family("/crm/v3/objects/contacts/512"), "objects.one");
        assert_eq!(family("/crm/v4/associations/contacts/companies/labels"), "associations.labels");
        assert_eq!(
            family("/crm/v4/objects/contacts/512/associations/companies"),
            "objects.associations"
        );
        assert_eq!(family("/crm/lists/2026-09/3/memberships"), "lists.memberships");
    }

    #[test]
    fn a_full_window_opens_as_time_passes() {
        let mut window = VecDeque::new();
        assert!((0..5).all(|_| enter(&mut window, 0, 1000, 5)));
        assert!(!enter(&mut window, 999, 1000, 5));
        assert!(enter(&mut window, 1000, 1000, 5));
    }
}
