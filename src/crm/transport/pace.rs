//! Slows down before a short-interval rate limit is hit.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::answer::IntervalSeen;

/// Below this share of the interval's calls, requests begin to wait.
const NEAR_SHARE: u64 = 20;

/// Parts into which a nearly spent interval is cut; one part is waited before each request.
const PARTS: u32 = 10;

/// Requests of one connection in flight at once; HubSpot documents no limit, ten are known to be
/// well within it.
pub const IN_FLIGHT_MAX: usize = 8;

/// Holds requests back while the server says that few are left in its interval.
#[derive(Debug, Default)]
pub struct Pace {
    hold_until: Mutex<Option<Instant>>,
}

impl Pace {
    /// Waits as long as the last answers suggest.
    pub async fn keep(&self) {
        let until = *self.hold_until.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(until) = until {
            tokio::time::sleep_until(until).await;
        }
    }

    /// Takes note of an answer's interval, waiting at most `longest` on its account.
    pub fn learn(&self, seen: IntervalSeen, longest: Duration) {
        let Some(wait) = wait_for(seen) else { return };
        let until = Instant::now() + wait.min(longest);
        let mut held = self.hold_until.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *held = Some(held.map_or(until, |held| held.max(until)));
    }
}

fn wait_for(seen: IntervalSeen) -> Option<Duration> {
    match seen.remaining {
        0 => Some(seen.length),
        few if few <= seen.max / NEAR_SHARE => Some(seen.length / PARTS),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_wait_only_near_the_end_of_an_interval() {
        let seen = |remaining| {
            wait_for(IntervalSeen { max: 100, remaining, length: Duration::from_secs(10) })
        };
        assert_eq!(seen(6), None);
        assert_eq!(seen(5), Some(Duration::from_secs(1)));
        assert_eq!(seen(0), Some(Duration::from_secs(10)));
    }
}
