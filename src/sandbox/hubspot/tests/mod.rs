//! Drives the server's routes over a small world made by hand.

mod access;
mod definitions;
mod exports;
mod imports;
mod lists;
mod objects;
mod rules;
mod switches;

use std::fs;
use std::path::Path;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use super::super::{CallCounters, Clock, World};
use super::{Server, Settings};

const CONTACTS: &str = "/crm/objects/2026-09/contacts";

struct Bench {
    directory: TempDir,
    server: Server,
    router: Router,
    clock: Clock,
    counters: CallCounters,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        write_world(directory.path());
        let world = World::read(directory.path()).expect("a world");
        let clock = Clock::new(world.now);
        let counters = CallCounters::default();
        let server = Server::open(directory.path(), &world, None, clock.clone(), counters.clone())
            .expect("a server");
        let router = server.router();
        Self { directory, server, router, clock, counters }
    }

    async fn send(&self, method: &str, path: &str, body: Value) -> Answer {
        self.send_as("pat-test", method, path, body).await
    }

    async fn send_as(&self, token: &str, method: &str, path: &str, body: Value) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(if body.is_null() { Body::empty() } else { Body::from(body.to_string()) })
            .expect("a request");
        let (status, headers, bytes) = self.exchange(request).await;
        Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
    }

    async fn exchange(&self, request: Request<Body>) -> (StatusCode, HeaderMap, Bytes) {
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a body");
        (parts.status, parts.headers, bytes)
    }

    fn set(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.server.settings();
        change(&mut settings);
        self.server.set_settings(settings);
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, Value::Null).await
    }

    async fn property(&self, id: &str, name: &str) -> Value {
        let answer = self.get(&format!("{CONTACTS}/{id}?properties={name}")).await;
        answer.body["properties"][name].clone()
    }
}

fn write_world(directory: &Path) {
    let write = |name: &str, text: &str| {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    };
    write(
        "world.toml",
        r#"
name = "Small"
seed = 1
now = "2026-10-01T10:00:00Z"
[hubspot]
portal_id = "4471923"
name = "Small"
time_zone = "America/New_York"
currency = "USD"
token = "pat-test"
daily_calls_max = 1000
[salesforce]
org_id = "00D5g000004XyzAEAS"
name = "Small"
time_zone = "UTC"
currency = "USD"
client_id = "a"
client_secret = "b"
user_id = "0055g000004XyzAEAS"
daily_calls_max = 1000
"#,
    );
    let stages: Vec<Value> =
        ["subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "customer"]
            .iter()
            .enumerate()
            .map(|(order, stage)| json!({"label": stage, "value": stage, "displayOrder": order}))
            .collect();
    let contacts = json!({"object": "contacts", "objectTypeId": "0-1", "properties": [
        {"name": "email"}, {"name": "firstname"}, {"name": "lastname"},
        {"name": "hs_additional_emails", "type": "enumeration", "calculated": true},
        {"name": "lifecyclestage", "type": "enumeration", "fieldType": "radio", "options": stages},
        {"name": "hs_lifecyclestage_marketingqualifiedlead_date", "type": "datetime",
         "fieldType": "date", "modificationMetadata": {"readOnlyValue": true}},
        {"name": "lead_score", "type": "number", "fieldType": "number"},
        {"name": "associatedcompanyid", "type": "number", "fieldType": "number"},
        {"name": "concord_key", "hasUniqueValue": true},
        {"name": "hubspot_owner_id", "type": "enumeration", "externalOptions": true,
         "referencedObjectType": "OWNER"},
    ]});
    write("hubspot/schema/contacts.json", &contacts.to_string());
    let companies = json!({"object": "companies", "objectTypeId": "0-2", "properties": [
        {"name": "name"}, {"name": "domain"}]});
    write("hubspot/schema/companies.json", &companies.to_string());
    write(
        "hubspot/objects/contacts.csv",
        "id,created_at,updated_at,archived,archived_at,email,firstname,lifecyclestage,hs_additional_emails\n\
         101,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,false,,ana@x.co,Ana,lead,old@x.co\n\
         102,2026-01-02T00:00:00Z,2026-02-02T00:00:00Z,false,,bo@x.co,Bo,customer,\n\
         103,2026-01-03T00:00:00Z,2026-02-03T00:00:00.500Z,false,,cy@x.co,,marketingqualifiedlead,\n\
         104,2026-01-04T00:00:00Z,2026-02-04T00:00:00Z,true,2026-02-04T00:00:00Z,di@x.co,Di,lead,\n",
    );
    write(
        "hubspot/objects/companies.csv",
        "id,created_at,updated_at,archived,archived_at,name,domain\n\
         101,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,false,,X,x.co\n",
    );
    write(
        "hubspot/history/contacts.csv",
        "id,property,value,timestamp,source_type,source_id,source_label,updated_by_user_id\n\
         103,lifecyclestage,lead,2026-01-03T00:00:00Z,FORM,f1,Form,\n\
         103,lifecyclestage,marketingqualifiedlead,2026-02-03T00:00:00Z,CRM_UI,u7,Ann,7\n",
    );
    write(
        "hubspot/owners.csv",
        "id,email,first_name,last_name,user_id,type,archived,created_at,updated_at\n\
         11,o@x.co,O,One,501,PERSON,false,2026-01-01T00:00:00Z,2026-01-01T00:00:00Z\n\
         12,p@x.co,P,Two,502,PERSON,true,2026-01-01T00:00:00Z,2026-01-01T00:00:00Z\n",
    );
    write(
        "hubspot/associations.csv",
        "from_object,from_id,to_object,to_id,category,type_id,label\n\
         contacts,101,companies,101,HUBSPOT_DEFINED,1,\n",
    );
    write(
        "hubspot/lists.csv",
        "list_id,name,object_type_id,processing_type,created_at,updated_at\n\
         1,Handoff,0-1,MANUAL,2026-01-01T00:00:00Z,2026-01-01T00:00:00Z\n\
         2,All,0-1,DYNAMIC,2026-01-01T00:00:00Z,2026-01-01T00:00:00Z\n",
    );
    write(
        "hubspot/list_memberships.csv",
        "list_id,record_id,membership_timestamp\n1,101,2026-01-01T00:00:00Z\n",
    );
    write("hubspot/aliases.csv", "object,old_id,record_id\ncontacts,90,101\n");
}
