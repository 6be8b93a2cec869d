//! What people do in the CRMs between two nights.

use concord::sandbox::Sandbox;
use jiff::SignedDuration;
use serde_json::json;

use crate::support::{Row, api};

/// One edit of a linked pair, on either side.
#[derive(Clone, Debug)]
pub enum Edit {
    HubSpot { pair: usize, property: &'static str, value: String },
    Salesforce { pair: usize, field: &'static str, value: String },
}

/// Makes the edits an hour into the day, on pairs as `int_pairs` lists them.
pub fn make(sandbox: &Sandbox, pairs: &[Row], edits: &[Edit]) {
    sandbox.clock().advance(SignedDuration::from_hours(1));
    make_now(sandbox, pairs, edits);
}

/// Makes the edits while no time passes, as what runs within a write does.
pub fn make_now(sandbox: &Sandbox, pairs: &[Row], edits: &[Edit]) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let token = api::session(sandbox).await;
        for edit in edits {
            match edit {
                Edit::HubSpot { pair, property, value } => {
                    let id = &pairs[pair % pairs.len()]["hubspot_id"];
                    let path = format!("/crm/objects/2026-09/contacts/{id}");
                    let body = json!({ "properties": { *property: value } });
                    let token = &sandbox.world().hubspot.token;
                    api::patch(sandbox.hubspot_router(), token, &path, &body).await;
                }
                Edit::Salesforce { pair, field, value } => {
                    let row = &pairs[pair % pairs.len()];
                    let object = &row["salesforce_object"];
                    let path =
                        format!("/services/data/v68.0/sobjects/{object}/{}", row["salesforce_id"]);
                    api::patch(
                        sandbox.salesforce_router(),
                        &token,
                        &path,
                        &json!({ *field: value }),
                    )
                    .await;
                }
            }
        }
    });
}

/// Asks how many calls are left of the day. The question itself, and the session for it, cost two.
pub fn salesforce_calls_left(sandbox: &Sandbox) -> u64 {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let token = api::session(sandbox).await;
        let limits =
            api::get(sandbox.salesforce_router(), &token, "/services/data/v68.0/limits").await;
        limits["DailyApiRequests"]["Remaining"].as_u64().expect("a number")
    })
}
