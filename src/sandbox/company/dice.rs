//! Seeded chance: everything random in a company comes from one stream of one seed.

use jiff::{SignedDuration, Timestamp};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// A seeded source of choices.
#[derive(Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// Starts the stream of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Draws a number in `low..=high`.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        if high <= low { low } else { self.0.random_range(low..=high) }
    }

    /// Says yes in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.between(0, 99) < percent
    }

    /// Picks one of a list that is never empty.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.between(0, list.len() - 1)]
    }

    /// Picks an index by its weight.
    pub fn weighted(&mut self, weights: &[usize]) -> usize {
        let mut left = self.between(1, weights.iter().sum::<usize>().max(1));
        for (index, weight) in weights.iter().enumerate() {
            if left <= *weight {
                return index;
            }
            left -= weight;
        }
        0
    }

    /// Draws a whole second in `from..to`.
    pub fn instant(&mut self, from: Timestamp, to: Timestamp) -> Timestamp {
        let (low, high) = (from.as_second(), to.as_second());
        let second = if high <= low + 1 { low } else { self.0.random_range(low..high) };
        Timestamp::from_second(second).unwrap_or(from)
    }

    /// Draws a whole second in `from..to` that looks like work: mostly weekdays, mostly daytime
    /// somewhere between Berlin and San Francisco.
    pub fn working_instant(&mut self, from: Timestamp, to: Timestamp) -> Timestamp {
        let mut drawn = self.instant(from, to);
        for _ in 0..6 {
            let day = drawn.as_second().div_euclid(86_400);
            let hour = drawn.as_second().rem_euclid(86_400) / 3_600;
            // 1970-01-01 was a Thursday, so days 2 and 3 of each week are the weekend.
            let weekend = matches!(day.rem_euclid(7), 2 | 3);
            if (!weekend && (8..23).contains(&hour)) || self.chance(6) {
                break;
            }
            drawn = self.instant(from, to);
        }
        drawn
    }

    /// Adds between `low` and `high` minutes and some seconds to an instant.
    pub fn minutes_after(&mut self, at: Timestamp, low: usize, high: usize) -> Timestamp {
        let seconds = self.between(low * 60, high * 60);
        at + SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(60))
    }
}
