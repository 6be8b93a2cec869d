//! How often each endpoint was called, so that tests and the demo can hold a run to its budget.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// What one count is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct CallKey {
    /// `hubspot` or `salesforce`.
    pub server: String,
    /// Endpoint family, such as `objects.search` or `query`; no ids in it.
    pub family: String,
    /// HTTP method in capitals.
    pub method: String,
}

/// One count, as the admin route shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallCount {
    #[serde(flatten)]
    pub key: CallKey,
    pub calls: u64,
}

/// Counts of calls received; clones share them.
#[derive(Clone, Debug, Default)]
pub struct CallCounters {
    counts: Arc<Mutex<BTreeMap<CallKey, u64>>>,
}

impl CallCounters {
    /// Adds one call.
    pub fn count(&self, server: &str, family: &str, method: &str) {
        let key = CallKey {
            server: server.to_owned(),
            family: family.to_owned(),
            method: method.to_owned(),
        };
        *self.lock().entry(key).or_default() += 1;
    }

    /// Returns every count above zero, ordered by server, family, method.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<CallKey, u64> {
        self.lock().clone()
    }

    /// Returns the same counts as rows.
    #[must_use]
    pub fn rows(&self) -> Vec<CallCount> {
        self.counts().into_iter().map(|(key, calls)| CallCount { key, calls }).collect()
    }

    /// Returns how many calls a server received.
    #[must_use]
    pub fn total(&self, server: &str) -> u64 {
        self.lock().iter().filter(|(key, _)| key.server == server).map(|(_, calls)| calls).sum()
    }

    /// Forgets all counts.
    pub fn reset(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<CallKey, u64>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_server_family_and_method() {
        let counters = CallCounters::default();
        counters.clone().count("hubspot", "objects.list", "GET");
        counters.count("hubspot", "objects.list", "GET");
        counters.count("salesforce", "query", "GET");
        assert_eq!(counters.total("hubspot"), 2);
        assert_eq!(counters.rows().len(), 2);
        counters.reset();
        assert_eq!(counters.total("hubspot"), 0);
    }
}
