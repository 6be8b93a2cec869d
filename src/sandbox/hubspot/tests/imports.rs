//! Imports: parts, rows, refusals, states.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use super::super::JobEnd;
use super::{Answer, Bench};

const IMPORTS: &str = "/crm/imports/2026-09";

/// A request for one file of contacts; a column is `(name, property, type)`.
fn contacts(operation: &str, columns: &[(&str, &str, &str)]) -> Value {
    let mappings: Vec<Value> = columns
        .iter()
        .map(|(name, property, kind)| {
            json!({"columnObjectTypeId": "0-1", "columnName": name, "propertyName": property,
                "columnType": kind})
        })
        .collect();
    json!({
        "name": "night", "importOperations": {"0-1": operation},
        "dateFormat": "YEAR_MONTH_DAY", "timeZone": "UTC",
        "files": [{"fileName": "c.csv", "fileFormat": "CSV",
            "fileImportPage": {"hasHeader": true, "columnMappings": mappings}}],
    })
}

const BY_EMAIL: [(&str, &str, &str); 3] = [
    ("Email", "email", "HUBSPOT_ALTERNATE_ID"),
    ("First", "firstname", "STANDARD"),
    ("Stage", "lifecyclestage", "STANDARD"),
];

impl Bench {
    async fn start_import(&self, request: &Value, files: &[(&str, &str)]) -> Answer {
        let mut body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"importRequest\"\r\n\r\n{request}\r\n"
        );
        for (name, text) in files {
            let head = "--b\r\nContent-Disposition: form-data; name=\"files\"; filename=";
            body.extend([head, name, "\r\nContent-Type: text/csv\r\n\r\n", text, "\r\n"]);
        }
        body.push_str("--b--\r\n");
        let request = Request::builder()
            .method("POST")
            .uri(IMPORTS)
            .header("authorization", "Bearer pat-test")
            .header("content-type", "multipart/form-data; boundary=b")
            .body(Body::from(body))
            .expect("a request");
        let (status, headers, bytes) = self.exchange(request).await;
        Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
    }

    async fn import_state(&self, id: &Value) -> Value {
        self.get(&format!("{IMPORTS}/{}", id.as_str().expect("an id"))).await.body
    }

    /// Carries an import to its end and returns it with its errors.
    pub async fn import(&self, request: &Value, text: &str) -> (Value, Vec<Value>) {
        let started = self.start_import(request, &[("c.csv", text)]).await;
        assert_eq!(started.status, StatusCode::OK, "{}", started.body);
        assert_eq!(started.body["state"], "STARTED");
        let id = &started.body["id"];
        assert_eq!(self.import_state(id).await["state"], "PROCESSING");
        let import = self.import_state(id).await;
        let path = format!(
            "{IMPORTS}/{}/errors?includeErrorMessage=true&includeRowData=true",
            id.as_str().expect("an id")
        );
        let errors = self.get(&path).await.body["results"].as_array().cloned();
        (import, errors.expect("errors"))
    }
}

fn types(errors: &[Value]) -> Vec<&str> {
    errors.iter().filter_map(|error| error["errorType"].as_str()).collect()
}

#[tokio::test]
async fn rows_make_and_change_records() {
    let bench = Bench::new();
    let (import, errors) = bench
        .import(
            &contacts("UPSERT", &BY_EMAIL),
            "Email,First,Stage\nANA@x.co,Anna,lead\nnew@x.co,New,customer\nbo@x.co,,lead\n",
        )
        .await;
    assert_eq!(import["state"], "DONE");
    assert_eq!(import["importSource"], "API");
    assert_eq!(import["mappedObjectTypeIds"], json!(["0-1"]));
    assert_eq!(
        import["metadata"]["counters"],
        json!({"TOTAL_ROWS": 3, "CREATED_OBJECTS": 1, "UPDATED_OBJECTS": 2,
            "PROPERTY_VALUES_EMITTED": 6, "UNIQUE_OBJECTS_WRITTEN": 3})
    );
    assert_eq!(errors, Vec::<Value>::new());
    assert_eq!(bench.property("101", "firstname").await, "Anna");
    // Neither does an empty cell clear, nor does a stage go back.
    assert_eq!(bench.property("102", "firstname").await, "Bo");
    assert_eq!(bench.property("102", "lifecyclestage").await, "customer");
    assert_eq!(bench.property("105", "email").await, "new@x.co");
    assert_eq!(bench.property("105", "hs_object_source").await, Value::Null);
    let history = bench
        .get("/crm/v3/objects/contacts/101?propertiesWithHistory=firstname")
        .await
        .body["propertiesWithHistory"]["firstname"][0]["sourceType"]
        .clone();
    assert_eq!(history, "IMPORT");
}

