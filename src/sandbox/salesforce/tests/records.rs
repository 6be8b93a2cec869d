//! Logging in, queries, and writes of one record and of several.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::super::ids;
use super::{N_LEADS, ROOT, Sandbox, id};

#[tokio::test]
async fn lets_in_by_token_only_and_for_two_hours() {
    let mut sandbox = Sandbox::open().await;
    let good = sandbox.get("limits").await;
    assert_eq!(good.status, 200);
    assert_eq!(good.headers["sforce-limit-info"], "api-usage=1/100000");
    let versions = sandbox.send("GET", "//services/data/", String::new(), None).await;
    assert!(versions.text.contains("\"version\":\"68.0\""), "{}", versions.text);
    assert!(versions.text.contains("Winter '27"));
    assert!(!versions.headers.contains_key("sforce-limit-info"));
    sandbox.clock.advance(SignedDuration::from_hours(2));
    let expired = sandbox.get("limits").await;
    assert_eq!((expired.status, expired.code().as_str()), (401, "INVALID_SESSION_ID"));
    sandbox.log_in().await;
    assert_eq!(sandbox.get("limits").await.status, 200);
    assert_eq!(sandbox.get("nothing").await.status, 404);
}

#[tokio::test]
async fn stops_at_the_daily_allowance_and_opens_again_a_day_later() {
    let mut sandbox = Sandbox::with_daily_calls_max(2).await;
    for _ in 0..2 {
        assert_eq!(sandbox.get("limits").await.status, 200);
    }
    let refused = sandbox.get("limits").await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "REQUEST_LIMIT_EXCEEDED"));
    sandbox.clock.advance(SignedDuration::from_hours(24));
    sandbox.log_in().await;
    assert_eq!(sandbox.get("limits").await.status, 200);
}

#[tokio::test]
async fn pages_do_not_shift_while_rows_come_in() {
    let sandbox = Sandbox::open().await;
    let first =
        format!("{ROOT}/queryAll/?q=SELECT+Id,+LastName+FROM+Lead+ORDER+BY+SystemModstamp,+Id");
    let mut seen = Vec::new();
    let mut next = Some(first);
    while let Some(path) = next {
        let page = sandbox.send("GET", &path, String::new(), Some(200)).await;
        assert_eq!(page.status, 200, "{}", page.text);
        let page = page.json();
        assert_eq!(page["totalSize"], N_LEADS);
        for record in page["records"].as_array().expect("records") {
            seen.push(record["Id"].as_str().expect("an id").to_owned());
        }
        sandbox.create("Lead", json!({"LastName": "New", "Company": "Co"})).await;
        next = page["nextRecordsUrl"].as_str().map(str::to_owned);
        assert_eq!(page["done"], next.is_none());
    }
    let expected: Vec<String> = (1..=N_LEADS).map(|number| id("00Q", number)).collect();
    assert_eq!(seen, expected);
    assert_eq!(sandbox.get("query/01g000000000000AAA-200").await.code(), "INVALID_QUERY_LOCATOR");
}

#[tokio::test]
async fn answers_queries_in_the_wire_form() {
    let sandbox = Sandbox::open().await;
    let reply = sandbox
        .query("SELECT Id, Name, IsDeleted, LastModifiedDate, Score__c, Owner.Name, Owner.Type FROM Lead WHERE Key__c = 'K1'")
        .await;
    let lead = id("00Q", 1);
    let expected = format!(
        "{{\"totalSize\":1,\"done\":true,\"records\":[{{\"attributes\":{{\"type\":\"Lead\",\"url\":\"{ROOT}/sobjects/Lead/{lead}\"}},\
         \"Id\":\"{lead}\",\"Name\":\"Ada Lead1\",\"IsDeleted\":false,\"LastModifiedDate\":\"2026-07-14T09:12:33.000+0000\",\"Score__c\":null,\
         \"Owner\":{{\"attributes\":{{\"type\":\"Name\",\"url\":\"{ROOT}/sobjects/Group/{}\"}},\"Name\":\"Inbound\",\"Type\":\"Queue\"}}}}]}}",
        id("00G", 1)
    );
    assert_eq!(reply.text, expected);
    let count = sandbox.query("SELECT COUNT() FROM Lead WHERE Owner.Type = 'User'").await;
    assert_eq!(count.json()["totalSize"], N_LEADS - 1);
    let grouped = sandbox.query("SELECT LeadSource, COUNT(Id) FROM Lead GROUP BY LeadSource").await;
    assert_eq!(grouped.json()["records"][0]["expr0"], 1, "{}", grouped.text);
    let unknown = sandbox.query("SELECT Id FROM ScratchOrgInfo").await;
    assert_eq!((unknown.status, unknown.code().as_str()), (400, "INVALID_TYPE"));
}

