//! What the layer does to calls, over real connections where that is the point.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::sandbox::Sandbox;

const CONTACTS: &str = "/crm/objects/2026-09/contacts";

fn sandbox() -> Sandbox {
    let world = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/demo");
    Sandbox::open(&world, None).expect("the demo world opens")
}

async fn send(router: Router, request: Request<Body>) -> (StatusCode, String) {
    let answer = router.oneshot(request).await.expect("an answer");
    let status = answer.status();
    let body = to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

async fn hubspot(sandbox: &Sandbox, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {}", sandbox.world().hubspot.token))
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .expect("a request");
    let (status, text) = send(sandbox.hubspot_router(), request).await;
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

async fn salesforce_token(sandbox: &Sandbox) -> String {
    let world = &sandbox.world().salesforce;
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        world.client_id, world.client_secret
    );
    let request = Request::post("/services/oauth2/token").body(Body::from(form));
    let (_, text) = send(sandbox.salesforce_router(), request.expect("a request")).await;
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    answer["access_token"].as_str().expect("a token").to_owned()
}

async fn salesforce(sandbox: &Sandbox, token: &str, path: &str) -> (StatusCode, String) {
    let request = Request::get(path)
        .header("authorization", format!("Bearer {token}"))
        .body(Body::empty())
        .expect("a request");
    send(sandbox.salesforce_router(), request).await
}

#[tokio::test]
async fn a_fault_waits_for_its_calls_and_is_used_up() {
    let sandbox = sandbox();
    sandbox.faults().add(Fault {
        server: Some(Vendor::HubSpot),
        family: Some("objects".to_owned()),
        method: Some("POST".to_owned()),
        skip: 1,
        ..Fault::next(Kind::NoAnswerAfter)
    });
    let person = |email: &str| json!({"properties": {"email": email}});
    let (first, _) = hubspot(&sandbox, "POST", CONTACTS, person("a@x.co")).await;
    let (second, _) = hubspot(&sandbox, "POST", CONTACTS, person("b@x.co")).await;
    let (third, _) = hubspot(&sandbox, "POST", CONTACTS, person("c@x.co")).await;
    assert_eq!([first.as_u16(), second.as_u16(), third.as_u16()], [201, 524, 201]);
    let found =
        hubspot(&sandbox, "GET", &format!("{CONTACTS}/b@x.co?idProperty=email"), json!({})).await;
    assert_eq!(found.0, StatusCode::OK, "the lost answer's call had its effect");
    let view = sandbox.faults().view();
    assert!(view.asked.is_empty());
    assert_eq!((view.met.len(), view.met[0].ordinal), (1, 1));
    sandbox.faults().clear();
    assert_eq!(sandbox.faults().view(), View::default());
}

#[tokio::test]
async fn faults_are_asked_for_and_read_over_http() {
    let sandbox = sandbox();
    let fault = json!({"kind": "ten_secondly", "path_prefix": CONTACTS});
    let asked = hubspot(&sandbox, "POST", "/__sandbox/faults", fault).await;
    assert_eq!(asked.0, StatusCode::NO_CONTENT);
    let (status, body) = hubspot(&sandbox, "GET", CONTACTS, json!({})).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(body["policyName"], "TEN_SECONDLY_ROLLING");
    assert_eq!(body["message"], "You have reached your ten_secondly_rolling limit.");
    let schedule = json!({"seed": 3, "rate": 1.0, "mix": [{"kind": "no_route", "weight": 1}]});
    let followed = hubspot(&sandbox, "PUT", "/__sandbox/faults/schedule", schedule).await;
    assert_eq!(followed.0, StatusCode::NO_CONTENT);
    let (status, _) = hubspot(&sandbox, "GET", CONTACTS, json!({})).await;
    assert_eq!(status, StatusCode::OK, "a kind that HubSpot does not know never hits it");
    let (status, page) = salesforce(&sandbox, "any", "/services/data/v67.0/limits").await;
    assert_eq!(status.as_u16(), 420);
    assert!(page.starts_with("<html>"), "{page}");
    let (_, view) = hubspot(&sandbox, "GET", "/__sandbox/faults", json!({})).await;
    assert_eq!(view["n_met"], 2);
    assert_eq!(view["met"][1]["kind"], "no_route");
    hubspot(&sandbox, "DELETE", "/__sandbox/faults", json!({})).await;
    let counted = sandbox.counters().rows();
    let limits = counted.iter().find(|row| row.key.family == "limits").expect("it was received");
    assert_eq!(limits.calls, 1);
}

#[tokio::test]
async fn a_day_that_others_spent_is_over_until_the_allowance_renews() {
    let sandbox = sandbox();
    let token = salesforce_token(&sandbox).await;
    let limits = "/services/data/v67.0/limits";
    sandbox.faults().add(Fault::next(Kind::DailyLimit));
    let (status, body) = hubspot(&sandbox, "GET", CONTACTS, json!({})).await;
    assert_eq!((status.as_u16(), &body["policyName"]), (429, &json!("DAILY")));
    let (status, _) = hubspot(&sandbox, "GET", CONTACTS, json!({})).await;
    assert_eq!(status.as_u16(), 429, "the next call as well");
    sandbox.faults().add(Fault::next(Kind::DailyLimit));
    let (status, body) = salesforce(&sandbox, &token, limits).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(body.contains("REQUEST_LIMIT_EXCEEDED"), "{body}");

    sandbox.clock().advance(jiff::SignedDuration::from_hours(24));
    let (status, _) = hubspot(&sandbox, "GET", CONTACTS, json!({})).await;
    assert_eq!(status, StatusCode::OK);
    let token = salesforce_token(&sandbox).await;
    assert_eq!(salesforce(&sandbox, &token, limits).await.0, StatusCode::OK);
}

#[tokio::test]
async fn an_expired_session_is_gone_and_a_jump_moves_the_shared_clock() {
    let sandbox = sandbox();
    let token = salesforce_token(&sandbox).await;
    let limits = "/services/data/v67.0/limits";
    sandbox.faults().add(Fault::next(Kind::ExpiredToken));
    for _ in 0..2 {
        let (status, body) = salesforce(&sandbox, &token, limits).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(body.contains("INVALID_SESSION_ID"), "{body}");
    }
    let token = salesforce_token(&sandbox).await;
    let before = sandbox.clock().now();
    sandbox.faults().add(Fault::next(Kind::ClockJump { seconds: 3 * 3600 }));
    let (status, _) = salesforce(&sandbox, &token, limits).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "the session is older than its two hours");
    assert_eq!(sandbox.clock().now().duration_since(before).as_hours(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_cut_for_real() {
    let sandbox = sandbox();
    let running = sandbox.serve().await.expect("the sandbox listens");
    let address = running.hubspot_url.strip_prefix("http://").expect("an address").to_owned();
    let token = sandbox.world().hubspot.token.clone();
    let call = move |method: &str, body: &str| {
        let mut stream = TcpStream::connect(&address).expect("a connection");
        let request = format!(
            "{method} {CONTACTS} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("the request is sent");
        let mut answer = Vec::new();
        // A reset connection has ended as well.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    };
    let made = |email: &str| format!("{{\"properties\":{{\"email\":\"{email}\"}}}}");
    for kind in [Kind::CutBefore, Kind::CutAfter, Kind::CutWithin] {
        sandbox.faults().add(Fault::next(kind));
    }
    let answers = tokio::task::spawn_blocking(move || {
        [call("POST", &made("before@x.co")), call("POST", &made("after@x.co")), call("GET", "")]
    });
    let [before, after, within] = answers.await.expect("three ends of connections");
    assert_eq!((before.as_str(), after.as_str()), ("", ""));
    let (head, body) = within.split_once("\r\n\r\n").expect("a head");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.and_then(|text| text.parse().ok()).expect("a length");
    assert_eq!(body.len(), length / 2);
    for (email, status) in [("before@x.co", 404), ("after@x.co", 200)] {
        let path = format!("{CONTACTS}/{email}?idProperty=email");
        assert_eq!(hubspot(&sandbox, "GET", &path, json!({})).await.0.as_u16(), status, "{email}");
    }
    running.shutdown().await;
}

fn call(server: Vendor, family: &str, method: &str, body: &Value) -> Call {
    let request = Request::builder().method(method).uri("/any").body(()).expect("a request");
    Call::new(server, family.to_owned(), &request.into_parts().0, body.to_string().as_bytes())
}

#[test]
fn a_schedule_depends_on_seed_server_family_and_ordinal_alone() {
    let read = call(Vendor::HubSpot, "objects", "GET", &json!(null));
    let write = call(Vendor::HubSpot, "objects.batch.update", "POST", &json!(null));
    let faults = |seed: u64, order: [&Call; 4]| {
        let faults = Faults::default();
        faults.follow(Schedule::new(seed, 0.6));
        let mut met: Vec<_> = order.map(|call| (call.family.clone(), faults.take(call))).into();
        met.sort_by(|a, b| a.0.cmp(&b.0));
        met
    };
    let together = faults(11, [&read, &read, &write, &write]);
    assert_eq!(together, faults(11, [&write, &read, &write, &read]));
    assert!((0..20).any(|seed| faults(seed, [&read, &read, &write, &write]) != together));
}

#[test]
fn a_schedule_keeps_its_rate_and_to_what_vendors_do() {
    let schedule = Schedule::new(5, 0.2);
    let read = call(Vendor::Salesforce, "query", "GET", &json!(null));
    let kinds: Vec<Kind> = (0..2_000).filter_map(|n| schedule.draw(&read, n)).collect();
    assert!((300..500).contains(&kinds.len()), "{}", kinds.len());
    let is_lost_write = |kind: &Kind| matches!(kind, Kind::CutAfter | Kind::BadGatewayAfter);
    assert!(!kinds.iter().any(|kind| is_lost_write(kind) || *kind == Kind::TenSecondly));
    assert!(kinds.contains(&Kind::ExpiredToken) && kinds.contains(&Kind::CutWithin));
}

#[test]
fn a_composite_writes_when_one_of_its_parts_does() {
    let nature = |method: &str| {
        let body = json!({"compositeRequest": [{"method": "GET"}, {"method": method}]});
        call(Vendor::Salesforce, "composite", "POST", &body).nature
    };
    assert_eq!((nature("GET"), nature("PATCH")), (call::Nature::Read, call::Nature::Write));
    let nature = |family: &str| call(Vendor::HubSpot, family, "POST", &json!(null)).nature;
    assert_eq!(nature("objects.batch.read"), call::Nature::Read);
    assert_eq!(nature("objects.search"), call::Nature::Read);
    assert_eq!(nature("objects.batch.create"), call::Nature::Write);
}

#[test]
fn seeds_and_rates_are_read() {
    let read = |text: &str| text.parse::<Schedule>().map(|schedule| (schedule.seed, schedule.rate));
    assert_eq!(read("7"), Ok((7, USUAL_RATE)));
    assert_eq!(read("7:0.5"), Ok((7, 0.5)));
    for wrong in ["", "x", "7:", "7:1.5", "7:-1", "-1"] {
        let error = read(wrong).expect_err(wrong).to_string();
        assert!(error.contains(&format!("`{wrong}`")), "{error}");
    }
}
