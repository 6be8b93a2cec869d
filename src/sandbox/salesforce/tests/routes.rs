//! What else clients call: replication, conditional reads, search, compression, the recycle bin.

use axum::body::Body;
use axum::http::Request;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{ROOT, Reply, Sandbox, id};

impl Sandbox {
    async fn with_header(
        &self,
        method: &str,
        path: &str,
        header: (&str, &str),
        body: Value,
    ) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(format!("{ROOT}/{path}"))
            .header("authorization", format!("OAuth {}", self.token))
            .header(header.0, header.1)
            .body(Body::from(body.to_string()))
            .expect("a request");
        self.deliver(request).await
    }
}

#[tokio::test]
async fn tells_what_changed_and_what_was_deleted() {
    let sandbox = Sandbox::open().await;
    sandbox.clock.advance(SignedDuration::from_mins(30));
    let change = json!({"LastName": "Changed"});
    let path = format!("sobjects/Lead/{}", id("00Q", 3));
    assert_eq!(sandbox.call("PATCH", &path, change).await.status, 204);
    let body = json!({"id": id("00Q", 4)}).to_string();
    assert_eq!(
        sandbox.send("POST", "/__sandbox/records/delete", body.clone(), None).await.status,
        204
    );
    let purge = json!({"id": id("00Q", 5)}).to_string();
    assert_eq!(sandbox.send("POST", "/__sandbox/records/purge", purge, None).await.status, 204);
    let span = "start=2026-10-01T10:10:00%2B00:00&end=2026-10-01T10:31:59Z";
    let updated = sandbox.get(&format!("sobjects/Lead/updated/?{span}")).await.json();
    let expected =
        json!({"ids": [id("00Q", 3)], "latestDateCovered": "2026-10-01T10:31:00.000+0000"});
    assert_eq!(updated, expected);
    let deleted = sandbox.get(&format!("sobjects/Lead/deleted?{span}")).await.json();
    let records: Vec<&Value> = deleted["deletedRecords"]
        .as_array()
        .expect("records")
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(records, [&json!(id("00Q", 4)), &json!(id("00Q", 5))]);
    assert_eq!(deleted["earliestDateAvailable"], "2026-09-16T10:30:00.000+0000");
    let early = "start=2026-08-01T00:00:00Z&end=2026-10-01T00:00:00Z";
    let refused = sandbox.get(&format!("sobjects/Lead/updated?{early}")).await;
    assert_eq!(refused.code(), "INVALID_REPLICATION_DATE");
    assert_eq!(sandbox.send("POST", "/__sandbox/records/undelete", body, None).await.status, 204);
    assert_eq!(sandbox.get(&format!("sobjects/Lead/{}", id("00Q", 4))).await.status, 200);
}

#[tokio::test]
async fn answers_only_what_changed_since() {
    let sandbox = Sandbox::open().await;
    let later = ("if-modified-since", "Thu, 01 Oct 2026 10:00:00 GMT");
    let earlier = ("if-modified-since", "Thu, 01 Oct 2026 09:59:59 GMT");
    let described =
        sandbox.with_header("GET", "sobjects/Lead/describe", earlier, Value::Null).await;
    assert_eq!(
        (described.status, &described.headers["last-modified"]),
        (200, &"Thu, 01 Oct 2026 10:00:00 GMT".parse().expect("a header"))
    );
    let unchanged = sandbox.with_header("GET", "sobjects/Lead/describe", later, Value::Null).await;
    assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""));
    let lead = format!("sobjects/Lead/{}", id("00Q", 3));
    assert_eq!(sandbox.with_header("GET", &lead, later, Value::Null).await.status, 304);
    let change = json!({"LastName": "A"});
    let before = ("if-unmodified-since", "Tue, 14 Jul 2026 09:12:32 GMT");
    let refused = sandbox.with_header("PATCH", &lead, before, change.clone()).await;
    assert_eq!((refused.status, refused.code().as_str()), (412, "PRECONDITION_FAILED"));
    let wrong = ("if-unmodified-since", "soon");
    assert_eq!(sandbox.with_header("PATCH", &lead, wrong, change.clone()).await.status, 400);
    let since = ("if-unmodified-since", "Tue, 14 Jul 2026 09:12:33 GMT");
    assert_eq!(sandbox.with_header("PATCH", &lead, since, change).await.status, 204);
}