#[tokio::test]
async fn bad_rows_are_skipped_and_listed() {
    let bench = Bench::new();
    let columns = [
        ("Id", "hs_object_id", "HUBSPOT_OBJECT_ID"),
        ("Email", "email", "STANDARD"),
        ("Stage", "lifecyclestage", "STANDARD"),
        ("Score", "lead_score", "STANDARD"),
        ("Owner", "hubspot_owner_id", "STANDARD"),
        ("X", "nope", "STANDARD"),
    ];
    let rows = "Id,Email,Stage,Score,Owner,X\n\
                101,a1@x.co,Lead,12,o@x.co,\n\
                102,bad,lead,\"1,000\",p@x.co,\n\
                101,a2@x.co,,,,\n\
                999,a3@x.co,,,,\n\
                103,bo@x.co,,,,\n\
                103,,MQL,,,\n\
                103,,,,,x\n\
                103,,\n\
                103,ana@x.co,,,,\n";
    let (import, errors) = bench.import(&contacts("UPDATE", &columns), rows).await;
    assert_eq!(import["state"], "DONE");
    assert_eq!(
        types(&errors),
        [
            "COULD_NOT_FIND_OWNER",
            "INVALID_EMAIL",
            "COULD_NOT_PARSE_NUMBER",
            "DUPLICATE_OBJECT_ID",
            "INVALID_OBJECT_ID",
            "DUPLICATE_UNIQUE_PROPERTY_VALUE",
            "INVALID_ENUMERATION_OPTION",
            "PROPERTY_DEFINITION_NOT_FOUND",
            "INCORRECT_NUMBER_OF_COLUMNS",
        ]
    );
    assert_eq!(errors[0]["sourceData"]["lineNumber"], 3);
    assert_eq!(errors[0]["sourceData"]["rowData"][1], "bad");
    assert_eq!(errors[0]["knownColumnNumber"], 5);
    assert_eq!(errors[0]["invalidValue"], "p@x.co");
    assert_eq!(errors[0]["objectTypeId"], "0-1");
    assert_eq!(import["metadata"]["counters"]["UPDATED_OBJECTS"], 2);
    assert_eq!(import["metadata"]["counters"]["ERRORS"], 9);
    assert_eq!(bench.property("101", "lifecyclestage").await, "lead");
    assert_eq!(bench.property("101", "hubspot_owner_id").await, "11");
    // The email that the first row gave up was free for the last.
    assert_eq!(bench.property("103", "email").await, "ana@x.co");

    let id = import["id"].as_str().expect("an id");
    let page = bench.get(&format!("{IMPORTS}/{id}/errors?limit=2")).await.body;
    assert_eq!(page["results"].as_array().map(Vec::len), Some(2));
    assert!(page["results"][0].get("errorMessage").is_none());
    let after = page["paging"]["next"]["after"].as_str().expect("a next page").to_owned();
    let rest = bench.get(&format!("{IMPORTS}/{id}/errors?limit=20&after={after}")).await.body;
    assert_eq!(rest["results"].as_array().map(Vec::len), Some(7));
    assert!(rest.get("paging").is_none());
}

