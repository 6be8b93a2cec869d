//! What Salesforce's answers mean.
//!
//! Errors are JSON lists with `errorCode`; records inside a collection use `statusCode`; the edge
//! answers 420, 502 and 503 in HTML.

use std::time::Duration;

use serde::Deserialize;

use super::KIND;
use crate::crm::transport::{
    Answer, Body, Judge, Purpose, Refusal, Request, Verdict, shown, shown_code,
};
use crate::crm::{CrmError, CrmKind, WriteOutcome};

/// Longest message kept from an error.
const MESSAGE_CHARS_MAX: usize = 2_000;

/// Codes by which the org says that it did nothing now and may later.
const BUSY_CODES: [&str; 5] = [
    "SERVER_UNAVAILABLE",
    "REQUEST_RUNNING_TOO_LONG",
    "QUERY_TIMEOUT",
    "TXN_SECURITY_METERING_ERROR",
    "API_CURRENTLY_DISABLED",
];

/// Code of a record, or a whole request, that met a lock; the transaction was rolled back.
const LOCKED: &str = "UNABLE_TO_LOCK_ROW";

/// Locks are held as long as another transaction lasts, seconds as a rule.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// Texts that hold no value.
const PHRASES: [&str; 16] = [
    "Session expired or invalid",
    "TotalRequests Limit exceeded",
    "ConcurrentPerOrgLongTxn Limit exceeded",
    "unable to obtain exclusive access",
    "No such column",
    "is not supported",
    "The requested resource does not exist",
    "expired access/refresh token",
    "user hasn't approved this consumer",
    "audience is invalid",
    "invalid assertion",
    "authentication failure",
    "user is locked",
    "client identifier invalid",
    "invalid client credentials",
    "grant type not supported",
];

/// Errors of the token endpoint.
const OAUTH_WORDS: [&str; 9] = [
    "invalid_request",
    "invalid_client",
    "invalid_client_id",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "inactive_user",
    "inactive_org",
    TOO_MANY_LOGINS,
];

const TOO_MANY_LOGINS: &str = "rate_limit_exceeded";

/// Texts of a 401 that another session would not cure.
const LASTING_401: [&str; 2] = ["not valid for use with the REST API", "not attached to Agent"];

pub struct SalesforceJudge;

/// One entry of an error list, of a whole answer or of one record.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorEntry {
    #[serde(alias = "statusCode")]
    pub error_code: Option<String>,
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    pub fields: Vec<String>,
}

#[derive(Deserialize)]
struct OAuthError {
    error: String,
    #[serde(default)]
    error_description: String,
}

impl ErrorEntry {
    pub fn code(&self) -> String {
        self.error_code.clone().unwrap_or_else(|| "UNSPECIFIED".to_owned())
    }

    /// Says whether the record is in the recycle bin, or was removed from it.
    pub fn says_gone(&self) -> bool {
        matches!(self.error_code.as_deref(), Some("ENTITY_IS_DELETED"))
    }

    /// Judges this entry as the fault of one record.
    pub fn rejection(&self) -> WriteOutcome {
        judge_entry(self.code(), &self.message, self.fields.first().cloned())
    }
}

/// Judges what was said of one record that was not written.
pub fn judge_entry(code: String, message: &str, field: Option<String>) -> WriteOutcome {
    let message = message.chars().take(MESSAGE_CHARS_MAX).collect();
    if code == LOCKED {
        WriteOutcome::Busy { code, message }
    } else {
        WriteOutcome::Rejected { code, message, field }
    }
}

/// Returns the first error of a body, if the body is an error list.
pub fn first_error(body: &str) -> Option<ErrorEntry> {
    let entries: Vec<ErrorEntry> = serde_json::from_str(body).ok()?;
    entries.into_iter().find(|entry| entry.error_code.is_some())
}

impl Judge for SalesforceJudge {
    fn kind(&self) -> CrmKind {
        KIND
    }

