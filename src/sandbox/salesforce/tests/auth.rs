//! Ways to log in, and how a session ends.

use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use super::super::ids;
use super::{ROOT, Reply, Sandbox, id};

const PRIVATE_KEY: &str = include_str!("../../../../tests/keys/jwt_for_tests_only.pem");
const KEYS: [&str; 2] = [include_str!("jwt_certificate.pem"), include_str!("jwt_public.pem")];
const HOST: &str = "http://127.0.0.1:8765";

fn assertion(claims: &Value) -> String {
    let body: String = PRIVATE_KEY.lines().filter(|line| !line.starts_with('-')).collect();
    let key = RsaKeyPair::from_pkcs8(&STANDARD.decode(body).expect("base64")).expect("a key");
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&json!({"alg": "RS256"})), encode(claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
        .expect("a signature");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

impl Sandbox {
    async fn ask_for_token(&self, form: &str) -> Reply {
        // Clients stream the form, without a length.
        let chunks =
            form.as_bytes().chunks(40).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec()));
        let request = Request::post("/services/oauth2/token")
            .header("host", "127.0.0.1:8765")
            .body(Body::from_stream(futures::stream::iter(chunks.collect::<Vec<_>>())))
            .expect("a request");
        self.deliver(request).await
    }

    async fn log_in_by_jwt(&self, claims: Value) -> Reply {
        let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
        self.ask_for_token(&format!("grant_type={grant}&assertion={}", assertion(&claims))).await
    }
}

#[tokio::test]
async fn a_signed_assertion_logs_its_user_in() {
    let mut sandbox = Sandbox::open().await;
    let subject = format!("{}@sandbox.invalid", ids::short(&id("005", 1)));
    let now = sandbox.clock.now().as_second();
    let claims = |change: Value| {
        let mut claims = json!({"iss": "sandbox", "sub": subject, "aud": HOST, "exp": now + 180});
        claims
            .as_object_mut()
            .expect("claims")
            .extend(change.as_object().expect("changes").clone());
        claims
    };
    let unknown_key = sandbox.log_in_by_jwt(claims(json!({}))).await;
    assert_eq!(unknown_key.json()["error_description"], "invalid assertion");
    for key in KEYS {
        sandbox.rules(json!({"oauth": {"public_key": key}})).await;
        for change in [
            json!({}),
            json!({"exp": (now + 180) * 1000, "aud": "https://login.salesforce.com"}),
            json!({"exp": (now + 180).to_string(), "aud": format!("{HOST}/services/oauth2/token")}),
        ] {
            let reply = sandbox.log_in_by_jwt(claims(change)).await;
            assert_eq!(reply.status, 200, "{}", reply.text);
            let body = reply.json();
            assert_eq!(body.as_object().expect("an object").len(), 5, "{body}");
            sandbox.token = body["access_token"].as_str().expect("a token").to_owned();
            assert_eq!(sandbox.get("limits").await.status, 200);
        }
    }
    let table = [
        (json!({"iss": "other"}), "invalid_client_id", "client identifier invalid"),
        (json!({"aud": "https://elsewhere.example.com"}), "invalid_grant", "audience is invalid"),
        (json!({"exp": now}), "invalid_grant", "assertion expired"),
        (json!({"sub": "nobody"}), "invalid_grant", "user hasn't approved this consumer"),
    ];
    for (change, error, description) in table {
        let reply = sandbox.log_in_by_jwt(claims(change)).await;
        let expected = json!({"error": error, "error_description": description});
        assert_eq!((reply.status, reply.json()), (400, expected));
    }
}

#[tokio::test]
async fn refresh_tokens_give_access_and_rotate() {
    let sandbox = Sandbox::open().await;
    sandbox.rules(json!({"oauth": {"refresh_tokens": ["r1"]}})).await;
    let form =
        |token: &str| format!("grant_type=refresh_token&client_id=sandbox&refresh_token={token}");
    let reply = sandbox.ask_for_token(&form("r1")).await;
    assert_eq!((reply.status, reply.json().get("refresh_token")), (200, None));
    sandbox
        .rules(json!({"oauth": {"refresh_tokens": ["r1"], "is_refresh_token_rotated": true}}))
        .await;
    let second = sandbox.ask_for_token(&form("r1")).await.json();
    let second = second["refresh_token"].as_str().expect("a new token").to_owned();
    let dead = sandbox.ask_for_token(&form("r1")).await;
    assert_eq!((dead.status, dead.json()["error"].clone()), (400, json!("invalid_grant")));
    assert_eq!(sandbox.ask_for_token(&form(&second)).await.status, 200);
    assert_eq!(
        sandbox.ask_for_token("grant_type=password").await.json()["error"],
        "unsupported_grant_type"
    );
}

#[tokio::test]
async fn sessions_slide_and_can_be_asked_about_and_revoked() {
    let sandbox = Sandbox::open().await;
    for _ in 0..3 {
        sandbox.clock.advance(SignedDuration::from_mins(110));
        assert_eq!(sandbox.get("limits").await.status, 200, "each call holds the session");
    }
    let form = format!("client_id=sandbox&client_secret=s%26cret&token={}", sandbox.token);
    let path = "/services/oauth2/introspect";
    let asked = sandbox.send("POST", path, form.clone(), None).await.json();
    assert_eq!((&asked["active"], &asked["client_id"]), (&json!(true), &json!("sandbox")));
    let identity =
        format!("/id/{}/{}?format=json&oauth_token={}", id("00D", 1), id("005", 1), sandbox.token);
    let request = Request::get(identity).body(Body::empty()).expect("a request");
    let info = sandbox.deliver(request).await.json();
    assert_eq!(
        (&info["user_id"], &info["organization_id"]),
        (&json!(id("005", 1)), &json!(id("00D", 1)))
    );
    assert_eq!(info["name"], "Ivy");
    let revoked = sandbox
        .send("POST", "/services/oauth2/revoke", format!("token={}", sandbox.token), None)
        .await;
    assert_eq!((revoked.status, revoked.text.as_str()), (200, ""));
    assert_eq!(sandbox.send("POST", path, form, None).await.json(), json!({"active": false}));
    let refused = sandbox.get("limits").await;
    assert_eq!((refused.status, refused.code().as_str()), (401, "INVALID_SESSION_ID"));
    let bare = Request::get(format!("{ROOT}/limits")).body(Body::empty()).expect("a request");
    let bare = sandbox.deliver(bare).await;
    assert_eq!((bare.status, bare.code().as_str()), (401, "INVALID_AUTH_HEADER"));
    let user_info = sandbox.send("GET", "/services/oauth2/userinfo", String::new(), None).await;
    assert_eq!(user_info.status, 403);
}
