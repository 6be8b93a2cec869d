//! What can go wrong at the edge, judged once into what the caller can do about it.

use thiserror::Error;

use super::{CrmKind, Way};

/// A failure of a CRM call that is not about one record.
///
/// Messages never hold field values, tokens or query strings.
#[derive(Debug, Error)]
pub enum CrmError {
    #[error("cannot reach {kind} at `{address}`")]
    Unreachable {
        kind: CrmKind,
        address: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("{kind} refused the credentials: {message}")]
    Unauthorized { kind: CrmKind, message: String },
    #[error("private key for {kind} cannot be used: {message}")]
    PrivateKey { kind: CrmKind, message: String },
    #[error("{kind} does not let this connection do `{operation}`: {message}")]
    Forbidden { kind: CrmKind, operation: String, message: String },
    #[error("{kind}'s daily allowance of API calls is spent")]
    BudgetSpent { kind: CrmKind },
    #[error("{kind} is busy and did not recover after {tries} tries: {message}")]
    Busy { kind: CrmKind, tries: u32, message: String },
    #[error("{kind} refused `{operation}`: {code}: {message}")]
    Refused { kind: CrmKind, operation: String, code: String, message: String },
    #[error("{kind} answered `{operation}` in a shape that was not expected: {message}")]
    Unexpected { kind: CrmKind, operation: String, message: String },
    /// A write that was not sent: another run may be writing.
    #[error("nothing was sent to {kind}")]
    Fenced {
        kind: CrmKind,
        #[source]
        source: crate::warehouse::LeaseError,
    },
    /// The rows may still be had by another way.
    #[error("`{extraction}` cannot be read by {way}: {reason}")]
    NotThisWay { extraction: String, way: Way, reason: String },
    #[error("the reader of `{extraction}` stopped listening")]
    ReceiverGone { extraction: String },
}
