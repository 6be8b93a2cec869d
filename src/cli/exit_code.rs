//! What the shell is told when a command ends.

use std::process;

/// Exit codes; scripts rely on them, so a number never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// Done, records held back before sending included.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// A plan waits to be applied; only with `--exit-code`.
    PlanWaits = 3,
    /// A CRM rejected something, or its answer was lost.
    Rejected = 4,
    /// Stale, or refused by a guard.
    Refused = 5,
}

impl ExitCode {
    pub fn number(self) -> u8 {
        self as u8
    }
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}