#[tokio::test]
async fn creates_with_defaults_and_updates_with_history() {
    let sandbox = Sandbox::open().await;
    let body = json!({"LastName": "Hopper", "FirstName": "Grace", "Company": "Navy", "Score__c": 5, "Email": ""});
    let lead = sandbox.create("Lead", body).await;
    let read = sandbox.get(&format!("sobjects/Lead/{lead}")).await;
    let record = read.json();
    assert_eq!(record["Name"], "Grace Hopper");
    assert_eq!(record["Status"], "Open");
    assert_eq!(record["OwnerId"], id("005", 1));
    assert_eq!(record["IsConverted"], false);
    assert_eq!(record["Email"], Value::Null);
    assert_eq!(record["CreatedDate"], "2026-10-01T10:00:00.000+0000");
    assert!(read.text.contains("\"Score__c\":5.0"), "{}", read.text);
    sandbox.clock.advance(SignedDuration::from_mins(5));
    let path = format!("sobjects/Lead/{}", ids::short(&lead));
    let update = json!({"Status": "closed", "LeadSource": "Carrier Pigeon", "Seen__c": "2026-10-01T12:00:00+02:00"});
    assert_eq!(sandbox.call("PATCH", &path, update).await.status, 204);
    let record = sandbox.get(&path).await.json();
    assert_eq!(record["Status"], "Closed");
    assert_eq!(record["Seen__c"], "2026-10-01T10:00:00.000+0000");
    assert_eq!(record["SystemModstamp"], "2026-10-01T10:05:00.000+0000");
    let history = sandbox
        .query(&format!(
            "SELECT Field, OldValue, NewValue FROM LeadHistory WHERE LeadId = '{lead}' ORDER BY Id"
        ))
        .await
        .json();
    assert_eq!(history["records"][0]["Field"], "created");
    assert_eq!(history["records"][1]["OldValue"], "Open");
    assert_eq!(history["records"][1]["NewValue"], "Closed");
    let described = sandbox.get("sobjects/lead/describe").await.json();
    let fields = described["fields"].as_array().expect("fields");
    let source = fields.iter().find(|field| field["name"] == "LeadSource").expect("a field");
    let inactive: Vec<&Value> = source["picklistValues"]
        .as_array()
        .expect("values")
        .iter()
        .filter(|value| value["active"] == false)
        .map(|value| &value["value"])
        .collect();
    assert_eq!(inactive, [&json!("Billboard"), &json!("Carrier Pigeon")]);
}

#[tokio::test]
async fn refuses_values_in_the_vendors_words() {
    let sandbox = Sandbox::open().await;
    let valid = json!({"LastName": "A", "Company": "B"});
    let long = "x".repeat(81);
    let too_long = format!("Last Name: data value too large: {long} (max length=80)");
    let duplicate = format!(
        "duplicate value found: Key__c duplicates value on record with id: {}",
        ids::short(&id("00Q", 7))
    );
    let inactive =
        format!("operation performed with inactive user [{}]", ids::short(&id("005", 2)));
    let table = [
        (
            json!({"LastName": null}),
            "REQUIRED_FIELD_MISSING",
            "Required fields are missing: [LastName]",
        ),
        (
            json!({"Segment__c": "Huge"}),
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "Segment: bad value for restricted picklist field: Huge",
        ),
        (json!({"LastName": long}), "STRING_TOO_LONG", too_long.as_str()),
        (json!({"Email": "foo@"}), "INVALID_EMAIL_ADDRESS", "Email: invalid email address: foo@"),
        (
            json!({"Seen__c": "soon"}),
            "INVALID_TYPE_ON_FIELD_IN_RECORD",
            "Seen: value not of required type: soon",
        ),
        (
            json!({"Score__c": 1e18}),
            "NUMBER_OUTSIDE_VALID_RANGE",
            "Score: value outside of valid range",
        ),
        (
            json!({"Nope__c": 1}),
            "INVALID_FIELD",
            "No such column 'Nope__c' on sobject of type Lead",
        ),
        (
            json!({"Name": "A B"}),
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            "Unable to create/update fields: Name. Please check",
        ),
        (json!({"Key__c": "K7"}), "DUPLICATE_VALUE", duplicate.as_str()),
        (json!({"OwnerId": id("005", 2)}), "INACTIVE_OWNER_OR_USER", inactive.as_str()),
        (
            json!({"OwnerId": id("005", 9)}),
            "INVALID_CROSS_REFERENCE_KEY",
            "invalid cross reference id",
        ),
        (json!({"OwnerId": "005"}), "MALFORMED_ID", "Owner ID: id value of incorrect type: 005"),
        (
            json!({"LastName": {"a": 1}}),
            "JSON_PARSER_ERROR",
            "Cannot deserialize instance of string from START_OBJECT value {",
        ),
    ];
    for (change, code, message) in table {
        let mut body = valid.clone();
        for (key, value) in change.as_object().expect("an object") {
            body[key] = value.clone();
        }
        let reply = sandbox.call("POST", "sobjects/Lead", body).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, code), "{}", reply.text);
        assert!(reply.message().contains(message), "{}", reply.text);
    }
    let queue = json!({"LastName": "A", "OwnerId": id("00G", 1)});
    let reply = sandbox.call("POST", "sobjects/Contact", queue).await;
    assert_eq!(reply.code(), "INVALID_CROSS_REFERENCE_KEY", "{}", reply.text);
}

