//! Paths under `/services/data/vXX.0` to the code that answers them.

use serde_json::json;

use super::answer::Answer;
use super::call::{Call, Place, VERSIONS};
use super::errors::Fault;
use super::org::Org;
use super::{bulk, collections, composite, describe, limits, query, replication, rows, search};

/// Answers a call on the data API that is allowed in.
///
/// # Errors
/// When the call is refused.
pub fn data(org: &Org<'_>, call: &Call) -> Result<Answer, Fault> {
    let org = &org.for_call(call);
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let object = |name: &str| org.catalog.object(name).ok_or_else(Fault::not_found);
    let method = call.method.as_str();
    match (method, path.as_slice()) {
        ("GET" | "HEAD", []) => Ok(root(org, call)),
        ("GET", ["limits"]) => limits::all(org),
        ("GET", ["limits", "recordCount"]) => limits::record_count(org, call),
        ("GET", ["sobjects"]) => Ok(describe::global(org, call)),
        ("GET", ["sobjects", name]) => Ok(describe::basic(object(name)?, call)),
        ("POST", ["sobjects", name]) => rows::create(org, call, object(name)?),
        (_, ["sobjects", _]) => Err(Fault::method_not_allowed(method, "GET,POST")),
        ("GET", ["sobjects", name, "describe"]) => describe::full(org, object(name)?, call),
        ("GET", ["sobjects", name, "updated"]) => replication::updated(org, call, object(name)?),
        ("GET", ["sobjects", name, "deleted"]) => replication::deleted(org, call, object(name)?),
        (_, ["sobjects", name, id]) => rows::by_id(org, call, object(name)?, id),
        (_, ["sobjects", name, key, value]) => rows::by_key(org, call, object(name)?, key, value),
        ("GET" | "POST", ["query" | "queryAll"]) if call.parameter("columns") == Some("true") => {
            query::columns(org, call)
        }
        ("GET" | "POST", ["query"]) => query::open(org, call, false),
        ("GET" | "POST", ["queryAll"]) => query::open(org, call, true),
        ("GET", ["query" | "queryAll", locator]) => query::more(org, call, locator),
        (_, ["query" | "queryAll", ..]) => Err(Fault::method_not_allowed(method, "GET")),
        ("POST", ["composite"]) => composite::run(org, call),
        ("POST", ["composite", "batch"]) => composite::batch::run(org, call),
        ("POST", ["composite", "graph"]) => composite::graph::run(org, call),
        ("POST", ["composite", "tree", name]) => composite::tree::run(org, call, object(name)?),
        ("GET", ["search"]) => search::run(org, call),
        ("GET", ["parameterizedSearch"]) => search::by_parameters(org, call),
        ("GET", ["tooling", "query"]) => Err(query::not_in_tooling(call)),
        ("POST", ["composite", "sobjects"]) => collections::create(org, call),
        ("PATCH", ["composite", "sobjects"]) => collections::update(org, call),
        ("DELETE", ["composite", "sobjects"]) => collections::delete(org, call),
        ("GET" | "POST", ["composite", "sobjects", name]) => {
            collections::retrieve(org, call, object(name)?)
        }
        ("PATCH", ["composite", "sobjects", name, key]) => {
            collections::upsert(org, call, object(name)?, key)
        }
        (_, ["composite", "sobjects", ..]) => {
            Err(Fault::method_not_allowed(method, "GET,POST,PATCH,DELETE"))
        }
        (_, ["jobs", "query", rest @ ..]) => bulk::query(org, call, rest),
        (_, ["jobs", "ingest", rest @ ..]) => bulk::ingest(org, call, rest),
        (_, ["composite"]) => Err(Fault::method_not_allowed(method, "POST")),
        _ => Err(Fault::not_found()),
    }
}

