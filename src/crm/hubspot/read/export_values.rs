//! An export's values in the form of the REST API.
//!
//! With internal values asked for, texts, numbers and option values are the same in both. Times
//! are not promised in one form (epoch milliseconds and ISO are both met), nor is how an empty cell
//! reads; what this makes of them is proven on a sample before it counts.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Returns a cell as the REST API would show it; blank cells are null.
pub fn rest_form(vendor_type: &str, cell: &str) -> Option<String> {
    if cell.is_empty() {
        return None;
    }
    let form = match vendor_type {
        "datetime" => moment(cell).map(datetime),
        "date" => date(cell).map(|date| date.to_string()),
        "bool" => ["true", "false"]
            .into_iter()
            .find(|word| cell.eq_ignore_ascii_case(word))
            .map(str::to_owned),
        _ => None,
    };
    Some(form.unwrap_or_else(|| cell.to_owned()))
}

fn moment(cell: &str) -> Option<Timestamp> {
    match cell.parse::<i64>() {
        Ok(epoch_ms) => Timestamp::from_millisecond(epoch_ms).ok(),
        Err(_) => cell.parse().ok(),
    }
}

/// Writes a time as HubSpot answers it: UTC with milliseconds, which are left out when zero.
fn datetime(moment: Timestamp) -> String {
    let whole = moment.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    match moment.as_millisecond().rem_euclid(1_000) {
        0 => format!("{whole}Z"),
        ms => format!("{whole}.{ms:03}Z"),
    }
}

fn date(cell: &str) -> Option<Date> {
    cell.parse()
        .ok()
        .filter(|_| cell.contains('-') && !cell.contains('T'))
        .or_else(|| moment(cell).map(|moment| TimeZone::UTC.to_datetime(moment).date()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(vendor_type: &str, cell: &str, expect: Option<&str>) {
        assert_eq!(rest_form(vendor_type, cell).as_deref(), expect, "{vendor_type} {cell}");
    }

    #[test]
    fn times_are_the_same_whichever_way_they_come() {
        check("datetime", "1726061259356", Some("2024-09-11T13:27:39.356Z"));
        check("datetime", "2024-09-11T13:27:39.356Z", Some("2024-09-11T13:27:39.356Z"));
        check("datetime", "2024-09-11T15:27:39+02:00", Some("2024-09-11T13:27:39Z"));
        check("datetime", "1726061259000", Some("2024-09-11T13:27:39Z"));
        check("datetime", "-1000", Some("1969-12-31T23:59:59Z"));
        check("date", "1582416000000", Some("2020-02-23"));
        check("date", "2020-02-23", Some("2020-02-23"));
        check("date", "2020-02-23T00:00:00Z", Some("2020-02-23"));
    }

    #[test]
    fn other_values_stay_and_blanks_are_null() {
        check("bool", "TRUE", Some("true"));
        check("string", "TRUE", Some("TRUE"));
        check("string", " a ", Some(" a "));
        check("number", "1000.0", Some("1000.0"));
        check("datetime", "yesterday", Some("yesterday"));
        check("string", "", None);
        check("datetime", "", None);
    }
}
