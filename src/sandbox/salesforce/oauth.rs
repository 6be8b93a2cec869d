//! Tokens: the client-credentials flow, and which tokens still hold.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::answer::Answer;
use super::call::parse_form;
use super::ids;
use crate::sandbox::world::SalesforceWorld;

/// How long a token holds on the sandbox's clock.
const LIFETIME: SignedDuration = SignedDuration::from_hours(2);
/// Tokens remembered at once; the oldest goes first.
const TOKENS_MAX: usize = 1_000;

/// Tokens handed out since the server started.
#[derive(Debug, Default)]
pub struct Sessions {
    issued: HashMap<String, (u64, Timestamp)>,
    counter: u64,
}

impl Sessions {
    /// Tells whether an `Authorization` header lets its caller in.
    pub fn admits(&self, authorization: Option<&str>, now: Timestamp) -> bool {
        let token = authorization
            .and_then(|header| header.split_once(' '))
            .filter(|(scheme, _)| ["bearer", "oauth"].contains(&scheme.to_lowercase().as_str()))
            .map(|(_, token)| token.trim());
        token.and_then(|token| self.issued.get(token)).is_some_and(|(_, issued_at)| {
            let age = now.duration_since(*issued_at);
            age < LIFETIME
        })
    }

    /// Forgets every token, as an admin who ends all sessions does.
    pub fn expire_all(&mut self) {
        self.issued.clear();
    }

    /// Forgets one token.
    pub fn revoke(&mut self, token: &str) {
        self.issued.remove(token);
    }

    fn issue(&mut self, world: &SalesforceWorld, now: Timestamp) -> String {
        if self.issued.len() >= TOKENS_MAX
            && let Some(oldest) =
                self.issued.iter().min_by_key(|(_, (order, _))| *order).map(|(t, _)| t.clone())
        {
            self.issued.remove(&oldest);
        }
        self.counter += 1;
        let seed = format!("{}:{}:{now}:{}", world.org_id, world.client_secret, self.counter);
        let token = format!("{}!AQ{}", ids::short(&world.org_id), hex(&Sha256::digest(seed)));
        self.issued.insert(token.clone(), (self.counter, now));
        token
    }
}

/// Answers `POST /services/oauth2/token`.
///
/// `base_url` is the address the caller reached the server by.
pub fn token(
    sessions: &mut Sessions,
    world: &SalesforceWorld,
    now: Timestamp,
    base_url: &str,
    authorization: Option<&str>,
    body: &[u8],
) -> Answer {
    let form = parse_form(&String::from_utf8_lossy(body));
    let field =
        |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let refuse = |error: &str, description: &str| {
        Answer::json(400, &json!({"error": error, "error_description": description}))
    };
    match field("grant_type").as_deref() {
        Some("client_credentials") => {}
        Some(_) => return refuse("unsupported_grant_type", "grant type not supported"),
        None => return refuse("invalid_request", "must specify grant_type"),
    }
    let basic = authorization.and_then(basic_credentials);
    let in_body = || field("client_id").zip(field("client_secret"));
    let Some((id, secret)) = basic.or_else(in_body) else {
        return refuse("invalid_client", "client identifier invalid");
    };
    if id != world.client_id {
        return refuse("invalid_client_id", "client identifier invalid");
    }
    if secret != world.client_secret {
        return refuse("invalid_client", "invalid client credentials");
    }
    let access_token = sessions.issue(world, now);
    let issued_at = now.as_millisecond().to_string();
    let identity = identity_url(world, base_url);
    let signed = hex(&Sha256::digest(format!("{identity}{issued_at}")));
    Answer::json(
        200,
        &json!({
            "access_token": access_token,
            "signature": signed,
            "scope": "api",
            "instance_url": base_url,
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued_at,
        }),
    )
}

/// Answers `GET /services/oauth2/userinfo` and the identity address.
pub fn user_info(world: &SalesforceWorld, base_url: &str) -> Answer {
    Answer::json(
        200,
        &json!({
            "sub": identity_url(world, base_url),
            "id": identity_url(world, base_url),
            "user_id": world.user_id,
            "organization_id": world.org_id,
            "preferred_username": format!("{}@sandbox.invalid", ids::short(&world.user_id)),
            "username": format!("{}@sandbox.invalid", ids::short(&world.user_id)),
            "active": true,
            "urls": Value::Object(serde_json::Map::new()),
        }),
    )
}

fn identity_url(world: &SalesforceWorld, base_url: &str) -> String {
    format!("{base_url}/id/{}/{}", world.org_id, world.user_id)
}

fn basic_credentials(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(decode_base64(encoded.trim())?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut n_bits) = (0_u32, 0_u32);
    for byte in text.trim_end_matches('=').bytes() {
        let value = ALPHABET.iter().position(|&own| own == byte)?;
        bits = (bits << 6 | u32::try_from(value).ok()?) & 0xF_FFFF;
        n_bits += 6;
        if n_bits >= 8 {
            n_bits -= 8;
            bytes.push(u8::try_from(bits >> n_bits & 0xFF).ok()?);
        }
    }
    Some(bytes)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_basic_credentials() {
        assert_eq!(
            basic_credentials("Basic c2FuZGJveDpzM2NyZXQh"),
            Some(("sandbox".to_owned(), "s3cret!".to_owned()))
        );
        assert_eq!(basic_credentials("Basic ***"), None);
    }
}
