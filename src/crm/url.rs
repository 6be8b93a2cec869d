//! Percent-encoding of what goes into a request's path, query or form.

use std::fmt::Write;

use super::Sensitive;

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

/// Builds the body of a form; it holds secrets.
pub fn form(fields: &[(&str, &str)]) -> Sensitive<String> {
    let fields: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    Sensitive::new(fields.join("&"))
}

/// Decodes what [`encode`] has encoded; anything else stays as it is.
pub fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = after.get(..2).filter(|_| *first == b'%');
        let decoded = pair
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        bytes.push(decoded.unwrap_or(*first));
        rest = if decoded.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_unsafe_is_encoded() {
        assert_eq!(encode("a+b c/é'&=~"), "a%2Bb%20c%2F%C3%A9%27%26%3D~");
        assert_eq!(decode("a%2Bb%20c%2F%C3%A9%27%26%3D~"), "a+b c/é'&=~");
        assert_eq!(decode("100% %zz %4"), "100% %zz %4");
    }
}
