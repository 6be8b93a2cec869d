//! What came back for a request.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;

use crate::crm::{CrmError, CrmKind};

/// A whole answer: status, the headers that matter, and the body as text.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
    /// `Retry-After` in seconds, where the server sent it.
    pub retry_after: Option<Duration>,
    /// Calls left of the day, where the server says so in its headers.
    pub allowance: Option<AllowanceSeen>,
    /// Calls left of the current short interval.
    pub interval: Option<IntervalSeen>,
}

/// The daily allowance as the last answer stated it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllowanceSeen {
    pub max: u64,
    pub remaining: u64,
}

/// A short rate-limit interval as an answer stated it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntervalSeen {
    pub max: u64,
    pub remaining: u64,
    pub length: Duration,
}

impl Answer {
    pub(super) fn new(status: u16, headers: &HeaderMap, body: String) -> Self {
        Self {
            status,
            body,
            retry_after: number(headers, "retry-after").map(Duration::from_secs),
            allowance: allowance_seen(headers),
            interval: interval_seen(headers),
        }
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Reads the body as JSON of the expected shape.
    ///
    /// # Errors
    /// [`CrmError::Unexpected`]; the message has the place of the fault and none of the content.
    pub fn json<T: DeserializeOwned>(&self, kind: CrmKind, operation: &str) -> Result<T, CrmError> {
        serde_json::from_str(&self.body).map_err(|error| unexpected(kind, operation, &error))
    }
}

/// Describes a JSON fault by its place, because serde's own message may quote a value.
pub fn unexpected(kind: CrmKind, operation: &str, error: &serde_json::Error) -> CrmError {
    let what = if error.is_eof() { "the body ends early" } else { "the body has another shape" };
    CrmError::Unexpected {
        kind,
        operation: operation.to_owned(),
        message: format!("{what} (line {}, column {})", error.line(), error.column()),
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// Reads HubSpot's daily pair, or Salesforce's `Sforce-Limit-Info: api-usage=18/5000`.
fn allowance_seen(headers: &HeaderMap) -> Option<AllowanceSeen> {
    let hubspot = number(headers, "x-hubspot-ratelimit-daily")
        .zip(number(headers, "x-hubspot-ratelimit-daily-remaining"))
        .map(|(max, remaining)| AllowanceSeen { max, remaining });
    hubspot.or_else(|| {
        let info = headers.get("sforce-limit-info")?.to_str().ok()?;
        let usage = info.split(';').find_map(|part| part.trim().strip_prefix("api-usage="))?;
        let (used, max) = usage.split_once('/')?;
        let (used, max): (u64, u64) = (used.trim().parse().ok()?, max.trim().parse().ok()?);
        Some(AllowanceSeen { max, remaining: max.saturating_sub(used) })
    })
}

fn interval_seen(headers: &HeaderMap) -> Option<IntervalSeen> {
    Some(IntervalSeen {
        max: number(headers, "x-hubspot-ratelimit-max")?,
        remaining: number(headers, "x-hubspot-ratelimit-remaining")?,
        length: Duration::from_millis(number(
            headers,
            "x-hubspot-ratelimit-interval-milliseconds",
        )?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_vendors_state_what_is_left_of_the_day() {
        let mut headers = HeaderMap::new();
        headers.insert(
            "sforce-limit-info",
            "api-usage=10018/100000; per-app=1/2".parse().expect("header"),
        );
        assert_eq!(
            allowance_seen(&headers),
            Some(AllowanceSeen { max: 100_000, remaining: 89_982 })
        );
        headers.insert("x-hubspot-ratelimit-daily", "250000".parse().expect("header"));
        headers.insert("x-hubspot-ratelimit-daily-remaining", "7".parse().expect("header"));
        assert_eq!(allowance_seen(&headers), Some(AllowanceSeen { max: 250_000, remaining: 7 }));
    }
}
