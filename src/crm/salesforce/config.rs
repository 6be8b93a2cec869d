//! How an org is reached, and what is read from it by default.

use std::fmt;
use std::sync::Arc;

use crate::crm::transport::{Fetched, Now};
use crate::crm::{ObjectRequest, Sensitive};

pub const VERSION_DEFAULT: &str = "68.0";

#[derive(Clone, Debug)]
pub struct Config {
    /// The org's own My Domain address, without a path. The client credentials flow answers only
    /// there, and keeping to it means that a token is never sent to an address an answer named.
    pub instance_url: String,
    pub credentials: Credentials,
    /// API version without `v`.
    pub version: String,
}

#[derive(Clone, Debug)]
pub enum Credentials {
    /// OAuth client credentials; a session that ends is opened again.
    Client { client_id: Sensitive<String>, client_secret: Sensitive<String> },
    /// OAuth refresh token of a user who once agreed. Where the org rotates it, the new one serves
    /// until the process ends.
    Refresh {
        client_id: Sensitive<String>,
        client_secret: Option<Sensitive<String>>,
        refresh_token: Sensitive<String>,
        on_rotation: OnRotation,
    },
    /// OAuth JWT bearer: an assertion about `username`, signed anew for each session.
    Jwt {
        client_id: Sensitive<String>,
        username: String,
        /// `https://login.salesforce.com`, `https://test.salesforce.com`, or the org's own address.
        audience: String,
        /// PEM of an unencrypted RSA key.
        private_key: Sensitive<String>,
        /// Assertions end soon after they are made.
        now: Now,
    },
    /// An access token made elsewhere.
    Token(Sensitive<String>),
    /// The same, from a place that may hold a newer one once it is refused.
    Fetched(Fetched),
}

/// What is done when the org gives another refresh token in place of the one it was asked with.
///
/// Chosen: to go on with the new one and tell. Instead of: keeping it, because a variable or a helper
/// takes nothing back and a file of secrets is not ours to write; or stopping, because the old one is
/// dead by then and stopping would only lose the night as well.
#[derive(Clone)]
pub struct OnRotation(Arc<dyn Fn() + Send + Sync>);

impl OnRotation {
    /// Calls `tell` the first time; it learns no token.
    pub fn new(tell: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(super) fn tell(&self) {
        (self.0)();
    }
}

impl fmt::Debug for OnRotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnRotation")
    }
}

impl Config {
    pub fn new(instance_url: impl Into<String>, credentials: Credentials) -> Self {
        let version = VERSION_DEFAULT.to_owned();
        Self { instance_url: instance_url.into(), credentials, version }
    }
}

/// Lists what a snapshot holds by default.
pub fn object_requests() -> Vec<ObjectRequest> {
    [
        "Lead",
        "Contact",
        "Account",
        "Opportunity",
        "OpportunityContactRole",
        "Campaign",
        "CampaignMember",
        "Task",
        "Event",
        "LeadHistory",
        "ContactHistory",
        "OpportunityFieldHistory",
        "OpportunityHistory",
        "User",
    ]
    .into_iter()
    .map(|object| ObjectRequest {
        object: object.to_owned(),
        history_fields: Vec::new(),
        associations: Vec::new(),
    })
    .collect()
}
