//! The token of a portal: made elsewhere, or had for a refresh token every half hour.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;

use super::{Credentials, KIND};
use crate::crm::transport::{Bearer, Granted, Login, Request, Transport};
use crate::crm::url::form;
use crate::crm::{CrmError, Sensitive};

pub struct Proof {
    credentials: Credentials,
    /// Path of the token endpoint.
    path: String,
    granted: Mutex<Option<Vec<String>>>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: Option<u64>,
    #[serde(default)]
    scopes: Vec<String>,
}

impl Proof {
    pub fn new(credentials: Credentials, version: &str) -> Self {
        let path = format!("/oauth/{version}/token");
        Self { credentials, path, granted: Mutex::default() }
    }

    /// Whether tokens come from OAuth, which says what they may do; a private app's or service key's
    /// is asked about.
    pub fn is_oauth(&self) -> bool {
        matches!(self.credentials, Credentials::Refresh { .. })
    }

    /// Returns the scopes that came with the last token; `None` when they did not.
    pub fn granted_scopes(&self) -> Option<Vec<String>> {
        self.granted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Login for Proof {
    fn is_renewable(&self) -> bool {
        !matches!(self.credentials, Credentials::Token(_))
    }

    /// HubSpot gives the refresh token back with each token. It stays the same and has no end, so
    /// what comes back is not kept; should a portal ever end the old one, the next login is refused.
    async fn login(&self, transport: &Transport, bearer: &dyn Bearer) -> Result<Granted, CrmError> {
        let (client_id, client_secret, refresh_token) = match &self.credentials {
            Credentials::Token(token) => {
                return Ok(Granted { token: token.clone(), lifetime: None });
            }
            Credentials::Fetched(fetched) => return fetched.get(KIND).await,
            Credentials::Refresh { client_id, client_secret, refresh_token } => {
                (client_id, client_secret, refresh_token)
            }
        };
        let form = form(&[
            ("grant_type", "refresh_token"),
            ("client_id", client_id.expose()),
            ("client_secret", client_secret.expose()),
            ("refresh_token", refresh_token.expose()),
        ]);
        let request = Request::login("token", &self.path, form);
        let reply = transport.send(&request, bearer).await?;
        let answer: TokenAnswer = reply.done(KIND, "token")?.json(KIND, "token")?;
        *self.granted.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(answer.scopes).filter(|scopes| !scopes.is_empty());
        Ok(Granted {
            token: Sensitive::new(answer.access_token),
            lifetime: answer.expires_in.map(Duration::from_secs),
        })
    }
}
