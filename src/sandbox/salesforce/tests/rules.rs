//! Rules of the org: what it hides, refuses, changes and locks.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::{N_LEADS, ROOT, Reply, Sandbox, id};

impl Sandbox {
    async fn create_with(&self, header: (&str, &str), object: &str, body: &Value) -> Reply {
        let request = Request::post(format!("{ROOT}/sobjects/{object}"))
            .header("authorization", format!("Bearer {}", self.token))
            .header(header.0, header.1)
            .body(Body::from(body.to_string()))
            .expect("a request");
        self.deliver(request).await
    }

    async fn lead(&self, id: &str) -> Value {
        self.get(&format!("sobjects/Lead/{id}")).await.json()
    }

    async fn change(&self, number: u64, body: Value) -> Reply {
        self.call("PATCH", &format!("sobjects/Lead/{}", id("00Q", number)), body).await
    }
}

fn lead(change: &Value) -> Value {
    let mut lead = json!({"LastName": "A", "Company": "Co"});
    lead.as_object_mut().expect("a lead").extend(change.as_object().expect("fields").clone());
    lead
}

#[tokio::test]
async fn what_the_user_may_not_see_is_not_there() {
    let sandbox = Sandbox::open().await;
    sandbox
        .rules(json!({"permissions": {
            "objects": {"Account": "none", "Contact": "read"},
            "fields": {"Lead.Score__c": "none", "Lead.Email": "read"},
            "is_hard_delete_allowed": false,
        }}))
        .await;
    assert_eq!(sandbox.get("sobjects/Account/describe").await.status, 404);
    assert_eq!(sandbox.query("SELECT Id FROM Account").await.code(), "INVALID_TYPE");
    let list = sandbox.get("sobjects").await.text;
    assert!(list.contains("\"Contact\"") && !list.contains("\"Account\""));
    let described = sandbox.get("sobjects/Lead/describe").await.json();
    let fields = described["fields"].as_array().expect("fields");
    assert!(fields.iter().all(|field| field["name"] != "Score__c"));
    let email = fields.iter().find(|field| field["name"] == "Email").expect("a field");
    assert_eq!((&email["updateable"], &email["createable"]), (&json!(false), &json!(false)));
    assert_eq!(sandbox.query("SELECT Score__c FROM Lead").await.code(), "INVALID_FIELD");
    assert_eq!(sandbox.change(3, json!({"Score__c": 1})).await.code(), "INVALID_FIELD");
    let refused = sandbox.change(3, json!({"Email": "a@example.com"})).await;
    assert_eq!(refused.code(), "INVALID_FIELD_FOR_INSERT_UPDATE");
    let contact = sandbox.get("sobjects/Contact/describe").await.json();
    assert_eq!((&contact["createable"], &contact["deletable"]), (&json!(false), &json!(false)));
    let hard = json!({"object": "Lead", "operation": "hardDelete"});
    assert_eq!(sandbox.call("POST", "jobs/ingest", hard).await.code(), "FEATURENOTENABLED");
    let path = "/__sandbox/salesforce/rules";
    let unknown = json!({"permissions": {"fields": {"Lead.Nothing__c": "none"}}}).to_string();
    let refused = sandbox.send("PATCH", path, unknown, None).await;
    assert!(refused.message().contains("Lead.Nothing__c"), "{}", refused.text);
    assert_eq!(sandbox.send("POST", path, "{}".to_owned(), None).await.status, 200);
    assert_eq!(sandbox.query("SELECT Score__c FROM Lead LIMIT 1").await.status, 200);
}