#[tokio::test]
async fn operations_bind() {
    let bench = Bench::new();
    let rows = "Email,First,Stage\nana@x.co,A,\nnew@x.co,N,\nnew@x.co,M,\n";
    let (_, errors) = bench.import(&contacts("CREATE", &BY_EMAIL), rows).await;
    assert_eq!(types(&errors), ["CREATE_ONLY_IMPORT", "DUPLICATE_ALTERNATE_ID"]);
    let rows = "Email,First,Stage\nana@x.co,A,\nother@x.co,N,\n";
    let (_, errors) = bench.import(&contacts("UPDATE", &BY_EMAIL), rows).await;
    assert_eq!(types(&errors), ["UPDATE_ONLY_IMPORT"]);
    assert_eq!(bench.property("101", "firstname").await, "A");
}

#[tokio::test]
async fn switches_change_what_a_blank_and_a_bad_value_do() {
    let bench = Bench::new();
    bench.set(|settings| {
        settings.imports.blank_clears = true;
        settings.imports.bad_value_skips_row = false;
    });
    let rows = "Email,First,Stage\nana@x.co,,lead\nbo@x.co,Bob,nope\n";
    let (_, errors) = bench.import(&contacts("UPSERT", &BY_EMAIL), rows).await;
    assert_eq!(types(&errors), ["INVALID_ENUMERATION_OPTION"]);
    assert_eq!(bench.property("101", "firstname").await, Value::Null);
    assert_eq!(bench.property("102", "firstname").await, "Bob");
}

#[tokio::test]
async fn columns_associate_records() {
    let bench = Bench::new();
    let mut request = contacts("UPSERT", &BY_EMAIL);
    let mappings = request["files"][0]["fileImportPage"]["columnMappings"].as_array_mut();
    mappings.expect("columns").extend([
        json!({"columnObjectTypeId": "0-1", "toColumnObjectTypeId": "0-2",
            "columnName": "Company", "propertyName": null, "columnType": "HUBSPOT_OBJECT_ID",
            "foreignKeyType":
                {"associationTypeId": 279, "associationCategory": "HUBSPOT_DEFINED"}}),
        json!({"columnObjectTypeId": "0-2", "columnName": "Name", "propertyName": "name",
            "columnType": "STANDARD"}),
        json!({"columnObjectType": "COMPANY", "columnName": "Domain", "propertyName": "domain",
            "idColumnType": "HUBSPOT_ALTERNATE_ID"}),
    ]);
    let rows = "Email,First,Stage,Company,Name,Domain\n\
                bo@x.co,,,101,,\n\
                cy@x.co,,,,Y,https://y.co/about\n\
                new@x.co,,,77,,\n";
    let (import, errors) = bench.import(&request, rows).await;
    assert_eq!(types(&errors), ["ASSOCIATION_RECORD_NOT_FOUND"]);
    assert_eq!(import["mappedObjectTypeIds"], json!(["0-1", "0-2"]));
    assert_eq!(bench.property("102", "associatedcompanyid").await, "101");
    assert_eq!(bench.property("103", "associatedcompanyid").await, "102");
    let none = bench.get("/crm/v3/objects/contacts/new@x.co?idProperty=email").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND, "a refused row leaves nothing");
}

#[tokio::test]
async fn two_files_meet_in_a_shared_column() {
    let bench = Bench::new();
    let shared = |object: &str, property: &str, kind: &str| {
        json!({"columnObjectTypeId": object, "columnName": "Domain", "propertyName": property,
            "columnType": kind, "associationIdentifierColumn": true})
    };
    let request = json!({
        "name": "two", "createContactListFromImport": true,
        "files": [
            {"fileName": "companies.csv", "fileImportPage": {"hasHeader": true,
                "columnMappings": [shared("0-2", "domain", "HUBSPOT_ALTERNATE_ID")]}},
            {"fileName": "contacts.csv", "fileImportPage": {"hasHeader": true,
                "columnMappings": [
                    {"columnObjectTypeId": "0-1", "columnName": "Email",
                     "propertyName": "email", "columnType": "HUBSPOT_ALTERNATE_ID"},
                    shared("0-1", "lastname", "STANDARD")]}},
        ],
    });
    let files =
        [("contacts.csv", "Email,Domain\nz@z.co,z.co\n"), ("companies.csv", "Domain\nz.co\n")];
    let id = bench.start_import(&request, &files).await.body["id"].clone();
    bench.import_state(&id).await;
    let import = bench.import_state(&id).await;
    assert_eq!(import["state"], "DONE");
    assert_eq!(bench.property("105", "associatedcompanyid").await, "102");
    let list = import["metadata"]["objectLists"][0]["listId"].as_str().expect("a list").to_owned();
    let members = bench.get(&format!("/crm/v3/lists/{list}/memberships")).await;
    assert_eq!(members.body["results"][0]["recordId"], "105");
}

