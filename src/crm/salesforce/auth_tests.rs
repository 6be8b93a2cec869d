//! Sessions against a small server: by assertion and by refresh token.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request as ServerRequest;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;

use super::*;
use crate::crm::Sensitive;
use crate::crm::transport::{Backoff, Now};
use crate::crm::url::decode;

const FAST: Backoff = Backoff { first_ms: 1, longest_ms: 1, tries_max: 4, longest_job_ms: 1 };
const LIMITS: &str = r#"{"DailyApiRequests":{"Max":15000,"Remaining":14998}}"#;
const PKCS8: &str = include_str!("../../../tests/keys/jwt_for_tests_only.pem");
const PKCS1: &str = include_str!("../../../tests/keys/jwt_for_tests_only_pkcs1.pem");

type Forms = Arc<Mutex<Vec<String>>>;

/// Answers logins with `login` and everything else with limits; returns the forms of the logins.
async fn serve(
    credentials: Credentials,
    login: impl Fn(usize) -> Response + Clone + Send + Sync + 'static,
) -> (Result<Salesforce, CrmError>, Forms) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("the listener has an address");
    let forms = Forms::default();
    let keep = Arc::clone(&forms);
    let router = Router::new().fallback(move |request: ServerRequest| {
        let (login, keep) = (login.clone(), Arc::clone(&keep));
        async move {
            if request.uri().path() != "/services/oauth2/token" {
                return json(200, LIMITS);
            }
            let body = to_bytes(request.into_body(), usize::MAX).await.expect("a body");
            let mut keep = keep.lock().expect("no test panics while it holds this");
            keep.push(String::from_utf8_lossy(&body).into_owned());
            login(keep.len() - 1)
        }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    let config = Config::new(format!("http://{address}"), credentials);
    let options = TransportOptions { backoff: FAST, ..TransportOptions::default() };
    (Salesforce::new(config, options), forms)
}

fn json(status: u16, body: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [("content-type", "application/json")], body.to_owned()).into_response()
}

fn secret(text: &str) -> Sensitive<String> {
    Sensitive::new(text.to_owned())
}

fn jwt(private_key: &str) -> Credentials {
    let now = Timestamp::from_second(1_763_900_000).expect("a time");
    Credentials::Jwt {
        client_id: secret("3MVG9"),
        username: "integration@acme.example".to_owned(),
        audience: "https://login.salesforce.com".to_owned(),
        private_key: secret(private_key),
        now: Now::new(move || now),
    }
}

fn public_key() -> Vec<u8> {
    let der = PrivatePkcs8KeyDer::from_pem_slice(PKCS8.as_bytes()).expect("the test's key");
    let pair = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).expect("the test's key");
    pair.public_key().as_ref().to_vec()
}

