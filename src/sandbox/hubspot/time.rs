//! Times on the wire: ISO 8601 in UTC with milliseconds, the fraction dropped when it is zero.

use jiff::Timestamp;

/// Writes epoch milliseconds the vendor's way; a time out of range reads as the epoch.
pub fn iso(epoch_ms: i64) -> String {
    let at = Timestamp::from_millisecond(epoch_ms).unwrap_or_default();
    if epoch_ms.rem_euclid(1000) == 0 { format!("{at:.0}") } else { format!("{at:.3}") }
}

/// Reads ISO 8601 with an offset, or epoch milliseconds, into epoch milliseconds.
pub fn epoch_ms(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<i64>() {
        return Timestamp::from_millisecond(number).ok().map(|_| number);
    }
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

/// Reads a date, its midnight in epoch milliseconds, or a time at midnight UTC.
pub fn date_ms(text: &str) -> Option<i64> {
    match text.parse::<jiff::civil::Date>() {
        Ok(date) if text.len() == 10 => date
            .to_zoned_datetime(jiff::tz::TimeZone::UTC)
            .ok()
            .map(|midnight| midnight.timestamp().as_millisecond()),
        _ => epoch_ms(text),
    }
}

/// Writes the UTC day of epoch milliseconds as `YYYY-MM-DD`.
pub fn iso_date(epoch_ms: i64) -> String {
    iso(epoch_ms).chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_milliseconds_only_when_there_are_any() {
        assert_eq!(iso(0), "1970-01-01T00:00:00Z");
        assert_eq!(iso(1_705_521_304_281), "2024-01-17T19:55:04.281Z");
        assert_eq!(epoch_ms("2024-01-17T19:55:04.281Z"), Some(1_705_521_304_281));
        assert_eq!(epoch_ms("2024-01-17"), None);
        assert_eq!(date_ms("2024-01-17").map(iso_date).as_deref(), Some("2024-01-17"));
    }
}
