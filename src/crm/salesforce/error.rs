//! What Salesforce's answers mean.
//!
//! Errors are JSON lists with `errorCode`; records inside a collection use `statusCode`; the edge
//! answers 420, 502 and 503 in HTML.

use serde::Deserialize;

use super::KIND;
use crate::crm::transport::{Answer, Judge, Purpose, Refusal, Request, Verdict};
use crate::crm::{CrmKind, WriteOutcome};

/// Longest message kept from an error.
const MESSAGE_CHARS_MAX: usize = 2_000;

/// Codes by which the org says that it did nothing now and may later.
const BUSY_CODES: [&str; 4] = [
    "SERVER_UNAVAILABLE",
    "REQUEST_RUNNING_TOO_LONG",
    "QUERY_TIMEOUT",
    "TXN_SECURITY_METERING_ERROR",
];

/// Code of a record that another transaction holds.
const ROW_LOCKED: &str = "UNABLE_TO_LOCK_ROW";

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

    /// Judges this entry as the fault of one record.
    pub fn rejection(&self) -> WriteOutcome {
        judge_entry(self.code(), &self.message, self.fields.first().cloned())
    }
}

/// Judges what was said of one record that was not written.
pub fn judge_entry(code: String, message: &str, field: Option<String>) -> WriteOutcome {
    let message = message.chars().take(MESSAGE_CHARS_MAX).collect();
    if code == ROW_LOCKED {
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
        let message: String = entry.map_or_else(
            || format!("status {}", answer.status),
            |entry| entry.message.chars().take(MESSAGE_CHARS_MAX).collect(),
        );
        if code == "REQUEST_LIMIT_EXCEEDED" {
            // The same code speaks of the day's calls and of too many long calls at once.
            return if message.contains("Concurrent") {
                Verdict::Retry { after: None, message }
            } else {
                Verdict::BudgetSpent
            };
        }
        match answer.status {
            401 if LASTING_401.iter().any(|text| message.contains(text)) => {
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
            status => Verdict::Refused(Refusal { status, code, message }),
        }
    }
}

fn refused_login(answer: &Answer) -> Verdict {
    let error = serde_json::from_str::<OAuthError>(&answer.body).ok();
    let message = error.map_or_else(
        || format!("status {}", answer.status),
        |error| format!("{}: {}", error.error, error.error_description),
    );
    // An anonymous request has no token to renew, so this ends as refused credentials.
    Verdict::Reauthenticate { message }
}
