//! The simulated CRMs' own APIs, called without a connection.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use concord::sandbox::Sandbox;
use serde_json::Value;
use tower::ServiceExt;

/// Gets a Salesforce session.
pub async fn session(sandbox: &Sandbox) -> String {
    let world = &sandbox.world().salesforce;
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        world.client_id, world.client_secret
    );
    let request = Request::post("/services/oauth2/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form))
        .expect("a request");
    let answer = sandbox.salesforce_router().oneshot(request).await.expect("an answer");
    let bytes = to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
    let answer: Value = serde_json::from_slice(&bytes).expect("JSON");
    answer["access_token"].as_str().expect("a token").to_owned()
}

/// Reads a path and demands that it is there.
pub async fn get(router: Router, token: &str, path: &str) -> Value {
    let request = Request::get(path)
        .header("authorization", format!("Bearer {token}"))
        .body(Body::empty())
        .expect("a request");
    let answer = router.oneshot(request).await.expect("an answer");
    let status = answer.status();
    let bytes = to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
    assert!(status.is_success(), "{path}: {status}: {}", String::from_utf8_lossy(&bytes));
    serde_json::from_slice(&bytes).expect("JSON")
}

/// Changes what is at a path and demands that it works.
pub async fn patch(router: Router, token: &str, path: &str, body: &Value) {
    let request = Request::patch(path)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .expect("a request");
    let answer = router.oneshot(request).await.expect("an answer");
    let status = answer.status();
    let bytes = to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
    assert!(status.is_success(), "{path}: {status}: {}", String::from_utf8_lossy(&bytes));
}
