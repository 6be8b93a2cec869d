//! Dates and times in every form that the vendors' APIs use.

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};

/// Digits that an epoch in milliseconds has from 1973 to 5138, and before 1970 as far back again.
/// Ten digits are seconds, which no vendor writes; fewer are a day of the early seventies at most.
const EPOCH_MS_DIGITS: std::ops::RangeInclusive<usize> = 11..=14;

/// Reads an instant: ISO 8601 with `Z` or an offset with or without colon, or epoch milliseconds.
pub fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    if EPOCH_MS_DIGITS.contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Timestamp::from_millisecond(text.parse().ok()?).ok();
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp);
    }
    // Salesforce writes `+0000`; RFC 3339 wants `+00:00`.
    let (front, offset) = text.split_at_checked(text.len().checked_sub(5)?)?;
    let is_offset = offset.starts_with(['+', '-'])
        && offset.len() == 5
        && offset[1..].bytes().all(|b| b.is_ascii_digit());
    if !is_offset {
        return None;
    }
    format!("{front}{}:{}", &offset[..3], &offset[3..]).parse().ok()
}

/// Reads a calendar day: `YYYY-MM-DD`, or an instant at midnight UTC (HubSpot's other form of a
/// date). An instant at any other time of day is no date without a zone.
pub fn parse_date(text: &str) -> Option<Date> {
    let text = text.trim();
    if let Some(date) = (text.len() == 10).then(|| text.parse::<Date>().ok()).flatten() {
        return Some(date);
    }
    let moment = parse_timestamp(text)?.to_zoned_datetime(TimeZone::UTC);
    (moment.time() == jiff::civil::Time::midnight()).then(|| moment.date())
}

/// Writes an instant in whole seconds, `Z` at the end; parts of a second are dropped.
pub fn whole_seconds(moment: jiff::Timestamp) -> String {
    let seconds = moment.as_second() - i64::from(moment.subsec_nanosecond() < 0);
    jiff::Timestamp::from_second(seconds).unwrap_or(moment).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wire_form_is_one_instant() {
        let forms = [
            "2026-07-14T09:12:33Z",
            "2026-07-14T09:12:33.000Z",
            "2026-07-14T09:12:33.000+0000",
            "2026-07-14T11:12:33+02:00",
            "1784020353000",
        ];
        for form in forms {
            assert_eq!(
                parse_timestamp(form).map(|t| t.to_string()).as_deref(),
                Some("2026-07-14T09:12:33Z"),
                "{form}"
            );
        }
        let early = |text: &str| parse_date(text).map(|date| date.to_string());
        assert_eq!(early("631152000000").as_deref(), Some("1990-01-01"));
        assert_eq!(early("-631152000000").as_deref(), Some("1950-01-01"));
        for none in ["", "1784020353", "2026-07-14", "yesterday", "2026-07-14T09:12:33"] {
            assert_eq!(parse_timestamp(none), None, "{none}");
        }
    }

    #[test]
    fn a_day_never_shifts() {
        let day: Date = "2026-07-14".parse().expect("a date");
        assert_eq!(parse_date("2026-07-14"), Some(day));
        assert_eq!(parse_date("2026-07-14T00:00:00Z"), Some(day));
        assert_eq!(parse_date("2026-07-14T22:00:00Z"), None);
    }
}
