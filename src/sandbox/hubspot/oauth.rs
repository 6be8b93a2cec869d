//! Tokens: how they are had, how long they live, what they may do (reference section 2).
//!
//! Three kinds are taken: the world's own token, which may do everything unless settings say
//! otherwise; keys of the settings with their scopes; and access tokens of the one OAuth app that
//! settings describe, which live half an hour of sandbox time.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::Form;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rusqlite::{OptionalExtension, params};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::errors::ApiError;
use super::{APP_ID, Server, Work, parse, reply, scopes};

const USER: &str = "integrations@sandbox.invalid";

type Fields = BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenRequest {
    token_key: String,
}

/// An issued token.
struct Token {
    is_access: bool,
    scopes: Vec<String>,
    /// Epoch milliseconds; none for a refresh token.
    expires_at: Option<i64>,
    is_revoked: bool,
}

/// Whoever makes a call.
pub struct Caller {
    pub token: String,
    /// None for everything.
    pub scopes: Option<Vec<String>>,
}

/// Judges a call's credentials.
///
/// # Errors
/// 401, in the vendor's words for a token that is missing, unknown or past its time.
pub async fn authorize(server: &Server, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(|token| token.trim().to_owned())
        .ok_or_else(ApiError::not_authenticated)?;
    let settings = server.shared.settings();
    if settings.expired_tokens.contains(&token) {
        return Err(ApiError::token_expired(1));
    }
    if let Some(scopes) = settings.tokens.get(&token) {
        return Ok(Caller { scopes: Some(scopes.clone()), token });
    }
    if token == server.shared.world.hubspot.token {
        return Ok(Caller { token, scopes: None });
    }
    let asked = token.clone();
    let (issued, now) = server.read(move |work| Ok((find(work, &asked)?, work.now))).await?;
    let issued = issued
        .filter(|one| one.is_access && !one.is_revoked)
        .ok_or_else(ApiError::not_authenticated)?;
    match issued.expires_at {
        Some(at) if at <= now => Err(ApiError::token_expired((now - at) / 1000)),
        _ => Ok(Caller { token, scopes: Some(issued.scopes) }),
    }
}

/// Gives an access token for a code or a refresh token.
pub async fn token(
    State(server): State<Server>,
    Form(fields): Form<Fields>,
) -> Result<Response, ApiError> {
    let settings = server.settings().oauth;
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    if field("client_id") != settings.client_id || field("client_secret") != settings.client_secret
    {
        return refuse("BAD_CLIENT_ID", "missing or unknown client id or secret", "invalid_client");
    }
    let refresh_token = match field("grant_type").as_str() {
        "authorization_code" if field("code") == settings.code => settings.refresh_token.clone(),
        "authorization_code" => {
            return refuse("BAD_AUTH_CODE", "missing or unknown auth code", "invalid_grant");
        }
        "refresh_token" => field("refresh_token"),
        _ => {
            return refuse("BAD_GRANT_TYPE", "unsupported grant type", "unsupported_grant_type");
        }
    };
    let is_first = refresh_token == settings.refresh_token;
    let issued = server
        .call(move |work| {
            let known = find(work, &refresh_token)?;
            let is_good = match &known {
                Some(token) => !token.is_access && !token.is_revoked,
                None => is_first,
            };
            if !is_good {
                return Ok(None);
            }
            let refresh_token = if settings.rotates_refresh_token {
                revoke_token(work, &refresh_token)?;
                issue(work, "refresh", &settings.scopes, None)?
            } else {
                refresh_token
            };
            let expires_at = work.now + settings.access_token_seconds * 1000;
            let access_token = issue(work, "access", &settings.scopes, Some(expires_at))?;
            Ok(Some(json!({
                "token_type": "bearer",
                "access_token": access_token,
                "refresh_token": refresh_token,
                "expires_in": settings.access_token_seconds,
                "hub_id": portal_number(work),
                "user_id": 1,
                "scopes": settings.scopes,
            })))
        })
        .await?;
    match issued {
        Some(view) => reply(StatusCode::OK, &view),
        None => refuse("BAD_REFRESH_TOKEN", "missing or invalid refresh token", "invalid_grant"),
    }
}

pub async fn introspect(
    State(server): State<Server>,
    Form(fields): Form<Fields>,
) -> Result<Response, ApiError> {
    let token = fields.get("token").cloned().unwrap_or_default();
    let client_id = server.settings().oauth.client_id;
    let view = server
        .read(move |work| {
            let known = find(work, &token)?
                .filter(|one| !one.is_revoked && one.expires_at.is_none_or(|at| at > work.now));
            Ok(match known {
                Some(known) => describe(work, &client_id, &token, &known),
                None => json!({"active": false}),
            })
        })
        .await?;
    reply(StatusCode::OK, &view)
}

