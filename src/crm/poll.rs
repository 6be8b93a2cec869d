//! How often an asynchronous job is asked whether it is done.

use std::time::Duration;

/// Quick jobs are not kept waiting.
const FIRST: Duration = Duration::from_millis(250);

/// Longest wait between two questions, where a project sets none.
pub const LONGEST: Duration = Duration::from_mins(5);

/// Questions about one job: with the longest wait above, all of them take a little over four hours.
pub const POLLS_MAX: u32 = 60;

/// Returns the wait before the `n`-th question, counted from zero, or `None` when the job has been
/// waited for long enough. The waits double up to the longest, so that a job is hardly waited for
/// longer than twice the time it took.
pub fn wait(n: u32, longest: Duration) -> Option<Duration> {
    (n < POLLS_MAX).then(|| FIRST.saturating_mul(1 << n.min(16)).min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes_and_end() {
        let wait = |n| wait(n, LONGEST);
        assert_eq!(wait(0), Some(FIRST));
        assert_eq!(wait(3), Some(FIRST * 8));
        assert_eq!(wait(POLLS_MAX - 1), Some(LONGEST));
        assert_eq!(wait(POLLS_MAX), None);
        let all: Duration = (0..POLLS_MAX).filter_map(wait).sum();
        assert!(all > Duration::from_hours(4) && all < Duration::from_hours(5), "{all:?}");
    }
}
