//! Batch: independent calls in one request, each of which counts.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::answer::Answer;
use super::super::call::{Call, Place};
use super::super::dispatch;
use super::super::errors::Fault;
use super::super::org::Org;

const SUBREQUESTS_MAX: usize = 25;

#[derive(Serialize)]
struct Batch {
    #[serde(rename = "hasErrors")]
    has_errors: bool,
    results: Vec<SubResult>,
}

#[derive(Serialize)]
struct SubResult {
    #[serde(rename = "statusCode")]
    status_code: u16,
    result: Option<Box<RawValue>>,
}

/// Answers `POST composite/batch`.
///
/// # Errors
/// When the request as a whole is malformed; refusals of subrequests are in the answer.
pub fn run(org: &Org<'_>, call: &Call) -> Result<Answer, Fault> {
    let body = call.json_object()?;
    let is_halted_by_error = body.get("haltOnError").and_then(Value::as_bool).unwrap_or(false);
    let Some(Value::Array(requests)) = body.get("batchRequests") else {
        return Err(Fault::new(400, "MISSING_ARGUMENT", "The batchRequests parameter is required"));
    };
    if requests.len() > SUBREQUESTS_MAX {
        let message = format!("Number of subrequests exceeds the limit of {SUBREQUESTS_MAX}");
        return Err(Fault::new(400, "LIMIT_EXCEEDED", message));
    }
    let mut has_errors = false;
    let mut results = Vec::with_capacity(requests.len());
    for request in requests {
        let answer = if has_errors && is_halted_by_error {
            let message = "Batch processing halted per request";
            Fault::new(412, "BATCH_PROCESSING_HALTED", message).to_answer()
        } else {
            // What a refused call wrote before it was refused does not stay.
            org.attempt(|| one(org, request)).unwrap_or_else(|fault| fault.to_answer())
        };
        has_errors |= !answer.is_success();
        results.push(SubResult {
            status_code: answer.status,
            result: answer.body.and_then(|body| RawValue::from_string(body).ok()),
        });
    }
    Ok(Answer::json(200, &Batch { has_errors, results }))
}

/// Returns how many calls a batch counts as.
pub fn n_calls(call: &Call) -> u64 {
    let n_requests = call
        .json_object()
        .ok()
        .and_then(|body| body.get("batchRequests")?.as_array().map(Vec::len))
        .unwrap_or_default();
    u64::try_from(n_requests).unwrap_or(1).max(1)
}

fn one(org: &Org<'_>, request: &Value) -> Result<Answer, Fault> {
    let text = |key: &str| {
        request.get(key).and_then(Value::as_str).ok_or_else(|| {
            Fault::new(400, "MISSING_ARGUMENT", format!("{key} is required in a subrequest"))
        })
    };
    let url = text("url")?.trim_start_matches('/');
    let url = match url.strip_prefix("services/data/") {
        Some(rest) => format!("/services/data/{rest}"),
        None => format!("/services/data/{url}"),
    };
    let (mut call, place) = Call::new(text("method")?, &url);
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let is_allowed =
        matches!(path.as_slice(), ["sobjects" | "query" | "queryAll" | "search" | "limits", ..]);
    if !matches!(place, Place::Data { .. }) || !is_allowed {
        return Err(Fault::not_found());
    }
    call.body = request
        .get("richInput")
        .filter(|body| !body.is_null())
        .map(|body| body.to_string().into_bytes())
        .unwrap_or_default();
    dispatch::data(org, &call)
}
