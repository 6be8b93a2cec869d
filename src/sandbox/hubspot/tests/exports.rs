//! Exports: the queue, the file, its address.

use std::io::{Cursor, Read};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::super::{ExportTimes, JobEnd};
use super::{Bench, CONTACTS};

const EXPORTS: &str = "/crm/exports/2026-09/export/async";

fn contacts() -> Value {
    json!({
        "exportType": "VIEW", "exportName": "all", "format": "CSV", "language": "EN",
        "objectType": "CONTACT", "exportInternalValuesOptions": ["NAMES", "VALUES"],
        "objectProperties": ["email", "lifecyclestage", "lastmodifieddate", "nope", "email"],
        "associatedObjectType": ["COMPANY"],
    })
}

impl Bench {
    async fn start_export(&self, request: Value) -> String {
        let started = self.send("POST", EXPORTS, request).await;
        assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.body);
        started.body["id"].as_str().expect("an id").to_owned()
    }

    async fn export_status(&self, id: &str) -> Value {
        self.get(&format!("{EXPORTS}/tasks/{id}/status")).await.body
    }

    /// Waits for an export and fetches its file.
    async fn export(&self, request: Value) -> (HeaderMap, Bytes) {
        let id = self.start_export(request).await;
        let mut status = Value::Null;
        for _ in 0..5 {
            status = self.export_status(&id).await;
            if status["status"] == "COMPLETE" {
                break;
            }
        }
        let (code, headers, file) =
            self.download(status["result"].as_str().expect("an address")).await;
        assert_eq!(code, StatusCode::OK);
        (headers, file)
    }

    /// Fetches a file without credentials.
    async fn download(&self, url: &str) -> (StatusCode, HeaderMap, Bytes) {
        let path = url.strip_prefix("http://localhost").expect("an address of this server");
        let request = Request::builder().uri(path).body(Body::empty()).expect("a request");
        self.exchange(request).await
    }
}

