//! The CRM accounts a project reaches, by name.

use crate::crm::CrmKind;

use super::Secret;

/// One CRM account: a HubSpot portal or a Salesforce org.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    pub name: String,
    pub kind: CrmKind,
    /// Base address without a path or trailing slash: `https://api.hubapi.com`.
    pub url: String,
    pub access: Access,
    /// Portal id or 18-character org id that the account must turn out to have. Required for
    /// `access = "write"`.
    pub account_id: Option<String>,
    /// HubSpot `2026-09`, Salesforce `67.0`.
    pub api_version: String,
    pub credentials: Credentials,
}

/// What Concord may do in an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
}

impl Access {
    /// Returns the word used in `concord.toml`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// How Concord proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A HubSpot service key or private app token, or a Salesforce access token made elsewhere.
    Token(Secret),
    /// A Salesforce External Client App, by the OAuth client credentials flow.
    ClientCredentials { client_id: Secret, client_secret: Secret },
    /// An OAuth refresh token. HubSpot needs the secret of the app, Salesforce where the app says so.
    RefreshToken { client_id: Secret, client_secret: Option<Secret>, refresh_token: Secret },
    /// A Salesforce app that trusts a certificate, by the OAuth JWT bearer flow.
    JwtBearer {
        client_id: Secret,
        /// User to work as.
        username: String,
        /// PEM of an unencrypted RSA key.
        private_key: Secret,
        /// Address of the login server that the assertion is meant for.
        audience: String,
    },
}
