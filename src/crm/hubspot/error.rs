//! What HubSpot's answers mean.
//!
//! Every field of the error envelope is optional, categories are missing from some answers, and
//! gateways answer in HTML, so the status leads and the body only refines it.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;

use super::KIND;
use crate::crm::transport::{Answer, Judge, Lane, Refusal, Request, Verdict, shown, shown_code};
use crate::crm::{CrmKind, WriteOutcome};

/// Waits that the vendor's own clients keep, as it documents no `Retry-After`.
const TEN_SECONDLY_WAIT: Duration = Duration::from_secs(10);
const SECONDLY_WAIT: Duration = Duration::from_secs(1);
/// A locked object needs at least two seconds.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// Longest message kept from a body that is not an error envelope.
const MESSAGE_CHARS_MAX: usize = 2_000;

/// Searches that an account may make in a second, whoever makes them.
const SEARCHES_MAX: usize = 5;

/// Texts that hold no value.
const PHRASES: [&str; 9] = [
    "You have reached your daily limit",
    "You have reached your ten_secondly_rolling limit",
    "You have reached your secondly limit",
    "This app hasn't been granted all required scopes to make this call",
    "Authentication credentials not found",
    "The OAuth token used to make this call expired",
    "Unable to infer object type",
    "resource not found",
    "Contact already exists",
];

/// Errors of OAuth (RFC 6749).
const OAUTH_WORDS: [&str; 6] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
];

/// Scopes shown of a refusal.
const SCOPES_MAX: usize = 5;

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
    /// OAuth's own word, of the token endpoint.
    pub error: Option<String>,
    #[serde(rename = "correlationId")]
    pub correlation_id: Option<String>,
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

    /// Returns what may be shown of it: the category, OAuth's word, missing scopes, and the id by
    /// which the vendor's support finds the call.
    fn shown(&self, request: &Request) -> String {
        let mut parts: Vec<String> = Vec::new();
        let is_plain = |text: &str, also: &[u8]| {
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || also.contains(&byte))
        };
        let words = [self.error.as_deref(), self.status.as_deref(), self.category.as_deref()];
        for word in words.into_iter().flatten() {
            if OAUTH_WORDS.contains(&word) || shown_code(word).is_some() {
                parts.push(word.to_owned());
            }
        }
        let text = self.message.as_deref().unwrap_or_default();
        parts.push(shown(text, request, &PHRASES));
        let contexts = self.errors.iter().map(|error| &error.context).chain([&self.context]);
        let scopes: Vec<&str> = contexts
            .filter_map(|context| context.get("requiredGranularScopes"))
            .flat_map(OneOrMany::values)
            .map(String::as_str)
            .filter(|scope| scope.contains('.') && is_plain(scope, b"._-"))
            .take(SCOPES_MAX)
            .collect();
        if !scopes.is_empty() {
            parts.push(format!("needs {}", scopes.join(", ")));
        }
        let id = self.correlation_id.as_deref();
        if let Some(id) = id.filter(|id| id.len() == 36 && is_plain(id, b"-")) {
            parts.push(format!("correlation id {id}"));
        }
        parts.join("; ")
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

    fn judge(&self, request: &Request, answer: &Answer) -> Verdict {
        if answer.is_success() {
            return Verdict::Done;
        }
        let body = ErrorBody::read(answer);
        let is_vendors = body.as_ref().is_some_and(|body| body.message.is_some());
        let body = body.unwrap_or_default();
        let message = body.shown(request);
        match answer.status {
            // A refused login says so with 400 and an OAuth error.
            400 | 401 if request.is_anonymous => Verdict::Reauthenticate { message },
            401 => Verdict::Reauthenticate { message },
            403 => Verdict::Forbidden { message },
            429 => too_many(&body, message),
            423 => Verdict::Retry { after: Some(LOCK_WAIT), message },
            477 => Verdict::Retry { after: None, message: "the portal is being moved".to_owned() },
            503 if is_vendors => Verdict::Retry { after: None, message },
            // 521 to 523, 525 and 526 are the edge's, which did not reach HubSpot as far as it
            // knows; 502, 504 and 524 say nothing about what was done.
            status @ (408 | 500..=599) => Verdict::Lost { message: format!("status {status}") },
            status => {
                let text = body.text().chars().take(MESSAGE_CHARS_MAX).collect();
                let refusal = Refusal { status, code: body.code(), message: text, shown: message };
                Verdict::Refused(refusal)
            }
        }
    }

    /// Searches have a limit of their own, and count to no other short interval.
    fn lane(&self, request: &Request) -> Lane {
        if request.path.starts_with("/crm/objects/") && request.path.ends_with("/search") {
            return Lane::Known { requests_max: SEARCHES_MAX, length: Duration::from_secs(1) };
        }
        Lane::Told
    }
}

fn too_many(body: &ErrorBody, message: String) -> Verdict {
    let text = body.message.as_deref().unwrap_or_default();
    match body.policy_name.as_deref() {
        Some("DAILY") => Verdict::BudgetSpent,
        None if text.contains("daily limit") => Verdict::BudgetSpent,
        Some("SECONDLY") => Verdict::Retry { after: Some(SECONDLY_WAIT), message },
        None if text.contains(" secondly limit") => {
            Verdict::Retry { after: Some(SECONDLY_WAIT), message }
        }
        _ => Verdict::Retry { after: Some(TEN_SECONDLY_WAIT), message },
    }
}
