//! What an answer means for the caller.

use std::time::Duration;

use super::{Answer, Request, shown_code};
use crate::crm::{CrmError, CrmKind};

/// A vendor's reading of its own answers; each vendor has one, in its `error.rs`.
pub trait Judge: Send + Sync {
    fn kind(&self) -> CrmKind;

    fn judge(&self, request: &Request, answer: &Answer) -> Verdict;

    /// Says whether the vendor reads a request whose body is gzipped.
    fn reads_gzip(&self, _request: &Request) -> bool {
        false
    }

    /// Names the rate limit that a request falls under.
    fn lane(&self, _request: &Request) -> Lane {
        Lane::Told
    }
}

/// A rate limit that requests share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Told by the headers of the answers, where they tell one.
    Told,
    /// Documented by the vendor, whose answers do not tell it.
    Known { requests_max: usize, length: Duration },
}

/// What one answer means. Every `message` is fit to be shown, see [`shown()`](super::shown()).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The body is the answer; records inside it may still be refused.
    Done,
    /// Nothing was done, and the same request may succeed later. `after` is the vendor's usual
    /// wait, where it is known.
    Retry { after: Option<Duration>, message: String },
    /// The answer does not say whether anything was done.
    Lost { message: String },
    /// The token was refused.
    Reauthenticate { message: String },
    /// No call is left until the allowance renews.
    BudgetSpent,
    /// The connection lacks a permission.
    Forbidden { message: String },
    /// Nothing was done, and repeating it would not help.
    Refused(Refusal),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub code: String,
    /// The vendor's own text. It may quote values: it goes into outcomes, never into an error.
    pub message: String,
    /// As much of the text as may be shown.
    pub shown: String,
}

impl Verdict {
    /// Returns the word for it in the request log.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retry { .. } => "retry",
            Self::Lost { .. } => "lost",
            Self::Reauthenticate { .. } => "reauthenticate",
            Self::BudgetSpent => "budget_spent",
            Self::Forbidden { .. } => "forbidden",
            Self::Refused(_) => "refused",
        }
    }
}

/// How a request ended, retries included.
#[derive(Clone, Debug)]
pub enum Reply {
    Done(Answer),
    Refused(Refusal),
    /// Only for writes: it may or may not have been done.
    Lost {
        reason: String,
    },
}

impl Reply {
    /// Returns the answer of a request that is expected to succeed.
    ///
    /// # Errors
    /// When the vendor refused it.
    pub fn done(self, kind: CrmKind, operation: &str) -> Result<Answer, CrmError> {
        match self {
            Self::Done(answer) => Ok(answer),
            Self::Refused(Refusal { code, shown, .. }) => Err(CrmError::Refused {
                kind,
                operation: operation.to_owned(),
                code: shown_code(&code).unwrap_or("UNSPECIFIED").to_owned(),
                message: shown,
            }),
            Self::Lost { reason } => {
                Err(CrmError::Unexpected { kind, operation: operation.to_owned(), message: reason })
            }
        }
    }
}
