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
//! Events name the call's family, status and milliseconds. Bodies, tokens and query strings are
//! never logged and never part of an error.

mod answer;
mod backoff;
mod budget;
mod client;
mod counters;
mod pace;
mod request;
mod verdict;

pub use answer::{AllowanceSeen, Answer, IntervalSeen, unexpected};
pub use backoff::Backoff;
pub use budget::Budget;
pub use client::{Bearer, Transport, TransportOptions, is_loopback, plain_client};
pub use request::{Body, Method, Purpose, Request};
pub use verdict::{Judge, Refusal, Reply, Verdict};
