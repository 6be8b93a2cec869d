//! Composite requests: many subrequests, one API call.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{KIND, Salesforce};
use crate::crm::CrmError;
use crate::crm::transport::{Answer, Purpose, Request, unexpected};

/// Subrequests a composite takes.
pub const SUBREQUESTS_MAX: usize = 25;

/// Queries and collections among them.
pub const COLLECTIONS_MAX: usize = 5;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompositeAnswer<'a> {
    #[serde(borrow)]
    pub composite_response: Vec<SubAnswer<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubAnswer<'a> {
    #[serde(borrow)]
    pub body: &'a RawValue,
    pub http_status_code: u16,
    pub reference_id: String,
}

/// Builds the request; subrequests are answered in their own order.
pub fn request(
    crm: &Salesforce,
    operation: &str,
    purpose: Purpose,
    subrequests: &[Value],
) -> Request {
    let body = json!({
        "allOrNone": false,
        "collateSubrequests": false,
        "compositeRequest": subrequests,
    });
    Request::post_json(operation, purpose, crm.path("/composite"), body.to_string())
}

pub fn get(path: &str, reference_id: &str) -> Value {
    json!({ "method": "GET", "url": path, "referenceId": reference_id })
}

pub fn post(path: &str, reference_id: &str, body: &Value) -> Value {
    json!({ "method": "POST", "url": path, "referenceId": reference_id, "body": body })
}

/// Sends a composite of reads.
pub async fn read(
    crm: &Salesforce,
    operation: &str,
    purpose: Purpose,
    subrequests: &[Value],
) -> Result<Answer, CrmError> {
    crm.ask(&request(crm, operation, purpose, subrequests)).await
}

pub fn parse<'a>(answer: &'a Answer, operation: &str) -> Result<CompositeAnswer<'a>, CrmError> {
    serde_json::from_str(&answer.body).map_err(|error| unexpected(KIND, operation, &error))
}
