//! What an answer means for the caller.

use std::time::Duration;

use super::{Answer, Request};
use crate::crm::{CrmError, CrmKind};

/// A vendor's reading of its own answers; each vendor has one, in its `error.rs`.
pub trait Judge: Send + Sync {
    fn kind(&self) -> CrmKind;

    fn judge(&self, request: &Request, answer: &Answer) -> Verdict;
}

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
    pub message: String,
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
            Self::Refused(Refusal { code, message, .. }) => {
                Err(CrmError::Refused { kind, operation: operation.to_owned(), code, message })
            }
            Self::Lost { reason } => {
                Err(CrmError::Unexpected { kind, operation: operation.to_owned(), message: reason })
            }
        }
    }
}
