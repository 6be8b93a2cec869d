//! Chance from a seed.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

pub struct Dice(ChaCha8Rng);

impl Dice {
    /// Dice for one purpose of one world: what else is drawn does not change what these give.
    pub fn new(seed: u64, number: u64, purpose: u64) -> Self {
        let mixed = seed
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .wrapping_add(number)
            .wrapping_mul(0xBF58_476D_1CE4_E5B9)
            .wrapping_add(purpose);
        Self(ChaCha8Rng::seed_from_u64(mixed))
    }

    pub fn below(&mut self, n: usize) -> usize {
        self.0.random_range(0..n.max(1))
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.0.random_range(0..100) < percent
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}
