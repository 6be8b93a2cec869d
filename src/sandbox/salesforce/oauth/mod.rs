//! Logging in: client credentials, JWT bearer, refresh; and what one may ask about a token.

mod assertion;
mod key;
mod sessions;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use rusqlite::types::Value as Cell;
use serde_json::{Map, json};
use sha2::{Digest, Sha256};

use super::answer::Answer;
use super::call::parse_form;
use super::errors::Fault;
use super::ids;
use super::org::{Org, StoredRow};

pub use sessions::{Session, Sessions};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A request for or about a token.
pub struct Request<'a> {
    /// Address by which the caller reached the server.
    pub base_url: &'a str,
    pub authorization: Option<&'a str>,
    pub body: &'a [u8],
    /// Parameters of the address.
    pub query: &'a [(String, String)],
}

/// Why no token was given: error and description.
pub struct Refusal(&'static str, &'static str);

fn refusal(error: &'static str, description: &'static str) -> Refusal {
    Refusal(error, description)
}

/// What a login came to.
struct Login {
    user_id: String,
    refresh_token: Option<String>,
    /// The JWT bearer flow says less.
    is_short: bool,
}

/// Answers `POST /services/oauth2/token`.
pub fn token(org: &Org<'_>, sessions: &mut Sessions, request: &Request<'_>) -> Answer {
    let login = match log_in(org, sessions, request) {
        Ok(login) => login,
        Err(Refusal(error, description)) => {
            let body = json!({"error": error, "error_description": description});
            return Answer::json(400, &body);
        }
    };
    let access_token = sessions.issue(org.world, &login.user_id, org.now);
    let issued_at = org.now.as_millisecond().to_string();
    let identity = identity_url(org, request.base_url, &login.user_id);
    let mut body = Map::new();
    let mut add = |key: &str, value: &str| body.insert(key.to_owned(), json!(value));
    add("access_token", &access_token);
    add("scope", "api");
    add("instance_url", request.base_url);
    add("id", &identity);
    add("token_type", "Bearer");
    if !login.is_short {
        add("signature", &hex(&Sha256::digest(format!("{identity}{issued_at}"))));
        add("issued_at", &issued_at);
    }
    if let Some(token) = &login.refresh_token {
        add("refresh_token", token);
    }
    Answer::json(200, &body)
}

fn log_in(org: &Org<'_>, sessions: &mut Sessions, request: &Request<'_>) -> Result<Login, Refusal> {
    let form = parse_form(&String::from_utf8_lossy(request.body));
    let field =
        |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let plain =
        |user_id: &str| Login { user_id: user_id.to_owned(), refresh_token: None, is_short: false };
    match field("grant_type") {
        Some("client_credentials") => {
            let basic = request.authorization.and_then(basic_credentials);
            let in_body = || {
                field("client_id")
                    .zip(field("client_secret"))
                    .map(|(id, secret)| (id.to_owned(), secret.to_owned()))
            };
            let (id, secret) = basic
                .or_else(in_body)
                .ok_or_else(|| refusal("invalid_client", "client identifier invalid"))?;
            check_client(org, &id, Some(&secret))?;
            Ok(plain(&org.world.user_id))
        }
        Some(JWT_BEARER) => {
            let assertion = field("assertion").unwrap_or_default();
            let rules = &org.rules.oauth;
            let name = assertion::subject(rules, org.world, org.now, request.base_url, assertion)?;
            let user_id = user_named(org, &name)
                .ok_or_else(|| refusal("invalid_grant", "user hasn't approved this consumer"))?;
            Ok(Login { is_short: true, ..plain(&user_id) })
        }
        Some("refresh_token") => {
            check_client(org, field("client_id").unwrap_or_default(), field("client_secret"))?;
            let token = field("refresh_token").unwrap_or_default();
            if !sessions.is_refresh_token(&org.rules.oauth, token) {
                return Err(refusal("invalid_grant", "expired access/refresh token"));
            }
            let is_rotated = org.rules.oauth.is_refresh_token_rotated;
            let refresh_token = is_rotated.then(|| sessions.rotate(org.world, token, org.now));
            Ok(Login { refresh_token, ..plain(&org.world.user_id) })
        }
        Some(_) => Err(refusal("unsupported_grant_type", "grant type not supported")),
        None => Err(refusal("invalid_request", "must specify grant_type")),
    }
}

fn check_client(org: &Org<'_>, id: &str, secret: Option<&str>) -> Result<(), Refusal> {
    if id != org.world.client_id {
        return Err(refusal("invalid_client_id", "client identifier invalid"));
    }
    if secret.is_some_and(|secret| secret != org.world.client_secret) {
        return Err(refusal("invalid_client", "invalid client credentials"));
    }
    Ok(())
}

