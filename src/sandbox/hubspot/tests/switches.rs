//! What nobody has checked, in the position that is not the default.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Bench, CONTACTS};

#[tokio::test]
async fn answers_of_batches_can_be_less_helpful() {
    let bench = Bench::new();
    bench.set(|settings| {
        settings.reverses_batch_results = true;
        settings.echoes_trace_ids = true;
        settings.details_batch_errors = false;
        settings.names_conflicting_record = false;
    });
    let inputs = json!({"inputs": [
        {"id": "101", "properties": {"firstname": "A"}, "objectWriteTraceId": "a"},
        {"id": "102", "properties": {"firstname": "B"}, "objectWriteTraceId": "b"},
        {"id": "103", "properties": {"lead_score": "x"}, "objectWriteTraceId": "c"}]});
    let answer = bench.send("POST", &format!("{CONTACTS}/batch/update"), inputs).await;
    assert_eq!(answer.body["results"][0]["id"], "102");
    assert_eq!(answer.body["results"][0]["objectWriteTraceId"], "b");
    assert_eq!(answer.body["errors"][0]["context"]["objectWriteTraceId"], json!(["c"]));
    assert!(answer.body["errors"][0].get("errors").is_none());
    let taken = json!({"inputs": [{"properties": {"email": "ana@x.co"}}]});
    let refused = bench.send("POST", &format!("{CONTACTS}/batch/create"), taken).await;
    assert_eq!(refused.body["message"], "Contact already exists");
}

#[tokio::test]
async fn clashes_come_in_other_forms() {
    let bench = Bench::new();
    bench.set(|settings| {
        settings.email_clash_is_invalid = true;
        settings.unique_clash_is_conflict = true;
    });
    let email = json!({"properties": {"email": "ana@x.co"}});
    let refused = bench.send("POST", CONTACTS, email).await;
    let message = refused.body["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("Cannot set PropertyValueCoordinates{"), "{message}");
    assert_eq!(refused.status, StatusCode::CONFLICT);
    bench.set(|settings| settings.unique_clash_is_conflict = false);
    let key = |email: &str| json!({"properties": {"email": email, "concord_key": "k"}});
    assert_eq!(bench.send("POST", CONTACTS, key("k1@x.co")).await.status, StatusCode::CREATED);
    let refused = bench.send("POST", CONTACTS, key("k2@x.co")).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn deletions_texts_and_links_are_told_otherwise() {
    let bench = Bench::new();
    bench.set(|settings| {
        settings.second_delete_is_missing = true;
        settings.trims_strings = true;
        settings.unassociated_is_error = true;
        settings.search_bytes_max = Some(10);
    });
    let spaced = json!({"properties": {"firstname": "  Ana  "}});
    bench.send("PATCH", &format!("{CONTACTS}/101"), spaced).await;
    assert_eq!(bench.property("101", "firstname").await, "Ana");
    let ids = json!({"inputs": [{"id": "101"}, {"id": "102"}]});
    let path = "/crm/associations/2026-09/contacts/companies/batch/read";
    let links = bench.send("POST", path, ids).await;
    assert_eq!(links.status, StatusCode::MULTI_STATUS);
    assert_eq!(links.body["errors"][0]["context"]["fromObjectId"], json!(["102"]));
    let search = bench.send("POST", &format!("{CONTACTS}/search"), json!({"limit": 100})).await;
    assert_eq!(search.status, StatusCode::BAD_REQUEST);
    let url = format!("{CONTACTS}/103");
    assert_eq!(bench.send("DELETE", &url, Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(bench.send("DELETE", &url, Value::Null).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn hidden_options_and_waiting_times() {
    let bench = Bench::new();
    let options: Vec<Value> = [("lead", false), ("customer", true)]
        .iter()
        .map(|(value, hidden)| json!({"label": value, "value": value, "hidden": hidden}))
        .collect();
    let path = "/crm/properties/2026-09/contacts/lifecyclestage";
    bench.send("PATCH", path, json!({ "options": options })).await;
    let stage = json!({"properties": {"lifecyclestage": "customer"}});
    let url = format!("{CONTACTS}/101");
    assert_eq!(bench.send("PATCH", &url, stage.clone()).await.status, StatusCode::OK);
    bench.set(|settings| {
        settings.refuses_hidden_options = true;
        settings.enforces_ten_secondly_limit = true;
        settings.ten_secondly_max = 1;
        settings.retry_after_seconds = Some(7);
    });
    let refused = bench.send("PATCH", &format!("{CONTACTS}/103"), stage).await;
    assert_eq!(refused.body["errors"][0]["code"], "INVALID_OPTION");
    let limited = bench.get(CONTACTS).await;
    assert_eq!(limited.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(limited.headers["retry-after"], "7");
}
