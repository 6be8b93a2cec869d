//! Tokens against a small server: renewed in time, once for all callers, and never in a loop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request as ServerRequest;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::*;
use crate::crm::Sensitive;
use crate::crm::transport::{Backoff, Fetched};

const FAST: Backoff = Backoff { first_ms: 1, longest_ms: 1, tries_max: 4, longest_job_ms: 1 };
const DETAILS: &str = r#"{"portalId":4471923,"timeZone":"UTC","companyCurrency":"USD"}"#;
const EXPIRED: &str = r#"{"status":"error","category":"EXPIRED_AUTHENTICATION","message":"The OAuth token used to make this call expired 3 second(s) ago."}"#;

struct Portal {
    address: SocketAddr,
    /// Logins and other calls seen.
    logins: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
}

/// Serves tokens `t0`, `t1`, … by `login`, and lets in whatever `is_good` does.
async fn serve(
    login: impl Fn(usize, &str) -> Response + Clone + Send + Sync + 'static,
    is_good: impl Fn(&str) -> bool + Clone + Send + Sync + 'static,
) -> Portal {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("the listener has an address");
    let (logins, calls) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (n_logins, n_calls) = (Arc::clone(&logins), Arc::clone(&calls));
    let router = Router::new().fallback(move |request: ServerRequest| {
        let (login, is_good) = (login.clone(), is_good.clone());
        let (n_logins, n_calls) = (Arc::clone(&n_logins), Arc::clone(&n_calls));
        async move {
            let bearer = request.headers().get("authorization").cloned();
            if request.uri().path() == "/oauth/2026-09/token" {
                assert!(bearer.is_none(), "a login carries no token");
                let body = to_bytes(request.into_body(), usize::MAX).await.expect("a body");
                let n_before = n_logins.fetch_add(1, Ordering::SeqCst);
                return login(n_before, &String::from_utf8_lossy(&body));
            }
            n_calls.fetch_add(1, Ordering::SeqCst);
            let bearer = bearer.expect("a call carries a token");
            let token = bearer.to_str().expect("text").trim_start_matches("Bearer ");
            if is_good(token) { json(200, DETAILS) } else { json(401, EXPIRED) }
        }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    Portal { address, logins, calls }
}

impl Portal {
    fn client(&self) -> HubSpot {
        self.client_with(Credentials::Refresh {
            client_id: secret("app id"),
            client_secret: secret("app/secret"),
            refresh_token: secret("refresh+token"),
        })
    }

    fn client_with(&self, credentials: Credentials) -> HubSpot {
        let base_url = format!("http://{}", self.address);
        let config = Config { base_url, credentials, version: VERSION_DEFAULT.to_owned() };
        let options = TransportOptions { backoff: FAST, ..TransportOptions::default() };
        HubSpot::new(config, options).expect("a client is made")
    }

    fn seen(&self) -> (usize, usize) {
        (self.logins.load(Ordering::SeqCst), self.calls.load(Ordering::SeqCst))
    }
}

fn secret(text: &str) -> Sensitive<String> {
    Sensitive::new(text.to_owned())
}

fn json(status: u16, body: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [("content-type", "application/json")], body.to_owned()).into_response()
}

fn granted(n: usize, expires_in: u64) -> Response {
    json(
        200,
        &format!(
            r#"{{"token_type":"bearer","access_token":"t{n}","refresh_token":"refresh+token","expires_in":{expires_in},"scopes":["crm.objects.contacts.read"]}}"#
        ),
    )
}

#[tokio::test]
async fn a_token_near_its_end_is_replaced_before_it_is_refused() {
    let form = "grant_type=refresh_token&client_id=app%20id&client_secret=app%2Fsecret&refresh_token=refresh%2Btoken";
    let portal = serve(
        move |n, body| {
            assert_eq!(body, form);
            granted(n, if n == 0 { 0 } else { 1800 })
        },
        |_| true,
    )
    .await;
    let crm = portal.client();
    for _ in 0..3 {
        crm.account().await.expect("the account answers");
    }
    assert_eq!(portal.seen(), (2, 3));
    assert_eq!(
        crm.bearer.login().granted_scopes().as_deref(),
        Some(&["crm.objects.contacts.read".to_owned()][..])
    );
}

#[tokio::test]
async fn an_expired_token_is_renewed_once_for_all_who_meet_it() {
    let portal = serve(|n, _| granted(n, 1800), |token| token != "t0").await;
    let crm = portal.client();
    let accounts = futures::future::join_all((0..8).map(|_| crm.account())).await;
    assert!(accounts.iter().all(Result::is_ok), "{accounts:?}");
    let (logins, calls) = portal.seen();
    assert_eq!(logins, 2);
    assert!((9..=16).contains(&calls), "{calls} calls");
}

#[tokio::test]
async fn a_new_token_that_is_refused_ends_the_call() {
    let portal = serve(|n, _| granted(n, 1800), |_| false).await;
    let error = portal.client().account().await.expect_err("no token is good");
    assert_eq!(
        error.to_string(),
        "hubspot refused the credentials: EXPIRED_AUTHENTICATION; The OAuth token used to make this \
         call expired; so was a new token"
    );
    assert_eq!(portal.seen(), (2, 2));
}

#[tokio::test]
async fn a_refused_login_is_tried_once_whoever_asks() {
    let body = r#"{"status":"BAD_REFRESH_TOKEN","message":"refresh+token is no good","error":"invalid_grant","error_description":"refresh+token"}"#;
    let portal = serve(move |_, _| json(400, body), |_| true).await;
    let crm = portal.client();
    let accounts = futures::future::join_all((0..8).map(|_| crm.account())).await;
    for account in accounts {
        let error = account.expect_err("nobody gets in").to_string();
        assert!(error.starts_with("hubspot refused the credentials: invalid_grant"), "{error}");
        assert!(error.contains("BAD_REFRESH_TOKEN") && !error.contains("refresh+"), "{error}");
    }
    assert_eq!(portal.seen(), (1, 0));
}

#[tokio::test]
async fn a_token_from_elsewhere_is_read_again_when_it_is_refused() {
    let portal = serve(|n, _| granted(n, 1800), |token| token == "t1").await;
    let fetched = Fetched::new(secret("t0"), || Ok(secret("t1")));
    let crm = portal.client_with(Credentials::Fetched(fetched));
    crm.account().await.expect("the new token is good");
    crm.account().await.expect("and is kept");
    assert_eq!(portal.seen(), (0, 3));

    // The place still holds the token that was refused: asking again would change nothing.
    let fetched = Fetched::new(secret("t0"), || Ok(secret("t0")));
    let error = portal.client_with(Credentials::Fetched(fetched)).account().await;
    let error = error.expect_err("the token has ended").to_string();
    assert!(error.starts_with("hubspot refused the credentials: EXPIRED"), "{error}");
    assert_eq!(portal.seen(), (0, 4));

    let fetched = Fetched::new(secret("t0"), || Err("cannot read secret file: `t`".to_owned()));
    let error = portal.client_with(Credentials::Fetched(fetched)).account().await;
    assert_eq!(
        error.expect_err("there is no token").to_string(),
        "hubspot refused the credentials: the token ended and cannot be read again: cannot read \
         secret file: `t`"
    );
}