#[tokio::test]
async fn deleted_and_unknown_records_are_told_apart() {
    let sandbox = Sandbox::open().await;
    let path = format!("sobjects/Lead/{}", id("00Q", 3));
    assert_eq!(sandbox.call("DELETE", &path, Value::Null).await.status, 204);
    let again = sandbox.call("PATCH", &path, json!({"LastName": "A"})).await;
    assert_eq!((again.status, again.code().as_str()), (404, "ENTITY_IS_DELETED"));
    let unknown = format!("sobjects/Lead/{}", id("00Q", 9999));
    assert_eq!(sandbox.call("PATCH", &unknown, json!({})).await.code(), "NOT_FOUND");
    let all = sandbox.get("queryAll?q=SELECT+Id+FROM+Lead+WHERE+IsDeleted=true").await.json();
    assert_eq!(all["totalSize"], 1);
    let visible = sandbox.query("SELECT COUNT() FROM Lead").await.json();
    assert_eq!(visible["totalSize"], N_LEADS - 1);
}

#[tokio::test]
async fn collections_succeed_in_part_unless_all_or_none() {
    let sandbox = Sandbox::open().await;
    let record =
        |name: Value| json!({"attributes": {"type": "Lead"}, "LastName": name, "Company": "Co"});
    let body = json!({"allOrNone": false, "records": [record(json!("Good")), record(Value::Null)]});
    let reply = sandbox.call("POST", "composite/sobjects", body).await;
    assert_eq!(reply.status, 200);
    let results = reply.json();
    assert_eq!(results[0]["success"], true);
    assert_eq!(results[1]["errors"][0]["statusCode"], "REQUIRED_FIELD_MISSING");
    assert!(results[1].get("id").is_none());
    let body = json!({"allOrNone": true, "records": [record(json!("Never")), record(Value::Null)]});
    let results = sandbox.call("POST", "composite/sobjects", body).await.json();
    assert_eq!(results[0]["errors"][0]["statusCode"], "ALL_OR_NONE_OPERATION_ROLLED_BACK");
    let never = sandbox.query("SELECT COUNT() FROM Lead WHERE LastName = 'Never'").await.json();
    assert_eq!(never["totalSize"], 0);
    let many: Vec<Value> = (0..201).map(|_| record(json!("A"))).collect();
    assert_eq!(
        sandbox.call("POST", "composite/sobjects", json!({"records": many})).await.status,
        400
    );
    let ids = json!({"ids": [id("00Q", 5), id("00Q", 9999)], "fields": ["Email"]});
    let read = sandbox.call("POST", "composite/sobjects/Lead", ids).await.json();
    assert_eq!(read[0]["Email"], "lead5@example.com");
    assert_eq!(read[1], Value::Null);
    let path = format!("composite/sobjects?ids={},{}", id("00Q", 5), id("00Q", 9999));
    let deleted = sandbox.call("DELETE", &path, Value::Null).await.json();
    assert_eq!(deleted[0]["success"], true);
    assert_eq!(deleted[1]["errors"][0]["statusCode"], "INVALID_CROSS_REFERENCE_KEY");
}

#[tokio::test]
async fn upserts_are_idempotent() {
    let sandbox = Sandbox::open().await;
    let body = json!({"records": [
        {"attributes": {"type": "Lead"}, "Key__c": "new", "LastName": "N", "Company": "Co"},
        {"attributes": {"type": "Lead"}, "Key__c": "K9", "LastName": "M"},
    ]});
    let first = sandbox.call("PATCH", "composite/sobjects/Lead/Key__c", body.clone()).await.json();
    assert_eq!(
        (&first[0]["created"], &first[1]["created"]),
        (&json!(true), &json!(false)),
        "{first}"
    );
    let second = sandbox.call("PATCH", "composite/sobjects/Lead/Key__c", body).await.json();
    assert_eq!((&second[0]["created"], &second[0]["id"]), (&json!(false), &first[0]["id"]));
    let single = sandbox
        .call("PATCH", "sobjects/Lead/Key__c/a%2Fb", json!({"LastName": "S", "Company": "C"}))
        .await;
    assert_eq!(single.status, 201, "{}", single.text);
    let single =
        sandbox.call("PATCH", "sobjects/Lead/Key__c/a%2Fb", json!({"LastName": "S"})).await;
    assert_eq!((single.status, single.json()["created"].clone()), (200, json!(false)));
    let update_only = sandbox
        .call("PATCH", "sobjects/Lead/Key__c/none?updateOnly=true", json!({"LastName": "S"}))
        .await;
    assert_eq!(update_only.status, 404);
    let no_key = sandbox.call("PATCH", "sobjects/Lead/Company/x", json!({"LastName": "S"})).await;
    assert_eq!(
        no_key.message(),
        "Provided external ID field does not exist or is not accessible: Company"
    );
}