pub async fn revoke(
    State(server): State<Server>,
    Form(fields): Form<Fields>,
) -> Result<Response, ApiError> {
    let token = fields.get("token").cloned().unwrap_or_default();
    server.call(move |work| revoke_token(work, &token)).await?;
    reply(StatusCode::OK, &json!({}))
}

/// The older way to ask what a token is, by its own path.
pub async fn read(
    State(server): State<Server>,
    Path(token): Path<String>,
) -> Result<Response, ApiError> {
    let client_id = server.settings().oauth.client_id;
    let view = server
        .read(move |work| {
            let known = find(work, &token)?.filter(|one| !one.is_revoked);
            Ok(known.map(|known| describe(work, &client_id, &token, &known)))
        })
        .await?;
    match view {
        Some(view) => reply(StatusCode::OK, &view),
        None => not_found(),
    }
}

pub async fn delete(
    State(server): State<Server>,
    Path(token): Path<String>,
) -> Result<Response, ApiError> {
    server.call(move |work| revoke_token(work, &token)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Tells what a private app's token or a service key is for; an unknown one is a 404.
pub async fn token_info(State(server): State<Server>, body: Bytes) -> Result<Response, ApiError> {
    let request: TokenRequest = parse(&body)?;
    let hubspot = &server.shared.world.hubspot;
    let settings = server.shared.settings();
    let scopes = match settings.tokens.get(&request.token_key) {
        Some(scopes) => scopes.clone(),
        None if request.token_key == hubspot.token => scopes::all(),
        None => return not_found(),
    };
    let info = json!({
        "userId": 1,
        "hubId": hubspot.portal_id.parse::<u64>().unwrap_or_default(),
        "appId": APP_ID.parse::<u64>().unwrap_or_default(),
        "scopes": scopes,
    });
    reply(StatusCode::OK, &info)
}

/// These routes lie outside the gate, so their error bodies are written here.
fn not_found() -> Result<Response, ApiError> {
    let error = ApiError::not_found("No token was found");
    reply(error.status, &error.body)
}

fn refuse(status: &str, message: &str, error: &str) -> Result<Response, ApiError> {
    reply(
        StatusCode::BAD_REQUEST,
        &json!({
            "status": status,
            "message": message,
            "error": error,
            "error_description": message,
        }),
    )
}

fn describe(work: &Work<'_>, client_id: &str, token: &str, known: &Token) -> Value {
    let kind = if known.is_access { "access_token" } else { "refresh_token" };
    let mut view = json!({
        "active": true,
        "token": token,
        "token_use": kind,
        "token_type": kind.strip_suffix("_token"),
        "hub_id": portal_number(work),
        "user_id": 1,
        "user": USER,
        "hub_domain": "sandbox.invalid",
        "client_id": client_id,
        "app_id": APP_ID.parse::<u64>().unwrap_or_default(),
        "scopes": known.scopes,
    });
    if let Some(at) = known.expires_at {
        view["expires_in"] = json!((at - work.now) / 1000);
    }
    view
}

fn issue(
    work: &Work<'_>,
    kind: &str,
    scopes: &[String],
    expires_at: Option<i64>,
) -> Result<String, ApiError> {
    let n_issued: i64 =
        work.db.query_row("select count(*) from oauth_tokens", [], |row| row.get(0))?;
    let hash = Sha256::digest(format!("{}|{kind}|{n_issued}", work.world.hubspot.token));
    let token = hash.iter().fold(format!("sandbox-{kind}-"), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    work.db.execute(
        "insert into oauth_tokens (token, kind, scopes, expires_at, is_revoked)
         values (?1, ?2, ?3, ?4, 0)",
        params![token, kind, scopes.join(" "), expires_at],
    )?;
    Ok(token)
}

/// Ends a token; the app's first refresh token is noted so that it stays ended.
fn revoke_token(work: &Work<'_>, token: &str) -> Result<(), ApiError> {
    work.db.execute(
        "insert into oauth_tokens (token, kind, scopes, expires_at, is_revoked)
         values (?1, 'refresh', '', null, 1)
         on conflict (token) do update set is_revoked = 1",
        [token],
    )?;
    Ok(())
}

fn find(work: &Work<'_>, token: &str) -> Result<Option<Token>, ApiError> {
    Ok(work
        .db
        .prepare_cached(
            "select kind, scopes, expires_at, is_revoked from oauth_tokens where token = ?1",
        )?
        .query_row([token], |row| {
            let scopes: String = row.get(1)?;
            Ok(Token {
                is_access: row.get_ref(0)?.as_str()? == "access",
                scopes: scopes.split_whitespace().map(str::to_owned).collect(),
                expires_at: row.get(2)?,
                is_revoked: row.get(3)?,
            })
        })
        .optional()?)
}

fn portal_number(work: &Work<'_>) -> u64 {
    work.portal_id().parse().unwrap_or_default()
}