    /// The REST guide has requests compressed as well as answers; the bulk guide speaks of answers alone,
    /// so rows go as they are.
    fn reads_gzip(&self, request: &Request) -> bool {
        matches!(request.body, Body::Json(_))
    }

    fn judge(&self, request: &Request, answer: &Answer) -> Verdict {
        if answer.is_success() {
            return Verdict::Done;
        }
        if request.is_anonymous && (400..500).contains(&answer.status) {
            return refused_login(answer);
        }
        let entry = first_error(&answer.body);
        let is_vendors = entry.is_some();
        let code = entry.as_ref().map_or_else(|| "UNSPECIFIED".to_owned(), ErrorEntry::code);
        let status = answer.status;
        let text = entry.map_or_else(|| format!("status {status}"), |entry| entry.message);
        let message = message(&code, &text, status, request);
        if code == "REQUEST_LIMIT_EXCEEDED" {
            // The same code speaks of the day's calls and of too many long calls at once.
            return if text.contains("Concurrent") {
                Verdict::Retry { after: None, message }
            } else {
                Verdict::BudgetSpent
            };
        }
        if code == LOCKED {
            return Verdict::Retry { after: Some(LOCK_WAIT), message };
        }
        match status {
            401 if LASTING_401.iter().any(|lasting| text.contains(lasting)) => {
                Verdict::Forbidden { message }
            }
            401 => Verdict::Reauthenticate { message },
            403 => Verdict::Forbidden { message },
            // Nothing has reached the instance.
            420 | 429 => Verdict::Retry { after: None, message },
            // Seen now and then on describe calls that succeed a moment later.
            406 if request.purpose != Purpose::Write => Verdict::Retry { after: None, message },
            400 | 503 if BUSY_CODES.contains(&code.as_str()) => {
                Verdict::Retry { after: None, message }
            }
            503 if is_vendors => Verdict::Retry { after: None, message },
            408 | 500..=599 => Verdict::Lost { message },
            status => {
                let text = text.chars().take(MESSAGE_CHARS_MAX).collect();
                Verdict::Refused(Refusal { status, code, message: text, shown: message })
            }
        }
    }
}

/// Returns what may be shown of an error.
fn message(code: &str, text: &str, status: u16, request: &Request) -> String {
    let code = shown_code(code).unwrap_or("UNSPECIFIED");
    format!("{code} (status {status}); {}", shown(text, request, &PHRASES))
}

/// Makes the error of a request inside a composite; `path` is where it went.
pub fn refused_part(operation: &str, status: u16, path: &str, body: &str) -> CrmError {
    let entry = first_error(body);
    let request = Request::get(operation, Purpose::Read, path);
    let (code, text) = entry
        .map_or_else(|| (status.to_string(), String::new()), |entry| (entry.code(), entry.message));
    let code = shown_code(&code).unwrap_or("UNSPECIFIED").to_owned();
    CrmError::Refused {
        kind: KIND,
        operation: operation.to_owned(),
        code,
        message: shown(&text, &request, &PHRASES),
    }
}

fn refused_login(answer: &Answer) -> Verdict {
    let error = serde_json::from_str::<OAuthError>(&answer.body).ok();
    let word = error
        .as_ref()
        .and_then(|error| OAUTH_WORDS.iter().find(|word| **word == error.error))
        .map_or_else(|| format!("status {}", answer.status), |word| (*word).to_owned());
    let text = error.map(|error| error.error_description).unwrap_or_default();
    let phrase = PHRASES.iter().find(|phrase| text.contains(**phrase));
    let message = phrase.map_or_else(|| word.clone(), |phrase| format!("{word}: {phrase}"));
    if word == TOO_MANY_LOGINS {
        return Verdict::Retry { after: None, message };
    }
    // An anonymous request has no token to renew, so this ends as refused credentials.
    Verdict::Reauthenticate { message }
}
