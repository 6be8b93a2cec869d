//! Decimal numbers as text, without a detour through binary fractions.

/// Normalizes a number: no leading or trailing zeros, no exponent, rounded half away from zero to
/// `scale` digits when one is given. `None` for what is no number.
pub fn normalize(text: &str, scale: Option<u32>) -> Option<String> {
    let text = text.trim();
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (is_negative, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = !(whole.is_empty() && fraction.is_empty())
        && whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
    if !is_number || !(-100..=100).contains(&exponent) {
        return None;
    }

    // All digits, with the point after the first `point` of them.
    let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|b| b - b'0').collect();
    let mut point = i32::try_from(whole.len()).ok()? + exponent;
    while point < 0 {
        digits.insert(0, 0);
        point += 1;
    }
    let mut point = usize::try_from(point).ok()?;
    if digits.len() < point {
        digits.resize(point, 0);
    }
    if let Some(scale) = scale {
        let kept = point + usize::try_from(scale).ok()?;
        let is_up = digits.get(kept).is_some_and(|digit| *digit >= 5);
        digits.truncate(kept);
        if is_up {
            point += add_one(&mut digits);
        }
    }
    let fraction: String = digits[point..].iter().map(|d| char::from(b'0' + d)).collect();
    let fraction = fraction.trim_end_matches('0');
    let whole: String = digits[..point].iter().map(|d| char::from(b'0' + d)).collect();
    let whole = whole.trim_start_matches('0');
    let mut number = if whole.is_empty() { "0".to_owned() } else { whole.to_owned() };
    if !fraction.is_empty() {
        number.push('.');
        number.push_str(fraction);
    }
    if is_negative && number != "0" {
        number.insert(0, '-');
    }
    Some(number)
}

/// Normalizes a number after moving its point by `places` to the right, or to the left where negative.
/// `None` for what is no number.
pub fn shifted(text: &str, places: i32, scale: Option<u32>) -> Option<String> {
    let text = text.trim();
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    normalize(&format!("{mantissa}e{}", exponent.checked_add(places)?), scale)
}

/// Adds one to the last digit; returns 1 when the number grew by a digit in front.
fn add_one(digits: &mut Vec<u8>) -> usize {
    for digit in digits.iter_mut().rev() {
        if *digit < 9 {
            *digit += 1;
            return 0;
        }
        *digit = 0;
    }
    digits.insert(0, 1);
    1
}

#[cfg(test)]
mod tests {
    use super::{normalize, shifted};

    #[test]
    fn numbers_have_one_text() {
        let cases = [
            ("5", None, "5"),
            ("5.0", None, "5"),
            ("005.50", None, "5.5"),
            ("1e3", None, "1000"),
            ("1.25E-2", None, "0.0125"),
            ("-0.00", None, "0"),
            ("9.995", Some(2), "10"),
            ("1.005", Some(2), "1.01"),
            ("-2.5", Some(0), "-3"),
            (".5", None, "0.5"),
            ("12345678901234567890.1", None, "12345678901234567890.1"),
        ];
        for (text, scale, expect) in cases {
            assert_eq!(normalize(text, scale).as_deref(), Some(expect), "{text}");
        }
        for (text, places, expect) in
            [("0.25", 2, "25"), ("25", -2, "0.25"), ("0.123456", 2, "12.3456"), ("1e-3", 2, "0.1")]
        {
            assert_eq!(shifted(text, places, None).as_deref(), Some(expect), "{text}");
        }
        for text in ["", "-", "1,000", "abc", "1.2.3", "1e", "."] {
            assert_eq!(normalize(text, None), None, "{text}");
        }
    }
}
