//! Tokens: held, renewed before they end and when they are refused, by one caller at a time.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Transport;
use crate::crm::{CrmError, Sensitive};

/// How long before its end a token is replaced, so that a call on the way still finds it good.
const RENEWED_BEFORE_END: Duration = Duration::from_mins(1);

/// Gives the token that proves who we are.
#[async_trait]
pub trait Bearer: Send + Sync {
    async fn token(&self, transport: &Transport) -> Result<Sensitive<String>, CrmError>;

    /// Gets a token other than `refused`; `None` when there is no way to one.
    async fn renew(
        &self,
        transport: &Transport,
        refused: &Sensitive<String>,
    ) -> Result<Option<Sensitive<String>>, CrmError>;
}

/// A vendor's way to a token.
#[async_trait]
pub trait Login: Send + Sync {
    /// Whether another login may give another token.
    fn is_renewable(&self) -> bool;

    /// Gets a token. Requests that it makes are anonymous; `bearer` is for handing on alone.
    async fn login(&self, transport: &Transport, bearer: &dyn Bearer) -> Result<Granted, CrmError>;
}

/// A token as it was granted.
pub struct Granted {
    pub token: Sensitive<String>,
    /// How long it lasts, where the vendor says so.
    pub lifetime: Option<Duration>,
}

/// The token of one connection. Callers who need one wait for whoever is getting it; a login that
/// was refused is not tried again, because nothing in this process changes the credentials.
pub struct Tokens<L> {
    login: L,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    token: Option<Sensitive<String>>,
    renew_at: Option<Instant>,
    refused: Option<String>,
}

impl<L: Login> Tokens<L> {
    pub fn new(login: L) -> Self {
        Self { login, held: Mutex::default() }
    }

    pub fn login(&self) -> &L {
        &self.login
    }

    async fn get(
        &self,
        transport: &Transport,
        held: &mut Held,
    ) -> Result<Sensitive<String>, CrmError> {
        if let Some(message) = &held.refused {
            let (kind, message) = (transport.kind(), message.clone());
            return Err(CrmError::Unauthorized { kind, message });
        }
        match self.login.login(transport, self).await {
            Ok(Granted { token, lifetime }) => {
                held.token = Some(token.clone());
                held.renew_at = lifetime.map(|lifetime| {
                    let usable = lifetime.saturating_sub(RENEWED_BEFORE_END);
                    Instant::now() + usable.max(lifetime / 2)
                });
                Ok(token)
            }
            Err(error) => {
                if let CrmError::Unauthorized { message, .. } = &error {
                    held.refused = Some(message.clone());
                }
                Err(error)
            }
        }
    }
}

#[async_trait]
impl<L: Login> Bearer for Tokens<L> {
    async fn token(&self, transport: &Transport) -> Result<Sensitive<String>, CrmError> {
        let mut held = self.held.lock().await;
        let is_due = held.renew_at.is_some_and(|renew_at| renew_at <= Instant::now());
        match &held.token {
            Some(token) if !is_due => Ok(token.clone()),
            _ => self.get(transport, &mut held).await,
        }
    }

    async fn renew(
        &self,
        transport: &Transport,
        refused: &Sensitive<String>,
    ) -> Result<Option<Sensitive<String>>, CrmError> {
        if !self.login.is_renewable() {
            return Ok(None);
        }
        let mut held = self.held.lock().await;
        match &held.token {
            // Another caller has renewed it meanwhile.
            Some(token) if token != refused => Ok(Some(token.clone())),
            _ => self.get(transport, &mut held).await.map(Some),
        }
    }
}
