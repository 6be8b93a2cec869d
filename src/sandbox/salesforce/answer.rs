//! One HTTP answer before it becomes a response, so that composite can hold several.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

/// Status, location and JSON text.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// Path of a record that was created.
    pub location: Option<String>,
    /// JSON text; `None` for an answer without a body.
    pub body: Option<String>,
}

impl Answer {
    /// Answers with a value as JSON.
    pub fn json<T: Serialize + ?Sized>(status: u16, value: &T) -> Self {
        let text = serde_json::to_string(value)
            .expect("answers hold only text keys and finite numbers, which always serialize");
        Self::text(status, text)
    }

    /// Answers with JSON text written elsewhere.
    pub fn text(status: u16, text: String) -> Self {
        Self { status, location: None, body: Some(text) }
    }

    /// Answers 204.
    pub fn empty() -> Self {
        Self { status: 204, location: None, body: None }
    }

    pub fn is_success(&self) -> bool {
        self.status < 400
    }

    /// Turns the answer into a response without the limit header.
    pub fn into_response(self) -> Response<Body> {
        let mut response = Response::new(self.body.map_or_else(Body::empty, Body::from));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if self.status != 204 {
            response
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
        }
        if let Some(location) = self.location.and_then(|text| HeaderValue::from_str(&text).ok()) {
            response.headers_mut().insert(LOCATION, location);
        }
        response
    }
}
