//! Does to the simulated CRMs what a world's week says, over their own APIs.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use concord::config::{Field, FieldMap};
use concord::sandbox::Sandbox;
use jiff::SignedDuration;
use serde_json::{Map, Value, json};
use tower::ServiceExt;

use super::week::Deed;
use super::world::{Kind, World, people};
use crate::support::api;

/// Where each record of each world is by now; `None` once it is gone.
#[derive(Clone, Debug, Default)]
pub struct Places(BTreeMap<(u64, usize), Option<(Kind, String)>>);

/// What came of a day's deeds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    pub n_done: u32,
    /// Refused by the CRM, as people's entries sometimes are, or about a record that is gone.
    pub n_refused: u32,
}

impl Places {
    pub fn of(worlds: &[World]) -> Self {
        let mut places = BTreeMap::new();
        for world in worlds {
            for (at, record) in world.records.iter().enumerate() {
                let place = (!record.is_gone).then(|| (record.kind, record.id.clone()));
                places.insert((world.number, at), place);
            }
        }
        Self(places)
    }

    fn get(&self, world: u64, at: usize) -> Option<(Kind, String)> {
        self.0.get(&(world, at)).cloned().flatten()
    }

    /// Returns the world that a record stands in now.
    pub fn world_of(&self, id: &str) -> Option<u64> {
        let found =
            self.0.iter().find(|(_, place)| place.as_ref().is_some_and(|(_, own)| own == id));
        found.map(|((world, _), _)| *world)
    }

    /// Everything that stood at one place stands at another now.
    fn move_all(&mut self, from: &str, to: Option<&(Kind, String)>) {
        for place in self.0.values_mut() {
            if place.as_ref().is_some_and(|(_, id)| id == from) {
                *place = to.cloned();
            }
        }
    }
}

/// Does a day's deeds of every world, a few seconds apart.
pub fn do_day(
    sandbox: &Sandbox,
    map: &FieldMap,
    worlds: &[World],
    places: &mut Places,
    day: usize,
) -> Done {
    sandbox.clock().advance(SignedDuration::from_hours(1));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let token = api::session(sandbox).await;
        let mut hands = Hands { sandbox, token, map, places };
        let mut done = Done::default();
        for world in worlds {
            for deed in &world.week[day] {
                sandbox.clock().advance(SignedDuration::from_secs(2));
                match hands.do_one(world.number, deed).await {
                    Some(()) => done.n_done += 1,
                    None => done.n_refused += 1,
                }
            }
        }
        done
    })
}

struct Hands<'a> {
    sandbox: &'a Sandbox,
    token: String,
    map: &'a FieldMap,
    places: &'a mut Places,
}

const HUBSPOT: &str = "/crm/objects/2026-09/contacts";
const SALESFORCE: &str = "/services/data/v68.0/sobjects";

