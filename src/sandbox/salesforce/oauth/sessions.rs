//! Which tokens hold, and whose they are.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::super::ids;
use super::super::rules::OauthRules;
use crate::sandbox::world::SalesforceWorld;

/// Tokens remembered at once; the oldest goes first.
const TOKENS_MAX: usize = 1_000;

/// Tokens handed out since the server started.
#[derive(Debug, Default)]
pub struct Sessions {
    open: HashMap<String, Session>,
    /// Refresh tokens that rotation replaced.
    spent: HashSet<String>,
    /// Refresh tokens that rotation made.
    rotated: HashSet<String>,
    counter: u64,
}

/// One login.
#[derive(Clone, Debug)]
pub struct Session {
    pub user_id: String,
    pub issued_at: Timestamp,
    /// A session holds for a while after its last call.
    pub used_at: Timestamp,
    order: u64,
}

impl Sessions {
    /// Returns whose token it is, if it still holds, and holds it a while longer.
    pub fn enter(&mut self, rules: &OauthRules, token: &str, now: Timestamp) -> Option<Session> {
        let lifetime = SignedDuration::from_mins(rules.session_minutes);
        let session = self.open.get_mut(token)?;
        if now.duration_since(session.used_at) >= lifetime {
            return None;
        }
        session.used_at = now;
        Some(session.clone())
    }

    /// Forgets every access token, as an admin who ends all sessions does.
    pub fn expire_all(&mut self) {
        self.open.clear();
    }

    /// Forgets an access or refresh token; false for one that never was.
    pub fn revoke(&mut self, rules: &OauthRules, token: &str) -> bool {
        let is_refresh = self.is_refresh_token(rules, token);
        if is_refresh {
            self.spent.insert(token.to_owned());
        }
        self.open.remove(token).is_some() || is_refresh
    }

    /// Starts a session.
    pub fn issue(&mut self, world: &SalesforceWorld, user_id: &str, now: Timestamp) -> String {
        if self.open.len() >= TOKENS_MAX
            && let Some(oldest) =
                self.open.iter().min_by_key(|(_, session)| session.order).map(|(t, _)| t.clone())
        {
            self.open.remove(&oldest);
        }
        let token = format!("{}!AQ{}", ids::short(&world.org_id), self.secret(world, now));
        let session = Session {
            user_id: user_id.to_owned(),
            issued_at: now,
            used_at: now,
            order: self.counter,
        };
        self.open.insert(token.clone(), session);
        token
    }

    pub fn is_refresh_token(&self, rules: &OauthRules, token: &str) -> bool {
        let is_known =
            rules.refresh_tokens.iter().any(|own| own == token) || self.rotated.contains(token);
        is_known && !self.spent.contains(token)
    }

    /// Replaces a refresh token by a new one; the old one is dead at once.
    pub fn rotate(&mut self, world: &SalesforceWorld, old: &str, now: Timestamp) -> String {
        self.spent.insert(old.to_owned());
        let token = format!("5Aep{}", self.secret(world, now));
        self.rotated.insert(token.clone());
        token
    }

    fn secret(&mut self, world: &SalesforceWorld, now: Timestamp) -> String {
        self.counter += 1;
        let seed = format!("{}:{}:{now}:{}", world.org_id, world.client_secret, self.counter);
        super::hex(&Sha256::digest(seed))
    }
}
