//! The session of an integration user.
//!
//! The org does not say how long a session lasts, and each use prolongs it; it is opened again when
//! a call finds that it ended.

use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;

use super::jwt::Assertion;
use super::{Credentials, KIND};
use crate::crm::transport::{Bearer, Fetched, Granted, Login, Request, Transport};
use crate::crm::url::form;
use crate::crm::{CrmError, Sensitive};

const TOKEN_PATH: &str = "/services/oauth2/token";

const JWT_GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// What proves who we are, made ready.
pub enum Proof {
    Token(Sensitive<String>),
    Fetched(Fetched),
    Client {
        client_id: Sensitive<String>,
        client_secret: Sensitive<String>,
    },
    Refresh {
        client_id: Sensitive<String>,
        client_secret: Option<Sensitive<String>>,
        refresh_token: Sensitive<String>,
    },
    Jwt(Box<Assertion>),
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
            Credentials::Refresh { client_id, client_secret, refresh_token } => {
                Self::Refresh { client_id, client_secret, refresh_token }
            }
            Credentials::Jwt { client_id, username, audience, private_key, now } => {
                let assertion = Assertion::new(client_id, username, audience, &private_key, now)?;
                Self::Jwt(Box::new(assertion))
            }
        })
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
            Self::Refresh { client_id, client_secret, refresh_token } => {
                let mut fields = vec![
                    ("grant_type", "refresh_token"),
                    ("client_id", client_id.expose().as_str()),
                    ("refresh_token", refresh_token.expose()),
                ];
                let secret = client_secret.as_ref().map(Sensitive::expose);
                fields.extend(secret.map(|secret| ("client_secret", secret.as_str())));
                form(&fields)
            }
            Self::Jwt(assertion) => {
                form(&[("grant_type", JWT_GRANT), ("assertion", assertion.sign()?.expose())])
            }
        };
        let request = Request::login("token", TOKEN_PATH, form);
        let reply = transport.send(&request, bearer).await?;
        let answer: TokenAnswer = reply.done(KIND, "token")?.json(KIND, "token")?;
        if let (Self::Refresh { refresh_token, .. }, Some(given)) = (self, &answer.refresh_token)
            && given != refresh_token.expose()
        {
            // The old one died with this answer, and there is no place to keep the new one.
            return Err(CrmError::RefreshTokenRotated { kind: KIND });
        }
        Ok(Granted {
            token: Sensitive::new(answer.access_token),
            lifetime: answer.expires_in.map(Duration::from_secs),
        })
    }
}
