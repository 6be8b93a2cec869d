//! Calls that only want to act on what did, or did not, change since.
//!
//! Times are HTTP dates, to the second.

use jiff::Timestamp;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};

use super::answer::Answer;
use super::call::Call;
use super::errors::Fault;

/// Answers 304 to a read of what is as the caller knows it; `None` lets the call go on.
///
/// # Errors
/// 412 where the thing changed since, 400 for a time that is none on a write.
pub fn check(call: &Call, changed_at: Timestamp) -> Result<Option<Answer>, Fault> {
    let is_read = matches!(call.method.as_str(), "GET" | "HEAD");
    let changed_at = changed_at.as_second();
    if let Some(since) = time(call, "if-unmodified-since", is_read)?
        && changed_at > since
    {
        let message = "The entity was modified since the given time";
        return Err(Fault::new(412, "PRECONDITION_FAILED", message));
    }
    let since = time(call, "if-modified-since", is_read)?;
    Ok(match since {
        Some(since) if changed_at <= since && is_read => Some(Answer::bare(304)),
        Some(since) if changed_at <= since => {
            let message = "The entity was not modified since the given time";
            return Err(Fault::new(412, "PRECONDITION_FAILED", message));
        }
        _ => None,
    })
}

/// Writes a moment as an HTTP date.
pub fn http_date(at: Timestamp) -> Option<String> {
    DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()
}

fn time(call: &Call, header: &str, is_read: bool) -> Result<Option<i64>, Fault> {
    let Some(text) = call.header(header) else { return Ok(None) };
    match DateTimeParser::new().parse_timestamp(text) {
        Ok(at) => Ok(Some(at.as_second())),
        Err(_) if is_read => Ok(None),
        Err(_) => Err(Fault::new(400, "INVALID_HEADER", format!("{header} is no time: {text}"))),
    }
}
