//! Bulk 2.0 query and ingest jobs.

use axum::body::Body;
use axum::http::Request;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{N_LEADS, ROOT, Reply, Sandbox, id};

impl Sandbox {
    async fn start(&self, kind: &str, body: Value) -> String {
        let reply = self.call("POST", &format!("jobs/{kind}"), body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["id"].as_str().expect("an id").to_owned()
    }

    async fn start_query(&self, query: &str) -> String {
        self.start("query", json!({"operation": "query", "query": query})).await
    }

    /// Creates a job, uploads its data and says that this is all.
    pub async fn load(&self, body: Value, data: &str) -> String {
        let job = self.start("ingest", body).await;
        let put = self
            .send("PUT", &format!("{ROOT}/jobs/ingest/{job}/batches"), data.to_owned(), None)
            .await;
        assert_eq!((put.status, put.text.as_str()), (201, ""));
        let closed = self
            .call("PATCH", &format!("jobs/ingest/{job}"), json!({"state": "UploadComplete"}))
            .await;
        assert_eq!((closed.status, &closed.json()["state"]), (200, &json!("UploadComplete")));
        job
    }

    pub async fn poll(&self, kind: &str, job: &str) -> Value {
        let reply = self.get(&format!("jobs/{kind}/{job}")).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()
    }

    async fn results(&self, job: &str, part: &str) -> Vec<String> {
        let reply = self.get(&format!("jobs/ingest/{job}/{part}")).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let mut lines: Vec<String> = reply.text.lines().map(str::to_owned).collect();
        lines.get_mut(1..).unwrap_or_default().sort();
        lines
    }
}

fn lines(reply: &Reply) -> Vec<&str> {
    reply.text.lines().collect()
}

fn header<'a>(reply: &'a Reply, name: &str) -> &'a str {
    reply.headers[name].to_str().expect("text")
}

#[tokio::test]
async fn a_query_job_goes_through_its_states_and_gives_pages() {
    let sandbox = Sandbox::open().await;
    sandbox.rules(json!({"bulk": {"polls_until_done": 2}})).await;
    let query = "SELECT Id, Owner.Name, Email, Owner.Type, IsConverted, Score__c, LastModifiedDate FROM Lead ORDER BY Id";
    let created =
        sandbox.call("POST", "jobs/query", json!({"operation": "query", "query": query})).await;
    let job = created.json();
    let id_text = job["id"].as_str().expect("an id").to_owned();
    assert!(id_text.starts_with("750") && id_text.len() == 18);
    let expected = json!({
        "id": id_text, "operation": "query", "object": "Lead", "createdById": id("005", 1),
        "createdDate": "2026-10-01T10:00:00.000+0000", "systemModstamp": "2026-10-01T10:00:00.000+0000",
        "state": "UploadComplete", "concurrencyMode": "Parallel", "contentType": "CSV",
        "apiVersion": 68.0, "lineEnding": "LF", "columnDelimiter": "COMMA",
    });
    assert_eq!(job, expected);
    assert_eq!(
        sandbox.get(&format!("jobs/query/{id_text}/results")).await.code(),
        "INVALIDJOBSTATE"
    );
    assert_eq!(sandbox.poll("query", &id_text).await["state"], "InProgress");
    let done = sandbox.poll("query", &id_text).await;
    assert_eq!((&done["state"], &done["jobType"]), (&json!("JobComplete"), &json!("V2Query")));
    assert_eq!(done["numberRecordsProcessed"], N_LEADS);

    let first = sandbox.get(&format!("jobs/query/{id_text}/results?maxRecords=200")).await;
    assert_eq!(header(&first, "content-type"), "text/csv; charset=UTF-8");
    assert_eq!(header(&first, "sforce-numberofrecords"), "200");
    let rows = lines(&first);
    assert_eq!(
        rows[0],
        r#""Id","Owner.Name","Email","Owner.Type","IsConverted","Score__c","LastModifiedDate""#
    );
    assert_eq!(
        rows[1],
        format!(
            r#""{}","Inbound","lead1@example.com","Queue","false","","2026-07-14T09:12:33.000Z""#,
            id("00Q", 1)
        )
    );
    let mut seen = rows.len() - 1;
    let mut locator = header(&first, "sforce-locator").to_owned();
    while locator != "null" {
        // A record written in between moves no page.
        sandbox.create("Lead", json!({"LastName": "New", "Company": "Co"})).await;
        let path = format!("jobs/query/{id_text}/results?locator={locator}&maxRecords=200");
        let page = sandbox.get(&path).await;
        seen += lines(&page).len() - 1;
        locator = header(&page, "sforce-locator").to_owned();
    }
    assert_eq!(seen as u64, N_LEADS);
    let whole = sandbox.get(&format!("jobs/query/{id_text}/results/")).await;
    assert_eq!(
        (header(&whole, "sforce-locator"), lines(&whole).len() as u64),
        ("null", N_LEADS + 1)
    );
    let older = format!("/services/data/v60.0/jobs/query/{id_text}/results");
    assert_eq!(sandbox.send("GET", &older, String::new(), None).await.status, 409);
    let deleted = sandbox.call("DELETE", &format!("jobs/query/{id_text}"), Value::Null).await;
    assert_eq!(deleted.status, 204);
    assert_eq!(sandbox.get(&format!("jobs/query/{id_text}")).await.code(), "NOT_FOUND");
}