/// Answers `POST /services/oauth2/revoke`.
pub fn revoke(org: &Org<'_>, sessions: &mut Sessions, request: &Request<'_>) -> Answer {
    let form = parse_form(&String::from_utf8_lossy(request.body));
    let token = form.iter().chain(request.query).find(|(key, _)| key == "token");
    let is_known = token.is_some_and(|(_, token)| sessions.revoke(&org.rules.oauth, token));
    if is_known {
        return Answer::bare(200);
    }
    let body = json!({"error": "invalid_token", "error_description": "invalid token"});
    Answer::json(400, &body)
}

/// Answers `POST /services/oauth2/introspect`.
pub fn introspect(org: &Org<'_>, sessions: &mut Sessions, request: &Request<'_>) -> Answer {
    let form = parse_form(&String::from_utf8_lossy(request.body));
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let (Some(id), Some(token)) = (field("client_id"), field("token")) else {
        let body = json!({"error": "invalid_request", "error_description": "missing parameter"});
        return Answer::json(400, &body);
    };
    if let Err(Refusal(error, description)) =
        check_client(org, id, field("client_secret").map(String::as_str))
    {
        return Answer::json(401, &json!({"error": error, "error_description": description}));
    }
    let Some(session) = sessions.enter(&org.rules.oauth, token, org.now) else {
        return Answer::json(200, &json!({"active": false}));
    };
    let lifetime = SignedDuration::from_mins(org.rules.oauth.session_minutes);
    let issued_at = session.issued_at.as_second();
    Answer::json(
        200,
        &json!({
            "active": true,
            "scope": "api",
            "client_id": org.world.client_id,
            "username": user_name(org, &session.user_id),
            "sub": identity_url(org, request.base_url, &session.user_id),
            "token_type": "access_token",
            "exp": session.used_at.as_second() + lifetime.as_secs(),
            "iat": issued_at,
            "nbf": issued_at,
        }),
    )
}

/// Answers `GET /services/oauth2/userinfo` and the identity address.
pub fn user_info(org: &Org<'_>, base_url: &str, user_id: &str) -> Answer {
    let identity = identity_url(org, base_url, user_id);
    let user = user(org, "Id", user_id);
    let text = |field: &str| {
        let (object, row) = user.as_ref().map(|row| (org.catalog.object("User"), row))?;
        row.text(object?, field).map(str::to_owned)
    };
    let user_name = user_name(org, user_id);
    let rest = format!("{base_url}/services/data/v{{version}}/");
    Answer::json(
        200,
        &json!({
            "sub": identity,
            "id": identity,
            "asserted_user": true,
            "user_id": user_id,
            "organization_id": org.world.org_id,
            "preferred_username": user_name,
            "username": user_name,
            "name": text("Name"),
            "display_name": text("Name"),
            "email": text("Email"),
            "zoneinfo": text("TimeZoneSidKey"),
            "user_type": "STANDARD",
            "active": true,
            "urls": {
                "rest": rest,
                "sobjects": format!("{rest}sobjects/"),
                "query": format!("{rest}query/"),
                "search": format!("{rest}search/"),
            },
        }),
    )
}

/// Returns the token of an `Authorization` header, under either name that the vendor takes.
///
/// # Errors
/// `INVALID_AUTH_HEADER` when the header is missing or of another kind.
pub fn bearer(authorization: Option<&str>) -> Result<&str, Fault> {
    authorization
        .and_then(|header| header.split_once(' '))
        .filter(|(scheme, _)| ["bearer", "oauth"].contains(&scheme.to_lowercase().as_str()))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| Fault::new(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE"))
}

/// Returns the id of an active user by name.
fn user_named(org: &Org<'_>, name: &str) -> Option<String> {
    let users = org.catalog.object("User")?;
    if users.field("Username").is_none() {
        let is_own = name.eq_ignore_ascii_case(&made_up_name(&org.world.user_id));
        return is_own.then(|| org.world.user_id.clone());
    }
    let row = user(org, "Username", name)?;
    let is_active = users.field("IsActive").is_none() || row.is_true(users, "IsActive");
    is_active.then(|| row.id(users).to_owned())
}

fn user(org: &Org<'_>, field: &str, value: &str) -> Option<StoredRow> {
    let users = org.catalog.object("User")?;
    let field = users.field(field)?;
    org.rows_by(users, field, &Cell::Text(value.to_owned())).ok()?.into_iter().next()
}

fn user_name(org: &Org<'_>, user_id: &str) -> String {
    let users = org.catalog.object("User");
    let row = user(org, "Id", user_id);
    row.zip(users)
        .and_then(|(row, users)| row.text(users, "Username").map(str::to_owned))
        .unwrap_or_else(|| made_up_name(user_id))
}

/// Name of a user in a world that keeps no names.
fn made_up_name(user_id: &str) -> String {
    format!("{}@sandbox.invalid", ids::short(user_id))
}

fn identity_url(org: &Org<'_>, base_url: &str, user_id: &str) -> String {
    format!("{base_url}/id/{}/{user_id}", org.world.org_id)
}

fn basic_credentials(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
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