#[tokio::test]
async fn sharing_keeps_records_away() {
    let sandbox = Sandbox::open().await;
    sandbox
        .rules(json!({"sharing": [
            {"object": "Lead", "when": "Owner.Type = 'Queue'"},
            {"object": "Lead", "when": "Key__c = 'k2'", "is_readable": true},
        ]}))
        .await;
    let count = sandbox.query("SELECT COUNT() FROM Lead").await.json();
    assert_eq!(count["totalSize"], N_LEADS - 1);
    let hidden = sandbox.get(&format!("sobjects/Lead/{}", id("00Q", 1))).await;
    assert_eq!((hidden.status, hidden.code().as_str()), (404, "NOT_FOUND"));
    let refused = sandbox.change(1, json!({"LastName": "B"})).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "INSUFFICIENT_ACCESS_OR_READONLY"));
    assert_eq!(
        sandbox.change(2, json!({"LastName": "B"})).await.code(),
        "INSUFFICIENT_ACCESS_OR_READONLY"
    );
    assert_eq!(sandbox.lead(&id("00Q", 2)).await["LastName"], "Lead2");
    let taken = sandbox.call("POST", "sobjects/Lead", lead(&json!({"Key__c": "k1"}))).await;
    assert_eq!(taken.code(), "DUPLICATE_VALUE", "what is hidden is there all the same");
}

