//! Whether a CRM's own text still says what it said, or what it was told.

use std::collections::BTreeSet;

use super::decimal;
use super::moment::{parse_date, parse_timestamp, whole_seconds};
use crate::config::FieldType;

/// Says whether two texts of one field in one CRM are one value under the field's type.
///
/// A CRM may give back in another form what it was sent: `5` as `5.0`, one instant in another
/// notation. Blank text and null are the same. Nothing is mapped here: both texts are of one side.
pub fn is_same_value(field_type: FieldType, left: Option<&str>, right: Option<&str>) -> bool {
    normal(field_type, left) == normal(field_type, right)
}

fn normal(field_type: FieldType, text: Option<&str>) -> Option<String> {
    let text = text.map(str::trim).filter(|text| !text.is_empty())?;
    let normal = match field_type {
        FieldType::Number | FieldType::Currency | FieldType::Percent => {
            decimal::normalize(text, None)
        }
        FieldType::Bool | FieldType::Consent | FieldType::Email => Some(text.to_lowercase()),
        FieldType::Date => parse_date(text).map(|date| date.to_string()),
        FieldType::Datetime => parse_timestamp(text).map(whole_seconds),
        FieldType::Phone => {
            Some(text.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect())
        }
        FieldType::MultiPicklist => {
            let values: BTreeSet<&str> =
                text.split(';').map(str::trim).filter(|value| !value.is_empty()).collect();
            Some(values.into_iter().collect::<Vec<_>>().join(";"))
        }
        FieldType::Text
        | FieldType::Picklist
        | FieldType::Owner
        | FieldType::Reference
        | FieldType::Country => None,
    };
    Some(normal.unwrap_or_else(|| text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_form_is_the_same_value_and_another_value_is_not() {
        let cases = [
            (FieldType::Number, "5", "5.0", true),
            (FieldType::Number, "5", "5.01", false),
            (FieldType::Text, "5", "5.0", false),
            (FieldType::Text, "a ", "a", true),
            (FieldType::Text, "a", "A", false),
            (FieldType::Email, "A@b.co", "a@b.co", true),
            (FieldType::Datetime, "2026-07-01T00:00:00.000+0000", "2026-07-01T00:00:00Z", true),
            (FieldType::Datetime, "2026-07-01T00:00:01Z", "2026-07-01T00:00:00Z", false),
            (FieldType::Phone, "(415) 555-0110", "415 555 0110", true),
            (FieldType::MultiPicklist, "b;a", "a;b", true),
            (FieldType::MultiPicklist, "a", "a;b", false),
        ];
        for (field_type, left, right, expect) in cases {
            assert_eq!(
                is_same_value(field_type, Some(left), Some(right)),
                expect,
                "{left} {right}"
            );
        }
        assert!(is_same_value(FieldType::Text, None, Some("")));
        assert!(!is_same_value(FieldType::Text, None, Some("x")));
    }
}
