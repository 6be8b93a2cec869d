//! Misbehaviour on request: what stands between a caller and either server.
//!
//! A call meets a fault for one of two reasons. Somebody asked for it: a [`Fault`] names the calls
//! it waits for. Or a [`Schedule`] drew it, by seed and never by timing, so that a run that went
//! wrong goes wrong the same way again. Both are asked for through [`Faults`] or, over HTTP, under
//! `/__sandbox/faults`, where also stands what was met so far.
//!
//! Connections are cut for real: the server closes them without an answer, or within one. A call
//! that the layer turns away is counted as received, but not held against the vendor's allowance.
//! Left out: what happens inside a call, such as row locks, stuck jobs and stale search; those are
//! settings of the servers.
//!
//! Source: the vendors' pages on limits and errors and their clients' code, read in November 2026.

mod answer;
mod call;
mod kind;
mod layer;
mod routes;
mod schedule;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use call::Call;

pub use kind::{Kind, USUAL, Weighted};
pub use layer::{Guarded, Server};
pub use routes::router;
pub use schedule::{Schedule, ScheduleError, USUAL_RATE};

/// Most entries that the list of faults met holds; later ones are only counted.
const MET_MAX: usize = 10_000;

/// Which of the two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Vendor {
    HubSpot,
    Salesforce,
}

impl Vendor {
    /// Returns the name that the counters use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HubSpot => "hubspot",
            Self::Salesforce => "salesforce",
        }
    }
}

/// A fault that waits for its calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub kind: Kind,
    /// None for either.
    #[serde(default)]
    pub server: Option<Vendor>,
    /// Endpoint family such as `objects.batch.create`; none for any.
    #[serde(default)]
    pub family: Option<String>,
    /// Start of the path; none for any.
    #[serde(default)]
    pub path_prefix: Option<String>,
    /// HTTP method in capitals; none for any.
    #[serde(default)]
    pub method: Option<String>,
    /// Matching calls to let pass first.
    #[serde(default)]
    pub skip: u32,
    /// Calls it hits.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

/// A fault that a call met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Met {
    pub server: Vendor,
    pub family: String,
    pub method: String,
    /// Calls of the family before this one, since the faults were last set.
    pub ordinal: u64,
    pub kind: Kind,
}

/// What is asked for, and what was met.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct View {
    pub asked: Vec<Fault>,
    pub schedule: Option<Schedule>,
    /// In the order in which the calls came.
    pub met: Vec<Met>,
    /// Faults met, beyond those listed as well.
    pub n_met: u64,
}

/// The faults of a sandbox; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    view: View,
    ordinals: HashMap<(Vendor, String), u64>,
}

impl Fault {
    /// Makes a fault that the next call meets, whichever it is.
    pub fn next(kind: Kind) -> Self {
        Self {
            kind,
            server: None,
            family: None,
            path_prefix: None,
            method: None,
            skip: 0,
            times: 1,
        }
    }

    fn matches(&self, call: &Call) -> bool {
        self.server.is_none_or(|server| server == call.server)
            && self.family.as_ref().is_none_or(|family| *family == call.family)
            && self.path_prefix.as_ref().is_none_or(|prefix| call.path.starts_with(prefix))
            && self.method.as_ref().is_none_or(|method| method == call.method.as_str())
    }
}

impl Faults {
    /// Adds a fault behind those that wait already; the first that matches is met.
    pub fn add(&self, fault: Fault) {
        self.lock().view.asked.push(fault);
    }

    /// Draws every later call's fault from a schedule, counting the calls from 0.
    pub fn follow(&self, schedule: Schedule) {
        let mut shared = self.lock();
        shared.view.schedule = Some(schedule);
        shared.ordinals.clear();
    }

    /// Forgets what was asked for and what was met.
    pub fn clear(&self) {
        *self.lock() = Shared::default();
    }

    pub fn view(&self) -> View {
        self.lock().view.clone()
    }

    /// Takes the fault that a call meets, using it up.
    fn take(&self, call: &Call) -> Option<Kind> {
        let mut shared = self.lock();
        let Shared { view, ordinals } = &mut *shared;
        let next = ordinals.entry((call.server, call.family.clone())).or_default();
        let ordinal = *next;
        *next += 1;
        let kind = match view.asked.iter_mut().find(|fault| fault.matches(call)) {
            Some(fault) if fault.skip > 0 => {
                fault.skip -= 1;
                None
            }
            Some(fault) => {
                fault.times = fault.times.saturating_sub(1);
                Some(fault.kind)
            }
            None => view.schedule.as_ref().and_then(|schedule| schedule.draw(call, ordinal)),
        };
        view.asked.retain(|fault| fault.times > 0);
        let kind = kind?;
        view.n_met += 1;
        if view.met.len() < MET_MAX {
            view.met.push(Met {
                server: call.server,
                family: call.family.clone(),
                method: call.method.as_str().to_owned(),
                ordinal,
                kind,
            });
        }
        Some(kind)
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // A list that a panic left behind is still a list.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
