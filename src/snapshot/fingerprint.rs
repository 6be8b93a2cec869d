//! Says whether two rows have the same values.

use sha2::{Digest, Sha256};

/// Hexadecimal characters of a fingerprint.
const CHARS: usize = 16;

/// Computes fingerprints for rows of one table, the same whatever the order of its columns.
#[derive(Clone, Debug)]
pub struct Fingerprint {
    /// Column positions in the order of their names.
    order: Vec<usize>,
    names: Vec<String>,
}

impl Fingerprint {
    pub fn new(columns: &[String]) -> Self {
        let mut order: Vec<usize> = (0..columns.len()).collect();
        order.sort_by(|a, b| columns.get(*a).cmp(&columns.get(*b)));
        Self { order, names: columns.to_vec() }
    }

    /// Returns 16 hexadecimal characters over the names and values, nulls and empty texts told
    /// apart. `values` are in the order of the columns.
    pub fn of(&self, values: &[Option<String>]) -> String {
        let mut hash = Sha256::new();
        for &index in &self.order {
            if let Some(name) = self.names.get(index) {
                feed(&mut hash, name);
            }
            match values.get(index).and_then(Option::as_ref) {
                Some(value) => {
                    hash.update([1]);
                    feed(&mut hash, value);
                }
                None => hash.update([0]),
            }
        }
        let mut text = String::with_capacity(CHARS);
        for byte in hash.finalize().iter().take(CHARS / 2) {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            }
        }
        text
    }
}

/// Feeds a text with its length before it, so that no two lists of texts look alike.
fn feed(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_le_bytes());
    hash.update(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(pairs: &[(&str, Option<&str>)]) -> String {
        let columns: Vec<String> = pairs.iter().map(|(name, _)| (*name).to_owned()).collect();
        let values: Vec<Option<String>> =
            pairs.iter().map(|(_, value)| value.map(str::to_owned)).collect();
        Fingerprint::new(&columns).of(&values)
    }

    #[test]
    fn column_order_does_not_matter_and_values_do() {
        let one = fingerprint(&[("a", Some("1")), ("b", None)]);
        assert_eq!(one.len(), 16);
        assert_eq!(one, fingerprint(&[("b", None), ("a", Some("1"))]));
        assert_ne!(one, fingerprint(&[("a", Some("1")), ("b", Some(""))]));
        assert_ne!(one, fingerprint(&[("a", None), ("b", Some("1"))]));
        assert_ne!(
            fingerprint(&[("a", Some("x\u{1}b")), ("b", Some("y"))]),
            fingerprint(&[("a", Some("x")), ("b", Some("\u{1}by"))])
        );
    }
}
