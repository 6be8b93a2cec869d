//! How many people are planted for each reason.

use std::collections::BTreeMap;

use super::dice::Dice;

/// Codes of people whom Marketing counts and Sales does not, with the demo's numbers.
const EXITS: &[(&str, usize)] = &[
    ("V1", 4),
    ("V2", 4),
    ("V3", 3),
    ("V10", 5),
    ("V11", 3),
    ("T1", 12),
    ("T2", 14),
    ("T3", 5),
    ("T8", 9),
    ("T12", 3),
    ("T14", 4),
    ("T15", 12),
    ("T21", 5),
    ("R1", 5),
    ("R2", 3),
    ("L1", 4),
    ("L2", 3),
    ("L5", 3),
    ("O1", 14),
    ("O2", 6),
    ("P1", 7),
    ("P6", 5),
    ("P7", 2),
    ("P8", 3),
    ("F2", 10),
    ("F4", 4),
    ("D1", 5),
    ("D2", 4),
    ("D4", 4),
];
/// Codes of people whom Sales counts and Marketing does not.
const ENTRIES: &[(&str, usize)] =
    &[("X1", 10), ("X2", 9), ("X4", 4), ("X7", 4), ("X8", 5), ("XD", 6)];
/// Codes of further rows of people whom both count.
const EXTRA_ROWS: &[(&str, usize)] = &[("U1", 14), ("XU", 9)];

/// People on either side for whom the demo's mix is made.
const DEMO_PEOPLE: usize = 5_000;

/// Marketing's number and the people planted for each code; Sales' number follows from them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix {
    /// Rows that Marketing's dashboard counts.
    pub marketing_total: usize,
    /// People, or extra rows, of each code; a code that is absent is not planted.
    pub counts: BTreeMap<&'static str, usize>,
}

impl Mix {
    /// Gives the demo's mix: Marketing counts 412, Sales 280.
    pub fn demo() -> Self {
        let counts = EXITS.iter().chain(ENTRIES).chain(EXTRA_ROWS).copied().collect();
        Self { marketing_total: 412, counts }
    }

    /// Draws other totals and another mix of at least 12 codes, at the demo's size.
    pub fn random(seed: u64) -> Self {
        Self::drawn(seed, 15, 110, 310)
    }

    /// Draws a mix of 0 to 3 people a code around a handful counted by both.
    pub fn small(seed: u64) -> Self {
        Self::drawn(seed, 3, 6, 24)
    }

    /// Gives the demo's mix once for each 5,000 people on either side, and a part of it for fewer.
    pub fn scaled(n_people: usize) -> Self {
        let (part, whole) = if n_people < DEMO_PEOPLE {
            (n_people, DEMO_PEOPLE)
        } else {
            (n_people / DEMO_PEOPLE, 1)
        };
        let demo = Self::demo();
        let share = |n: usize| n * part / whole;
        let counts = demo.counts.iter().map(|(code, n)| (*code, share(*n))).collect();
        let mut mix = Self { marketing_total: 0, counts };
        mix.marketing_total = share(demo.n_matched()) + mix.sum(EXITS) + mix.count("U1");
        mix
    }

    /// Gives the number planted for one code.
    pub fn count(&self, code: &str) -> usize {
        self.counts.get(code).copied().unwrap_or(0)
    }

    /// Gives the number of people counted by both sides.
    pub fn n_matched(&self) -> usize {
        self.marketing_total.saturating_sub(self.sum(EXITS) + self.count("U1"))
    }

    /// Gives the rows that Sales' dashboard counts.
    pub fn sales_total(&self) -> usize {
        self.n_matched() + self.sum(ENTRIES) + self.count("XU")
    }

    fn sum(&self, codes: &[(&str, usize)]) -> usize {
        codes.iter().map(|(code, _)| self.count(code)).sum()
    }

    fn drawn(seed: u64, n_max: usize, matched_min: usize, matched_max: usize) -> Self {
        // The mix has a stream of its own, so that it does not move with the company's size.
        let mut dice = Dice::new(seed ^ 0x006d_6978);
        let codes: Vec<&'static str> =
            EXITS.iter().chain(ENTRIES).chain(EXTRA_ROWS).map(|(code, _)| *code).collect();
        let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
        for code in &codes {
            let n = if dice.chance(25) { 0 } else { dice.between(1, n_max) };
            counts.insert(code, n);
        }
        for code in &codes {
            if counts.values().filter(|n| **n > 0).count() >= 12 {
                break;
            }
            counts.insert(code, 1);
        }
        let mut mix = Self { marketing_total: 0, counts };
        let n_matched = dice.between(matched_min, matched_max);
        mix.counts.insert("U1", mix.count("U1").min(n_matched));
        mix.counts.insert("XU", mix.count("XU").min(n_matched));
        mix.marketing_total = n_matched + mix.sum(EXITS) + mix.count("U1");
        mix.counts.retain(|_, n| *n > 0);
        mix
    }
}
