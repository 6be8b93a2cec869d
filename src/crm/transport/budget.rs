//! How many calls a run may still make.

use std::sync::atomic::{AtomicU64, Ordering};

/// The calls left to one run, shared by everything that uses a connection.
#[derive(Debug)]
pub struct Budget {
    calls_left: AtomicU64,
}

impl Budget {
    pub fn new(calls: u64) -> Self {
        Self { calls_left: AtomicU64::new(calls) }
    }

    /// A budget that only the vendor's own allowance ends.
    pub fn unlimited() -> Self {
        Self::new(u64::MAX)
    }

    /// Takes one call; `false` when none is left, and then none may be made.
    pub fn take(&self) -> bool {
        self.calls_left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok()
    }

    pub fn calls_left(&self) -> u64 {
        self.calls_left.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_budget_gives_no_call() {
        let budget = Budget::new(1);
        assert!(budget.take());
        assert!(!budget.take());
        assert_eq!(budget.calls_left(), 0);
    }
}
