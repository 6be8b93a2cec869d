//! What HubSpot's answers mean.
//!
//! Every field of the error envelope is optional, categories are missing from some answers, and
//! gateways answer in HTML, so the status leads and the body only refines it.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;

use super::KIND;
use crate::crm::transport::{Answer, Judge, Refusal, Request, Verdict};
use crate::crm::{CrmKind, WriteOutcome};

/// Waits that the vendor's own clients keep, as it documents no `Retry-After`.
const TEN_SECONDLY_WAIT: Duration = Duration::from_secs(10);
const SECONDLY_WAIT: Duration = Duration::from_secs(1);
/// A locked object needs at least two seconds.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// Longest message kept from a body that is not an error envelope.
const MESSAGE_CHARS_MAX: usize = 2_000;

pub struct HubSpotJudge;

/// The error envelope, of a whole answer or of one record of a batch.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ErrorBody {
    pub status: Option<String>,
    pub message: Option<String>,
    pub category: Option<String>,
    #[serde(rename = "subCategory")]
    pub sub_category: Option<serde_json::Value>,
    #[serde(rename = "errorType")]
    pub error_type: Option<String>,
    #[serde(rename = "policyName")]
    pub policy_name: Option<String>,
    pub context: HashMap<String, OneOrMany>,
    pub errors: Vec<InnerError>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct InnerError {
    pub message: Option<String>,
    pub code: Option<String>,
    pub context: HashMap<String, OneOrMany>,
}

/// Contexts are lists by the documentation and single values in some answers.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    Many(Vec<String>),
    One(String),
    Other(serde::de::IgnoredAny),
}

/// An entry of the list that validation errors carry inside their message.
#[derive(Debug, Deserialize)]
struct InvalidValue {
    #[serde(default)]
    message: Option<String>,
    error: Option<String>,
    name: Option<String>,
}

impl OneOrMany {
    pub fn values(&self) -> &[String] {
        match self {
            Self::Many(values) => values,
            Self::One(value) => std::slice::from_ref(value),
            Self::Other(_) => &[],
        }
    }
}

impl ErrorBody {
    /// Reads an error body; one that is no JSON object gives an empty envelope.
    pub fn read(answer: &Answer) -> Option<Self> {
        serde_json::from_str(&answer.body).ok()
    }

    pub fn context_values(&self, key: &str) -> &[String] {
        self.context.get(key).map_or(&[], OneOrMany::values)
    }

    /// Returns the most telling code: of the inner error, inside the message, else the category.
    pub fn code(&self) -> String {
        let inner = self.errors.iter().find_map(|error| error.code.clone());
        inner
            .or_else(|| self.invalid_values().into_iter().find_map(|value| value.error))
            .or_else(|| self.unique_clash_field().map(|_| "CONFLICTING_UNIQUE_VALUE".to_owned()))
            .or_else(|| self.category.clone())
            .or_else(|| self.error_type.clone())
            .unwrap_or_else(|| "UNSPECIFIED".to_owned())
    }

    /// Returns the property that was at fault, where the answer names one.
    pub fn field(&self) -> Option<String> {
        let named = self
            .errors
            .iter()
            .filter_map(|error| error.context.get("propertyName"))
            .find_map(|names| names.values().first().cloned());
        named
            .or_else(|| self.context_values("propertyName").first().cloned())
            .or_else(|| self.invalid_values().into_iter().find_map(|value| value.name))
            .or_else(|| self.unique_clash_field())
    }

    pub fn text(&self) -> String {
        let from_values: Vec<String> =
            self.invalid_values().into_iter().filter_map(|value| value.message).collect();
        if !from_values.is_empty() {
            return from_values.join("; ");
        }
        self.message.clone().unwrap_or_else(|| "no message".to_owned())
    }

    /// Judges this envelope as the fault of one record.
    pub fn rejection(&self) -> WriteOutcome {
        WriteOutcome::Rejected { code: self.code(), message: self.text(), field: self.field() }
    }

    fn invalid_values(&self) -> Vec<InvalidValue> {
        let Some(message) = &self.message else { return Vec::new() };
        let Some((_, list)) = message.split_once("Property values were not valid: ") else {
            return Vec::new();
        };
        serde_json::from_str(list).unwrap_or_default()
    }

    /// Reads the property out of `Cannot set PropertyValueCoordinates{…, propertyName=email, …}`.
    fn unique_clash_field(&self) -> Option<String> {
        let (_, coordinates) = self.message.as_ref()?.split_once("PropertyValueCoordinates{")?;
        let (_, name) = coordinates.split_once("propertyName=")?;
        name.split([',', '}']).next().map(|name| name.trim().to_owned())
    }
}

impl Judge for HubSpotJudge {
    fn kind(&self) -> CrmKind {
        KIND
    }

    fn judge(&self, _request: &Request, answer: &Answer) -> Verdict {
        if answer.is_success() {
            return Verdict::Done;
        }
        let body = ErrorBody::read(answer);
        let is_vendors = body.as_ref().is_some_and(|body| body.message.is_some());
        let body = body.unwrap_or_default();
        let message = short(&body.text());
        match answer.status {
            401 => Verdict::Reauthenticate { message },
            403 => Verdict::Forbidden { message },
            429 => too_many(&body, message),
            423 => Verdict::Retry { after: Some(LOCK_WAIT), message },
            477 => Verdict::Retry { after: None, message: "the portal is being moved".to_owned() },
            503 if is_vendors => Verdict::Retry { after: None, message },
            status @ (408 | 500..=599) => Verdict::Lost { message: format!("status {status}") },
            status => Verdict::Refused(Refusal { status, code: body.code(), message }),
        }
    }
}

fn too_many(body: &ErrorBody, message: String) -> Verdict {
    match body.policy_name.as_deref() {
        Some("DAILY") => Verdict::BudgetSpent,
        Some("SECONDLY") => Verdict::Retry { after: Some(SECONDLY_WAIT), message },
        _ => Verdict::Retry { after: Some(TEN_SECONDLY_WAIT), message },
    }
}

fn short(message: &str) -> String {
    message.chars().take(MESSAGE_CHARS_MAX).collect()
}
