//! Faults by chance, the same chance every time.

use std::str::FromStr;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::call::Call;
use super::kind::{Kind, USUAL, Weighted};

/// Share of the calls that meet a fault, where a schedule names none.
pub const USUAL_RATE: f64 = 0.05;

/// Which calls go wrong, and how: decided by the seed, the server, the family and the ordinal of the
/// call within its family, and by nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    pub seed: u64,
    /// 0 to 1.
    #[serde(default = "usual_rate")]
    pub rate: f64,
    #[serde(default = "usual_mix")]
    pub mix: Vec<Weighted>,
}

fn usual_rate() -> f64 {
    USUAL_RATE
}

fn usual_mix() -> Vec<Weighted> {
    USUAL.to_vec()
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not a seed, or a seed and a rate from 0 to 1 such as `7:0.1`: `{text}`")]
pub struct ScheduleError {
    text: String,
}

impl Schedule {
    /// Makes a schedule of the usual mix.
    pub fn new(seed: u64, rate: f64) -> Self {
        Self { seed, rate, mix: usual_mix() }
    }

    /// Says what a call meets; `ordinal` counts the calls of its family from 0.
    pub fn draw(&self, call: &Call, ordinal: u64) -> Option<Kind> {
        let text = format!("{}/{}/{}/{ordinal}", self.seed, call.server.as_str(), call.family);
        let mut chance = ChaCha8Rng::from_seed(Sha256::digest(text).into());
        if chance.random::<f64>() >= self.rate {
            return None;
        }
        let possible = || self.mix.iter().filter(|weighted| weighted.kind.may_hit(call));
        let total: u64 = possible().map(|weighted| u64::from(weighted.weight)).sum();
        if total == 0 {
            return None;
        }
        let mut left = chance.random_range(0..total);
        possible()
            .find(|weighted| {
                let weight = u64::from(weighted.weight);
                let is_it = left < weight;
                left = left.saturating_sub(weight);
                is_it
            })
            .map(|weighted| weighted.kind)
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    /// Reads `<seed>` or `<seed>:<rate>`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ScheduleError { text: text.to_owned() };
        let (seed, rate) = match text.split_once(':') {
            Some((seed, rate)) => (seed, rate.parse().map_err(|_| error())?),
            None => (text, USUAL_RATE),
        };
        if !(0.0..=1.0).contains(&rate) {
            return Err(error());
        }
        Ok(Self::new(seed.parse().map_err(|_| error())?, rate))
    }
}
