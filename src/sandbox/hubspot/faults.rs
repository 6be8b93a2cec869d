//! Misbehaviour on request: answers that are refused, broken or lost.

use std::sync::PoisonError;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::Server;
use super::errors::ApiError;

/// What the next matching calls meet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Endpoint family such as `objects.batch.create`; none for any.
    #[serde(default)]
    pub family: Option<String>,
    /// HTTP method in capitals; none for any.
    #[serde(default)]
    pub method: Option<String>,
    /// Status of the answer, such as 429, 423, 502 or 524.
    pub status: u16,
    /// Lets the call have its effect and loses only the answer.
    #[serde(default)]
    pub after_handling: bool,
    /// Matching calls to let pass first.
    #[serde(default)]
    pub skip: u32,
    /// Calls it hits.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

impl Fault {
    /// Returns the answer a caller sees: JSON from the application, HTML from the gateway.
    pub fn answer(&self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_GATEWAY);
        match self.status {
            429 => ApiError::rate_limited("TEN_SECONDLY_ROLLING", "ten_secondly_rolling")
                .into_response(),
            400..=499 => {
                ApiError::new(status, None, "the request could not be completed").into_response()
            }
            _ => {
                let page = format!("<html><head><title>{status}</title></head></html>\n");
                (status, [(header::CONTENT_TYPE, "text/html")], page).into_response()
            }
        }
    }
}

/// Takes the first fault that a call meets, using it up.
pub fn take(server: &Server, family: &str, method: &str) -> Option<Fault> {
    let mut faults = server.shared.faults.lock().unwrap_or_else(PoisonError::into_inner);
    let matches = |fault: &&mut Fault| {
        fault.family.as_deref().is_none_or(|asked| asked == family)
            && fault.method.as_deref().is_none_or(|asked| asked == method)
    };
    let fault = faults.iter_mut().find(matches)?;
    if fault.skip > 0 {
        fault.skip -= 1;
        return None;
    }
    fault.times = fault.times.saturating_sub(1);
    let taken = fault.clone();
    faults.retain(|fault| fault.times > 0);
    Some(taken)
}
