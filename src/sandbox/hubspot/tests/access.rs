//! Tokens, scopes and the rules that only 2026-09 applies.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::super::ConditionalRequirement;
use super::{Bench, CONTACTS};

impl Bench {
    async fn form(&self, path: &str, fields: &str) -> (StatusCode, Value) {
        let request = Request::builder()
            .method("POST")
            .uri(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(fields.to_owned()))
            .expect("a request");
        let (status, _, bytes) = self.exchange(request).await;
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }
}

const APP: &str = "client_id=sandbox-client&client_secret=sandbox-secret";

#[tokio::test]
async fn an_access_token_lives_half_an_hour() {
    let bench = Bench::new();
    let refresh = format!("grant_type=refresh_token&{APP}&refresh_token=sandbox-refresh");
    let (status, token) = bench.form("/oauth/2026-09/token", &refresh).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(token["expires_in"], 1800);
    assert_eq!(token["refresh_token"], "sandbox-refresh");
    assert_eq!(token["hub_id"], 4_471_923);
    let access = token["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(bench.send_as(&access, "GET", CONTACTS, Value::Null).await.status, StatusCode::OK);
    let ask = format!("{APP}&token={access}&token_type_hint=access_token");
    let (_, known) = bench.form("/oauth/2026-09/token/introspect", &ask).await;
    assert_eq!((&known["active"], &known["token_use"]), (&json!(true), &json!("access_token")));
    bench.clock.advance(SignedDuration::from_secs(1810));
    let expired = bench.send_as(&access, "GET", CONTACTS, Value::Null).await;
    assert_eq!(expired.status, StatusCode::UNAUTHORIZED);
    assert_eq!(expired.body["category"], "EXPIRED_AUTHENTICATION");
    assert_eq!(
        expired.body["message"],
        "The OAuth token used to make this call expired 10 second(s) ago."
    );
    let (_, again) = bench.form("/oauth/v1/token", &refresh).await;
    assert_ne!(again["access_token"], access.as_str());
}

#[tokio::test]
async fn refresh_tokens_can_be_refused_rotated_and_revoked() {
    let bench = Bench::new();
    let refresh = |token: &str| format!("grant_type=refresh_token&{APP}&refresh_token={token}");
    let (status, refused) = bench.form("/oauth/v3/token", &refresh("nope")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(refused["status"], "BAD_REFRESH_TOKEN");
    assert_eq!(refused["error"], "invalid_grant");
    let code = format!("grant_type=authorization_code&{APP}&code=sandbox-code&redirect_uri=x");
    let (_, first) = bench.form("/oauth/2026-09/token", &code).await;
    assert_eq!(first["refresh_token"], "sandbox-refresh");
    bench.set(|settings| settings.oauth.rotates_refresh_token = true);
    let (_, second) = bench.form("/oauth/2026-09/token", &refresh("sandbox-refresh")).await;
    let newer = second["refresh_token"].as_str().expect("a token").to_owned();
    assert_ne!(newer, "sandbox-refresh");
    let (status, _) = bench.form("/oauth/2026-09/token", &refresh("sandbox-refresh")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    bench.form("/oauth/2026-09/token/revoke", &format!("{APP}&token={newer}")).await;
    let (status, _) = bench.form("/oauth/2026-09/token", &refresh(&newer)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_token_does_what_its_scopes_say() {
    let bench = Bench::new();
    let scopes = ["crm.objects.contacts.read", "crm.lists.read", "oauth"].map(str::to_owned);
    bench.set(|settings| {
        settings.tokens = BTreeMap::from([("pat-key".to_owned(), scopes.to_vec())]);
    });
    let allowed = [
        ("GET", CONTACTS.to_owned()),
        ("POST", format!("{CONTACTS}/search")),
        ("POST", format!("{CONTACTS}/batch/read")),
        ("GET", "/crm/v3/properties/contact".to_owned()),
        ("GET", "/account-info/v3/details".to_owned()),
        ("POST", "/crm/lists/2026-09/all".to_owned()),
    ];
    for (method, path) in allowed {
        let body = if method == "GET" { Value::Null } else { json!({}) };
        let answer = bench.send_as("pat-key", method, &path, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
    }
    let refused = [
        ("POST", CONTACTS.to_owned(), "crm.objects.contacts.write"),
        ("GET", "/crm/v3/objects/0-2".to_owned(), "crm.objects.companies.read"),
        (
            "GET",
            "/crm/v4/objects/contacts/101/associations/companies".to_owned(),
            "crm.objects.companies.read",
        ),
        ("GET", "/crm/v3/imports".to_owned(), "crm.import"),
        ("GET", "/crm/exports/2026-09/export/1".to_owned(), "crm.export"),
    ];
    for (method, path, scope) in refused {
        let answer = bench.send_as("pat-key", method, &path, json!({})).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(answer.body["category"], "MISSING_SCOPES");
        let context = &answer.body["errors"][0]["context"]["requiredGranularScopes"];
        assert_eq!(context[0], scope);
        assert_eq!(answer.body["links"]["scopes"], "https://developers.hubspot.com/scopes");
    }
    let info = bench
        .send(
            "POST",
            "/oauth/v2/private-apps/get/access-token-info",
            json!({"tokenKey": "pat-key"}),
        )
        .await;
    assert_eq!(info.body["scopes"], json!(scopes));
}

#[tokio::test]
async fn the_newest_version_applies_an_admins_rules() {
    let bench = Bench::new();
    bench.set(|settings| {
        settings.required_on_create.insert("contacts".to_owned(), vec!["firstname".to_owned()]);
        settings.conditional_required = vec![ConditionalRequirement {
            object: "contacts".to_owned(),
            property: "lastname".to_owned(),
            based_on: "lifecyclestage".to_owned(),
            values: vec!["customer".to_owned()],
        }];
        settings.lacks_edit_associations = true;
    });
    let make = json!({"properties": {"email": "r@x.co"}});
    let refused = bench.send("POST", CONTACTS, make.clone()).await;
    assert_eq!(refused.body["errors"][0]["code"], "MISSING_REQUIRED_PROPERTY");
    assert_eq!(refused.body["errors"][0]["message"], "A value for firstname must be provided");
    let made = bench.send("POST", "/crm/v3/objects/contacts", make).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let stage = json!({"properties": {"lifecyclestage": "customer"}});
    let refused = bench.send("PATCH", &format!("{CONTACTS}/101"), stage.clone()).await;
    assert_eq!(
        refused.body["errors"][0]["message"],
        "lastname is required because of a conditional property rule based on [lifecyclestage]"
    );
    let older = bench.send("PATCH", "/crm/objects/2026-03/contacts/101", stage).await;
    assert_eq!(older.status, StatusCode::OK);
    let pair = json!({"inputs": [{"from": {"id": "102"}, "to": {"id": "101"}}]});
    let path = "contacts/companies/batch/associate/default";
    let newest = format!("/crm/associations/2026-09/{path}");
    let refused = bench.send("POST", &newest, pair.clone()).await;
    assert_eq!(refused.body["message"], "Missing 'Edit Associations' permission.");
    let older = bench.send("POST", &format!("/crm/v4/associations/{path}"), pair).await;
    assert_eq!(older.status, StatusCode::OK);
}