#[tokio::test]
async fn result_pages_cover_the_result_once() {
    let sandbox = Sandbox::open().await;
    sandbox.rules(json!({"bulk": {"result_page_rows": 70}})).await;
    let job = sandbox.start_query("SELECT Id FROM Lead").await;
    assert_eq!(sandbox.poll("query", &job).await["state"], "JobComplete");
    let mut urls = Vec::new();
    let mut next = Some(format!("{ROOT}/jobs/query/{job}/resultPages"));
    while let Some(path) = next {
        let page = sandbox.send("GET", &path, String::new(), None).await.json();
        let pages = page["resultPages"].as_array().expect("pages").clone();
        assert!(pages.len() <= 5);
        urls.extend(pages.iter().map(|page| page["resultUrl"].as_str().expect("a url").to_owned()));
        next = page["nextRecordsUrl"].as_str().map(str::to_owned);
        assert_eq!(page["done"], next.is_none());
    }
    assert_eq!(urls.len(), 7);
    let mut ids = Vec::new();
    for url in urls.iter().rev() {
        let page = sandbox.send("GET", url, String::new(), None).await;
        ids.extend(page.text.lines().skip(1).map(str::to_owned));
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len() as u64, N_LEADS);
}

#[tokio::test]
async fn query_jobs_refuse_what_bulk_cannot_do() {
    let sandbox = Sandbox::open().await;
    let table = [
        ("SELECT COUNT() FROM Lead", "API_ERROR"),
        ("SELECT Status, COUNT(Id) FROM Lead GROUP BY Status", "API_ERROR"),
        ("SELECT Id FROM Lead OFFSET 10", "API_ERROR"),
        ("SELECT Id FROM Nothing", "INVALID_TYPE"),
        ("SELECT Nothing FROM Lead", "INVALID_FIELD"),
        ("SELECT Id FROM", "MALFORMED_QUERY"),
    ];
    for (query, code) in table {
        let body = json!({"operation": "query", "query": query});
        let reply = sandbox.call("POST", "jobs/query", body).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, code), "{query}: {}", reply.text);
    }
    let bad_locator = sandbox.start_query("SELECT Id FROM Lead").await;
    sandbox.poll("query", &bad_locator).await;
    let reply = sandbox.get(&format!("jobs/query/{bad_locator}/results?locator=MTAw")).await;
    assert_eq!(reply.status, 400);
}

