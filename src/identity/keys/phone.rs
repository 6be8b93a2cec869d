//! Phone numbers in E.164.
//!
//! Chosen: `rlibphonenumber`, instead of `phonenumber`: it takes a third of the time, and it follows
//! Google's library in what the other gets wrong (a `1` after `+33` is no carrier code, the `(0)`
//! in `+49 (0)30` is not dialled).

use rlibphonenumber::{
    NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, Region,
};

use super::fold::visible;

/// Normalizes a phone number to E.164, read as dialled in `region` (ISO 3166-1 alpha-2) when it
/// has no country code.
///
/// An extension is no part of the key. `None` for what is no number, has a length that its country
/// does not know, or is a filler such as `5555555` or `1234567890`. A number need not be in use:
/// numbers kept for fiction are keys as well.
pub fn phone_key(text: &str, region: &str) -> Option<String> {
    let number = read(text, region)?;
    Some(number.format_as(PhoneNumberFormat::E164).into_owned())
}

/// Normalizes a phone number with its extension: `+14155550132 x77`. `None` where [`phone_key`] is.
pub fn phone_value(text: &str, region: &str) -> Option<String> {
    let number = read(text, region)?;
    let key = number.format_as(PhoneNumberFormat::E164);
    let extension = number.extension();
    Some(if extension.is_empty() { key.into_owned() } else { format!("{key} x{extension}") })
}

fn read(text: &str, region: &str) -> Option<PhoneNumber> {
    let text = visible(text);
    let region: Option<Region> = region.trim().to_ascii_uppercase().parse().ok();
    let number = parse(&text, region).or_else(|| parse(&dialled_abroad(&text)?, None))?;
    (!is_filler(&number.get_national_significant_number())).then_some(number)
}

fn parse(text: &str, region: Option<Region>) -> Option<PhoneNumber> {
    let number = PHONE_NUMBER_UTIL.parse(text, region).ok()?;
    // Local numbers, which lack their area code, are possible too, but name no subscriber.
    let is_whole = number.is_possible_with_reason() == Ok(NumberLengthType::IsPossible);
    is_whole.then_some(number)
}

/// Reads the international prefix `00`, which most countries dial, where the region has another.
fn dialled_abroad(text: &str) -> Option<String> {
    let rest = text.trim_start_matches(['(', ' ']).strip_prefix("00")?;
    Some(format!("+{rest}"))
}

/// Tells whether somebody only filled a field: one digit throughout or from the exchange on, or
/// digits in counting order.
fn is_filler(national: &str) -> bool {
    let digits = national.as_bytes();
    let steps_by = |step: u8| {
        digits.windows(2).all(|pair| matches!(pair, [a, b] if (b + 10 - a) % 10 == step))
    };
    let n_same = digits.iter().rev().take_while(|digit| Some(*digit) == digits.last()).count();
    n_same >= 7 || n_same == digits.len() || steps_by(1) || steps_by(9)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, region: &str, key: Option<&str>) {
        assert_eq!(phone_key(text, region).as_deref(), key, "{text} in {region}");
    }

    #[test]
    fn a_number_has_one_key_however_written() {
        for text in [
            "(415) 555-0132",
            "415.555.0132",
            "+1 415 555 0132",
            "1-415-555-0132",
            "001 415 555 0132",
            "tel:+1-415-555-0132",
            "\u{202a}+1 (415) 555-0132\u{202c}",
            "４１５ ５５５ ０１３２",
            "415-555-0132 x123",
            "415-555-0132 ext. 5",
            "415-555-0132;ext=77",
        ] {
            check(text, "US", Some("+14155550132"));
        }
    }

    #[test]
    fn a_value_keeps_its_extension() {
        for (text, value) in [
            ("(415) 555-0132", "+14155550132"),
            ("415-555-0132 x123", "+14155550132 x123"),
            ("415-555-0132 ext. 5", "+14155550132 x5"),
            ("+14155550132 x5", "+14155550132 x5"),
        ] {
            assert_eq!(phone_value(text, "US").as_deref(), Some(value), "{text}");
        }
        assert_eq!(phone_value("000", "US"), None);
    }

    #[test]
    fn the_country_decides() {
        check("020 7946 0958", "GB", Some("+442079460958"));
        check("020 7946 0958", "US", None);
        check("0044 20 7946 0958", "US", Some("+442079460958"));
        check("011 44 20 7946 0958", "US", Some("+442079460958"));
        check("+49 (0)30 901820", "US", Some("+4930901820"));
        check("030 901820", "de", Some("+4930901820"));
        check("+33 1 99 00 51 58", "US", Some("+33199005158"));
        check("06 1234 5678", "IT", Some("+390612345678"));
        check("+39 06 1234 5678", "US", Some("+390612345678"));
        check("0912 345 678", "", None);
        check("+41 44 668 18 00", "", Some("+41446681800"));
    }

    #[test]
    fn what_reaches_nobody_is_no_key() {
        for text in [
            "",
            "000",
            "0000000000",
            "call me",
            "n/a",
            "12345",
            "555-5555",
            "555-0132",
            "(415) 555-5555",
            "1234567890",
            "123-456-7890",
            "9876543210",
            "1111111111",
            "415-555-0132 / 415-555-0133",
            "+999 123",
            "+1",
            "ext. 5",
        ] {
            check(text, "US", None);
        }
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_key(text in "[+0-9 ()x./-]{0,24}", region in "US|GB|DE|IT|JP|BR|") {
            if let Some(key) = phone_key(&text, &region) {
                prop_assert_eq!(phone_key(&key, &region), Some(key.clone()));
                prop_assert_eq!(phone_key(&format!(" {text}\u{200b}"), &region), Some(key));
            }
        }

        #[test]
        fn any_text_is_read(text in ".{0,60}", region in ".{0,3}") {
            let _ = phone_key(&text, &region);
        }
    }
}
