//! One HTTP answer before it becomes a response, so that composite can hold several.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;

/// Status, headers and text.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub form: Form,
    /// Headers beside the content type, names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// `None` for an answer without a body.
    pub body: Option<String>,
}

/// What an answer's text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Json,
    Csv,
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
        Self { status, form: Form::Json, headers: Vec::new(), body: Some(text) }
    }

    /// Answers 200 with a CSV file.
    pub fn csv(text: String) -> Self {
        Self { status: 200, form: Form::Csv, headers: Vec::new(), body: Some(text) }
    }

    /// Answers 204.
    pub fn empty() -> Self {
        Self::bare(204)
    }

    /// Answers with a status alone.
    pub fn bare(status: u16) -> Self {
        Self { status, form: Form::Json, headers: Vec::new(), body: None }
    }

    /// Adds a header, its name in lower case.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| *own == name).map(|(_, value)| value.as_str())
    }

    pub fn is_success(&self) -> bool {
        self.status < 400
    }

    /// Turns the answer into a response without the limit header.
    pub fn into_response(self) -> Response<Body> {
        let content_type = match self.form {
            Form::Json => "application/json;charset=UTF-8",
            Form::Csv => "text/csv; charset=UTF-8",
        };
        let has_body = self.body.is_some();
        let mut response = Response::new(self.body.map_or_else(Body::empty, Body::from));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if has_body {
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}
