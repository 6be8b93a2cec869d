//! Slows down before a short-interval rate limit is hit.
//!
//! A window remembers when its own requests left. HubSpot's limits roll, so a request gives its
//! place back when it leaves the window, and a client that keeps its own count below the limit is
//! never refused on its own account. What others use of the same limit is what the answers count
//! beyond our own.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Lane;
use super::answer::IntervalSeen;

/// Share of a told limit, as a divisor, that is left alone: answers overtake each other on the way,
/// and ours are not the only clocks.
const MARGIN_SHARE: u64 = 20;

/// Longer than the interval by this much a request counts, for the way to the server may shorten.
const SLACK: Duration = Duration::from_millis(200);

/// Interval whose requests are remembered until an answer tells one.
const LENGTH_DEFAULT: Duration = Duration::from_secs(10);

/// Requests remembered; more than any vendor allows within an interval.
const REMEMBERED_MAX: usize = 2_000;

/// Requests of one connection in flight at once; HubSpot documents no limit, ten are known to be
/// well within it.
pub const IN_FLIGHT_MAX: usize = 8;

/// Holds requests back while few are left in their interval.
#[derive(Debug, Default)]
pub struct Pace {
    told: Mutex<Window>,
    known: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    left_at: VecDeque<Instant>,
    length: Option<Duration>,
    /// Own requests that an interval may hold; `None` while there is no need to count.
    own_max: Option<usize>,
    hold_until: Option<Instant>,
}

impl Pace {
    /// Waits until a request of this lane may leave, and counts it.
    pub async fn keep(&self, lane: Lane) {
        while let Some(until) = self.enter(lane, Instant::now()) {
            tokio::time::sleep_until(until).await;
        }
    }

    fn enter(&self, lane: Lane, now: Instant) -> Option<Instant> {
        let mut window = self.window(lane);
        if let Lane::Known { requests_max, length } = lane {
            (window.own_max, window.length) = (Some(requests_max), Some(length));
        }
        window.enter(now)
    }

    /// Takes note of an answer's interval.
    pub fn learn(&self, seen: IntervalSeen) {
        self.window(Lane::Told).learn(seen, Instant::now());
    }

    /// Holds every request of a lane back, since one was just refused.
    pub fn hold(&self, lane: Lane, wait: Duration) {
        let until = Instant::now() + wait;
        let mut window = self.window(lane);
        window.hold_until = Some(window.hold_until.map_or(until, |held| held.max(until)));
    }

    fn window(&self, lane: Lane) -> MutexGuard<'_, Window> {
        let window = match lane {
            Lane::Told => &self.told,
            Lane::Known { .. } => &self.known,
        };
        window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    /// Counts a request that leaves now, or says until when it must wait.
    fn enter(&mut self, now: Instant) -> Option<Instant> {
        if let Some(until) = self.hold_until.filter(|until| *until > now) {
            return Some(until);
        }
        self.forget(now);
        if let Some(max) = self.own_max.filter(|max| self.left_at.len() >= *max) {
            // Room comes with the one of them that leaves as the last too many.
            let last = self.left_at.get(self.left_at.len() - max);
            return Some(last.map_or(now, |left_at| *left_at) + self.length() + SLACK);
        }
        if self.left_at.len() >= REMEMBERED_MAX {
            self.left_at.pop_front();
        }
        self.left_at.push_back(now);
        None
    }

    /// Keeps count once half of the interval is used, by whomever.
    fn learn(&mut self, seen: IntervalSeen, now: Instant) {
        self.length = Some(seen.length);
        self.forget(now);
        if seen.remaining > seen.max / 2 {
            self.own_max = None;
            return;
        }
        let own = self.left_at.len() as u64;
        let others = seen.max.saturating_sub(seen.remaining).saturating_sub(own);
        let ours = seen.max.saturating_sub(others).saturating_sub(seen.max.div_ceil(MARGIN_SHARE));
        if ours == 0 {
            self.hold_until = Some(now + seen.length);
        }
        self.own_max = Some(usize::try_from(ours).unwrap_or(usize::MAX).max(1));
    }

    fn forget(&mut self, now: Instant) {
        let length = self.length() + SLACK;
        while self.left_at.front().is_some_and(|left_at| *left_at + length <= now) {
            self.left_at.pop_front();
        }
    }

    fn length(&self) -> Duration {
        self.length.unwrap_or(LENGTH_DEFAULT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_secs(10);

    fn seen(remaining: u64) -> IntervalSeen {
        IntervalSeen { max: 100, remaining, length: LENGTH }
    }

    /// Sends until it must wait and returns how many left.
    fn sent(window: &mut Window, now: Instant) -> usize {
        (0..1_000).take_while(|_| window.enter(now).is_none()).count()
    }

    #[test]
    fn a_calm_interval_is_not_counted() {
        let (mut window, now) = (Window::default(), Instant::now());
        window.learn(seen(99), now);
        assert_eq!(sent(&mut window, now), 1_000);
    }

    #[test]
    fn own_requests_stay_below_the_limit_and_come_back_as_they_leave_the_window() {
        let (mut window, now) = (Window::default(), Instant::now());
        for _ in 0..50 {
            assert_eq!(window.enter(now), None);
        }
        window.learn(seen(50), now);
        assert_eq!(sent(&mut window, now), 45, "95 of 100");
        assert_eq!(window.enter(now), Some(now + LENGTH + SLACK));
        assert_eq!(sent(&mut window, now + LENGTH), 0);
        assert_eq!(sent(&mut window, now + LENGTH + SLACK), 95);
    }

    #[test]
    fn what_others_use_is_theirs() {
        let (mut window, now) = (Window::default(), Instant::now());
        for _ in 0..10 {
            assert_eq!(window.enter(now), None);
        }
        window.learn(seen(30), now);
        assert_eq!(sent(&mut window, now), 25, "100 less 60 of others, 10 of our own and 5");
        window.learn(seen(0), now);
        assert_eq!(sent(&mut window, now), 0);
        let mut idle = Window::default();
        idle.learn(seen(0), now);
        assert_eq!(idle.enter(now), Some(now + LENGTH), "nothing is left for us");
        assert_eq!(sent(&mut idle, now + LENGTH), 1, "until an answer says otherwise");
        idle.learn(seen(90), now + LENGTH);
        assert_eq!(idle.enter(now + LENGTH), None);
    }

    #[test]
    fn a_known_limit_is_kept_from_the_first_request_and_by_its_own_lane_alone() {
        let (pace, now) = (Pace::default(), Instant::now());
        let search = Lane::Known { requests_max: 5, length: Duration::from_secs(1) };
        assert!((0..5).all(|_| pace.enter(search, now).is_none()));
        assert_eq!(pace.enter(search, now), Some(now + Duration::from_secs(1) + SLACK));
        assert_eq!(pace.enter(Lane::Told, now), None);
        pace.hold(Lane::Told, Duration::from_secs(10));
        assert!(pace.enter(Lane::Told, now).is_some_and(|until| until >= now + LENGTH));
        assert_eq!(pace.enter(search, now + Duration::from_secs(2)), None);
    }
}