#[tokio::test]
async fn validation_looks_at_the_record_before_and_after() {
    let sandbox = Sandbox::open().await;
    sandbox
        .rules(json!({"validation": [
            {"object": "Lead", "before": "Status = 'Closed'", "after": "Status = 'Open'",
                "message": "Closed leads stay closed", "field": "Status"},
            {"object": "Lead", "on": ["create"], "after": "Email = null AND Score__c > 50",
                "message": "Hot leads need an email"},
        ]}))
        .await;
    assert_eq!(sandbox.change(3, json!({"Status": "Closed"})).await.status, 204);
    let refused = sandbox.change(3, json!({"Status": "Open"})).await;
    let expected = json!([{"message": "Closed leads stay closed",
        "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "fields": ["Status"]}]);
    assert_eq!((refused.status, refused.json()), (400, expected));
    assert_eq!(sandbox.lead(&id("00Q", 3)).await["Status"], "Closed");
    let hot = sandbox.call("POST", "sobjects/Lead", lead(&json!({"Score__c": 60}))).await;
    assert_eq!(hot.message(), "Hot leads need an email");
    sandbox.create("Lead", lead(&json!({"Score__c": 60, "Email": "hot@example.com"}))).await;
}

#[tokio::test]
async fn triggers_write_back_reformat_and_throw() {
    let sandbox = Sandbox::open().await;
    sandbox
        .rules(json!({"triggers": [
            {"object": "Lead", "reformat": {"Phone": "us_phone", "LastName": "trim"}},
            {"object": "Lead", "on": ["update"], "before": "LeadSource = 'Web'",
                "after": "LeadSource != 'Web'", "set": {"LeadSource": "Web"}},
            {"object": "Lead", "after": "Company = 'Boom'", "refuse": "System.NullPointerException"},
            {"object": "Lead", "on": ["delete"], "after": "Score__c = 7", "refuse": "keep sevens"},
        ]}))
        .await;
    let created = sandbox
        .create("Lead", lead(&json!({"Phone": "+1 415.555.0100", "LastName": " Ann "})))
        .await;
    let read = sandbox.lead(&created).await;
    assert_eq!(
        (&read["Phone"], &read["LastName"], &read["Name"]),
        (&json!("(415) 555-0100"), &json!("Ann"), &json!("Ann"))
    );
    assert_eq!(
        sandbox.change(3, json!({"LeadSource": "Other", "LastName": "New"})).await.status,
        204
    );
    let read = sandbox.lead(&id("00Q", 3)).await;
    assert_eq!((&read["LeadSource"], &read["LastName"]), (&json!("Web"), &json!("New")));
    let thrown = sandbox.call("POST", "sobjects/Lead", lead(&json!({"Company": "Boom"}))).await;
    assert_eq!(thrown.code(), "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY");
    assert!(
        thrown
            .message()
            .ends_with("execution of AfterInsert caused by: System.NullPointerException")
    );
    assert_eq!(sandbox.change(4, json!({"Score__c": 7})).await.status, 204);
    let kept =
        sandbox.call("DELETE", &format!("sobjects/Lead/{}", id("00Q", 4)), Value::Null).await;
    assert_eq!(kept.code(), "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY");
    let count = sandbox.query("SELECT COUNT() FROM Lead WHERE Company = 'Boom'").await.json();
    assert_eq!(count["totalSize"], 0);
}

#[tokio::test]
async fn duplicate_rules_alert_or_block() {
    let sandbox = Sandbox::open().await;
    sandbox
        .rules(json!({"duplicates": [
            {"name": "Standard_Lead_Duplicate_Rule", "object": "Lead", "exact": ["Email"],
                "fuzzy": ["LastName"], "action": "alert"},
            {"name": "Lead_Is_Contact", "object": "Lead", "matches": "Contact", "on": ["create"],
                "exact": [{"own": "Email", "other": "Email"}], "action": "block", "message": "Known already"},
        ]}))
        .await;
    let twin = lead(&json!({"Email": "LEAD5@example.com", "LastName": "Lead 5"}));
    let refused = sandbox.call("POST", "sobjects/Lead", twin.clone()).await;
    assert_eq!(refused.status, 400);
    let error = refused.json()[0].clone();
    assert_eq!(
        (&error["errorCode"], &error["message"]),
        (&json!("DUPLICATES_DETECTED"), &json!("Use one of these records?"))
    );
    let found = &error["duplicateResut"];
    assert_eq!(
        (&found["allowSave"], &found["duplicateRule"]),
        (&json!(true), &json!("Standard_Lead_Duplicate_Rule"))
    );
    let record = &found["matchResults"][0]["matchRecords"][0]["record"];
    assert_eq!(record["Id"], id("00Q", 5));
    let detailed = sandbox
        .create_with(("Sforce-Duplicate-Rule-Header", "includeRecordDetails=true"), "Lead", &twin)
        .await;
    assert_eq!(
        detailed.json()[0]["duplicateResut"]["matchResults"][0]["matchRecords"][0]["record"]["Email"],
        "lead5@example.com"
    );
    let rows = json!({"records": [lead(&json!({"attributes": {"type": "Lead"}, "Email": "lead5@example.com", "LastName": "Lead5"}))]});
    let rows = sandbox.call("POST", "composite/sobjects", rows).await.json();
    assert_eq!(
        rows[0],
        json!({"success": false, "errors": [{"statusCode": "DUPLICATES_DETECTED", "message": "Use one of these records?", "fields": []}]})
    );
    let other = lead(&json!({"Email": "lead5@example.com", "LastName": "Zimmermann"}));
    sandbox.create("Lead", other).await;
    let saved = sandbox
        .create_with(("Sforce-Duplicate-Rule-Header", "allowSave = true"), "Lead", &twin)
        .await;
    assert_eq!(saved.status, 201, "{}", saved.text);
    sandbox.create("Contact", json!({"LastName": "C", "Email": "c@example.com"})).await;
    let known = lead(&json!({"Email": "c@example.com"}));
    let blocked = sandbox
        .create_with(("Sforce-Duplicate-Rule-Header", "allowSave=true"), "Lead", &known)
        .await;
    assert_eq!(
        (blocked.message().as_str(), &blocked.json()[0]["duplicateResut"]["allowSave"]),
        ("Known already", &json!(false))
    );
}

#[tokio::test]
async fn record_types_and_controlling_fields_narrow_picklists() {
    let sandbox = Sandbox::open().await;
    let wrong = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST";
    let tier = |tier: &str, segment: Value| lead(&json!({"Tier__c": tier, "Segment__c": segment}));
    sandbox.create("Lead", tier("Starter", json!("SMB"))).await;
    for refused in [tier("Global", json!("SMB")), tier("Starter", Value::Null)] {
        assert_eq!(sandbox.call("POST", "sobjects/Lead", refused).await.code(), wrong);
    }
    sandbox
        .rules(json!({"record_types": [{"object": "Lead", "id": id("012", 1), "is_default": true,
            "picklists": {"Segment__c": ["Enterprise"]}}]}))
        .await;
    let created = sandbox.create("Lead", lead(&json!({"Segment__c": "enterprise"}))).await;
    assert_eq!(sandbox.lead(&created).await["RecordTypeId"], id("012", 1));
    let refused = sandbox.call("POST", "sobjects/Lead", lead(&json!({"Segment__c": "SMB"}))).await;
    assert_eq!(refused.code(), wrong);
    let master = lead(&json!({"Segment__c": "SMB", "RecordTypeId": Value::Null}));
    sandbox.create("Lead", master).await;
    let described = sandbox.get("sobjects/Lead/describe").await.json();
    let types = &described["recordTypeInfos"];
    assert_eq!(
        (&types[0]["developerName"], &types[0]["defaultRecordTypeMapping"]),
        (&json!("Partner"), &json!(true))
    );
    assert_eq!((&types[1]["developerName"], &types[1]["master"]), (&json!("Master"), &json!(true)));
}

#[tokio::test]
async fn assignment_rules_run_unless_told_not_to() {
    let sandbox = Sandbox::open().await;
    let rule = |id_text: &str, is_active: bool| json!({"id": id_text, "object": "Lead", "is_active": is_active, "when": "LeadSource = 'Web'", "owner_id": id("00G", 1)});
    let (active, other) = (id("01Q", 1), id("01Q", 2));
    sandbox.rules(json!({"assignment": [rule(&active, true), rule(&other, false)]})).await;
    let web = lead(&json!({"LeadSource": "Web"}));
    let owner = |reply: Reply| {
        let sandbox = &sandbox;
        async move {
            let id = reply.json()["id"].as_str().expect("an id").to_owned();
            sandbox.lead(&id).await["OwnerId"].clone()
        }
    };
    let plain = sandbox.call("POST", "sobjects/Lead", web.clone()).await;
    assert_eq!(owner(plain).await, id("00G", 1));
    let unfit = sandbox.call("POST", "sobjects/Lead", lead(&json!({}))).await;
    assert_eq!(owner(unfit).await, id("005", 1));
    let off = sandbox.create_with(("Sforce-Auto-Assign", "FALSE"), "Lead", &web).await;
    assert_eq!(owner(off).await, id("005", 1));
    let named = sandbox.create_with(("Sforce-Auto-Assign", &other), "Lead", &web).await;
    assert_eq!(owner(named).await, id("00G", 1));
    for (rule, expected) in [(Value::Null, id("005", 1)), (json!(other), id("00G", 1))] {
        let body = json!({"object": "Lead", "operation": "insert", "assignmentRuleId": rule});
        let job = sandbox.load(body, "LastName,Company,LeadSource\nBulk,Co,Web\n").await;
        assert_eq!(sandbox.poll("ingest", &job).await["numberRecordsFailed"], 0);
        let found = sandbox
            .query("SELECT OwnerId FROM Lead WHERE LastName = 'Bulk' ORDER BY Id DESC LIMIT 1")
            .await;
        assert_eq!(found.json()["records"][0]["OwnerId"], expected);
    }
}

#[tokio::test]
async fn chosen_rows_are_locked_some_times() {
    let sandbox = Sandbox::open().await;
    sandbox.rules(json!({"locks": [{"object": "Lead", "ids": [id("00Q", 3)], "times": 2}]})).await;
    let rows = json!({"records": [
        {"attributes": {"type": "Lead"}, "id": id("00Q", 2), "LastName": "B"},
        {"attributes": {"type": "Lead"}, "id": id("00Q", 3), "LastName": "B"},
    ]});
    for is_saved in [false, false, true] {
        let answers = sandbox.call("PATCH", "composite/sobjects", rows.clone()).await.json();
        assert_eq!(
            (&answers[0]["success"], &answers[1]["success"]),
            (&json!(true), &json!(is_saved))
        );
        if !is_saved {
            let expected = format!(
                "unable to obtain exclusive access to this record or 1 records: {}",
                id("00Q", 3)
            );
            assert_eq!(answers[1]["errors"][0]["statusCode"], "UNABLE_TO_LOCK_ROW");
            assert_eq!(answers[1]["errors"][0]["message"], expected);
        }
    }
}
