//! Cells of an import as property values: labels, owners' names and local dates are taken too.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use super::super::Work;
use super::super::errors::ApiError;
use super::super::schema::{ObjectType, Property};
use super::super::time::{epoch_ms, iso};
use super::super::validate;
use super::request::DateFormat;
use super::row::Flaw;

/// How dates of a file are written.
#[derive(Clone, Debug)]
pub struct Dates {
    pub format: DateFormat,
    pub zone: TimeZone,
}

/// Returns what an input of a batch would send for the cell, or what is wrong with it.
///
/// Values that this passes on unread are judged like those of a batch.
pub fn value(
    work: &Work<'_>,
    object: &ObjectType,
    property: &Property,
    cell: &str,
    dates: &Dates,
) -> Result<Result<String, Flaw>, ApiError> {
    let cell = cell.trim();
    if property.is_owner_reference() {
        return owner(work, cell);
    }
    if object.id == "0-3" && ["pipeline", "dealstage"].contains(&property.name.as_str()) {
        return Ok(Ok(pipeline_id(work, object, property, cell)?));
    }
    Ok(match property.kind.as_str() {
        "date" => dates.date(cell).map(|date| date.to_string()),
        "datetime" => dates.time(cell).map(|at| iso(at.as_millisecond())),
        "bool" => Ok(match cell.to_ascii_lowercase().as_str() {
            "yes" | "true" | "1" => "true".to_owned(),
            "no" | "false" | "0" => "false".to_owned(),
            _ => cell.to_owned(),
        }),
        "enumeration" if property.is_multiple() => cell
            .split(';')
            .map(|one| option_value(property, one.trim()))
            .collect::<Result<Vec<_>, _>>()
            .map(|values| values.join(";")),
        "enumeration" => option_value(property, cell),
        _ => Ok(cell.to_owned()),
    })
}

/// Returns the value of the option that a text is the value or the label of.
fn option_value(property: &Property, text: &str) -> Result<String, Flaw> {
    if property.options.iter().any(|option| option.value == text) {
        return Ok(text.to_owned());
    }
    let mut labelled =
        property.options.iter().filter(|option| option.label.eq_ignore_ascii_case(text));
    match (labelled.next(), labelled.next()) {
        (Some(_), Some(_)) => Err(Flaw::new(
            "AMBIGUOUS_ENUMERATION_OPTION",
            format!("{text} is the label of more than one option of {}", property.name),
        )),
        (Some(option), None) => Ok(option.value.clone()),
        (None, _) => Ok(text.to_owned()),
    }
}