#[tokio::test]
async fn searches_text_fields() {
    let sandbox = Sandbox::open().await;
    let q = "FIND+%7Blead12%7D+IN+ALL+FIELDS+RETURNING+Lead(Id,+Email+WHERE+LastName+!=+'Lead121'+ORDER+BY+Id+LIMIT+3),+Account";
    let found = sandbox.get(&format!("search/?q={q}")).await;
    let records = found.json()["searchRecords"].clone();
    assert_eq!(records.as_array().map(Vec::len), Some(3), "{}", found.text);
    assert_eq!(records[0]["Email"], "lead12@example.com");
    assert_eq!(records[2]["Email"], "lead122@example.com");
    let plain = sandbox.get("search?q=FIND+%7BIvy%7D").await.json();
    assert_eq!(plain["searchRecords"][0]["attributes"]["type"], "User", "{plain}");
    let parameters =
        sandbox.get("parameterizedSearch?q=lead450&sobject=Lead&Lead.fields=LastName").await;
    assert_eq!(parameters.json()["searchRecords"][0]["LastName"], "Lead450");
    assert_eq!(sandbox.get("search?q=lead").await.code(), "MALFORMED_SEARCH");
}

#[tokio::test]
async fn compresses_for_those_who_ask_and_knows_odd_paths() {
    let sandbox = Sandbox::open().await;
    let gzip = ("accept-encoding", "gzip, deflate");
    let packed = sandbox.with_header("GET", "query?q=SELECT+Id+FROM+Lead", gzip, Value::Null).await;
    assert_eq!(packed.headers["content-encoding"], "gzip");
    assert_eq!(packed.bytes.get(..2), Some(&[0x1f, 0x8b][..]));
    let whole = sandbox.get("query?q=SELECT+Id+FROM+Lead").await;
    assert!(packed.bytes.len() * 4 < whole.bytes.len());
    let root = sandbox.send("GET", &format!("/{ROOT}/"), String::new(), None).await.json();
    assert_eq!(root["jobs"], format!("{ROOT}/jobs"));
    assert!(root["identity"].as_str().is_some_and(|url| url.starts_with("/id/00D")));
    let tooling = sandbox.get("tooling/query?q=SELECT+Id+FROM+SandboxProcess").await;
    assert_eq!((tooling.status, tooling.code().as_str()), (400, "INVALID_TYPE"));
    let limits = sandbox.get("limits/").await.json();
    assert_eq!(limits["DailyBulkV2QueryJobs"], json!({"Max": 10000, "Remaining": 10000}));
    let account = sandbox.get("sobjects/Account/describe").await.json();
    let children = account["childRelationships"].as_array().expect("children");
    assert!(
        children
            .iter()
            .any(|child| child["relationshipName"] == "Contacts" && child["field"] == "AccountId")
    );
}

#[tokio::test]
async fn queries_go_down_to_children_and_by_dates() {
    let sandbox = Sandbox::open().await;
    let account = sandbox.create("Account", json!({"Name": "Acme"})).await;
    for name in ["B", "A"] {
        sandbox.create("Contact", json!({"LastName": name, "AccountId": account})).await;
    }
    sandbox.create("Account", json!({"Name": "Alone"})).await;
    let soql =
        "SELECT Name, (SELECT LastName FROM contacts ORDER BY LastName) FROM Account ORDER BY Name";
    let found = sandbox.query(soql).await.json();
    assert_eq!(found["records"][0]["Contacts"]["totalSize"], 2, "{found}");
    assert_eq!(found["records"][0]["Contacts"]["records"][0]["LastName"], "A");
    assert_eq!(found["records"][1]["Contacts"], Value::Null);
    let with_contacts = "SELECT Name FROM Account WHERE Id IN (SELECT AccountId FROM Contact) AND CreatedDate = TODAY";
    assert_eq!(sandbox.query(with_contacts).await.json()["records"][0]["Name"], "Acme");
    let without = "SELECT Name FROM Account WHERE Id NOT IN (SELECT AccountId FROM Contact WHERE LastName = 'A')";
    assert_eq!(sandbox.query(without).await.json()["records"][0]["Name"], "Alone");
    let grouped = "SELECT CALENDAR_MONTH(CreatedDate) m, COUNT(Id) n FROM Lead WHERE CreatedDate = THIS_YEAR GROUP BY CALENDAR_MONTH(CreatedDate) HAVING COUNT(Id) > 5";
    let grouped = sandbox.query(grouped).await.json();
    assert_eq!(
        (&grouped["records"][0]["m"], &grouped["records"][0]["n"]),
        (&json!(1), &json!(super::N_LEADS)),
        "{grouped}"
    );
    let columns = sandbox.get("query?columns=true&q=SELECT+Id,+Owner.Name+FROM+Lead").await.json();
    assert_eq!(columns["columnMetadata"][1]["joinColumns"][0]["columnName"], "Name", "{columns}");
}
