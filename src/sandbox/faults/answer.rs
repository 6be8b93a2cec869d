//! The answers of a fault: in the vendor's words from its application, a page from its gateway, or
//! none at all.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use serde_json::json;

use super::Vendor;

/// Longest answer that is cut in two.
const ANSWER_BYTES_MAX: usize = 256 << 20;
/// Time for the first half of a cut answer to leave.
const HALF_SENT: Duration = Duration::from_millis(2);

/// HubSpot's 429 with its policy.
pub fn too_many(policy: &str) -> Response {
    let words = policy.to_lowercase();
    json_answer(
        429,
        &json!({
            "status": "error",
            "message": format!("You have reached your {words} limit."),
            "errorType": "RATE_LIMIT",
            "correlationId": CORRELATION_ID,
            "policyName": policy,
        }),
    )
}

/// HubSpot's envelope without a category.
pub fn hubspot_error(status: u16, message: &str) -> Response {
    json_answer(
        status,
        &json!({"status": "error", "message": message, "correlationId": CORRELATION_ID}),
    )
}

/// HubSpot's refusal of a token that was good until now.
pub fn expired_token() -> Response {
    json_answer(
        401,
        &json!({
            "status": "error",
            "message": "The OAuth token used to make this call expired 1 second(s) ago.",
            "correlationId": CORRELATION_ID,
            "category": "EXPIRED_AUTHENTICATION",
        }),
    )
}

/// Salesforce's list of one error.
pub fn salesforce_error(status: u16, code: &str, message: &str) -> Response {
    json_answer(status, &json!([{"message": message, "errorCode": code}]))
}

/// A 500 or 503 of the application.
pub fn application_error(server: Vendor, status: u16) -> Response {
    match (server, status) {
        (Vendor::HubSpot, 503) => hubspot_error(status, "The service is temporarily unavailable."),
        (Vendor::HubSpot, _) => hubspot_error(status, "internal error"),
        (Vendor::Salesforce, 503) => salesforce_error(
            status,
            "SERVER_UNAVAILABLE",
            "The server is temporarily unavailable. Please try again later.",
        ),
        (Vendor::Salesforce, _) => salesforce_error(
            status,
            "UNKNOWN_EXCEPTION",
            "An unexpected error occurred. Please include this ErrorId if you contact support",
        ),
    }
}

/// A page of the gateway in front of the application.
pub fn page(status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let page = format!("<html><head><title>{status}</title></head></html>\n");
    (status, [(header::CONTENT_TYPE, "text/html")], page).into_response()
}

/// No answer: the connection ends. Behind no connection, a body that cannot be read.
pub fn none() -> Response {
    Response::new(Body::from_stream(futures::stream::iter([Err::<Bytes, _>(cut())])))
}

/// The first half of an answer, then the end of the connection.
pub async fn half(answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let Ok(bytes) = to_bytes(body, ANSWER_BYTES_MAX).await else { return none() };
    let head = bytes.slice(..bytes.len() / 2);
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len().max(1)));
    let end = async {
        tokio::time::sleep(HALF_SENT).await;
        Err(cut())
    };
    let halves = futures::stream::iter([Ok(head)]).chain(futures::stream::once(end));
    Response::from_parts(parts, Body::from_stream(halves))
}

/// Answers that never reached an application carry an id as well.
const CORRELATION_ID: &str = "c0c0c0c0-0000-4000-8000-ffffffffffff";

fn cut() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

fn json_answer(status: u16, body: &serde_json::Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = "application/json;charset=utf-8";
    (status, [(header::CONTENT_TYPE, kind)], body.to_string()).into_response()
}
