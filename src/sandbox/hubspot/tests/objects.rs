//! Records, batches, search, associations, lists and owners.

use axum::http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::super::{LifecycleBackward, Server, Settings};
use super::{Bench, CONTACTS};
use crate::sandbox::{CallCounters, World};

#[tokio::test]
async fn pages_by_id_on_every_version() {
    let bench = Bench::new();
    for prefix in ["/crm/v3/objects", "/crm/objects/2026-03", "/crm/objects/2026-09"] {
        let first = bench.get(&format!("{prefix}/contacts?limit=2&associations=companies")).await;
        assert_eq!(first.status, StatusCode::OK);
        assert_eq!(first.body["paging"]["next"]["after"], "103");
        assert_eq!(
            first.body["results"][0]["associations"]["companies"]["results"],
            json!([{"id": "101", "type": "contact_to_company"},
                   {"id": "101", "type": "contact_to_company_unlabeled"}])
        );
        let last = bench.get(&format!("{prefix}/contacts?limit=2&after=103")).await;
        assert_eq!(last.body["results"][0]["updatedAt"], "2026-02-03T00:00:00.500Z");
        assert!(last.body.get("paging").is_none());
    }
    for archived in ["true", "True"] {
        let page = bench.get(&format!("{CONTACTS}?archived={archived}")).await;
        assert_eq!(page.body["results"][0]["id"], "104");
        assert_eq!(page.body["results"][0]["archivedAt"], "2026-02-04T00:00:00Z");
    }
    assert_eq!(bench.get("/crm/objects/2031-03/contacts").await.status, StatusCode::NOT_FOUND);
    let key = bench.counters.rows().remove(0).key;
    assert_eq!((key.family.as_str(), key.method.as_str()), ("objects", "GET"));
}

