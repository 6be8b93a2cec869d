//! How a portal is reached, and what is read from it by default.

use crate::crm::transport::Fetched;
use crate::crm::{ObjectRequest, Sensitive};

/// Newest version whose write rules are known to this client.
pub const VERSION_DEFAULT: &str = "2026-09";

const BASE_URL: &str = "https://api.hubapi.com";

#[derive(Clone, Debug)]
pub struct Config {
    /// Address without a path.
    pub base_url: String,
    pub credentials: Credentials,
    /// Version segment of every path.
    pub version: String,
}

#[derive(Clone, Debug)]
pub enum Credentials {
    /// Service key, private-app token, or an access token made elsewhere.
    Token(Sensitive<String>),
    /// The same, from a place that may hold a newer one once it is refused.
    Fetched(Fetched),
    /// OAuth refresh token of an installed app; access tokens last half an hour.
    Refresh {
        client_id: Sensitive<String>,
        client_secret: Sensitive<String>,
        refresh_token: Sensitive<String>,
    },
}

impl Config {
    /// Reaches HubSpot itself in the default version.
    pub fn new(token: Sensitive<String>) -> Self {
        Self {
            base_url: BASE_URL.to_owned(),
            credentials: Credentials::Token(token),
            version: VERSION_DEFAULT.to_owned(),
        }
    }
}

/// Lists what a snapshot holds by default: records, the histories that handoffs are judged by,
/// the associations between them, and lists with their members.
pub fn object_requests() -> Vec<ObjectRequest> {
    let request = |object: &str, history_fields: &[&str], associations: &[&str]| ObjectRequest {
        object: object.to_owned(),
        history_fields: history_fields.iter().map(|&field| field.to_owned()).collect(),
        associations: associations.iter().map(|&object| object.to_owned()).collect(),
    };
    vec![
        request("contacts", &["lifecyclestage", "hs_lead_status", "email"], &["companies"]),
        request("companies", &[], &[]),
        request("deals", &["dealstage", "amount"], &["contacts", "companies"]),
        request("lists", &[], &[]),
    ]
}
