//! The server through its routes, over a world made on the spot.

mod auth;
mod bulk;
mod composites;
mod records;
mod routes;
mod rules;

use std::fmt::Write as _;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{Server, ids};
use crate::sandbox::{CallCounters, Clock, World};

const ROOT: &str = "/services/data/v68.0";
const N_LEADS: u64 = 450;

struct Sandbox {
    router: Router,
    token: String,
    clock: Clock,
    counters: CallCounters,
}

struct Reply {
    status: u16,
    headers: HeaderMap,
    /// Empty where the body is no text.
    text: String,
    bytes: Vec<u8>,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    fn code(&self) -> String {
        self.json()[0]["errorCode"].as_str().unwrap_or_default().to_owned()
    }

    fn message(&self) -> String {
        self.json()[0]["message"].as_str().unwrap_or_default().to_owned()
    }
}

impl Sandbox {
    async fn open() -> Self {
        Self::with_daily_calls_max(100_000).await
    }

    async fn with_daily_calls_max(daily_calls_max: u64) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let world = write_world(directory.path(), daily_calls_max);
        let clock = Clock::new(world.now);
        let counters = CallCounters::default();
        let server = Server::open(directory.path(), &world, None, clock.clone(), counters.clone())
            .expect("a server");
        let mut sandbox = Self { router: server.router(), token: String::new(), clock, counters };
        sandbox.log_in().await;
        sandbox
    }

    async fn log_in(&mut self) {
        let form = "grant_type=client_credentials&client_id=sandbox&client_secret=s%26cret";
        let reply = self.send("POST", "/services/oauth2/token", form.to_owned(), None).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        self.token = reply.json()["access_token"].as_str().expect("a token").to_owned();
    }

    async fn get(&self, path: &str) -> Reply {
        self.send("GET", &format!("{ROOT}/{path}"), String::new(), None).await
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> Reply {
        self.send(method, &format!("{ROOT}/{path}"), body.to_string(), None).await
    }

    async fn query(&self, soql: &str) -> Reply {
        self.get(&format!(
            "query?q={}",
            soql.replace('%', "%25").replace(' ', "+").replace('>', "%3E")
        ))
        .await
    }

    async fn send(&self, method: &str, path: &str, body: String, page: Option<u32>) -> Reply {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "127.0.0.1:8765")
            .header("authorization", format!("Bearer {}", self.token));
        if let Some(page) = page {
            request = request.header("Sforce-Query-Options", format!("batchSize={page}"));
        }
        self.deliver(request.body(Body::from(body)).expect("a request")).await
    }

    async fn rules(&self, sections: Value) {
        let path = "/__sandbox/salesforce/rules";
        let reply = self.send("PATCH", path, sections.to_string(), None).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }

    async fn deliver(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a body");
        Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap_or_default(),
            bytes: bytes.to_vec(),
        }
    }

    async fn create(&self, object: &str, body: Value) -> String {
        let reply = self.call("POST", &format!("sobjects/{object}"), body).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        reply.json()["id"].as_str().expect("an id").to_owned()
    }
}

fn id(prefix: &str, number: u64) -> String {
    ids::normalize(&format!("{prefix}5g{number:010}")).expect("an id")
}