/// Names the endpoint family of a call for the counters, without ids in it.
pub fn family(call: &Call, known: impl Fn(&str) -> Option<String>) -> String {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    match path.as_slice() {
        [] => "root".to_owned(),
        ["sobjects", _, "describe"] => "sobjects.describe".to_owned(),
        ["sobjects"] => "sobjects.list".to_owned(),
        ["sobjects", _] => "sobjects.create".to_owned(),
        ["sobjects", _, "updated"] => "sobjects.updated".to_owned(),
        ["sobjects", _, "deleted"] => "sobjects.deleted".to_owned(),
        ["sobjects", _, _] => "sobjects.row".to_owned(),
        ["sobjects", ..] => "sobjects.external_id".to_owned(),
        ["query" | "queryAll", _] => "query.more".to_owned(),
        ["jobs", rest @ ..] => bulk::family(rest).unwrap_or_else(|| "unknown".to_owned()),
        ["limits", "recordCount"] => "limits.record_count".to_owned(),
        ["composite", "batch"] => "composite.batch".to_owned(),
        ["composite", "graph"] => "composite.graph".to_owned(),
        ["composite", "tree", _] => "composite.tree".to_owned(),
        ["composite", "sobjects"] => "composite.sobjects".to_owned(),
        ["composite", "sobjects", _] => "composite.sobjects.retrieve".to_owned(),
        ["composite", "sobjects", ..] => "composite.sobjects.upsert".to_owned(),
        [first, ..] => known(first).unwrap_or_else(|| "unknown".to_owned()),
    }
}

/// Names the endpoint family of any address, those outside the data API included.
pub fn family_of(method: &str, address: &str) -> String {
    let (call, place) = Call::new(method, address);
    let Place::Other(path) = place else {
        return match place {
            Place::Versions => "versions".to_owned(),
            _ => family(&call, plain_family),
        };
    };
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let family = match path.as_slice() {
        ["services", "oauth2", "token"] => "oauth.token",
        ["services", "oauth2", "revoke"] => "oauth.revoke",
        ["services", "oauth2", "introspect"] => "oauth.introspect",
        ["services", "oauth2", "userinfo"] | ["id", _, _] => "oauth.user_info",
        _ => "unknown",
    };
    family.to_owned()
}

/// Families whose name is their first path segment.
pub fn plain_family(segment: &str) -> Option<String> {
    ["query", "queryAll", "limits", "composite", "search", "parameterizedSearch", "tooling"]
        .contains(&segment)
        .then(|| segment.to_owned())
}

/// Returns how many calls one request counts as.
pub fn n_calls(call: &Call) -> u64 {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["composite", "batch"] => composite::batch::n_calls(call),
        _ => 1,
    }
}

/// Answers `GET /services/data`.
pub fn versions() -> Answer {
    const SEASONS: [&str; 3] = ["Spring", "Summer", "Winter"];
    let versions: Vec<_> = VERSIONS
        .map(|version| {
            // Three releases a year; 66 is Spring '26, and Winter carries the next year's number.
            let index = usize::try_from(version % 3).unwrap_or_default();
            let season = SEASONS.get(index).copied().unwrap_or_default();
            let year = 26 + i64::from(version) / 3 - 22 + i64::from(season == "Winter");
            json!({
                "label": format!("{season} '{year}"),
                "url": format!("/services/data/v{version}.0"),
                "version": format!("{version}.0"),
            })
        })
        .collect();
    Answer::json(200, &versions)
}

fn root(org: &Org<'_>, call: &Call) -> Answer {
    let mut links = serde_json::Map::new();
    for name in [
        "composite",
        "jobs",
        "limits",
        "parameterizedSearch",
        "query",
        "queryAll",
        "search",
        "sobjects",
        "tooling",
    ] {
        links.insert(name.to_owned(), json!(call.url(name)));
    }
    let identity = format!("/id/{}/{}", org.world.org_id, org.user_id);
    links.insert("identity".to_owned(), json!(identity));
    Answer::json(200, &links)
}
