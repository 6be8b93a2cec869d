//! Assertions of the JWT bearer flow: signed by the app's key, naming the user.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Map, Value};

use super::super::rules::OauthRules;
use super::key::rsa_key;
use super::{Refusal, refusal};
use crate::sandbox::world::SalesforceWorld;

/// Login addresses that stand for every org.
const AUDIENCES: [&str; 2] = ["https://login.salesforce.com", "https://test.salesforce.com"];

/// Returns the user name that a good assertion speaks for.
///
/// # Errors
/// When it is not signed by the app's key, not meant for this server, of another app or expired.
pub fn subject(
    rules: &OauthRules,
    world: &SalesforceWorld,
    now: Timestamp,
    base_url: &str,
    assertion: &str,
) -> Result<String, Refusal> {
    let invalid = || refusal("invalid_grant", "invalid assertion");
    let claims = read(rules, assertion).ok_or_else(invalid)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("iss") != world.client_id {
        return Err(refusal("invalid_client_id", "client identifier invalid"));
    }
    let audience = text("aud").trim_end_matches('/');
    let audience = audience.strip_suffix("/services/oauth2/token").unwrap_or(audience);
    if audience != base_url && !AUDIENCES.contains(&audience) {
        return Err(refusal("invalid_grant", "audience is invalid"));
    }
    // Seconds, by some clients as a text, by others a number that are milliseconds: far ahead.
    let expires_at = match claims.get("exp") {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^53")]
    let is_over = expires_at.ok_or_else(invalid)? <= now.as_second() as f64;
    if is_over && rules.is_assertion_expiry_checked {
        return Err(refusal("invalid_grant", "assertion expired"));
    }
    Ok(text("sub").to_owned())
}

/// Returns the claims of an assertion whose signature is right.
fn read(rules: &OauthRules, assertion: &str) -> Option<Map<String, Value>> {
    let key = rsa_key(rules.public_key.as_deref()?)?;
    let (signed, signature) = assertion.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
    let header: Map<String, Value> = serde_json::from_slice(&decode(header)?).ok()?;
    if header.get("alg").and_then(Value::as_str) != Some("RS256") {
        return None;
    }
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
        .verify(signed.as_bytes(), &decode(signature)?)
        .ok()?;
    serde_json::from_slice(&decode(claims)?).ok()
}
