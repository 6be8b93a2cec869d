//! One way out: every HTTP request to a CRM is sent, counted, paced, judged and retried here.
//!
//! The transport knows no vendor. What an answer means is the vendor's [`Judge`]; what may be sent
//! again follows from the [`Verdict`] and the request's [`Purpose`]:
//!
//! | Verdict | fixed, read | write |
//! |---|---|---|
//! | `Retry`, `Reauthenticate` | sent again | sent again: the vendor says that nothing was done |
//! | `Lost`, timeout, cut connection | sent again | [`Reply::Lost`], never sent again |
//! | no connection could be made | sent again | sent again: nothing left this machine |
//!
//! A call has the time that its bodies take on a slow line on top of what any call has, but a write no
//! more than the lease is known to last. Large bodies go gzipped where the vendor says that it reads
//! them.
//!
//! The [`RequestLog`] and events name the call's family, status, verdict and milliseconds. Bodies,
//! tokens, query strings and the vendor's own texts are never logged and never part of an error: an
//! error has the vendor's code and what [`shown()`] lets through.

mod answer;
mod backoff;
mod bearer;
mod budget;
mod client;
mod counters;
mod gzip;
mod now;
mod pace;
mod request;
pub mod request_log;
mod shown;
mod spool;
mod verdict;

#[cfg(test)]
mod tests;

pub use answer::{AllowanceSeen, Answer, IntervalSeen, unexpected};
pub use backoff::Backoff;
pub use bearer::{Bearer, Fetched, Granted, Login, Tokens};
pub use budget::Budget;
pub use client::{Transport, TransportOptions, is_loopback, plain_client};
pub use now::Now;
pub use request::{Body, Method, Purpose, Request};
pub use request_log::{ConnectionLog, RequestLog};
pub use shown::{shown, shown_code};
pub use spool::{Spool, download};
pub use verdict::{Judge, Lane, Refusal, Reply, Verdict};
