//! Composite's relatives: graph, batch and tree.

use serde_json::{Value, json};

use super::{ROOT, Sandbox, id};

fn node(method: &str, path: &str, reference: &str, body: &Value) -> Value {
    json!({"method": method, "url": format!("{ROOT}/{path}"), "referenceId": reference, "body": body})
}

#[tokio::test]
async fn each_graph_is_saved_whole_or_not_at_all() {
    let sandbox = Sandbox::open().await;
    let body = json!({"graphs": [
        {"graphId": "good", "compositeRequest": [
            node("POST", "sobjects/Account", "a", &json!({"Name": "Graph"})),
            node("POST", "sobjects/Contact", "c", &json!({"LastName": "G", "AccountId": "@{a.id}"})),
        ]},
        {"graphId": "bad", "compositeRequest": [
            node("POST", "sobjects/Account", "a", &json!({"Name": "Undone"})),
            node("PATCH", &format!("sobjects/Lead/{}", id("00Q", 3)), "l", &json!({"Email": "nope"})),
        ]},
    ]});
    let reply = sandbox.call("POST", "composite/graph", body).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.headers["sforce-limit-info"], "api-usage=1/100000");
    let graphs = reply.json()["graphs"].clone();
    assert_eq!((&graphs[0]["graphId"], &graphs[0]["isSuccessful"]), (&json!("good"), &json!(true)));
    assert_eq!(graphs[0]["graphResponse"]["compositeResponse"][1]["httpStatusCode"], 201);
    assert_eq!(graphs[1]["isSuccessful"], false);
    let answers = &graphs[1]["graphResponse"]["compositeResponse"];
    assert_eq!(answers[0]["body"][0]["errorCode"], "PROCESSING_HALTED");
    assert_eq!(answers[1]["body"][0]["errorCode"], "INVALID_EMAIL_ADDRESS");
    for (name, n) in [("Graph", 1), ("Undone", 0)] {
        let soql = format!("SELECT COUNT() FROM Account WHERE Name = '{name}'");
        assert_eq!(sandbox.query(&soql).await.json()["totalSize"], n);
    }
    let query = json!({"graphs": [{"graphId": "q", "compositeRequest": [node("GET", "query?q=x", "q", &Value::Null)]}]});
    assert_eq!(sandbox.call("POST", "composite/graph", query).await.code(), "INVALID_INPUT");
    let chain: Vec<Value> = (0..16)
        .map(|n| {
            let name = if n == 0 { "n".to_owned() } else { format!("@{{r{}.id}}", n - 1) };
            node("POST", "sobjects/Account", &format!("r{n}"), &json!({"Name": name}))
        })
        .collect();
    let deep = json!({"graphs": [{"graphId": "deep", "compositeRequest": chain}]});
    assert_eq!(sandbox.call("POST", "composite/graph", deep).await.code(), "INVALID_INPUT");
}

#[tokio::test]
async fn every_call_of_a_batch_counts() {
    let sandbox = Sandbox::open().await;
    let before = sandbox.counters.total("salesforce");
    let requests = json!([
        {"method": "GET", "url": "v68.0/limits"},
        {"method": "PATCH", "url": format!("v68.0/sobjects/Lead/{}", id("00Q", 4)), "richInput": {"LastName": "Batch"}},
        {"method": "GET", "url": "v68.0/sobjects/Nothing/describe"},
        {"method": "GET", "url": format!("/services/data/v68.0/query?q=SELECT+Id+FROM+Lead+WHERE+LastName='Batch'")},
    ]);
    let reply = sandbox.call("POST", "composite/batch", json!({"batchRequests": requests})).await;
    let body = reply.json();
    assert_eq!(body["hasErrors"], true);
    let statuses: Vec<u64> =
        (0..4).map(|n| body["results"][n]["statusCode"].as_u64().expect("a status")).collect();
    assert_eq!(statuses, [200, 204, 404, 200]);
    assert_eq!(body["results"][1]["result"], Value::Null);
    assert_eq!(body["results"][3]["result"]["totalSize"], 1);
    assert_eq!(reply.headers["sforce-limit-info"], "api-usage=4/100000");
    assert_eq!(sandbox.counters.total("salesforce"), before + 4);
    let halting = json!({"haltOnError": true, "batchRequests": [requests[2], requests[0]]});
    let body = sandbox.call("POST", "composite/batch", halting).await.json();
    assert_eq!(body["results"][1]["statusCode"], 412);
    assert_eq!(body["results"][1]["result"][0]["errorCode"], "BATCH_PROCESSING_HALTED");
}

#[tokio::test]
async fn a_tree_brings_children_with_their_parents() {
    let sandbox = Sandbox::open().await;
    let contact = |reference: &str, name: Value| json!({"attributes": {"type": "Contact", "referenceId": reference}, "LastName": name});
    let tree = |second: Value| {
        json!({"records": [{
            "attributes": {"type": "Account", "referenceId": "acc"},
            "Name": "Tree",
            "Contacts": {"records": [contact("c1", json!("First")), contact("c2", second)]},
        }]})
    };
    let failed = sandbox.call("POST", "composite/tree/Account", tree(Value::Null)).await;
    assert_eq!((failed.status, failed.json()["hasErrors"].clone()), (400, json!(true)));
    assert_eq!(failed.json()["results"][0]["referenceId"], "c2");
    assert_eq!(failed.json()["results"][0]["errors"][0]["statusCode"], "REQUIRED_FIELD_MISSING");
    let count = sandbox.query("SELECT COUNT() FROM Account WHERE Name = 'Tree'").await.json();
    assert_eq!(count["totalSize"], 0);
    let saved = sandbox.call("POST", "composite/tree/Account", tree(json!("Second"))).await;
    assert_eq!(saved.status, 201, "{}", saved.text);
    let account = saved.json()["results"][0]["id"].as_str().expect("an id").to_owned();
    let soql =
        format!("SELECT LastName FROM Contact WHERE AccountId = '{account}' ORDER BY LastName");
    let found = sandbox.query(&soql).await.json();
    assert_eq!(found["records"][1]["LastName"], "Second", "{found}");
}
