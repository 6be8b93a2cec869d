//! Reporting periods: a year, a quarter, a month or an ISO week, written as people write them.

use std::fmt;

use jiff::civil::{Date, ISOWeekDate, Weekday, date};
use jiff::{Span, ToSpan};
use serde::Serialize;
use thiserror::Error;

/// A span of calendar days, in whatever time zone a claim draws its edges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Period {
    /// As written: `2026-Q3`.
    pub label: String,
    pub start_date: Date,
    /// Exclusive: the first day after the period.
    pub end_date: Date,
}

#[derive(Debug, Error, PartialEq, Eq)]
#[error("not a period: `{text}`")]
pub struct PeriodError {
    pub text: String,
}

impl PeriodError {
    /// Says what a period looks like.
    pub fn hint(&self) -> &'static str {
        "write a year `2026`, a quarter `2026-Q3`, a month `2026-08` or an ISO week `2026-W31`"
    }
}

impl Period {
    /// Reads a label such as `2026`, `2026-Q3`, `2026-08` or `2026-W31`.
    ///
    /// # Errors
    /// When the text has another shape, or names a quarter, month or week that the year lacks.
    pub fn parse(text: &str) -> Result<Self, PeriodError> {
        dates(text)
            .map(|(start_date, end_date)| Self { label: text.to_owned(), start_date, end_date })
            .ok_or_else(|| PeriodError { text: text.to_owned() })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

/// Returns the first day and the first day after.
fn dates(text: &str) -> Option<(Date, Date)> {
    let (year, rest) = match text.split_once('-') {
        Some((year, rest)) => (year, Some(rest)),
        None => (text, None),
    };
    let year: i16 = digits(year, 4)?;
    // The last year that a date can hold has no day after.
    if !(1..=9998).contains(&year) {
        return None;
    }
    let (start, length): (Date, Span) = match rest {
        None => (date(year, 1, 1), 1.year()),
        Some(rest) => match rest.as_bytes().first()? {
            b'Q' => {
                let quarter: i8 = digits(rest.get(1..)?, 1).filter(|q| (1..=4).contains(q))?;
                (Date::new(year, quarter * 3 - 2, 1).ok()?, 3.months())
            }
            b'W' => {
                let week: i8 = digits(rest.get(1..)?, 2)?;
                let monday = ISOWeekDate::new(year, week, Weekday::Monday).ok()?;
                (monday.date(), 1.week())
            }
            _ => (Date::new(year, digits(rest, 2)?, 1).ok()?, 1.month()),
        },
    };
    Some((start, start.checked_add(length).ok()?))
}

/// Reads exactly `n` decimal digits.
fn digits<T: std::str::FromStr>(text: &str, n: usize) -> Option<T> {
    let is_number = text.len() == n && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_as_people_write_them() {
        let table = [
            ("2026", "2026-01-01", "2027-01-01"),
            ("2026-Q1", "2026-01-01", "2026-04-01"),
            ("2026-Q3", "2026-07-01", "2026-10-01"),
            ("2026-Q4", "2026-10-01", "2027-01-01"),
            ("2026-08", "2026-08-01", "2026-09-01"),
            ("2026-12", "2026-12-01", "2027-01-01"),
            ("2024-02", "2024-02-01", "2024-03-01"),
            ("2026-W31", "2026-07-27", "2026-08-03"),
            ("2026-W01", "2025-12-29", "2026-01-05"),
            ("2026-W53", "2026-12-28", "2027-01-04"),
        ];
        for (label, start, end) in table {
            let period = Period::parse(label).expect(label);
            let found = (period.start_date.to_string(), period.end_date.to_string());
            assert_eq!(found, (start.to_owned(), end.to_owned()), "{label}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let wrong = [
            "", "26", "2026-", "2026-Q0", "2026-Q5", "2026-q3", "2026-Q", "2026-13", "2026-0",
            "2026-8", "2026-W00", "2026-W54", "2025-W53", "2026-W1", "Q3", "2026-Q3 ", "0000",
            "9999", "2026-é", "+026",
        ];
        for label in wrong {
            assert!(Period::parse(label).is_err(), "{label}");
        }
    }
}
