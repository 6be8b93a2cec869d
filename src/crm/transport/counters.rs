//! Counts calls while they are made.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Purpose;
use crate::crm::CallCounts;

#[derive(Debug, Default)]
pub struct Counters {
    fixed: AtomicU64,
    read: AtomicU64,
    write: AtomicU64,
    retry: AtomicU64,
    strains: AtomicU64,
}

impl Counters {
    /// Counts a request under its purpose, and each further try of it as a retry.
    pub fn count(&self, purpose: Purpose, is_retry: bool) {
        let counter = match purpose {
            _ if is_retry => &self.retry,
            Purpose::Fixed => &self.fixed,
            Purpose::Read => &self.read,
            Purpose::Write => &self.write,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a write that was slow, lost, locked or limited.
    pub fn count_strain(&self) {
        self.strains.fetch_add(1, Ordering::Relaxed);
    }

    pub fn strains(&self) -> u64 {
        self.strains.load(Ordering::Relaxed)
    }

    pub fn counts(&self) -> CallCounts {
        CallCounts {
            fixed: self.fixed.load(Ordering::Relaxed),
            read: self.read.load(Ordering::Relaxed),
            write: self.write.load(Ordering::Relaxed),
            retry: self.retry.load(Ordering::Relaxed),
        }
    }
}