#[tokio::test]
async fn an_export_is_a_task_that_leaves_a_file() {
    let bench = Bench::new();
    let id = bench.start_export(contacts()).await;
    let first = bench.export_status(&id).await;
    assert_eq!(first["status"], "PROCESSING");
    assert!(first.get("result").is_none());
    let calls = bench.counters.total("hubspot");
    let done = bench.export_status(&id).await;
    assert_eq!(done["status"], "COMPLETE");
    let url = done["result"].as_str().expect("an address").to_owned();
    let (status, headers, file) = bench.download(&url).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["content-type"], "text/csv");
    assert_eq!(
        String::from_utf8_lossy(&file),
        "hs_object_id,email,lifecyclestage,lastmodifieddate,Associated Company IDs\n\
         101,ana@x.co,lead,1769904000000,101\n\
         102,bo@x.co,customer,1769990400000,\n\
         103,cy@x.co,marketingqualifiedlead,1770076800500,\n"
    );
    assert_eq!(bench.counters.total("hubspot"), calls + 1, "a download is no call");
    let export = bench.get(&format!("/crm/v3/exports/export/{id}")).await.body;
    assert_eq!(export["exportState"], "DONE");
    assert_eq!(export["recordCount"], 3);
    bench.clock.advance(SignedDuration::from_mins(5));
    assert_eq!(bench.download(&url).await.0, StatusCode::FORBIDDEN);
    let again = bench.export_status(&id).await;
    let (status, ..) = bench.download(again["result"].as_str().expect("an address")).await;
    assert_eq!(status, StatusCode::OK);
    let forged = url.replace("signature=", "signature=0");
    assert_eq!(bench.download(&forged).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn one_export_runs_at_a_time() {
    let bench = Bench::new();
    let first = bench.start_export(contacts()).await;
    let second = bench.start_export(contacts()).await;
    for expected in ["PENDING", "PENDING", "PROCESSING", "COMPLETE"] {
        assert_eq!(bench.export_status(&second).await["status"], expected);
    }
    let state = bench.get(&format!("/crm/exports/2026-03/export/{first}")).await;
    assert_eq!(state.body["exportState"], "DONE");
}

#[tokio::test]
async fn thirty_exports_a_day() {
    let bench = Bench::new();
    for _ in 0..30 {
        bench.start_export(contacts()).await;
    }
    let refused = bench.send("POST", EXPORTS, contacts()).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    bench.clock.advance(SignedDuration::from_hours(24));
    bench.start_export(contacts()).await;
}

#[tokio::test]
async fn labels_filters_lists_and_archived_records() {
    let bench = Bench::new();
    let labelled = json!({
        "exportType": "VIEW", "format": "CSV", "language": "EN", "objectType": "0-1",
        "exportName": "l", "objectProperties": ["lastmodifieddate"],
        "associatedObjectType": "COMPANY", "includeLabeledAssociations": true,
        "includePrimaryDisplayPropertyForAssociatedObjects": true,
        "publicCrmSearchRequest": {"filterGroups": [{"filters": [
            {"property": "email", "operator": "EQ", "value": "ANA@x.co"}]}]},
    });
    let (_, file) = bench.export(labelled).await;
    assert_eq!(
        String::from_utf8_lossy(&file),
        "Record ID,Last Modified Date,Associated Company,Associated Company IDs,\
         Associated Company IDs (Primary)\n\
         101,2026-01-31 19:00,X,101,101\n"
    );
    let members = json!({
        "exportType": "LIST", "listId": "1", "format": "CSV", "language": "EN",
        "objectType": "CONTACT", "exportName": "m", "objectProperties": ["hs_object_id"],
        "exportInternalValuesOptions": ["NAMES", "VALUES"],
    });
    let (_, file) = bench.export(members).await;
    assert_eq!(String::from_utf8_lossy(&file), "hs_object_id\n101\n");
    bench.set(|settings| {
        settings.exports.includes_archived = true;
        settings.exports.times = ExportTimes::Iso;
    });
    let sorted = json!({
        "exportType": "VIEW", "format": "CSV", "language": "EN", "objectType": "CONTACT",
        "exportName": "s", "objectProperties": ["createdate"],
        "exportInternalValuesOptions": ["NAMES", "VALUES"],
        "publicCrmSearchRequest": {"filters": [
            {"propertyName": "hs_object_id", "operator": "GTE", "value": "103"}],
            "sorts": [{"propertyName": "email", "order": "DESC"}]},
    });
    let (_, file) = bench.export(sorted).await;
    assert_eq!(
        String::from_utf8_lossy(&file),
        "hs_object_id,createdate\n104,2026-01-04T00:00:00Z\n103,2026-01-03T00:00:00Z\n"
    );
}

#[tokio::test]
async fn a_large_file_comes_zipped() {
    let bench = Bench::new();
    bench.set(|settings| settings.exports.zip_over_bytes = 100);
    let (headers, file) = bench.export(contacts()).await;
    assert_eq!(headers["content-type"], "application/zip");
    assert_eq!(file.get(..4), Some(b"PK\x03\x04".as_slice()));
    let mut archive = zip::ZipArchive::new(Cursor::new(file)).expect("an archive");
    let mut text = String::new();
    archive.by_index(0).expect("a file").read_to_string(&mut text).expect("text");
    assert_eq!(text.lines().count(), 4);
    assert!(text.ends_with("103,cy@x.co,marketingqualifiedlead,1770076800500,\n"));
}

#[tokio::test]
async fn exports_fail_get_stuck_or_lose_records_when_asked_to() {
    let bench = Bench::new();
    bench.set(|settings| settings.exports.share_percent = 34);
    let (_, file) = bench.export(contacts()).await;
    assert_eq!(String::from_utf8_lossy(&file).lines().count(), 2);
    let counted = bench.get("/crm/v3/exports/export/1").await.body;
    assert_eq!(counted["recordCount"], 3);
    bench.set(|settings| settings.exports.ends = JobEnd::Failed);
    let failing = bench.start_export(contacts()).await;
    bench.export_status(&failing).await;
    assert_eq!(bench.export_status(&failing).await["numErrors"], 1);
    bench.set(|settings| settings.exports.ends = JobEnd::Stuck);
    let stuck = bench.start_export(contacts()).await;
    for _ in 0..5 {
        assert_eq!(bench.export_status(&stuck).await["status"], "PROCESSING");
    }
}

#[tokio::test]
async fn a_request_that_makes_no_sense_is_refused() {
    let bench = Bench::new();
    let changes = [
        ("exportType", json!("TABLE")),
        ("format", json!("XLS")),
        ("objectType", json!("WIDGET")),
        ("associatedObjectType", json!(["COMPANY", "DEAL", "TICKET", "0-1", "0-2"])),
        (
            "publicCrmSearchRequest",
            json!({"filters": [{"propertyName": "nope", "operator": "EQ", "value": "1"}]}),
        ),
    ];
    for (key, value) in changes {
        let mut request = contacts();
        request[key] = value;
        let refused = bench.send("POST", EXPORTS, request).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{key}");
    }
    let unknown = bench.get(&format!("{EXPORTS}/tasks/77/status")).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert_eq!(bench.get(CONTACTS).await.status, StatusCode::OK);
}