#[tokio::test]
async fn credentials_and_allowances() {
    let bench = Bench::new();
    let refused = bench.send_as("other", "GET", CONTACTS, Value::Null).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert_eq!(refused.body["category"], "INVALID_AUTHENTICATION");
    let fine = bench.get(CONTACTS).await;
    assert_eq!(fine.headers["x-hubspot-ratelimit-daily-remaining"], "999");
    for _ in 0..999 {
        bench.get("/account-info/2026-09/details").await;
    }
    let spent = bench.get(CONTACTS).await;
    assert_eq!(spent.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(spent.body["policyName"], "DAILY");
    bench.clock.advance(SignedDuration::from_hours(24));
    assert_eq!(bench.get(CONTACTS).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_batch_without_trace_ids_stands_or_falls_together() {
    let bench = Bench::new();
    let url = format!("{CONTACTS}/batch/create");
    let invalid = json!({"inputs": [
        {"properties": {"email": "new@x.co"}},
        {"properties": {"email": "bad", "nope": "1", "lead_score": "1,000"}}]});
    let answer = bench.send("POST", &url, invalid).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.body["errors"].as_array().map(Vec::len), Some(3));
    let message = answer.body["message"].as_str().unwrap_or_default();
    let listed = message.strip_prefix("Property values were not valid: ").unwrap_or_default();
    assert_eq!(serde_json::from_str::<Vec<Value>>(listed).map(|all| all.len()).ok(), Some(3));

    let duplicate = json!({"inputs": [
        {"properties": {"email": "new@x.co"}}, {"properties": {"email": "ANA@x.co"}}]});
    let answer = bench.send("POST", &url, duplicate).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert_eq!(answer.body["message"], "Contact already exists. Existing ID: 101");
    assert_eq!(answer.body["category"], "CONFLICT");

    let by_email = format!("{CONTACTS}/new@x.co?idProperty=email");
    assert_eq!(bench.get(&by_email).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_batch_with_trace_ids_keeps_the_good_records() {
    let bench = Bench::new();
    let inputs = json!({"inputs": [
        {"properties": {"email": "new@x.co"}, "objectWriteTraceId": "a"},
        {"properties": {"email": "ana@x.co"}, "objectWriteTraceId": "b"},
        {"properties": {"lifecyclestage": "MQL", "email": "z@x.co"}, "objectWriteTraceId": "c"}]});
    let answer = bench.send("POST", &format!("{CONTACTS}/batch/create"), inputs).await;
    assert_eq!(answer.status, StatusCode::MULTI_STATUS);
    assert_eq!(answer.body["numErrors"], 2);
    assert_eq!(answer.body["results"][0]["properties"]["lifecyclestage"], "lead");
    let conflict = answer.body["errors"]
        .as_array()
        .and_then(|errors| errors.iter().find(|error| error["category"] == "CONFLICT"));
    assert_eq!(
        conflict.map(|error| error["context"].clone()),
        Some(json!({"objectWriteTraceId": ["b"], "existingId": ["101"]}))
    );
}

#[tokio::test]
async fn updates_miss_single_ids_and_refuse_bad_keys() {
    let bench = Bench::new();
    let url = format!("{CONTACTS}/batch/update");
    let missing = json!({"inputs": [
        {"id": "101", "properties": {"firstname": "Anna"}},
        {"id": "999", "properties": {"firstname": "Nobody"}}]});
    let answer = bench.send("POST", &url, missing).await;
    assert_eq!(answer.status, StatusCode::MULTI_STATUS);
    assert_eq!(answer.body["errors"][0]["category"], "OBJECT_NOT_FOUND");
    assert_eq!(answer.body["errors"][0]["context"]["ids"], json!(["999"]));
    assert_eq!(bench.property("101", "firstname").await, "Anna");

    let twice = json!({"inputs": [
        {"id": "101", "properties": {}, "objectWriteTraceId": "a"},
        {"id": "101", "properties": {}, "objectWriteTraceId": "b"}]});
    let answer = bench.send("POST", &url, twice).await;
    assert_eq!(
        answer.body["message"],
        "Duplicate IDs found in batch input: [101]. IDs must be unique"
    );
    let by_email = json!({"inputs": [{"id": "ana@x.co", "idProperty": "email", "properties": {}}]});
    let answer = bench.send("POST", &url, by_email).await;
    assert_eq!(
        answer.body["message"],
        "Unable to perform update/upsert by non-unique 0-1 property email"
    );
    let many: Vec<Value> = (0..101).map(|id| json!({"id": id.to_string()})).collect();
    let answer = bench.send("POST", &url, json!({ "inputs": many })).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let answer = bench.send("POST", &url, json!([])).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let answer = bench.send("POST", &url, json!({})).await;
    assert_eq!((answer.status, answer.body["results"].clone()), (StatusCode::OK, json!([])));
}

#[tokio::test]
async fn upserts_by_a_unique_property() {
    let bench = Bench::new();
    let url = format!("{CONTACTS}/batch/upsert");
    let inputs = |email: &str| {
        json!({"inputs": [{"id": "k1", "idProperty": "concord_key",
            "properties": {"email": email}, "objectWriteTraceId": "a"}]})
    };
    let made = bench.send("POST", &url, inputs("k@x.co")).await;
    assert_eq!(made.body["results"][0]["new"], true);
    let again = bench.send("POST", &url, inputs("k2@x.co")).await;
    assert_eq!(again.body["results"][0]["new"], false);
    assert_eq!(again.body["results"][0]["id"], made.body["results"][0]["id"]);
    let taken = bench.send("POST", &url, inputs("old@x.co")).await;
    assert_eq!(taken.status, StatusCode::MULTI_STATUS);
    let message = taken.body["errors"][0]["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("Cannot set PropertyValueCoordinates{portalId=4471923,"));
    assert!(message.ends_with("101 already has that value."));
}

#[tokio::test]
async fn lifecycle_stage_moves_forward_only() {
    let bench = Bench::new();
    let url = format!("{CONTACTS}/102");
    let backward = json!({"properties": {"lifecyclestage": "lead", "firstname": "Bob"}});
    let answer = bench.send("PATCH", &url, backward.clone()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body["properties"]["lifecyclestage"], "customer");
    assert_eq!(bench.property("102", "firstname").await, "Bob");
    bench.send("PATCH", &url, json!({"properties": {"lifecyclestage": ""}})).await;
    let stage = json!({"properties": {"lifecyclestage": "marketingqualifiedlead"}});
    bench.send("PATCH", &url, stage).await;
    assert_eq!(bench.property("102", "lifecyclestage").await, "marketingqualifiedlead");
    let entered = bench.property("102", "hs_lifecyclestage_marketingqualifiedlead_date").await;
    assert!(entered.as_str().is_some_and(|at| at.starts_with("2026-10-01T10:00:00")));

    bench.server.set_settings(Settings {
        lifecycle_backward: LifecycleBackward::Refused,
        ..Settings::default()
    });
    let answer = bench.send("PATCH", &url, backward).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn history_grows_with_each_change() {
    let bench = Bench::new();
    let path = format!("{CONTACTS}/103?propertiesWithHistory=lifecyclestage,firstname");
    bench.clock.advance(SignedDuration::from_hours(1));
    let change = json!({"properties": {"lifecyclestage": "customer", "email": "cy@x.co"}});
    bench.send("PATCH", &format!("{CONTACTS}/103"), change).await;
    let answer = bench.get(&path).await;
    let versions = &answer.body["propertiesWithHistory"]["lifecyclestage"];
    assert_eq!(versions.as_array().map(Vec::len), Some(3));
    assert_eq!(versions[0]["value"], "customer");
    assert_eq!(versions[0]["timestamp"], "2026-10-01T11:00:00Z");
    assert_eq!(versions[0]["sourceType"], "INTEGRATION");
    assert_eq!(versions[1]["updatedByUserId"], 7);
    assert_eq!(answer.body["updatedAt"], "2026-10-01T11:00:00Z");
    let unchanged = bench.get(&format!("{CONTACTS}/101?propertiesWithHistory=email")).await;
    let first = &unchanged.body["propertiesWithHistory"]["email"];
    assert_eq!(first[0]["timestamp"], "2026-01-01T00:00:00Z");
}

#[tokio::test]
async fn search_filters_sorts_and_counts() {
    let bench = Bench::new();
    let url = format!("{CONTACTS}/search");
    let since = json!({"filterGroups": [{"filters": [{"propertyName": "lastmodifieddate",
        "operator": "GTE", "value": "2026-02-02T00:00:00Z"}]}],
        "sorts": ["-lastmodifieddate"], "limit": 1});
    let answer = bench.send("POST", &url, since).await;
    assert_eq!(answer.body["total"], 2);
    assert_eq!(answer.body["results"][0]["id"], "103");
    assert_eq!(answer.body["paging"]["next"]["after"], "1");
    assert!(!answer.headers.contains_key("x-hubspot-ratelimit-daily"));
    let stage = json!({"filterGroups": [{"filters": [{"propertyName": "lifecyclestage",
        "operator": "IN", "values": ["lead", "customer"]}]}], "sorts": [{"propertyName":
        "firstname", "direction": "DESCENDING"}]});
    let answer = bench.send("POST", &url, stage).await;
    assert_eq!(answer.body["total"], 2);
    assert_eq!(answer.body["results"][0]["id"], "102");
    let too_far = json!({"after": "10000", "limit": 1});
    assert_eq!(bench.send("POST", &url, too_far).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn archived_records_free_their_email_and_come_back() {
    let bench = Bench::new();
    let url = format!("{CONTACTS}/101");
    assert_eq!(bench.send("DELETE", &url, Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(bench.send("DELETE", &url, Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(bench.get(&url).await.status, StatusCode::NOT_FOUND);
    let made = bench.send("POST", CONTACTS, json!({"properties": {"email": "ana@x.co"}})).await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert!(bench.server.restore("contacts", "101").expect("a database"));
    assert_eq!(bench.get(&url).await.status, StatusCode::OK);
}

#[tokio::test]
async fn merging_makes_a_new_id_that_the_old_ones_lead_to() {
    let bench = Bench::new();
    let merged = bench
        .send(
            "POST",
            &format!("{CONTACTS}/merge"),
            json!({"primaryObjectId": "101", "objectIdToMerge": "102"}),
        )
        .await;
    assert_eq!(merged.body["id"], "105");
    assert_eq!(bench.get(&format!("{CONTACTS}/90")).await.body["id"], "105");
    let read = json!({"inputs": [{"id": "102"}, {"id": "105"}]});
    let answer = bench.send("POST", &format!("{CONTACTS}/batch/read"), read).await;
    assert_eq!(answer.status, StatusCode::MULTI_STATUS);
    assert_eq!(answer.body["errors"][0]["context"]["ids"], json!(["102"]));
    let clash = bench.send("POST", CONTACTS, json!({"properties": {"email": "bo@x.co"}})).await;
    assert_eq!(clash.status, StatusCode::BAD_REQUEST);
    let links = json!({"inputs": [{"id": "105"}, {"id": "103"}]});
    let url = "/crm/associations/2026-09/contacts/companies/batch/read";
    let answer = bench.send("POST", url, links).await;
    assert_eq!(answer.body["results"].as_array().map(Vec::len), Some(1));
    assert_eq!(answer.body["results"][0]["to"][0]["toObjectId"], 101);
}

#[tokio::test]
async fn creating_with_a_company_sets_the_primary_one() {
    let bench = Bench::new();
    let made = bench
        .send(
            "POST",
            CONTACTS,
            json!({"properties": {"email": "n@x.co"}, "associations": [{"to": {"id": "101"},
                "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}]}]}),
        )
        .await;
    let id = made.body["id"].as_str().unwrap_or_default().to_owned();
    assert_eq!(bench.property(&id, "associatedcompanyid").await, "101");
    let missing = json!({"properties": {"email": "m@x.co"}, "associations": [{"to": {"id": "7"},
        "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}]}]});
    let refused = bench.send("POST", CONTACTS, missing).await;
    assert_eq!(refused.body["message"], "One or more associations are invalid");
}

#[tokio::test]
async fn lists_and_owners() {
    let bench = Bench::new();
    let added =
        bench.send("PUT", "/crm/lists/2026-09/1/memberships/add", json!(["102", "999"])).await;
    assert_eq!(added.body["recordsIdsAdded"], json!(["102"]));
    assert_eq!(added.body["recordIdsMissing"], json!(["999"]));
    let page = bench.get("/crm/lists/2026-09/1/memberships?limit=1").await;
    assert_eq!(page.body["paging"]["next"]["after"], "1");
    let dynamic = bench.send("PUT", "/crm/v3/lists/2/memberships/add", json!(["102"])).await;
    assert_eq!(dynamic.status, StatusCode::BAD_REQUEST);
    let owners = bench.get("/crm/owners/2026-09?archived=true").await;
    assert_eq!(owners.body["results"][0]["userId"], Value::Null);
    let inactive = json!({"properties": {"hubspot_owner_id": "12"}});
    let refused = bench.send("PATCH", &format!("{CONTACTS}/101"), inactive).await;
    assert_eq!(refused.body["errors"][0]["code"], "INVALID_OPTION");
}

#[tokio::test]
async fn a_second_opening_keeps_what_happened() {
    let bench = Bench::new();
    let file = bench.directory.path().join("hubspot.sqlite");
    let world = World::read(bench.directory.path()).expect("a world");
    for expected in [StatusCode::CREATED, StatusCode::CONFLICT] {
        let server = Server::open(
            bench.directory.path(),
            &world,
            Some(&file),
            bench.clock.clone(),
            CallCounters::default(),
        )
        .expect("a server");
        let second = Bench { router: server.router(), server, ..Bench::new() };
        let made = second.send("POST", CONTACTS, json!({"properties": {"email": "s@x.co"}})).await;
        assert_eq!(made.status, expected);
    }
}
