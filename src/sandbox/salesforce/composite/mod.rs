//! Composite: up to 25 calls in one, later ones building on what earlier ones answered.

pub mod batch;
pub mod graph;
mod references;
pub mod tree;

use std::collections::HashMap;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::call::{Call, Place};
use super::dispatch;
use super::errors::Fault;
use super::org::Org;

const SUBREQUESTS_MAX: usize = 25;
/// Collections and queries among the subrequests.
const HEAVY_MAX: usize = 5;

/// Answers of subrequests, as composite and each graph show them.
#[derive(Serialize)]
struct Responses {
    #[serde(rename = "compositeResponse")]
    composite_response: Vec<SubResponse>,
}

#[derive(Serialize)]
struct SubResponse {
    body: Option<Box<RawValue>>,
    #[serde(rename = "httpHeaders")]
    http_headers: Map<String, Value>,
    #[serde(rename = "httpStatusCode")]
    http_status_code: u16,
    #[serde(rename = "referenceId")]
    reference_id: String,
}

struct SubRequest {
    method: String,
    url: String,
    reference_id: String,
    body: Option<Value>,
    headers: Vec<(String, String)>,
}

/// Answers `POST composite`.
///
/// # Errors
/// When the request as a whole is malformed; refusals of subrequests are in the answer.
pub fn run(org: &Org<'_>, call: &Call) -> Result<Answer, Fault> {
    let body = call.json_object()?;
    let is_all_or_none = body.get("allOrNone").and_then(Value::as_bool).unwrap_or(false);
    let requests = read(&body)?;
    if requests.len() > SUBREQUESTS_MAX {
        let message = format!("Number of subrequests exceeds the limit of {SUBREQUESTS_MAX}");
        return Err(Fault::new(400, "LIMIT_EXCEEDED", message));
    }
    let n_heavy = requests.iter().filter(|request| is_heavy(&request.url)).count();
    if n_heavy > HEAVY_MAX {
        let message = format!(
            "Number of sObject Collections and query subrequests exceeds the limit of {HEAVY_MAX}"
        );
        return Err(Fault::new(400, "LIMIT_EXCEEDED", message));
    }
    let answers = run_all(org, &requests, is_all_or_none);
    Ok(Answer::json(200, &responses(requests, answers)))
}

/// Runs subrequests in their order, all or none of them where that is wanted.
fn run_all(org: &Org<'_>, requests: &[SubRequest], is_all_or_none: bool) -> Vec<Answer> {
    let mut answers: Vec<Answer> = Vec::with_capacity(requests.len());
    let rolled_back = org.attempt(|| {
        let mut known: HashMap<&str, Value> = HashMap::new();
        for request in requests {
            let answer = match references::resolve(request, &known) {
                Ok((url, body)) => one(org, request, &url, body, is_all_or_none),
                Err(fault) => fault.to_answer(),
            };
            if answer.is_success() {
                let body = answer.body.as_deref().unwrap_or("null");
                known.insert(&request.reference_id, serde_json::from_str(body).unwrap_or_default());
            }
            answers.push(answer);
        }
        let is_failed =
            answers.iter().any(|answer| !answer.is_success() || has_failed_rows(answer));
        if is_all_or_none && is_failed { Err(halted()) } else { Ok(()) }
    });
    if let Err(fault) = rolled_back {
        for answer in &mut answers {
            if answer.is_success() && !has_failed_rows(answer) {
                *answer = fault.to_answer();
            }
        }
    }
    answers
}

fn responses(requests: Vec<SubRequest>, answers: Vec<Answer>) -> Responses {
    let composite_response = requests
        .into_iter()
        .zip(answers)
        .map(|(request, answer)| {
            let mut http_headers = Map::new();
            if let Some(location) = answer.header("location") {
                http_headers.insert("Location".to_owned(), json!(location));
            }
            SubResponse {
                body: answer.body.and_then(|body| RawValue::from_string(body).ok()),
                http_headers,
                http_status_code: answer.status,
                reference_id: request.reference_id,
            }
        })
        .collect();
    Responses { composite_response }
}

fn one(
    org: &Org<'_>,
    request: &SubRequest,
    url: &str,
    body: Option<Value>,
    is_all_or_none: bool,
) -> Answer {
    let (mut call, place) = Call::new(&request.method, url);
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let is_allowed = matches!(
        path.as_slice(),
        ["sobjects" | "query" | "queryAll", ..] | ["composite", "sobjects", ..]
    );
    if !matches!(place, Place::Data { .. }) || !is_allowed {
        return Fault::not_found().to_answer();
    }
    call.body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
    call.headers.clone_from(&request.headers);
    call.is_all_or_none_forced = is_all_or_none;
    match dispatch::data(org, &call) {
        Ok(answer) => answer,
        Err(fault) => fault.to_answer(),
    }
}

fn read(body: &Map<String, Value>) -> Result<Vec<SubRequest>, Fault> {
    let Some(Value::Array(raw)) = body.get("compositeRequest") else {
        return Err(Fault::new(
            400,
            "MISSING_ARGUMENT",
            "The compositeRequest parameter is required",
        ));
    };
    let mut requests: Vec<SubRequest> = Vec::with_capacity(raw.len());
    for item in raw {
        let text = |key: &str| {
            item.get(key).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| {
                Fault::new(400, "MISSING_ARGUMENT", format!("{key} is required in a subrequest"))
            })
        };
        let (method, url, reference_id) = (text("method")?, text("url")?, text("referenceId")?);
        let is_name = !reference_id.is_empty()
            && reference_id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name || requests.iter().any(|request| request.reference_id == reference_id) {
            let message = format!("Invalid or repeated reference id: {reference_id}");
            return Err(Fault::new(400, "INVALID_INPUT", message));
        }
        let headers = item
            .get("httpHeaders")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.to_lowercase(), value.as_str()?.to_owned())))
            .collect();
        let body = item.get("body").filter(|body| !body.is_null()).cloned();
        requests.push(SubRequest { method, url, reference_id, body, headers });
    }
    Ok(requests)
}

fn is_heavy(url: &str) -> bool {
    let (call, _) = Call::new("GET", url);
    match call.path.first().map(String::as_str) {
        Some("query" | "queryAll") => true,
        Some("composite") => call.path.get(1).is_some_and(|second| second == "sobjects"),
        _ => false,
    }
}

/// Tells a collection's answer in which some row was refused.
fn has_failed_rows(answer: &Answer) -> bool {
    answer.body.as_deref().is_some_and(|body| {
        body.starts_with('[') && body.contains("\"success\":false,\"errors\":[{\"statusCode\"")
    })
}

fn halted() -> Fault {
    Fault::new(
        400,
        "PROCESSING_HALTED",
        "The transaction was rolled back since another operation in the same transaction failed.",
    )
}
