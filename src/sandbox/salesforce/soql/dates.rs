//! Days relative to today, and parts of a date.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::ast::{DateFunction, DateUnit, Days};

/// Largest number in a literal such as `LAST_N_DAYS:30`.
const COUNT_MAX: i32 = 9_999;

/// Reads a date literal's name; `None` for any other word.
pub fn days(word: &str) -> Option<Days> {
    let word = word.to_ascii_uppercase();
    let (name, count) = match word.split_once(':') {
        Some((name, count)) => (name, Some(count.parse::<i32>().ok()?.min(COUNT_MAX))),
        None => (word.as_str(), None),
    };
    // Fiscal years are calendar years here.
    let name = name.replace("FISCAL_", "");
    let span = |unit, first, end| Some(Days { unit, first, end });
    match (name.as_str(), count) {
        ("YESTERDAY", None) => span(DateUnit::Day, -1, 0),
        ("TODAY", None) => span(DateUnit::Day, 0, 1),
        ("TOMORROW", None) => span(DateUnit::Day, 1, 2),
        ("LAST_90_DAYS", None) => span(DateUnit::Day, -90, 1),
        ("NEXT_90_DAYS", None) => span(DateUnit::Day, 1, 91),
        ("LAST_N_DAYS", Some(n)) => span(DateUnit::Day, -n, 1),
        (name, None) => {
            let (which, unit) = name.split_once('_')?;
            let unit = unit_named(unit)?;
            match which {
                "LAST" => span(unit, -1, 0),
                "THIS" => span(unit, 0, 1),
                "NEXT" => span(unit, 1, 2),
                _ => None,
            }
        }
        (name, Some(n)) => {
            if let Some(unit) = name.strip_prefix("LAST_N_").and_then(unit_of_many) {
                span(unit, -n, 0)
            } else if let Some(unit) = name.strip_prefix("NEXT_N_").and_then(unit_of_many) {
                span(unit, 1, n + 1)
            } else {
                let unit = name.strip_prefix("N_")?.strip_suffix("_AGO").and_then(unit_of_many)?;
                span(unit, -n, 1 - n)
            }
        }
    }
}

/// Returns the first day of a span and the day behind its last.
pub fn bounds(days: Days, now: Timestamp, zone: &TimeZone) -> Option<(Date, Date)> {
    let today = zone.to_datetime(now).date();
    let first_of_month = |month: i8| Date::new(today.year(), month, 1).ok();
    let current = match days.unit {
        DateUnit::Day => today,
        // Weeks begin on Sunday.
        DateUnit::Week => {
            today.checked_sub(Span::new().days(today.weekday().to_sunday_zero_offset())).ok()?
        }
        DateUnit::Month => first_of_month(today.month())?,
        DateUnit::Quarter => first_of_month((today.month() - 1) / 3 * 3 + 1)?,
        DateUnit::Year => first_of_month(1)?,
    };
    let at = |count: i32| {
        let span = match days.unit {
            DateUnit::Day => Span::new().try_days(count),
            DateUnit::Week => Span::new().try_weeks(count),
            DateUnit::Month => Span::new().try_months(count),
            DateUnit::Quarter => Span::new().try_months(count * 3),
            DateUnit::Year => Span::new().try_years(count),
        };
        current.checked_add(span.ok()?).ok()
    };
    Some((at(days.first)?, at(days.end)?))
}

/// Returns the moment at which a day begins.
pub fn midnight(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    day.at(0, 0, 0, 0).to_zoned_datetime(zone.clone()).ok().map(|zoned| zoned.timestamp())
}

/// Returns SQL for a part of the date or moment in a column.
pub fn part_sql(function: DateFunction, column: &str) -> String {
    let number =
        |start: u8, length: u8| format!("cast(substr({column}, {start}, {length}) as integer)");
    let of_day =
        |format: &str| format!("cast(strftime('{format}', substr({column}, 1, 10)) as integer)");
    match function {
        DateFunction::Year => number(1, 4),
        DateFunction::Quarter => format!("({} + 2) / 3", number(6, 2)),
        DateFunction::Month => number(6, 2),
        DateFunction::DayInMonth => number(9, 2),
        DateFunction::DayInWeek => format!("{} + 1", of_day("%w")),
        DateFunction::DayInYear => of_day("%j"),
        DateFunction::DayOnly => format!("substr({column}, 1, 10)"),
        DateFunction::Hour => number(12, 2),
        DateFunction::WeekInMonth => format!("({} + 6) / 7", number(9, 2)),
        DateFunction::WeekInYear => format!("({} + 6) / 7", of_day("%j")),
    }
}

fn unit_named(name: &str) -> Option<DateUnit> {
    Some(match name {
        "WEEK" => DateUnit::Week,
        "MONTH" => DateUnit::Month,
        "QUARTER" => DateUnit::Quarter,
        "YEAR" => DateUnit::Year,
        _ => return None,
    })
}

fn unit_of_many(name: &str) -> Option<DateUnit> {
    match name {
        "DAYS" => Some(DateUnit::Day),
        other => unit_named(other.strip_suffix('S')?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_relative_to_today_where_the_org_is() {
        let now = "2026-10-01T02:00:00Z".parse().expect("a timestamp");
        let zone = TimeZone::get("America/Los_Angeles").expect("a zone");
        let table = [
            ("today", "2026-09-30", "2026-10-01"),
            ("LAST_N_DAYS:2", "2026-09-28", "2026-10-01"),
            ("NEXT_N_DAYS:2", "2026-10-01", "2026-10-03"),
            ("N_DAYS_AGO:3", "2026-09-27", "2026-09-28"),
            ("THIS_WEEK", "2026-09-27", "2026-10-04"),
            ("LAST_MONTH", "2026-08-01", "2026-09-01"),
            ("NEXT_FISCAL_QUARTER", "2026-10-01", "2027-01-01"),
            ("LAST_N_YEARS:2", "2024-01-01", "2026-01-01"),
        ];
        for (word, first, end) in table {
            let (from, to) = bounds(days(word).expect(word), now, &zone).expect(word);
            assert_eq!(
                (from.to_string().as_str(), to.to_string().as_str()),
                (first, end),
                "{word}"
            );
        }
        for word in ["SOMEDAY", "LAST_N_DAYS", "TODAY:3", "LAST_N_HOURS:3", "LAST_DAY"] {
            assert_eq!(days(word), None, "{word}");
        }
    }
}