#[expect(clippy::too_many_lines, reason = "a small world, file by file")]
fn write_world(directory: &std::path::Path, daily_calls_max: u64) -> World {
    let user_id = id("005", 1);
    let world = format!(
        "name = \"Tiny\"\nseed = 1\nnow = \"2026-10-01T10:00:00Z\"\n\
         [hubspot]\nportal_id = \"1\"\nname = \"T\"\ntime_zone = \"UTC\"\ncurrency = \"USD\"\n\
         token = \"t\"\ndaily_calls_max = 10\n\
         [salesforce]\norg_id = \"{}\"\nname = \"T\"\ntime_zone = \"UTC\"\ncurrency = \"USD\"\n\
         client_id = \"sandbox\"\nclient_secret = \"s&cret\"\nuser_id = \"{user_id}\"\n\
         daily_calls_max = {daily_calls_max}\n",
        id("00D", 1)
    );
    let schema = directory.join("salesforce/schema");
    let objects = directory.join("salesforce/objects");
    for path in [&schema, &objects] {
        std::fs::create_dir_all(path).expect("a directory");
    }
    std::fs::write(directory.join("world.toml"), world).expect("a file");
    let segment = json!({"name": "Segment__c", "label": "Segment", "type": "picklist",
        "restrictedPicklist": true, "picklistValues": ["SMB", "Enterprise"]});
    // The bits say to which of the segments a tier belongs: the first, the second.
    let tier = json!({"name": "Tier__c", "label": "Tier", "type": "picklist",
        "restrictedPicklist": true, "dependentPicklist": true, "controllerName": "Segment__c",
        "picklistValues": [{"value": "Starter", "validFor": "gAAA"}, {"value": "Global", "validFor": "QAAA"}]});
    let key = json!({"name": "Key__c", "label": "Key", "type": "string", "length": 64,
        "externalId": true, "unique": true});
    let person = |company: bool| {
        let mut fields = vec![
            json!({"name": "LastName", "label": "Last Name", "type": "string", "length": 80,
                "nillable": false}),
            json!({"name": "FirstName", "type": "string", "length": 40}),
            json!({"name": "Name", "type": "string", "length": 121}),
            json!({"name": "Email", "type": "email"}),
            json!({"name": "Score__c", "label": "Score", "type": "double", "precision": 18}),
            json!({"name": "Seen__c", "label": "Seen", "type": "datetime"}),
            json!({"name": "MasterRecordId", "type": "reference", "createable": false,
                "updateable": false, "referenceTo": [if company { "Lead" } else { "Contact" }]}),
            segment.clone(),
            tier.clone(),
            key.clone(),
        ];
        if company {
            fields.extend([
                json!({"name": "OwnerId", "label": "Owner ID", "type": "reference",
                    "referenceTo": ["Group", "User"]}),
                json!({"name": "Company", "type": "string", "nillable": false}),
                json!({"name": "Status", "type": "picklist", "nillable": false,
                    "picklistValues": [{"value": "Open", "defaultValue": true}, "Closed"]}),
                json!({"name": "RecordTypeId", "label": "Record Type ID", "type": "reference",
                    "referenceTo": ["RecordType"]}),
                json!({"name": "Phone", "type": "phone"}),
                json!({"name": "LeadSource", "type": "picklist", "picklistValues": ["Web"]}),
                json!({"name": "IsConverted", "type": "boolean", "createable": false,
                    "updateable": false}),
                json!({"name": "ConvertedContactId", "type": "reference", "createable": false,
                    "updateable": false, "referenceTo": ["Contact"]}),
            ]);
        } else {
            fields.extend([
                json!({"name": "OwnerId", "label": "Owner ID", "type": "reference",
                    "referenceTo": ["User"]}),
                json!({"name": "AccountId", "label": "Account ID", "type": "reference",
                    "referenceTo": ["Account"]}),
            ]);
        }
        fields
    };
    let schemas = [
        ("Lead", person(true)),
        ("Contact", person(false)),
        (
            "Account",
            vec![
                json!({"name": "Name", "type": "string", "nillable": false}),
                key.clone(),
                json!({"name": "OwnerId", "type": "reference", "referenceTo": ["User"]}),
            ],
        ),
        (
            "LeadHistory",
            vec![
                json!({"name": "LeadId", "type": "reference", "referenceTo": ["Lead"]}),
                json!({"name": "Field", "type": "picklist"}),
                json!({"name": "OldValue", "type": "anyType"}),
                json!({"name": "NewValue", "type": "anyType"}),
            ],
        ),
        (
            "User",
            vec![
                json!({"name": "Name", "type": "string"}),
                json!({"name": "IsActive", "type": "boolean"}),
            ],
        ),
        (
            "RecordType",
            vec![
                json!({"name": "Name", "type": "string"}),
                json!({"name": "DeveloperName", "type": "string"}),
                json!({"name": "SobjectType", "type": "picklist"}),
                json!({"name": "IsActive", "type": "boolean"}),
            ],
        ),
        (
            "Group",
            vec![
                json!({"name": "Name", "type": "string"}),
                json!({"name": "Type", "type": "picklist"}),
            ],
        ),
    ];
    for (name, fields) in schemas {
        let text = json!({"name": name, "label": name, "fields": fields}).to_string();
        std::fs::write(schema.join(format!("{name}.json")), text).expect("a file");
    }
    let mut leads = String::from(
        "Id,IsDeleted,FirstName,LastName,Email,Company,Status,LeadSource,OwnerId,Key__c,CreatedDate,LastModifiedDate\n",
    );
    for number in 1..=N_LEADS {
        let owner = if number == 1 { id("00G", 1) } else { user_id.clone() };
        let source = if number == 2 { "Billboard" } else { "Web" };
        writeln!(
            leads,
            "{},false,Ada,Lead{number},lead{number}@example.com,Co,Open,{source},{owner},k{number},2026-01-01T00:00:00Z,2026-07-14T09:12:33Z",
            id("00Q", number)
        )
        .expect("text");
    }
    let users = format!("Id,Name,IsActive\n{user_id},Ivy,true\n{},Otto,false\n", id("005", 2));
    let groups = format!("Id,Name,Type\n{},Inbound,Queue\n", id("00G", 1));
    let types = format!(
        "Id,Name,DeveloperName,SobjectType,IsActive\n{},Partner,Partner,Lead,true\n",
        id("012", 1)
    );
    for (name, rows) in [("Lead", leads), ("User", users), ("Group", groups), ("RecordType", types)]
    {
        std::fs::write(objects.join(format!("{name}.csv")), rows).expect("a file");
    }
    World::read(directory).expect("a world")
}