/// Finds an owner by id, email or full name.
fn owner(work: &Work<'_>, text: &str) -> Result<Result<String, Flaw>, ApiError> {
    let takes_ids = work.settings.imports.takes_owner_ids;
    let found: Vec<i64> = work
        .db
        .prepare_cached(
            "select id from owners where (not archived or ?3) and (
                 lower(email) = lower(?1)
                 or lower(trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')))
                    = lower(?1)
                 or (?2 and cast(id as text) = ?1)) limit 2",
        )?
        .query_map((text, takes_ids, work.settings.accepts_archived_owners), |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(match found.as_slice() {
        [id] => Ok(id.to_string()),
        [] => Err(Flaw::new("COULD_NOT_FIND_OWNER", format!("no owner is known as {text}"))),
        _ => Err(Flaw::new(
            "MULTIPLE_OWNERS_FOUND",
            format!("more than one owner is known as {text}"),
        )),
    })
}

/// Returns the id of the pipeline or stage of that label, or the text itself.
fn pipeline_id(
    work: &Work<'_>,
    object: &ObjectType,
    property: &Property,
    text: &str,
) -> Result<String, ApiError> {
    let pipelines = validate::pipelines(work, object)?;
    let stages = pipelines.iter().filter_map(|one| one["stages"].as_array()).flatten();
    let is_label = |one: &&serde_json::Value| one["label"].as_str() == Some(text);
    let labelled = if property.name == "pipeline" {
        pipelines.iter().find(is_label)
    } else {
        stages.clone().find(is_label)
    };
    let id = labelled.and_then(|one| one["id"].as_str());
    Ok(id.unwrap_or(text).to_owned())
}

impl Dates {
    /// Reads a day in the file's order, or in ISO 8601 or epoch milliseconds.
    fn date(&self, text: &str) -> Result<Date, Flaw> {
        let iso_day = text.get(..10).filter(|_| text.contains('T'));
        if let Some(day) = iso_day.and_then(|day| day.parse::<Date>().ok()) {
            return Ok(day);
        }
        self.day(text).or_else(|| Some(utc(epoch(text)?).date())).ok_or_else(|| not_a_date(text))
    }

    /// Reads a time in ISO 8601 or epoch milliseconds, or a local day with or without `HH:MM`.
    fn time(&self, text: &str) -> Result<Timestamp, Flaw> {
        let known = if text.contains('T') { epoch_ms(text) } else { epoch(text) };
        if let Some(at) = known.and_then(|at| Timestamp::from_millisecond(at).ok()) {
            return Ok(at);
        }
        let (day, time) = text.split_once(' ').unwrap_or((text, "00:00"));
        let local = self
            .day(day)
            .zip(time.trim().parse::<Time>().ok())
            .map(|(day, time)| DateTime::from_parts(day, time));
        local
            .and_then(|local| local.to_zoned_datetime(self.zone.clone()).ok())
            .map(|zoned| zoned.timestamp())
            .ok_or_else(|| not_a_date(text))
    }

    fn day(&self, text: &str) -> Option<Date> {
        let mut parts = text.split(['-', '/', '.']).map(|part| part.parse::<i16>().ok());
        let numbers = (parts.next()??, parts.next()??, parts.next()??);
        if parts.next().is_some() {
            return None;
        }
        let (year, month, day) = match (self.format, numbers) {
            (DateFormat::MonthDayYear, (month, day, year))
            | (DateFormat::DayMonthYear, (day, month, year))
            | (DateFormat::YearMonthDay, (year, month, day)) => (year, month, day),
        };
        Date::new(year, month.try_into().ok()?, day.try_into().ok()?).ok()
    }
}

/// Reads epoch milliseconds; a short number is no time.
fn epoch(text: &str) -> Option<i64> {
    text.parse().ok().filter(|_| text.len() >= 9)
}

fn utc(epoch_ms: i64) -> DateTime {
    let at = Timestamp::from_millisecond(epoch_ms).unwrap_or_default();
    at.to_zoned_datetime(TimeZone::UTC).datetime()
}

fn not_a_date(text: &str) -> Flaw {
    Flaw::new("COULD_NOT_PARSE_DATE", format!("{text} is not a date of the import's format"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_follow_the_format_of_the_import() {
        let dates = |format| Dates { format, zone: TimeZone::UTC };
        let day = |format, text: &str| dates(format).date(text).map(|day| day.to_string()).ok();
        let expected = Some("2026-11-03".to_owned());
        assert_eq!(day(DateFormat::MonthDayYear, "11/03/2026"), expected);
        assert_eq!(day(DateFormat::DayMonthYear, "3.11.2026"), expected);
        assert_eq!(day(DateFormat::YearMonthDay, "2026-11-03"), expected);
        assert_eq!(day(DateFormat::YearMonthDay, "1793664000000"), expected);
        assert_eq!(day(DateFormat::MonthDayYear, "2026-11-03"), None);
        assert_eq!(day(DateFormat::MonthDayYear, "13/01/2026"), None);
        let at = |text: &str| dates(DateFormat::YearMonthDay).time(text).ok();
        assert_eq!(at("2026-11-03 09:30"), at("2026-11-03T09:30:00Z"));
        assert!(at("2026-11-03 25:30").is_none());
    }
}