impl Hands<'_> {
    async fn do_one(&mut self, world: u64, deed: &Deed) -> Option<()> {
        match deed {
            Deed::Set { record, field, forms } => {
                let (kind, id) = self.places.get(world, *record)?;
                let fields = &people(self.map).fields;
                let field = fields.iter().find(|own| own.name == *field)?;
                let name = kind.name_of(field)?;
                let text = if kind.is_hubspot() { &forms.hubspot } else { &forms.salesforce };
                self.write(kind, Some(&id), &[(name.to_owned(), text.clone())]).await?;
            }
            Deed::Delete { record } => {
                let (kind, id) = self.places.get(world, *record)?;
                if kind.is_hubspot() {
                    self.hubspot("DELETE", &format!("{HUBSPOT}/{id}"), None).await?;
                } else {
                    self.screen("records/delete", &json!({ "id": id })).await?;
                }
                self.places.move_all(&id, None);
            }
            Deed::Convert { lead, into } => {
                let (Kind::Lead, id) = self.places.get(world, *lead)? else { return None };
                let mut body = json!({ "leadId": id, "doNotCreateOpportunity": true });
                if let Some(into) = into {
                    let (Kind::Contact, contact) = self.places.get(world, *into)? else {
                        return None;
                    };
                    body["contactId"] = json!(contact);
                }
                let answer = self.screen("leads/convert", &body).await?;
                let contact = answer["contactId"].as_str().expect("a contact").to_owned();
                self.places.move_all(&id, Some(&(Kind::Contact, contact)));
            }
            Deed::Merge { winner, loser } => self.merge(world, *winner, *loser).await?,
            Deed::Enter { kind, values } => {
                let values: Vec<_> = values.clone().into_iter().collect();
                self.write(*kind, None, &values).await?;
            }
        }
        Some(())
    }

    async fn merge(&mut self, world: u64, winner: usize, loser: usize) -> Option<()> {
        let (kind, own) = self.places.get(world, winner)?;
        let (other_kind, other) = self.places.get(world, loser)?;
        if kind != other_kind || own == other {
            return None;
        }
        if !kind.is_hubspot() {
            let body = json!({ "masterId": own, "ids": [other] });
            self.screen("records/merge", &body).await?;
            self.places.move_all(&other, Some(&(kind, own)));
            return Some(());
        }
        let body = json!({ "primaryObjectId": own, "objectIdToMerge": other });
        let answer = self.hubspot("POST", &format!("{HUBSPOT}/merge"), Some(&body)).await?;
        let merged = (kind, answer["id"].as_str().expect("an id").to_owned());
        self.places.move_all(&own, Some(&merged));
        self.places.move_all(&other, Some(&merged));
        Some(())
    }

    /// Writes fields of a record, or makes one.
    async fn write(
        &self,
        kind: Kind,
        id: Option<&str>,
        values: &[(String, String)],
    ) -> Option<Value> {
        if kind.is_hubspot() {
            let properties: Map<String, Value> =
                values.iter().map(|(name, text)| (name.clone(), json!(text))).collect();
            let body = json!({ "properties": properties });
            return match id {
                Some(id) => self.hubspot("PATCH", &format!("{HUBSPOT}/{id}"), Some(&body)).await,
                None => self.hubspot("POST", HUBSPOT, Some(&body)).await,
            };
        }
        let fields: Map<String, Value> = values
            .iter()
            .map(|(name, text)| {
                let field = people(self.map)
                    .fields
                    .iter()
                    .find(|field| kind.name_of(field) == Some(name.as_str()));
                (name.clone(), typed(field, text))
            })
            .collect();
        let object = kind.object();
        let (method, path) = match id {
            Some(id) => ("PATCH", format!("{SALESFORCE}/{object}/{id}")),
            None => ("POST", format!("{SALESFORCE}/{object}")),
        };
        let router = self.sandbox.salesforce_router();
        call(router, Some(&self.token), method, &path, Some(&Value::Object(fields))).await
    }

    async fn hubspot(&self, method: &str, path: &str, body: Option<&Value>) -> Option<Value> {
        let token = &self.sandbox.world().hubspot.token;
        call(self.sandbox.hubspot_router(), Some(token), method, path, body).await
    }

    /// Does what the vendor's own screens do.
    async fn screen(&self, path: &str, body: &Value) -> Option<Value> {
        let path = format!("/__sandbox/{path}");
        call(self.sandbox.salesforce_router(), None, "POST", &path, Some(body)).await
    }
}

/// Writes a text as the JSON that Salesforce takes for a field of that type.
fn typed(field: Option<&Field>, text: &str) -> Value {
    use concord::config::FieldType as T;
    match field.map(|field| field.field_type) {
        Some(T::Bool | T::Consent) => json!(text.trim() == "true"),
        _ if text.is_empty() => Value::Null,
        Some(T::Number | T::Currency) => {
            text.trim().parse::<f64>().map_or_else(|_| json!(text), |number| json!(number))
        }
        _ => json!(text),
    }
}

async fn call(
    router: Router,
    token: Option<&str>,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Option<Value> {
    let mut request =
        Request::builder().method(method).uri(path).header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let answer = router.oneshot(request.body(body).expect("a request")).await.expect("an answer");
    let status = answer.status();
    let bytes = to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
    assert!(status.as_u16() != 429 && !status.is_server_error(), "{method} {path}: {status}");
    status.is_success().then(|| serde_json::from_slice(&bytes).unwrap_or_default())
}