#[tokio::test]
async fn a_composite_is_one_call_and_passes_values_on() {
    let sandbox = Sandbox::open().await;
    let before = sandbox.counters.total("salesforce");
    let body = json!({"compositeRequest": [
        {"method": "POST", "url": format!("{ROOT}/sobjects/Account"), "referenceId": "acc", "body": {"Name": "Acme"}},
        {"method": "POST", "url": format!("{ROOT}/sobjects/Contact"), "referenceId": "con",
            "body": {"LastName": "A", "AccountId": "@{acc.id}"}},
        {"method": "GET", "url": format!("{ROOT}/query?q=SELECT+Id,+Account.Name+FROM+Contact+WHERE+Id='@{{con.id}}'"), "referenceId": "q"},
        {"method": "PATCH", "url": format!("{ROOT}/sobjects/Contact/@{{nope.id}}"), "referenceId": "bad", "body": {}},
    ]});
    let reply = sandbox.call("POST", "composite", body).await;
    let answers = reply.json()["compositeResponse"].clone();
    assert_eq!(answers[0]["httpStatusCode"], 201, "{}", reply.text);
    assert_eq!(answers[2]["body"]["records"][0]["Account"]["Name"], "Acme", "{}", reply.text);
    assert_eq!(answers[3]["body"][0]["errorCode"], "PROCESSING_HALTED");
    assert_eq!(reply.headers["sforce-limit-info"], "api-usage=1/100000");
    assert_eq!(sandbox.counters.total("salesforce"), before + 1);
    let query = |n: u32| json!({"method": "GET", "url": format!("{ROOT}/query?q=SELECT+Id+FROM+Lead"), "referenceId": format!("q{n}")});
    let six: Vec<Value> = (0..6).map(query).collect();
    assert_eq!(
        sandbox.call("POST", "composite", json!({"compositeRequest": six})).await.status,
        400
    );
    let body = json!({"allOrNone": true, "compositeRequest": [
        {"method": "POST", "url": format!("{ROOT}/sobjects/Account"), "referenceId": "a", "body": {"Name": "Undone"}},
        {"method": "POST", "url": format!("{ROOT}/sobjects/Account"), "referenceId": "b", "body": {}},
    ]});
    let answers = sandbox.call("POST", "composite", body).await.json()["compositeResponse"].clone();
    assert_eq!(answers[0]["body"][0]["errorCode"], "PROCESSING_HALTED");
    assert_eq!(answers[1]["body"][0]["errorCode"], "REQUIRED_FIELD_MISSING");
    let undone = sandbox.query("SELECT COUNT() FROM Account WHERE Name = 'Undone'").await.json();
    assert_eq!(undone["totalSize"], 0);
}

#[tokio::test]
async fn converted_and_merged_leads_behave() {
    let sandbox = Sandbox::open().await;
    let lead = id("00Q", 10);
    let body = json!({"leadId": lead, "doNotCreateOpportunity": true}).to_string();
    let converted = sandbox.send("POST", "/__sandbox/leads/convert", body, None).await;
    assert_eq!(converted.status, 200, "{}", converted.text);
    let contact = converted.json()["contactId"].as_str().expect("a contact").to_owned();
    let refused =
        sandbox.call("PATCH", &format!("sobjects/Lead/{lead}"), json!({"LastName": "B"})).await;
    assert_eq!(
        (refused.code().as_str(), refused.message().as_str()),
        ("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
    );
    let read = sandbox
        .query(&format!("SELECT Email, Account.Name FROM Contact WHERE Id = '{contact}'"))
        .await
        .json();
    assert_eq!(read["records"][0]["Email"], "lead10@example.com");
    assert_eq!(read["records"][0]["Account"]["Name"], "Co");
    let body = json!({"masterId": id("00Q", 11), "ids": [id("00Q", 12)]}).to_string();
    assert_eq!(sandbox.send("POST", "/__sandbox/records/merge", body, None).await.status, 200);
    let merged =
        sandbox.get("queryAll?q=SELECT+Id+FROM+Lead+WHERE+MasterRecordId!=null").await.json();
    assert_eq!(merged["records"][0]["Id"], id("00Q", 12));
}
