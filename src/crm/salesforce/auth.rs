//! The session of an integration user.
//!
//! The org does not say how long a session lasts, and each use prolongs it; it is opened again when
//! a call finds that it ended.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;

use super::jwt::Assertion;
use super::{Credentials, KIND, OnRotation};
use crate::crm::transport::{Bearer, Fetched, Granted, Login, Request, Transport};
use crate::crm::url::form;
use crate::crm::{CrmError, Sensitive};

const TOKEN_PATH: &str = "/services/oauth2/token";

const JWT_GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// What proves who we are, made ready.
pub enum Proof {
    Token(Sensitive<String>),
    Fetched(Fetched),
    Client { client_id: Sensitive<String>, client_secret: Sensitive<String> },
    Refresh(Box<Refresh>),
    Jwt(Box<Assertion>),
}

/// A refresh token that the org may replace by another.
pub struct Refresh {
    client_id: Sensitive<String>,
    client_secret: Option<Sensitive<String>>,
    held: Mutex<Held>,
    on_rotation: OnRotation,
}

struct Held {
    refresh_token: Sensitive<String>,
    is_rotated: bool,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    /// Not known to be sent; taken where it is.
    expires_in: Option<u64>,
    refresh_token: Option<String>,
}

impl Proof {
    /// # Errors
    /// When a private key cannot be used.
    pub fn new(credentials: Credentials) -> Result<Self, CrmError> {
        Ok(match credentials {
            Credentials::Token(token) => Self::Token(token),
            Credentials::Fetched(fetched) => Self::Fetched(fetched),
            Credentials::Client { client_id, client_secret } => {
                Self::Client { client_id, client_secret }
            }
            Credentials::Refresh { client_id, client_secret, refresh_token, on_rotation } => {
                let held = Mutex::new(Held { refresh_token, is_rotated: false });
                Self::Refresh(Box::new(Refresh { client_id, client_secret, held, on_rotation }))
            }
            Credentials::Jwt { client_id, username, audience, private_key, now } => {
                let assertion = Assertion::new(client_id, username, audience, &private_key, now)?;
                Self::Jwt(Box::new(assertion))
            }
        })
    }
}

impl Refresh {
    fn form(&self) -> Sensitive<String> {
        let refresh_token = self.held().refresh_token.clone();
        let mut fields = vec![
            ("grant_type", "refresh_token"),
            ("client_id", self.client_id.expose().as_str()),
            ("refresh_token", refresh_token.expose()),
        ];
        let secret = self.client_secret.as_ref().map(Sensitive::expose);
        fields.extend(secret.map(|secret| ("client_secret", secret.as_str())));
        form(&fields)
    }

    /// Takes the token that came with a session; the one before died with that answer.
    fn take(&self, given: String) {
        let is_first = {
            let mut held = self.held();
            if given == *held.refresh_token.expose() {
                return;
            }
            held.refresh_token = Sensitive::new(given);
            !std::mem::replace(&mut held.is_rotated, true)
        };
        if is_first {
            self.on_rotation.tell();
        }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Login for Proof {
    fn is_renewable(&self) -> bool {
        !matches!(self, Self::Token(_))
    }

    async fn login(&self, transport: &Transport, bearer: &dyn Bearer) -> Result<Granted, CrmError> {
        let form = match self {
            Self::Token(token) => {
                return Ok(Granted { token: token.clone(), lifetime: None });
            }
            Self::Fetched(fetched) => return fetched.get(KIND).await,
            Self::Client { client_id, client_secret } => form(&[
                ("grant_type", "client_credentials"),
                ("client_id", client_id.expose()),
                ("client_secret", client_secret.expose()),
            ]),
            Self::Refresh(refresh) => refresh.form(),
            Self::Jwt(assertion) => {
                form(&[("grant_type", JWT_GRANT), ("assertion", assertion.sign()?.expose())])
            }
        };
        let request = Request::login("token", TOKEN_PATH, form);
        let reply = transport.send(&request, bearer).await?;
        let answer: TokenAnswer = reply.done(KIND, "token")?.json(KIND, "token")?;
        if let (Self::Refresh(refresh), Some(given)) = (self, answer.refresh_token) {
            refresh.take(given);
        }
        Ok(Granted {
            token: Sensitive::new(answer.access_token),
            lifetime: answer.expires_in.map(Duration::from_secs),
        })
    }
}
