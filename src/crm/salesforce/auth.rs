//! The session of an integration user.

use async_trait::async_trait;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{Credentials, KIND};
use crate::crm::transport::{Bearer, Body, Method, Purpose, Request, Transport};
use crate::crm::url::encode;
use crate::crm::{CrmError, Sensitive};

const TOKEN_PATH: &str = "/services/oauth2/token";

/// Opens a session when the first call needs one, and again when the org says that it ended.
pub struct Session {
    credentials: Credentials,
    /// Held while a session is opened, so that callers who need one wait for the same.
    token: Mutex<Option<Sensitive<String>>>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
}

impl Session {
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials, token: Mutex::new(None) }
    }

    async fn open(&self, transport: &Transport) -> Result<Sensitive<String>, CrmError> {
        let (client_id, client_secret) = match &self.credentials {
            Credentials::Token(token) => return Ok(token.clone()),
            Credentials::Client { client_id, client_secret } => (client_id, client_secret),
        };
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            encode(client_id.expose()),
            encode(client_secret.expose())
        );
        let request = Request {
            operation: "token".to_owned(),
            purpose: Purpose::Fixed,
            method: Method::POST,
            path: TOKEN_PATH.to_owned(),
            headers: Vec::new(),
            body: Body::Form(form),
            is_anonymous: true,
            is_repeatable: true,
        };
        // The request is anonymous, so this session is not asked for a token in turn.
        let reply = Box::pin(transport.send(&request, self)).await?;
        let answer: TokenAnswer = reply.done(KIND, "token")?.json(KIND, "token")?;
        Ok(Sensitive::new(answer.access_token))
    }
}

#[async_trait]
impl Bearer for Session {
    async fn token(&self, transport: &Transport) -> Result<Sensitive<String>, CrmError> {
        let mut held = self.token.lock().await;
        if let Some(token) = &*held {
            return Ok(token.clone());
        }
        let token = self.open(transport).await?;
        *held = Some(token.clone());
        Ok(token)
    }

    async fn renew(
        &self,
        transport: &Transport,
        refused: &Sensitive<String>,
    ) -> Result<Option<Sensitive<String>>, CrmError> {
        if matches!(self.credentials, Credentials::Token(_)) {
            return Ok(None);
        }
        let mut held = self.token.lock().await;
        match &*held {
            // Another caller has renewed it meanwhile.
            Some(token) if token != refused => Ok(Some(token.clone())),
            _ => {
                let token = self.open(transport).await?;
                *held = Some(token.clone());
                Ok(Some(token))
            }
        }
    }
}