#[tokio::test]
async fn inserts_row_by_row_with_three_result_files() {
    let sandbox = Sandbox::open().await;
    let body =
        json!({"object": "lead", "operation": "insert", "contentType": "CSV", "lineEnding": "LF"});
    let created = sandbox.call("POST", "jobs/ingest", body).await.json();
    let job = created["id"].as_str().expect("an id").to_owned();
    assert_eq!(created["state"], "Open");
    assert_eq!(created["object"], "Lead");
    assert_eq!(created["contentUrl"], format!("services/data/v68.0/jobs/ingest/{job}/batches"));
    let data = "LastName,Company,Email,Score__c,Key__c,Status\n\
                \"Good, \"\"one\"\"\",Co,good@example.com,1.5,b1,\n\
                ,Co,bad@example.com,,b2,\n\
                Email,Co,no email,,b3,Open\n\
                Twice,Co,,,K1,Open\n";
    let path = format!("{ROOT}/jobs/ingest/{job}/batches");
    // As clients stream it: in chunks, without a length.
    let chunks = data.as_bytes().chunks(16).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec()));
    let request = Request::put(&path)
        .header("authorization", format!("Bearer {}", sandbox.token))
        .header("content-type", "text/csv; charset=UTF-8")
        .body(Body::from_stream(futures::stream::iter(chunks.collect::<Vec<_>>())))
        .expect("a request");
    assert_eq!(sandbox.deliver(request).await.status, 201);
    assert_eq!(sandbox.send("PUT", &path, data.to_owned(), None).await.code(), "CLIENTINPUTERROR");
    let job_path = format!("jobs/ingest/{job}");
    let closed = sandbox.call("PATCH", &job_path, json!({"state": "UploadComplete"})).await;
    assert_eq!(closed.status, 200);
    assert_eq!(sandbox.send("PUT", &path, data.to_owned(), None).await.code(), "INVALIDJOBSTATE");
    let done = sandbox.poll("ingest", &job).await;
    assert_eq!(done["state"], "JobComplete", "{done}");
    assert_eq!(
        (&done["numberRecordsProcessed"], &done["numberRecordsFailed"]),
        (&json!(4), &json!(3))
    );
    assert_eq!(done["jobType"], "V2Ingest");
    let saved = sandbox
        .query("SELECT Id, LastName, Status, Score__c FROM Lead WHERE Key__c = 'b1'")
        .await
        .json();
    let record = &saved["records"][0];
    assert_eq!((&record["LastName"], &record["Status"]), (&json!("Good, \"one\""), &json!("Open")));
    assert_eq!(record["Score__c"], 2.0, "rounded to the field's scale");
    let id_text = record["Id"].as_str().expect("an id");
    assert_eq!(
        sandbox.results(&job, "successfulResults/").await,
        [
            r#""sf__Id","sf__Created","LastName","Company","Email","Score__c","Key__c","Status""#
                .to_owned(),
            format!(r#""{id_text}","true","Good, ""one""","Co","good@example.com","1.5","b1","""#),
        ]
    );
    let holder = super::super::ids::short(&id("00Q", 1)).to_owned();
    assert_eq!(
        sandbox.results(&job, "failedResults").await,
        [
            r#""sf__Id","sf__Error","LastName","Company","Email","Score__c","Key__c","Status""#.to_owned(),
            format!(r#""","DUPLICATE_VALUE:duplicate value found: Key__c duplicates value on record with id: {holder}:--","Twice","Co","","","K1","Open""#),
            r#""","INVALID_EMAIL_ADDRESS:Email: invalid email address: no email:Email --","Email","Co","no email","","b3","Open""#.to_owned(),
            r#""","REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --","","Co","bad@example.com","","b2","""#.to_owned(),
        ]
    );
    assert_eq!(sandbox.results(&job, "unprocessedRecords").await.len(), 1);
    assert_eq!(
        sandbox
            .counters
            .counts()
            .iter()
            .filter(|(key, _)| key.family == "jobs.ingest.batches")
            .map(|(_, n)| n)
            .sum::<u64>(),
        3
    );
}

#[tokio::test]
async fn updates_leave_empty_cells_alone_and_clear_by_word() {
    let sandbox = Sandbox::open().await;
    let account = sandbox.create("Account", json!({"Name": "Acme", "Key__c": "acme"})).await;
    let contact = sandbox
        .create("Contact", json!({"LastName": "A", "Email": "a@example.com", "Key__c": "c1"}))
        .await;
    let data = format!(
        "Id;Email;Segment__c;Account.Key__c\r\n{contact};;SMB;ACME\r\n{};x@example.com;SMB;\r\n;;SMB;\r\n",
        id("003", 77)
    );
    let body = json!({"object": "Contact", "operation": "update", "columnDelimiter": "SEMICOLON", "lineEnding": "CRLF"});
    let job = sandbox.load(body, &data).await;
    assert_eq!(sandbox.poll("ingest", &job).await["numberRecordsFailed"], 2);
    let read = sandbox.get(&format!("sobjects/Contact/{contact}")).await.json();
    assert_eq!((&read["Email"], &read["Segment__c"]), (&json!("a@example.com"), &json!("SMB")));
    assert_eq!(read["AccountId"], account);
    let failed = sandbox.results(&job, "failedResults").await;
    assert_eq!(failed[0], r#""sf__Id";"sf__Error";"Id";"Email";"Segment__c";"Account.Key__c""#);
    assert!(
        failed[1].contains("MISSING_ARGUMENT:Id not specified in an update call:--"),
        "{failed:?}"
    );
    assert!(
        failed[2].starts_with(&format!(r#""{}";"INVALID_CROSS_REFERENCE_KEY"#, id("003", 77))),
        "{failed:?}"
    );

    let data = format!("Id,Email,Account.Key__c\n{contact},#N/A,#N/A\n");
    let job = sandbox.load(json!({"object": "Contact", "operation": "update"}), &data).await;
    assert_eq!(sandbox.poll("ingest", &job).await["numberRecordsFailed"], 0);
    let read = sandbox.get(&format!("sobjects/Contact/{contact}")).await.json();
    assert_eq!((&read["Email"], &read["AccountId"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn upserts_and_deletes_in_one_multipart_call() {
    let sandbox = Sandbox::open().await;
    let upsert = json!({"object": "Lead", "operation": "upsert", "externalIdFieldName": "Key__c"});
    let form = |job: &Value, data: &str| {
        format!(
            "--XX\r\nContent-Type: application/json\r\nContent-Disposition: form-data; name=\"job\"\r\n\r\n{job}\r\n\
             --XX\r\nContent-Type: text/csv\r\nContent-Disposition: form-data; name=\"content\"; filename=\"content\"\r\n\r\n{data}\r\n--XX--\r\n"
        )
    };
    let data = "Key__c,LastName,Company\nnew,New,Co\nk2,Renamed,\nNEW,Again,Co\n";
    let request = Request::post(format!("{ROOT}/jobs/ingest"))
        .header("authorization", format!("Bearer {}", sandbox.token))
        .header("content-type", "multipart/form-data; boundary=XX")
        .body(Body::from(form(&upsert, data)))
        .expect("a request");
    let reply = sandbox.deliver(request).await;
    assert_eq!(
        (reply.status, &reply.json()["state"]),
        (200, &json!("UploadComplete")),
        "{}",
        reply.text
    );
    let job = reply.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(sandbox.poll("ingest", &job).await["numberRecordsFailed"], 1);
    let saved = sandbox.results(&job, "successfulResults").await;
    assert!(saved.iter().any(|line| line.contains(r#""true","new""#)), "{saved:?}");
    assert!(saved.iter().any(|line| line.contains(r#""false","k2","Renamed""#)), "{saved:?}");
    let failed = sandbox.results(&job, "failedResults").await;
    assert!(
        failed[1].contains("DUPLICATE_VALUE:Duplicate external id specified: new"),
        "{failed:?}"
    );

    let ids = format!("Id\n{}\n{}\n", id("00Q", 5), id("00Q", 6));
    let job = sandbox.load(json!({"object": "Lead", "operation": "delete"}), &ids).await;
    assert_eq!(sandbox.poll("ingest", &job).await["numberRecordsFailed"], 0);
    let job = sandbox
        .load(
            json!({"object": "Lead", "operation": "hardDelete"}),
            &format!("Id\n{}\n{}\n", id("00Q", 6), id("00Q", 7)),
        )
        .await;
    assert_eq!(sandbox.poll("ingest", &job).await["numberRecordsFailed"], 0);
    let left = sandbox.get("queryAll?q=SELECT+Id+FROM+Lead+WHERE+IsDeleted=true").await.json();
    assert_eq!(left["records"][0]["Id"], id("00Q", 5));
    assert_eq!(left["totalSize"], 1);
}

#[tokio::test]
async fn a_job_that_cannot_start_fails_as_a_whole() {
    let sandbox = Sandbox::open().await;
    let insert = json!({"object": "Lead", "operation": "insert"});
    let table = [
        (
            insert.clone(),
            "LastName,Foo__c\nA,1\nB,2\n",
            "InvalidBatch : Field name not found : Foo__c",
        ),
        (
            insert,
            "LastName,Company\r\nA,Co\r\n",
            "LineEnding is invalid on user data. Current LineEnding setting is LF",
        ),
        (
            json!({"object": "Lead", "operation": "delete"}),
            "Id,LastName\n1,2\n",
            "InvalidBatch : The 'delete' batch must contain only ids",
        ),
    ];
    for (body, data, message) in table {
        let job = sandbox.load(body, data).await;
        let done = sandbox.poll("ingest", &job).await;
        assert_eq!((&done["state"], &done["errorMessage"]), (&json!("Failed"), &json!(message)));
        assert_eq!(done["numberRecordsProcessed"], 0);
        let n_rows = data.lines().count();
        assert_eq!(sandbox.results(&job, "unprocessedrecords").await.len(), n_rows, "{message}");
    }
    for (body, code) in [
        (json!({"object": "Nothing", "operation": "insert"}), "INVALIDENTITY"),
        (json!({"object": "Lead", "operation": "merge"}), "INVALIDOPERATION"),
        (json!({"object": "Lead", "operation": "upsert"}), "INVALIDJOB"),
        (
            json!({"object": "Lead", "operation": "upsert", "externalIdFieldName": "Company"}),
            "INVALIDJOB",
        ),
        (json!({"object": "Lead", "operation": "insert", "lineEnding": "CR"}), "INVALIDJOB"),
    ] {
        assert_eq!(sandbox.call("POST", "jobs/ingest", body).await.code(), code);
    }
}

#[tokio::test]
async fn jobs_end_as_the_rules_want() {
    let sandbox = Sandbox::open().await;
    sandbox
        .rules(json!({"bulk": {"endings": [
            {"kind": "ingest", "ending": {"failed": {"after_rows": 1, "message": "TooManyLockFailure : try later"}}},
            {"kind": "ingest", "ending": {"aborted": {"after_rows": 2}}},
            {"kind": "ingest", "ending": {"hanging": {"after_rows": 1}}},
            {"object": "Lead", "times": 2, "ending": "nothing_done"},
        ]}}))
        .await;
    let insert = json!({"object": "Lead", "operation": "insert"});
    let data = "LastName,Company\nEnd,Co\nEnd,Co\nEnd,Co\n";
    let table = [
        ("Failed", 1, 2),
        ("Aborted", 2, 1),
        ("InProgress", 1, 2),
        ("JobComplete", 0, 3),
        ("JobComplete", 3, 0),
    ];
    let mut n_saved = 0;
    for (index, (state, n_processed, n_unprocessed)) in table.into_iter().enumerate() {
        if index == 4 {
            let job = sandbox.start_query("SELECT Id FROM Lead").await;
            let done = sandbox.poll("query", &job).await;
            assert_eq!(
                (&done["state"], &done["numberRecordsProcessed"]),
                (&json!("JobComplete"), &json!(0))
            );
        }
        let job = sandbox.load(insert.clone(), data).await;
        for _ in 0..2 {
            let seen = sandbox.poll("ingest", &job).await;
            assert_eq!(
                (&seen["state"], &seen["numberRecordsProcessed"]),
                (&json!(state), &json!(n_processed))
            );
        }
        if state == "InProgress" {
            assert_eq!(
                sandbox.call("DELETE", &format!("jobs/ingest/{job}"), Value::Null).await.code(),
                "INVALIDJOBSTATE"
            );
            let aborted = sandbox
                .call("PATCH", &format!("jobs/ingest/{job}"), json!({"state": "Aborted"}))
                .await;
            assert_eq!(aborted.json()["state"], "Aborted");
        }
        assert_eq!(sandbox.results(&job, "unprocessedrecords").await.len(), n_unprocessed + 1);
        n_saved += n_processed;
        let count = sandbox.query("SELECT COUNT() FROM Lead WHERE LastName = 'End'").await.json();
        assert_eq!(count["totalSize"], n_saved, "rows saved before the end stay saved");
    }
    let list = sandbox.get("jobs/ingest?isPkChunkingEnabled=false&jobType=V2Ingest").await.json();
    assert_eq!((list["records"].as_array().expect("jobs").len(), &list["done"]), (5, &json!(true)));
    sandbox.clock.advance(SignedDuration::from_hours(7 * 24));
    let mut sandbox = sandbox;
    sandbox.log_in().await;
    assert_eq!(sandbox.get("jobs/ingest").await.json()["records"], json!([]));
}
