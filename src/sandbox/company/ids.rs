//! Record ids of both CRMs, handed out so that younger records have higher ids.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// Digits of a Salesforce id, in the order in which they sort.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Hands out ids of one kind of record.
#[derive(Clone, Debug)]
pub struct Ids {
    first: u64,
    since: Timestamp,
    seconds_per_id: i64,
    /// Runs of used numbers, the last number of each by its first.
    used: BTreeMap<u64, u64>,
}

impl Ids {
    /// Starts at `first` for records made `since` then and moves on by one each `seconds_per_id`.
    pub fn new(first: u64, since: Timestamp, seconds_per_id: i64) -> Self {
        Self { first, since, seconds_per_id, used: BTreeMap::new() }
    }

    /// Gives the next free number for a record created at `at`.
    pub fn next(&mut self, at: Timestamp) -> u64 {
        let steps = (at.as_second() - self.since.as_second()).max(0) / self.seconds_per_id;
        let wanted = self.first + steps.unsigned_abs();
        // A large company's numbers run far beyond the day they are for, so runs are skipped whole.
        let before = self.used.range(..=wanted).next_back().map(|(first, last)| (*first, *last));
        let (first, number) = match before {
            Some((first, last)) if last + 1 >= wanted => (first, wanted.max(last + 1)),
            _ => (wanted, wanted),
        };
        let last = self.used.remove(&(number + 1)).unwrap_or(number);
        self.used.insert(first, last);
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
    fn the_first_number_from_the_wanted_one_on_that_nobody_has_is_given() {
        let since: Timestamp = "2024-01-01T00:00:00Z".parse().expect("an instant");
        let mut ids = Ids::new(100, since, 1);
        let mut given = |second| ids.next(since + jiff::SignedDuration::from_secs(second));
        let wanted = [5, 5, 7, 6, 5, 0, 1, 4, 3, 2, 0, 20];
        assert_eq!(
            wanted.map(|second| given(second) - 100),
            [5, 6, 7, 8, 9, 0, 1, 4, 3, 2, 10, 20]
        );
    }

    #[test]
    fn checksums_match_ids_seen_in_real_orgs() {
        assert_eq!(with_checksum("0015500001QdQWa"), "0015500001QdQWaAAN");
        assert_eq!(with_checksum("750Hn00000OUfXP"), "750Hn00000OUfXPIA1");
        assert_eq!(with_checksum("0GaHn000005s2T4"), "0GaHn000005s2T4KAI");
    }
}
