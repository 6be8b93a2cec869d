//! Percent-encoding of what goes into a request's path, query or form.

use std::fmt::Write;

/// Encodes everything but the characters that RFC 3986 reserves for no use.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_unsafe_is_encoded() {
        assert_eq!(encode("a+b c/é'&=~"), "a%2Bb%20c%2F%C3%A9%27%26%3D~");
    }
}
