//! Lists: the walk through all, members from elsewhere, deletion and return.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Bench;

const LISTS: &str = "/crm/lists/2026-09";

#[tokio::test]
async fn lists_are_walked_renamed_deleted_and_restored() {
    let bench = Bench::new();
    let first = bench.send("POST", &format!("{LISTS}/all"), json!({"count": 1})).await.body;
    assert_eq!(first["results"][0]["listId"], "1");
    assert_eq!(first["paging"]["next"]["after"], "2");
    let rest = json!({"count": 1, "after": "2"});
    let second = bench.send("POST", &format!("{LISTS}/all"), rest).await.body;
    assert_eq!(second["results"][0]["listId"], "2");
    assert!(second.get("paging").is_none());
    let rename = format!("{LISTS}/1/update-list-name?listName=Handed");
    let renamed = bench.send("PUT", &rename, Value::Null).await;
    assert_eq!(renamed.body["updatedList"]["name"], "Handed");
    let deleted = bench.send("DELETE", &format!("{LISTS}/1"), Value::Null).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    assert_eq!(bench.get(&format!("{LISTS}/1")).await.status, StatusCode::NOT_FOUND);
    let back = bench.send("PUT", &format!("{LISTS}/1/restore"), Value::Null).await;
    assert_eq!(back.status, StatusCode::NO_CONTENT);
    assert_eq!(bench.get(&format!("{LISTS}/1")).await.body["list"]["size"], 1);
    let mapped = bench.get(&format!("{LISTS}/idmapping?legacyListId=2")).await.body;
    assert_eq!(mapped["listId"], "2");
}

#[tokio::test]
async fn filters_are_kept_and_members_taken_over() {
    let bench = Bench::new();
    let branch = json!({"filterBranchType": "OR", "filterBranches": [], "filters": []});
    let dynamic = json!({"name": "D", "objectTypeId": "0-1", "processingType": "DYNAMIC"});
    let refused = bench.send("POST", LISTS, dynamic.clone()).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let mut with_filters = dynamic;
    with_filters["filterBranch"] = branch.clone();
    let made = bench.send("POST", LISTS, with_filters).await.body;
    let id = made["list"]["listId"].as_str().expect("an id").to_owned();
    let bare = bench.get(&format!("{LISTS}/{id}")).await.body;
    assert!(bare["list"].get("filterBranch").is_none());
    let shown = bench.get(&format!("{LISTS}/{id}?includeFilters=true")).await.body;
    assert_eq!(shown["list"]["filterBranch"], branch);

    let manual = json!({"name": "M", "objectTypeId": "0-1", "processingType": "MANUAL"});
    let made = bench.send("POST", LISTS, manual).await.body;
    let id = made["list"]["listId"].as_str().expect("an id").to_owned();
    let path = format!("{LISTS}/{id}/memberships/add-from/1");
    assert_eq!(bench.send("PUT", &path, Value::Null).await.status, StatusCode::NO_CONTENT);
    let of_record = bench.get(&format!("{LISTS}/records/0-1/101/memberships")).await.body;
    let lists: Vec<&Value> =
        of_record["results"].as_array().expect("lists").iter().map(|one| &one["listId"]).collect();
    assert_eq!(lists, [&json!("1"), &json!(id)]);
    let batch = json!({"inputs": [{"objectTypeId": "0-1", "recordId": "101"}]});
    let path = format!("{LISTS}/records/memberships/batch/read");
    let many = bench.send("POST", &path, batch).await.body;
    assert_eq!(many["results"][0]["memberships"].as_array().map(Vec::len), Some(2));
}
