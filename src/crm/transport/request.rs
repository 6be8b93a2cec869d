//! A request before it is sent.

use std::sync::Arc;

use super::Spool;

pub use reqwest::Method;

use crate::crm::Sensitive;

/// What a call is for; decides under which name it is counted and whether it may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Auth, account, limits, metadata, totals.
    Fixed,
    Read,
    Write,
}

/// One request, relative to the connection's base address.
#[derive(Clone, Debug)]
pub struct Request {
    /// Family of the endpoint, in words for logs and errors: `contacts list`. The same for every
    /// record: no id, value or path.
    pub operation: String,
    pub purpose: Purpose,
    pub method: Method,
    /// Path and encoded query, starting with `/`.
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Body,
    /// The call proves who we are by its own content and carries no bearer token.
    pub is_anonymous: bool,
    /// Sending it twice does what sending it once does, or leaves nothing behind that matters.
    pub is_repeatable: bool,
    /// Hands over data with which nothing is done before another call says so, and may therefore take
    /// longer than the lease is known to last.
    pub is_preparing: bool,
    /// Where the body of a good answer goes instead of into memory; the answer's own is empty then.
    pub spool: Option<Arc<Spool>>,
}

#[derive(Clone, Debug)]
pub enum Body {
    None,
    Json(String),
    /// An encoded form; it holds secrets.
    Form(Sensitive<String>),
    /// Text of another type, such as `text/csv`.
    Text {
        content_type: String,
        text: String,
    },
}

impl Body {
    /// Counts the bytes that are sent.
    pub fn n_bytes(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Json(text) | Self::Text { text, .. } => text.len(),
            Self::Form(form) => form.expose().len(),
        }
    }
}

impl Request {
    pub fn get(operation: impl Into<String>, purpose: Purpose, path: impl Into<String>) -> Self {
        Self {
            operation: operation.into(),
            purpose,
            method: Method::GET,
            path: path.into(),
            headers: Vec::new(),
            body: Body::None,
            is_anonymous: false,
            is_repeatable: purpose != Purpose::Write,
            is_preparing: false,
            spool: None,
        }
    }

    pub fn post_json(
        operation: impl Into<String>,
        purpose: Purpose,
        path: impl Into<String>,
        json: String,
    ) -> Self {
        Self { method: Method::POST, body: Body::Json(json), ..Self::get(operation, purpose, path) }
    }

    /// Says that a write may be sent again when its answer was lost.
    #[must_use]
    pub fn repeatable(self) -> Self {
        Self { is_repeatable: true, ..self }
    }

    /// Says that nothing is done with what a write hands over before another call.
    #[must_use]
    pub fn preparing(self) -> Self {
        Self { is_preparing: true, ..self }
    }

    /// Asks for a token by a form, which proves who we are by itself.
    pub fn login(
        operation: impl Into<String>,
        path: impl Into<String>,
        form: Sensitive<String>,
    ) -> Self {
        Self {
            method: Method::POST,
            body: Body::Form(form),
            is_anonymous: true,
            ..Self::get(operation, Purpose::Fixed, path)
        }
    }

    /// Sends the body of a good answer to a file.
    #[must_use]
    pub fn into_spool(mut self, spool: &Arc<Spool>) -> Self {
        self.spool = Some(Arc::clone(spool));
        self
    }

    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}
