//! Salesforce record ids, of 15 characters or 18.

/// Brings a Salesforce record id of 15 characters to its 18, whose last 3 are a checksum of the
/// others' case. Any other text stays as it is, and then names no record; `None` for blank.
pub fn salesforce_id(text: &str) -> Option<String> {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    let text = text.trim();
    let is_short = text.len() == 15 && text.bytes().all(|b| b.is_ascii_alphanumeric());
    if !is_short {
        return (!text.is_empty()).then(|| text.to_owned());
    }
    let mut id = text.to_owned();
    for group in text.as_bytes().chunks(5) {
        let bits = group
            .iter()
            .enumerate()
            .fold(0, |bits, (k, b)| bits | (usize::from(b.is_ascii_uppercase()) << k));
        id.push(char::from(*LETTERS.get(bits)?));
    }
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn salesforce_ids_are_whole() {
        for (short, end) in
            [("0015500001QdQWa", "AAN"), ("750Hn00000OUfXP", "IA1"), ("0GaHn000005s2T4", "KAI")]
        {
            assert_eq!(salesforce_id(short), Some(format!("{short}{end}")));
            assert_eq!(salesforce_id(&format!("{short}{end}")), Some(format!("{short}{end}")));
        }
        assert_eq!(salesforce_id("not an id"), Some("not an id".to_owned()));
        assert_eq!(salesforce_id(" "), None);
    }
}
