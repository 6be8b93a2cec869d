//! Record ids of both CRMs, handed out so that younger records have higher ids.

use std::collections::HashSet;

use jiff::Timestamp;

/// Digits of a Salesforce id, in the order in which they sort.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Hands out ids of one kind of record.
#[derive(Clone, Debug)]
pub struct Ids {
    first: u64,
    since: Timestamp,
    seconds_per_id: i64,
    used: HashSet<u64>,
}

impl Ids {
    /// Starts at `first` for records made `since` then and moves on by one each `seconds_per_id`.
    pub fn new(first: u64, since: Timestamp, seconds_per_id: i64) -> Self {
        Self { first, since, seconds_per_id, used: HashSet::new() }
    }

    /// Gives the next free number for a record created at `at`.
    pub fn next(&mut self, at: Timestamp) -> u64 {
        let steps = (at.as_second() - self.since.as_second()).max(0) / self.seconds_per_id;
        let mut number = self.first + steps.unsigned_abs();
        while !self.used.insert(number) {
            number += 1;
        }
        number
    }
}

/// Forms the 18-character id of a Salesforce record from its object's key prefix and a number.
pub fn salesforce_id(prefix: &str, number: u64) -> String {
    let mut digits = [b'0'; 6];
    let mut left = number;
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[usize::try_from(left % 62).unwrap_or(0)];
        left /= 62;
    }
    with_checksum(&format!("{prefix}5g0000{}", String::from_utf8_lossy(&digits)))
}

/// Appends the three check characters that make a 15-character id safe without case.
pub fn with_checksum(id: &str) -> String {
    let mut long = String::from(id);
    for group in id.as_bytes().chunks(5) {
        let mut bits = 0;
        for (bit, byte) in group.iter().enumerate() {
            if byte.is_ascii_uppercase() {
                bits |= 1_usize << bit;
            }
        }
        long.push(char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[bits]));
    }
    long
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_match_ids_seen_in_real_orgs() {
        assert_eq!(with_checksum("0015500001QdQWa"), "0015500001QdQWaAAN");
        assert_eq!(with_checksum("750Hn00000OUfXP"), "750Hn00000OUfXPIA1");
        assert_eq!(with_checksum("0GaHn000005s2T4"), "0GaHn000005s2T4KAI");
    }
}