#[tokio::test]
async fn an_assertion_is_signed_by_the_key_in_either_format() {
    let one_line = PKCS8.replace('\n', "\\n");
    for key in [PKCS8, PKCS1, &one_line] {
        let (crm, forms) =
            serve(jwt(key), |n| json(200, &format!(r#"{{"access_token":"00D!t{n}"}}"#))).await;
        crm.expect("a client is made").allowances().await.expect("the org answers");
        let form = forms.lock().expect("held").first().cloned().expect("a login");
        let (grant, assertion) = form.split_once("&assertion=").expect("an assertion");
        assert_eq!(decode(grant), "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer");
        let (signed, signature) = assertion.rsplit_once('.').expect("a signature");
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).expect("base64url");
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key())
            .verify(signed.as_bytes(), &decoded(signature))
            .expect("the signature holds");
        let (header, claims) = signed.split_once('.').expect("two parts");
        assert_eq!(decoded(header), br#"{"alg":"RS256"}"#);
        let claims: serde_json::Value = serde_json::from_slice(&decoded(claims)).expect("JSON");
        assert_eq!(
            claims,
            serde_json::json!({
                "iss": "3MVG9",
                "sub": "integration@acme.example",
                "aud": "https://login.salesforce.com",
                "exp": 1_763_900_120,
            })
        );
    }
}

#[tokio::test]
async fn a_key_that_cannot_sign_is_named_without_showing_it() {
    let encrypted = PKCS8.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let short = "-----BEGIN PRIVATE KEY-----\nbm90LWEta2V5\n-----END PRIVATE KEY-----\n";
    for (key, expect) in [
        ("zqsecretq", "it is no private key in PEM"),
        (encrypted.as_str(), "it is encrypted; store it without a passphrase"),
        (short, "InvalidEncoding (an RSA key of 2048 bits or more)"),
    ] {
        let (crm, _) = serve(jwt(key), |_| json(500, "")).await;
        let error = crm.err().expect("the key is of no use").to_string();
        assert_eq!(error, format!("private key for salesforce cannot be used: {expect}"));
    }
}

#[tokio::test]
async fn a_refresh_token_opens_sessions_and_its_successor_the_next() {
    let told = Arc::new(AtomicUsize::new(0));
    let refresh = |client_secret: Option<&str>| {
        let told = Arc::clone(&told);
        Credentials::Refresh {
            client_id: secret("3MVG9"),
            client_secret: client_secret.map(secret),
            refresh_token: secret("5Aep"),
            on_rotation: OnRotation::new(move || {
                told.fetch_add(1, Ordering::SeqCst);
            }),
        }
    };
    // HubSpot's way, and some orgs': the same one comes back.
    let same = r#"{"access_token":"00D!t","refresh_token":"5Aep"}"#;
    let (crm, forms) = serve(refresh(Some("s")), |_| json(200, same)).await;
    crm.expect("a client is made").allowances().await.expect("the org answers");
    let expect =
        ["grant_type=refresh_token&client_id=3MVG9&refresh_token=5Aep&client_secret=s".to_owned()];
    assert_eq!(*forms.lock().expect("held"), expect);
    assert_eq!(told.load(Ordering::SeqCst), 0);

    // Each session ends at once, so that every call logs in again.
    let (crm, forms) = serve(refresh(None), |n| {
        json(
            200,
            &format!(r#"{{"access_token":"00D!t{n}","refresh_token":"5Aep-{n}","expires_in":0}}"#),
        )
    })
    .await;
    let crm = crm.expect("a client is made");
    for _ in 0..3 {
        crm.allowances().await.expect("the org answers");
    }
    let expect = ["5Aep", "5Aep-0", "5Aep-1"]
        .map(|token| format!("grant_type=refresh_token&client_id=3MVG9&refresh_token={token}"));
    assert_eq!(*forms.lock().expect("held"), expect);
    assert_eq!(told.load(Ordering::SeqCst), 1, "once is enough");
}

#[tokio::test]
async fn a_refused_login_says_why_in_words_known_beforehand() {
    for (body, expect) in [
        (
            r#"{"error":"invalid_grant","error_description":"audience is invalid: ann@acme.example"}"#,
            "invalid_grant: audience is invalid",
        ),
        (r#"{"error":"ann@acme.example","error_description":"ann"}"#, "status 400"),
        ("<html>ann@acme.example</html>", "status 400"),
    ] {
        let (crm, forms) = serve(jwt(PKCS8), move |_| json(400, body)).await;
        let error = crm.expect("a client is made").allowances().await.expect_err("no session");
        assert_eq!(error.to_string(), format!("salesforce refused the credentials: {expect}"));
        assert_eq!(forms.lock().expect("held").len(), 1);
    }
    let (crm, forms) = serve(jwt(PKCS8), |n| match n {
        0 => json(400, r#"{"error":"rate_limit_exceeded","error_description":"login rate"}"#),
        _ => json(200, r#"{"access_token":"00D!t"}"#),
    })
    .await;
    crm.expect("a client is made").allowances().await.expect("the second login is let in");
    assert_eq!(forms.lock().expect("held").len(), 2);
}
