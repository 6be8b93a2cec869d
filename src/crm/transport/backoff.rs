//! How long to wait before a request is tried again.

use std::sync::Mutex;
use std::time::Duration;

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use crate::crm::poll;

/// Named limits of retrying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Wait before the second try, doubled for each further one.
    pub first_ms: u64,
    /// Longest wait before one try; a server that asks for more is not waited for.
    pub longest_ms: u64,
    /// Most times that one request is sent, the first included.
    pub tries_max: u32,
    /// Longest wait between two questions about an asynchronous job.
    pub longest_job_ms: u64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first_ms: 500,
            longest_ms: 60_000,
            tries_max: 6,
            longest_job_ms: u64::try_from(poll::LONGEST.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// Spreads waits, so that callers who failed together do not come back together.
#[derive(Debug)]
pub struct Jitter {
    rng: Mutex<ChaCha8Rng>,
}

impl Jitter {
    pub fn new(seed: u64) -> Self {
        Self { rng: Mutex::new(ChaCha8Rng::seed_from_u64(seed)) }
    }

    /// Returns a share of one between a half and a whole.
    fn share(&self) -> f64 {
        let mut rng = self.rng.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        rng.random_range(0.5..=1.0)
    }
}

impl Backoff {
    /// Returns the wait before the `n`-th question about a job, as [`poll::wait`].
    pub fn job_wait(&self, n: u32) -> Option<Duration> {
        poll::wait(n, Duration::from_millis(self.longest_job_ms))
    }

    /// Returns the wait after the `tries`-th try failed, or `None` when it should not be tried
    /// again.
    ///
    /// `asked` is what the server demanded in the answer, `usual` what this vendor's limit is
    /// known to need, which grows with each try.
    pub fn wait(
        &self,
        tries: u32,
        asked: Option<Duration>,
        usual: Option<Duration>,
        jitter: &Jitter,
    ) -> Option<Duration> {
        if tries >= self.tries_max {
            return None;
        }
        let longest = Duration::from_millis(self.longest_ms);
        if let Some(asked) = asked {
            return (asked <= longest).then_some(asked);
        }
        let doubled = self.first_ms.saturating_mul(1 << (tries - 1).min(16));
        let spread = Duration::from_millis(doubled).min(longest).mul_f64(jitter.share());
        let usual = usual.map_or(Duration::ZERO, |usual| usual.saturating_mul(tries));
        Some(spread.max(usual).min(longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let backoff =
            Backoff { first_ms: 100, longest_ms: 1_000, tries_max: 5, ..Backoff::default() };
        let jitter = Jitter::new(7);
        let waits: Vec<u128> = (1..5)
            .map(|tries| {
                backoff.wait(tries, None, None, &jitter).expect("a try is left").as_millis()
            })
            .collect();
        for (wait, most) in waits.iter().zip([100, 200, 400, 800]) {
            assert!(*wait >= most / 2 && *wait <= most, "{waits:?}");
        }
        assert_eq!(backoff.wait(5, None, None, &jitter), None);
    }

    #[test]
    fn a_server_that_asks_for_too_long_is_not_waited_for() {
        let backoff =
            Backoff { first_ms: 1, longest_ms: 1_000, tries_max: 5, ..Backoff::default() };
        let jitter = Jitter::new(7);
        let wait = |seconds| backoff.wait(1, Some(Duration::from_secs(seconds)), None, &jitter);
        assert_eq!(wait(1), Some(Duration::from_secs(1)));
        assert_eq!(wait(2), None);
    }
}
