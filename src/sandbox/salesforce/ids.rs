//! Record ids: 15 characters that tell upper from lower case, 18 with a checksum that does not.

/// Characters that a counter is written in, in the vendor's order.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CHECKSUM: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// Characters of the counter in a minted id, behind the key prefix and the instance.
const COUNTER_LENGTH: usize = 9;
/// Instance characters of minted ids, so that they stand apart from ids of a loaded world.
const INSTANCE: &str = "Cz0";

/// Returns the 18-character form of an id, or `None` when the text is no id.
///
/// An 18-character id must carry the right checksum.
pub fn normalize(text: &str) -> Option<String> {
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let fifteen = match text.len() {
        15 => text,
        18 => text.get(..15)?,
        _ => return None,
    };
    let id = format!("{fifteen}{}", checksum(fifteen));
    (text.len() == 15 || id.eq_ignore_ascii_case(text)).then_some(id)
}

/// Returns the 15-character form that the vendor's messages show.
pub fn short(id: &str) -> &str {
    id.get(..15).unwrap_or(id)
}

/// Returns the id of a prefix's `counter`-th record.
pub fn mint(prefix: &str, mut counter: u64) -> String {
    let mut digits = [b'0'; COUNTER_LENGTH];
    for digit in digits.iter_mut().rev() {
        let index = usize::try_from(counter % 62).unwrap_or_default();
        *digit = DIGITS.get(index).copied().unwrap_or(b'0');
        counter /= 62;
    }
    let fifteen = format!("{prefix}{INSTANCE}{}", String::from_utf8_lossy(&digits));
    let checksum = checksum(&fifteen);
    fifteen + &checksum
}

fn checksum(fifteen: &str) -> String {
    fifteen
        .as_bytes()
        .chunks(5)
        .map(|group| {
            let index = group
                .iter()
                .enumerate()
                .filter(|(_, byte)| byte.is_ascii_uppercase())
                .fold(0_usize, |bits, (position, _)| bits | 1 << position);
            CHECKSUM.get(index).copied().map_or('A', char::from)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_fifteen_to_eighteen() {
        for (fifteen, checksum) in
            [("0015500001QdQWa", "AAN"), ("750Hn00000OUfXP", "IA1"), ("0GaHn000005s2T4", "KAI")]
        {
            assert_eq!(normalize(fifteen), Some(format!("{fifteen}{checksum}")));
            assert_eq!(
                normalize(&format!("{fifteen}{checksum}")),
                Some(format!("{fifteen}{checksum}"))
            );
        }
        assert_eq!(normalize("0015500001QdQWaAAA"), None);
        assert_eq!(normalize("0015500001QdQW"), None);
        assert_eq!(normalize("00155000!1QdQWa"), None);
    }

    #[test]
    fn mints_ids_that_differ_and_normalize() {
        let first = mint("00Q", 1);
        assert_eq!(first.len(), 18);
        assert_eq!(normalize(&first), Some(first.clone()));
        assert_ne!(first, mint("00Q", 62 * 62 + 1));
    }
}
