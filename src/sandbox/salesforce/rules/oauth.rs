//! How one logs in.

use serde::{Deserialize, Serialize};

/// Settings of logins and sessions.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OauthRules {
    /// Minutes that a session holds after its last call.
    pub session_minutes: i64,
    /// PEM of the certificate or public key that JWT bearer assertions are checked with.
    pub public_key: Option<String>,
    /// Assertions past their `exp`, on the sandbox's clock, are refused.
    pub is_assertion_expiry_checked: bool,
    /// Refresh tokens of the integration user.
    pub refresh_tokens: Vec<String>,
    /// Each refresh answers with a new refresh token, and the old one is dead.
    pub is_refresh_token_rotated: bool,
}

impl Default for OauthRules {
    fn default() -> Self {
        Self {
            session_minutes: 120,
            public_key: None,
            is_assertion_expiry_checked: true,
            refresh_tokens: Vec::new(),
            is_refresh_token_rotated: false,
        }
    }
}
