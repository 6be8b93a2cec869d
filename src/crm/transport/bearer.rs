//! Tokens: held, renewed before they end and when they are refused, by one caller at a time.

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Transport;
use crate::crm::{CrmError, CrmKind, Sensitive};

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
            _ => {
                let token = self.get(transport, &mut held).await?;
                Ok(Some(token).filter(|token| token != refused))
            }
        }
    }
}

/// A token made elsewhere, by a helper or into a file that something else keeps fresh. It is read
/// again when the one at hand is refused.
#[derive(Clone)]
pub struct Fetched {
    first: Arc<std::sync::Mutex<Option<Sensitive<String>>>>,
    again: Arc<dyn Fn() -> Result<Sensitive<String>, String> + Send + Sync>,
}

impl Fetched {
    /// Takes the token as it was read first, and the way to read it again; its error says what went
    /// wrong without the secret.
    pub fn new(
        first: Sensitive<String>,
        again: impl Fn() -> Result<Sensitive<String>, String> + Send + Sync + 'static,
    ) -> Self {
        Self { first: Arc::new(std::sync::Mutex::new(Some(first))), again: Arc::new(again) }
    }

    /// Returns the first token once, and reads it again from then on.
    ///
    /// # Errors
    /// [`CrmError::Unauthorized`] when it cannot be read any more.
    pub async fn get(&self, kind: CrmKind) -> Result<Granted, CrmError> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(token) = first {
            return Ok(Granted { token, lifetime: None });
        }
        let again = Arc::clone(&self.again);
        let read = tokio::task::spawn_blocking(move || again()).await;
        match read.unwrap_or_else(|_| Err("reading it broke off".to_owned())) {
            Ok(token) => Ok(Granted { token, lifetime: None }),
            Err(problem) => {
                let message = format!("the token ended and cannot be read again: {problem}");
                Err(CrmError::Unauthorized { kind, message })
            }
        }
    }
}

impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}
