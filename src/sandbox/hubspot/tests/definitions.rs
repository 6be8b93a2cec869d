//! Custom objects, labels, groups, validations, pipelines.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Bench, CONTACTS};

const SCHEMAS: &str = "/crm-object-schemas/2026-09/schemas";

fn car() -> Value {
    json!({
        "name": "car", "labels": {"singular": "Car", "plural": "Cars"},
        "primaryDisplayProperty": "plate", "requiredProperties": ["plate"],
        "searchableProperties": ["plate"], "associatedObjects": ["CONTACT"],
        "properties": [
            {"name": "plate", "label": "Plate", "type": "string", "fieldType": "text",
             "hasUniqueValue": true},
            {"name": "wheels", "label": "Wheels", "type": "number", "fieldType": "number"}],
    })
}

#[tokio::test]
async fn a_custom_object_works_like_any_other() {
    let bench = Bench::new();
    let made = bench.send("POST", SCHEMAS, car()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let id = made.body["objectTypeId"].as_str().expect("an id").to_owned();
    assert_eq!(made.body["fullyQualifiedName"], "p4471923_car");
    let names: Vec<&str> = made.body["properties"]
        .as_array()
        .expect("properties")
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    assert_eq!(names, ["hs_createdate", "hs_lastmodifieddate", "hs_object_id", "plate", "wheels"]);
    let objects = format!("/crm/v3/objects/{id}");
    let refused = bench.send("POST", &objects, json!({"properties": {"wheels": "4"}})).await;
    assert_eq!(refused.body["errors"][0]["context"]["propertyName"], json!(["plate"]));
    let to = bench.get("/crm/v4/associations/2-3000001/contacts/labels").await.body;
    let type_id = to["results"][0]["typeId"].clone();
    assert_eq!(to["results"][0]["category"], "USER_DEFINED");
    let record = json!({"properties": {"plate": "B-1", "wheels": "4"}, "associations": [
        {"to": {"id": "101"}, "types": [
            {"associationCategory": "USER_DEFINED", "associationTypeId": type_id}]}]});
    let one = bench.send("POST", "/crm/objects/2026-09/p4471923_car", record).await;
    assert_eq!(one.status, StatusCode::CREATED, "{}", one.body);
    let links = bench.get(&format!("/crm/v4/objects/{id}/1/associations/contacts")).await;
    assert_eq!(links.body["results"][0]["toObjectId"], 101);
    let bare = bench.get("/crm/v3/objects/car").await;
    assert_eq!(bare.body["message"], "Unable to infer object type from: car");
    let found = json!({"filterGroups": [{"filters": [
        {"propertyName": "wheels", "operator": "GTE", "value": "4"}]}]});
    assert_eq!(bench.send("POST", &format!("{objects}/search"), found).await.body["total"], 1);

    let path = format!("{SCHEMAS}/{id}");
    let used = bench.send("DELETE", &path, Value::Null).await;
    assert_eq!(used.status, StatusCode::BAD_REQUEST);
    bench.send("DELETE", &format!("{objects}/1"), Value::Null).await;
    let change = json!({"labels": {"singular": "Auto", "plural": "Autos"}});
    assert_eq!(bench.send("PATCH", &path, change).await.body["labels"]["singular"], "Auto");
    assert_eq!(bench.send("POST", SCHEMAS, car()).await.status, StatusCode::CONFLICT);
    assert_eq!(bench.send("DELETE", &path, Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(bench.get("/crm/v3/schemas").await.body["results"], json!([]));
    bench.send("DELETE", &format!("{path}?archived=true"), Value::Null).await;
    assert_eq!(bench.send("POST", SCHEMAS, car()).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn labels_can_be_made_given_taken_and_unmade() {
    let bench = Bench::new();
    let path = "/crm/associations/2026-09/contacts/companies/labels";
    let label = json!({"name": "boss_of", "label": "Boss", "inverseLabel": "Employer"});
    let made = bench.send("POST", path, label).await;
    assert_eq!(made.status, StatusCode::OK);
    let type_id = made.body["results"][0]["typeId"].as_i64().expect("an id");
    assert_eq!(made.body["results"][1]["label"], "Employer");
    let pair = |types: Value| json!({"inputs": [{"from": {"id": "102"}, "to": {"id": "101"}, "types": types}]});
    let types = json!([{"associationCategory": "USER_DEFINED", "associationTypeId": type_id}]);
    let batch = "/crm/associations/2026-09/contacts/companies/batch";
    bench.send("POST", &format!("{batch}/create"), pair(types.clone())).await;
    let labels = async || {
        let links = bench.get("/crm/v4/objects/companies/101/associations/contacts").await.body;
        let of_102 = links["results"]
            .as_array()
            .and_then(|all| all.iter().find(|one| one["toObjectId"] == 102).cloned());
        of_102.map(|one| {
            one["associationTypes"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|one| one["label"].as_str().map(str::to_owned))
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(labels().await, Some(vec!["Primary".to_owned(), "Employer".to_owned()]));
    let renamed = json!({"associationTypeId": type_id, "label": "Chief", "inverseLabel": "Firm"});
    assert_eq!(bench.send("PUT", path, renamed).await.status, StatusCode::NO_CONTENT);
    assert_eq!(labels().await, Some(vec!["Primary".to_owned(), "Firm".to_owned()]));
    let taken = bench.send("POST", &format!("{batch}/labels/archive"), pair(types)).await;
    assert_eq!(taken.status, StatusCode::OK);
    assert_eq!(labels().await, Some(vec!["Primary".to_owned()]));
    let gone = bench.send("DELETE", &format!("{path}/{type_id}"), Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let unknown = bench.send("DELETE", &format!("{path}/279"), Value::Null).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    let away = pair(Value::Null)["inputs"][0].clone();
    let away = json!({"inputs": [{"from": away["from"], "to": [away["to"]]}]});
    let older = "/crm/v4/associations/contacts/companies/batch/archive";
    assert_eq!(bench.send("POST", older, away).await.status, StatusCode::NO_CONTENT);
    assert_eq!(labels().await, None);
}

#[tokio::test]
async fn groups_and_properties_come_and_go() {
    let bench = Bench::new();
    let groups = "/crm/properties/2026-09/contacts/groups";
    let group = json!({"name": "sync", "label": "Sync", "displayOrder": 3});
    assert_eq!(bench.send("POST", groups, group.clone()).await.status, StatusCode::CREATED);
    assert_eq!(bench.send("POST", groups, group).await.status, StatusCode::CONFLICT);
    let property = json!({"inputs": [{"name": "sf_id", "label": "SF", "type": "string",
        "fieldType": "text", "groupName": "sync", "hasUniqueValue": true}]});
    let batch = "/crm/v3/properties/contacts/batch";
    let made = bench.send("POST", &format!("{batch}/create"), property).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let used = bench.send("DELETE", &format!("{groups}/sync"), Value::Null).await;
    assert_eq!(used.body["subCategory"], "PropertyGroupError.GROUP_WITH_ACTIVE_PROPERTIES");
    let names = json!({"inputs": [{"name": "sf_id"}]});
    let gone = bench.send("POST", &format!("{batch}/archive"), names).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let gone = bench.send("DELETE", &format!("{groups}/sync"), Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let label = json!({"label": "x"});
    let missing = bench.send("PATCH", &format!("{groups}/sync"), label).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn validations_bind_writes() {
    let bench = Bench::new();
    let path = "/crm/property-validations/2026-09/0-1/firstname";
    let rule = json!({"ruleArguments": ["3"], "shouldApplyNormalization": false});
    let put = bench.send("PUT", &format!("{path}/rule-type/MAX_LENGTH"), rule.clone()).await;
    assert_eq!(put.status, StatusCode::NO_CONTENT);
    let shown = bench.get("/crm/property-validations/2026-09/0-1").await.body;
    assert_eq!(
        shown["results"][0]["propertyValidationRules"],
        json!([{"ruleType": "MAX_LENGTH", "ruleArguments": ["3"]}])
    );
    let long = json!({"properties": {"firstname": "Anna"}});
    let refused = bench.send("PATCH", &format!("{CONTACTS}/101"), long).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(refused.body["errors"][0]["context"]["propertyName"], json!(["firstname"]));
    let unknown = bench.send("PUT", &format!("{path}/rule-type/SHORT"), rule).await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn pipelines_and_stages_are_changed_and_remembered() {
    let bench = Bench::new();
    let path = "/crm/pipelines/2026-09/contacts";
    let input = json!({"label": "Funnel", "displayOrder": 1, "stages": [
        {"label": "In", "displayOrder": 0, "metadata": {"isClosed": "false"}},
        {"label": "Out", "displayOrder": 1, "metadata": {"isClosed": "true"}}]});
    let made = bench.send("POST", path, input.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert_eq!(bench.send("POST", path, input).await.status, StatusCode::CONFLICT);
    let id = made.body["id"].as_str().expect("an id").to_owned();
    let out = made.body["stages"][1]["id"].as_str().expect("an id").to_owned();
    let stages = format!("{path}/{id}/stages");
    let stage = json!({"label": "Late", "displayOrder": 2, "metadata": {}});
    let late = bench.send("POST", &stages, stage).await;
    assert_eq!(late.status, StatusCode::CREATED);
    bench.send("PATCH", &format!("{stages}/{out}"), json!({"label": "Gone"})).await;
    let one = bench.get(&format!("/crm/v3/pipelines/contacts/{id}/stages/{out}")).await.body;
    assert_eq!((&one["label"], &one["metadata"]["isClosed"]), (&json!("Gone"), &json!("true")));
    assert_eq!(
        bench.send("DELETE", &format!("{stages}/{out}"), Value::Null).await.status,
        StatusCode::NO_CONTENT
    );
    let left = bench.get(&stages).await.body;
    assert_eq!(left["results"].as_array().map(Vec::len), Some(2));
    let audit = bench.get(&format!("{stages}/{out}/audit")).await.body;
    let actions: Vec<&Value> =
        audit["results"].as_array().expect("events").iter().map(|one| &one["action"]).collect();
    assert_eq!(actions, ["DELETE", "UPDATE"]);
    let gone = bench.send("DELETE", &format!("{path}/{id}"), Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(bench.get(&format!("{path}/{id}")).await.status, StatusCode::NOT_FOUND);
}
