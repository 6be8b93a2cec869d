//! What no snapshot shows: refusals and automations; and what erasing leaves.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::super::Server;
use super::{Bench, CONTACTS};
use crate::sandbox::{CallCounters, World};

const RULES: &str = "/__sandbox/hubspot/rules";

fn rules() -> Value {
    json!([
        {"object": "contacts", "when": {"property": "lead_score", "matches_not": "^\\d{1,3}$"},
         "refuse": "a score has three digits at most"},
        {"object": "contact", "when": {"property": "lifecyclestage", "is": "customer"},
         "set": {"lead_score": "100", "lastname": ""}},
        {"object": "0-1", "when": {"property": "lead_score"}, "set": {"firstname": "Scored"}},
    ])
}

#[tokio::test]
async fn rules_refuse_values_and_write_back() {
    let bench = Bench::new();
    assert_eq!(bench.send("PUT", RULES, rules()).await.status, StatusCode::OK);
    let high = json!({"inputs": [
        {"id": "101", "properties": {"lead_score": "1000"}, "objectWriteTraceId": "a"},
        {"id": "102", "properties": {"lead_score": "7"}, "objectWriteTraceId": "b"}]});
    let answer = bench.send("POST", &format!("{CONTACTS}/batch/update"), high).await;
    assert_eq!(answer.status, StatusCode::MULTI_STATUS);
    let message = answer.body["errors"][0]["message"].as_str().unwrap_or_default();
    assert!(message.contains("a score has three digits at most"), "{message}");
    // The answer shows what was sent, the record what the automation made of it.
    assert_eq!(answer.body["results"][0]["properties"].get("firstname"), None);
    assert_eq!(bench.property("102", "firstname").await, "Scored");
    assert_eq!(bench.property("101", "firstname").await, "Ana");

    let stage = json!({"properties": {"lifecyclestage": "customer", "lastname": "Ax"}});
    let written = bench.send("PATCH", &format!("{CONTACTS}/101"), stage).await;
    assert_eq!(written.body["properties"]["lastname"], "Ax");
    let read = bench
        .get(&format!(
            "{CONTACTS}/101?properties=lastname,lead_score,firstname&propertiesWithHistory=lead_score"
        ))
        .await
        .body;
    assert_eq!(read["properties"]["lastname"], Value::Null);
    assert_eq!(read["properties"]["lead_score"], "100");
    assert_eq!(read["properties"]["firstname"], "Ana", "automations set off no others");
    let history = &read["propertiesWithHistory"]["lead_score"][0];
    assert_eq!(history["sourceType"], "AUTOMATION_PLATFORM");
    assert_eq!(written.body["updatedAt"], "2026-10-01T10:00:00Z");
    assert_eq!(read["updatedAt"], "2026-10-01T10:00:00.001Z");
}

#[tokio::test]
async fn rules_that_make_no_sense_are_refused_and_good_ones_kept() {
    let bench = Bench::new();
    let bad = [
        json!([{"object": "widgets", "when": {"property": "x"}, "refuse": "no"}]),
        json!([{"object": "contacts", "when": {"property": "nope"}, "refuse": "no"}]),
        json!([{"object": "contacts", "when": {"property": "email"}}]),
        json!([{"object": "contacts", "when": {"property": "email", "matches": "("},
            "refuse": "no"}]),
    ];
    for rules in bad {
        let refused = bench.send("PUT", RULES, rules).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    }
    let path = bench.directory.path().join("hubspot/rules.json");
    std::fs::write(path, rules().to_string()).expect("a file");
    let world = World::read(bench.directory.path()).expect("a world");
    let file = bench.directory.path().join("kept.sqlite");
    for _ in 0..2 {
        let server = Server::open(
            bench.directory.path(),
            &world,
            Some(&file),
            bench.clock.clone(),
            CallCounters::default(),
        )
        .expect("a server");
        assert_eq!(server.rules().len(), 3);
        std::fs::remove_file(bench.directory.path().join("hubspot/rules.json")).ok();
    }
}

#[tokio::test]
async fn an_erased_contact_is_gone_and_no_import_brings_it_back() {
    let bench = Bench::new();
    let erase = format!("{CONTACTS}/gdpr-delete");
    let by_id = json!({"objectId": "101"});
    assert_eq!(bench.send("POST", &erase, by_id.clone()).await.status, StatusCode::NO_CONTENT);
    assert_eq!(bench.get(&format!("{CONTACTS}/101")).await.status, StatusCode::NOT_FOUND);
    let archived = bench.get(&format!("{CONTACTS}?archived=true")).await;
    assert_eq!(archived.body["results"].as_array().map(Vec::len), Some(1));
    assert_eq!(bench.send("POST", &erase, by_id).await.status, StatusCode::NOT_FOUND);
    let by_email = json!({"objectId": "never@x.co", "idProperty": "email"});
    assert_eq!(bench.send("POST", &erase, by_email).await.status, StatusCode::NO_CONTENT);
    let request = json!({"name": "n", "files": [{"fileName": "c.csv", "fileImportPage": {
        "hasHeader": true, "columnMappings": [{"columnObjectTypeId": "0-1", "columnName": "Email",
        "propertyName": "email", "columnType": "HUBSPOT_ALTERNATE_ID"}]}}]});
    let rows = "Email\nOLD@x.co\nnever@x.co\nother@x.co\n";
    let (import, errors) = bench.import(&request, rows).await;
    let types: Vec<&Value> = errors.iter().map(|error| &error["errorType"]).collect();
    assert_eq!(types, ["GDPR_BLACKLISTED_EMAIL", "GDPR_BLACKLISTED_EMAIL"]);
    assert_eq!(import["metadata"]["counters"]["CREATED_OBJECTS"], 1);
}