#[tokio::test]
async fn three_run_at_a_time_and_any_can_be_canceled() {
    let bench = Bench::new();
    let rows = "Email,First,Stage\nana@x.co,A,\n";
    let request = contacts("UPSERT", &BY_EMAIL);
    let mut ids = Vec::new();
    for expected in ["STARTED", "STARTED", "STARTED", "DEFERRED"] {
        let started = bench.start_import(&request, &[("c.csv", rows)]).await.body;
        assert_eq!(started["state"], expected);
        ids.push(started["id"].clone());
    }
    let cancel = format!("{IMPORTS}/{}/cancel", ids[0].as_str().expect("an id"));
    assert_eq!(bench.send("POST", &cancel, Value::Null).await.body["status"], "CANCELED");
    let states = ["STARTED", "PROCESSING", "DONE"];
    for expected in states {
        assert_eq!(bench.import_state(&ids[3]).await["state"], expected);
    }
    let all = bench.get(IMPORTS).await.body;
    let all: Vec<&Value> =
        all["results"].as_array().expect("imports").iter().map(|one| &one["state"]).collect();
    assert_eq!(all, ["CANCELED", "DONE", "DONE", "DONE"]);
    let refused = bench.send("POST", &cancel, Value::Null).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn imports_end_part_way_or_with_nothing_done_when_asked_to() {
    let bench = Bench::new();
    let rows = "Email,First,Stage\na@y.co,A,\nb@y.co,B,\nc@y.co,C,\nd@y.co,D,\n";
    let by_email = |email: &str| format!("/crm/v3/objects/contacts/{email}?idProperty=email");
    bench.set(|settings| {
        settings.imports.ends = JobEnd::Failed;
        settings.imports.share_percent = 50;
    });
    let (import, _) = bench.import(&contacts("UPSERT", &BY_EMAIL), rows).await;
    assert_eq!(import["state"], "FAILED");
    assert_eq!(bench.get(&by_email("b@y.co")).await.status, StatusCode::OK);
    assert_eq!(bench.get(&by_email("c@y.co")).await.status, StatusCode::NOT_FOUND);
    bench.set(|settings| {
        settings.imports.ends = JobEnd::Done;
        settings.imports.share_percent = 0;
    });
    let (import, _) = bench.import(&contacts("UPSERT", &BY_EMAIL), rows).await;
    assert_eq!(import["state"], "DONE");
    assert_eq!(bench.get(&by_email("c@y.co")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn files_and_columns_must_be_as_described() {
    let bench = Bench::new();
    let request = contacts("UPSERT", &BY_EMAIL);
    let refused = [
        bench.start_import(&request, &[]).await,
        bench.start_import(&request, &[("d.csv", "Email,First,Stage\n")]).await,
        bench.start_import(&request, &[("c.csv", "First,Email,Stage\n")]).await,
        bench
            .start_import(
                &contacts("UPSERT", &[("First", "firstname", "HUBSPOT_ALTERNATE_ID")]),
                &[("c.csv", "First\n")],
            )
            .await,
        bench.start_import(&json!({"name": "x", "files": []}), &[]).await,
    ];
    for answer in refused {
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
        assert_eq!(answer.body["category"], "VALIDATION_ERROR");
    }
    assert_eq!(bench.get(IMPORTS).await.body["results"], json!([]));
}
