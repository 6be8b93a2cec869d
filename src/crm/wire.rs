//! JSON values as the vendor wrote them.
//!
//! A number keeps its own text (`1000.0` stays `1000.0`), which a trip through a float would not
//! promise.

use serde::Deserialize;
use serde_json::value::RawValue;

/// One JSON value of an answer, not yet looked into.
pub type Wire<'a> = &'a RawValue;

/// Returns a value's wire form: a string's content, the own text of a number, a boolean, an
/// object or a list, and `None` for null.
pub fn wire_text(value: &RawValue) -> Option<String> {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'n') => None,
        Some(b'"') => String::deserialize(value).ok(),
        _ => Some(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expect: Option<&str>) {
        let raw: &RawValue = serde_json::from_str(json).expect("test JSON parses");
        assert_eq!(wire_text(raw).as_deref(), expect, "{json}");
    }

    #[test]
    fn values_stay_as_written() {
        check("1000.0", Some("1000.0"));
        check("12345678901234567890.10", Some("12345678901234567890.10"));
        check("1e3", Some("1e3"));
        check("true", Some("true"));
        check("null", None);
        check("\"null\"", Some("null"));
        check("\"\"", Some(""));
        check("\"a\\u00e9\\n\\\"b\\\" \"", Some("aé\n\"b\" "));
        check("{\"a\":1.0}", Some("{\"a\":1.0}"));
    }
}
