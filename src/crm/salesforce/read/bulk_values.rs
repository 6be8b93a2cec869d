//! A bulk result's values in the form of the REST API.
//!
//! Texts are the same in both. Times end in another zone form, numbers may lack the `.0` that REST
//! writes, and how exactly is stated nowhere; what this makes of them is proven on a sample before
//! it counts.

use jiff::Timestamp;

/// Returns a cell as the REST API would show it; empty cells are null.
pub fn rest_form(vendor_type: &str, cell: &str) -> Option<String> {
    if cell.is_empty() {
        return None;
    }
    let form = match vendor_type {
        "datetime" => cell.parse::<Timestamp>().ok().map(datetime),
        "double" | "currency" | "percent" => with_fraction(cell),
        "int" => cell.strip_suffix(".0").map(str::to_owned),
        _ => None,
    };
    Some(form.unwrap_or_else(|| cell.to_owned()))
}

/// Writes a time as REST answers it: UTC with milliseconds and `+0000`.
fn datetime(moment: Timestamp) -> String {
    let ms = moment.as_millisecond().rem_euclid(1_000);
    format!("{}.{ms:03}+0000", moment.strftime("%Y-%m-%dT%H:%M:%S"))
}

fn with_fraction(cell: &str) -> Option<String> {
    let is_whole = cell.strip_prefix('-').unwrap_or(cell).bytes().all(|b| b.is_ascii_digit());
    is_whole.then(|| format!("{cell}.0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_same_whichever_way_they_come() {
        let check = |vendor_type: &str, cell: &str, expect: Option<&str>| {
            assert_eq!(rest_form(vendor_type, cell).as_deref(), expect, "{vendor_type} {cell}");
        };
        let moment = Some("2026-11-01T10:00:00.000+0000");
        check("datetime", "2026-11-01T10:00:00.000Z", moment);
        check("datetime", "2026-11-01T10:00:00.000+00:00", moment);
        check("datetime", "2026-11-01T10:00:00Z", moment);
        check("datetime", "2026-11-01T10:00:00.000+0000", moment);
        check("currency", "1000", Some("1000.0"));
        check("currency", "-1000", Some("-1000.0"));
        check("double", "10.25", Some("10.25"));
        check("double", "1.0E7", Some("1.0E7"));
        check("int", "5", Some("5"));
        check("boolean", "true", Some("true"));
        check("date", "2026-11-23", Some("2026-11-23"));
        check("string", " 1000 ", Some(" 1000 "));
        check("string", "", None);
    }
}
