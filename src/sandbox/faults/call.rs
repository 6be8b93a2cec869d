//! A call as far as a fault can tell it from others.

use axum::http::request::Parts;
use axum::http::{Method, header};
use serde::Deserialize;

use super::Vendor;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub server: Vendor,
    /// Endpoint family as the counters name it.
    pub family: String,
    pub method: Method,
    pub path: String,
    pub nature: Nature,
    pub is_search: bool,
    /// Shows a token that has an end; HubSpot's private app tokens have none.
    pub may_expire: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// Gets or examines a token.
    Login,
    /// Fetches a finished export from the store it lies in.
    Download,
    Read,
    /// Changes something.
    Write,
}

/// What of a Salesforce composite, batch or graph says whether it changes anything.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Bundle {
    composite_request: Vec<Part>,
    batch_requests: Vec<Part>,
    graphs: Vec<Bundle>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Part {
    method: String,
    url: String,
}

impl Part {
    fn is_write(&self) -> bool {
        // Ids that are too many for an address are sent; nothing is changed by it.
        let is_retrieval =
            self.method.eq_ignore_ascii_case("POST") && self.url.contains("/composite/sobjects/");
        !self.method.eq_ignore_ascii_case("GET") && !is_retrieval
    }
}

impl Bundle {
    fn is_write(&self) -> bool {
        let mut parts = self.composite_request.iter().chain(&self.batch_requests);
        parts.any(Part::is_write) || self.graphs.iter().any(Self::is_write)
    }
}

impl Call {
    /// Takes a call apart; `family` is the server's own word for it.
    pub fn new(server: Vendor, family: String, parts: &Parts, body: &[u8]) -> Self {
        let path = parts.uri.path().to_owned();
        let is_login = path.contains("/oauth");
        let is_download = family.starts_with("export-files");
        let is_write = match parts.method {
            Method::GET | Method::HEAD | Method::OPTIONS => false,
            Method::POST if family.starts_with("composite") && server == Vendor::Salesforce => {
                match serde_json::from_slice::<Bundle>(body) {
                    Ok(bundle) if bundle.is_bundle() => bundle.is_write(),
                    _ => !family.ends_with(".retrieve"),
                }
            }
            Method::POST => !READS.iter().any(|end| family.ends_with(end)),
            _ => true,
        };
        let nature = match is_write {
            _ if is_login => Nature::Login,
            _ if is_download => Nature::Download,
            true => Nature::Write,
            false => Nature::Read,
        };
        let token = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        Self {
            server,
            is_search: family.starts_with("objects") && family.ends_with(".search"),
            may_expire: token.is_some_and(|token| !token.contains(" pat-")),
            family,
            method: parts.method.clone(),
            path,
            nature,
        }
    }
}

/// Ends of families whose `POST` only reads.
const READS: [&str; 4] = [".read", ".search", "query", "queryAll"];

impl Bundle {
    fn is_bundle(&self) -> bool {
        !(self.composite_request.is_empty()
            && self.batch_requests.is_empty()
            && self.graphs.is_empty())
    }
}
