//! Values between their stored form and the JSON the vendor writes.
//!
//! Stored: text as it is, booleans as 0 and 1, moments as the wire's own text, which sorts as time
//! since it is always UTC and of one width.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use rusqlite::types::{Value as Cell, ValueRef};
use serde_json::Value;

use super::schema::FieldKind;

/// Writes a moment as `2026-07-14T09:12:33.000+0000`.
pub fn moment(at: Timestamp) -> String {
    at.to_zoned_datetime(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string()
}

/// Returns the day it is in UTC.
pub fn today(at: Timestamp) -> Date {
    at.to_zoned_datetime(TimeZone::UTC).date()
}

/// Reads a moment with a zone, or a date as its midnight in UTC.
pub fn parse_moment(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    if let Ok(zoned) = jiff::fmt::strtime::parse("%Y-%m-%dT%H:%M:%S%.f%z", text) {
        return zoned.to_timestamp().ok();
    }
    let civil = text.parse::<DateTime>().ok()?;
    civil.to_zoned_datetime(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// Reads a date, or the date part of a moment.
pub fn parse_date(text: &str) -> Option<String> {
    let head = text.get(..10)?;
    let is_date_or_moment = text.len() == 10 || parse_moment(text).is_some();
    head.parse::<Date>().ok().filter(|_| is_date_or_moment).map(|date| date.to_string())
}

/// Reads a text as a CSV file of a world or a lenient client writes it.
///
/// Returns `None` when the text is no value of that kind. An empty text is null, except that a
/// boolean is never null.
pub fn parse_text(kind: FieldKind, text: &str) -> Option<Cell> {
    if text.is_empty() {
        return Some(empty(kind));
    }
    Some(match kind {
        FieldKind::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Cell::Integer(1),
            "false" | "0" => Cell::Integer(0),
            _ => return None,
        },
        FieldKind::Int => match text.parse::<i64>() {
            Ok(number) => Cell::Integer(number),
            Err(_) => whole(text.parse::<f64>().ok()?)?,
        },
        FieldKind::Number => {
            Cell::Real(text.parse::<f64>().ok().filter(|number| number.is_finite())?)
        }
        FieldKind::Date => Cell::Text(parse_date(text)?),
        FieldKind::DateTime => Cell::Text(moment(parse_moment(text)?)),
        FieldKind::Id | FieldKind::Reference => Cell::Text(super::ids::normalize(text)?),
        _ => Cell::Text(text.to_owned()),
    })
}

/// Returns what a field holds when nothing was given.
pub fn empty(kind: FieldKind) -> Cell {
    if kind == FieldKind::Boolean { Cell::Integer(0) } else { Cell::Null }
}

/// Appends a stored value as JSON.
pub fn write_json(out: &mut String, kind: FieldKind, cell: ValueRef<'_>) {
    match (kind, cell) {
        (FieldKind::Boolean, ValueRef::Integer(flag)) => {
            out.push_str(if flag == 0 { "false" } else { "true" });
        }
        (FieldKind::Boolean, ValueRef::Null) => out.push_str("false"),
        (FieldKind::Number, ValueRef::Integer(number)) => {
            out.push_str(&number.to_string());
            out.push_str(".0");
        }
        (_, ValueRef::Integer(number)) => out.push_str(&number.to_string()),
        (_, ValueRef::Real(number)) => out.push_str(&Value::from(number).to_string()),
        (_, ValueRef::Text(bytes)) => write_text(out, &String::from_utf8_lossy(bytes)),
        (_, ValueRef::Null | ValueRef::Blob(_)) => out.push_str("null"),
    }
}

/// Returns a stored value as JSON.
pub fn to_json(kind: FieldKind, cell: &Cell) -> Value {
    let mut text = String::new();
    write_json(&mut text, kind, cell.into());
    serde_json::from_str(&text).unwrap_or_default()
}

/// Appends a text as JSON.
pub fn write_text(out: &mut String, text: &str) {
    let is_plain = text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
    if is_plain {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&Value::from(text).to_string());
    }
}

/// Returns a stored value as history tables show it.
pub fn as_history_text(kind: FieldKind, cell: &Cell) -> Cell {
    match cell {
        Cell::Null | Cell::Blob(_) => Cell::Null,
        Cell::Integer(flag) if kind == FieldKind::Boolean => {
            Cell::Text(if *flag == 0 { "false" } else { "true" }.to_owned())
        }
        Cell::Integer(number) => Cell::Text(number.to_string()),
        Cell::Real(number) => Cell::Text(Value::from(*number).to_string()),
        Cell::Text(text) => Cell::Text(text.clone()),
    }
}

/// Reads a number without a fraction.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked before the cast")]
pub fn whole(number: f64) -> Option<Cell> {
    let is_whole = number.fract() == 0.0 && number.abs() < 9.0e15;
    is_whole.then_some(Cell::Integer(number as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_moments_in_every_form_the_wire_has() {
        for text in [
            "2026-07-14T09:12:33Z",
            "2026-07-14T09:12:33.000+0000",
            "2026-07-14T11:12:33+02:00",
            "2026-07-14T09:12:33",
        ] {
            let at = parse_moment(text).map(moment);
            assert_eq!(at.as_deref(), Some("2026-07-14T09:12:33.000+0000"), "{text}");
        }
        assert_eq!(parse_moment("soon"), None);
        assert_eq!(parse_date("2026-07-14T09:12:33Z").as_deref(), Some("2026-07-14"));
        assert_eq!(parse_date("2026-07-14 or so"), None);
    }

    #[test]
    fn writes_numbers_with_and_without_fraction() {
        let mut out = String::new();
        write_json(&mut out, FieldKind::Number, ValueRef::Real(5.0));
        write_json(&mut out, FieldKind::Int, ValueRef::Integer(5));
        write_json(&mut out, FieldKind::Boolean, ValueRef::Integer(1));
        write_json(&mut out, FieldKind::Text, ValueRef::Text(b"a\"b"));
        assert_eq!(out, "5.05true\"a\\\"b\"");
    }
}
