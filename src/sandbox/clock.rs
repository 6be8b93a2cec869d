//! The sandbox's own time.
//!
//! It never reads the system clock: it stands still until somebody sets or advances it, so that
//! the same calls give the same answers on any day. Chosen over a scaled or running clock because
//! a test that races time cannot be replayed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

/// A settable clock; clones share one time.
#[derive(Clone, Debug)]
pub struct Clock {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    now: Mutex<Timestamp>,
    /// File that remembers the time for the next process; none for a clock in memory.
    file: Option<PathBuf>,
}

#[derive(Debug, Error)]
pub enum ClockError {
    #[error("cannot read the sandbox's clock: `{path}`")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot write the sandbox's clock: `{path}`")]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the sandbox's clock is no timestamp: `{path}`")]
    Parse {
        path: PathBuf,
        #[source]
        source: jiff::Error,
    },
}

impl Clock {
    /// Starts a clock in memory that stands at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { shared: Arc::new(Shared { now: Mutex::new(now), file: None }) }
    }

    /// Continues the clock kept in `file`, or starts one there at `first`.
    ///
    /// # Errors
    /// When the file cannot be read, written, or does not hold a timestamp.
    pub fn kept_in(file: &Path, first: Timestamp) -> Result<Self, ClockError> {
        let path = file.to_path_buf();
        let now = match std::fs::read_to_string(file) {
            Ok(text) => text
                .trim()
                .parse()
                .map_err(|source| ClockError::Parse { path: path.clone(), source })?,
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                write(file, first)
                    .map_err(|source| ClockError::Write { path: path.clone(), source })?;
                first
            }
            Err(source) => return Err(ClockError::Read { path, source }),
        };
        Ok(Self { shared: Arc::new(Shared { now: Mutex::new(now), file: Some(path) }) })
    }

    /// Returns the time it is in the sandbox.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        *self.lock()
    }

    /// Moves the clock to `now`, backwards too.
    pub fn set(&self, now: Timestamp) {
        let mut held = self.lock();
        *held = now;
        self.keep(now);
    }

    /// Moves the clock on by `step`, stopping at the last representable time.
    pub fn advance(&self, step: SignedDuration) {
        let mut held = self.lock();
        let now = held.saturating_add(step).unwrap_or(*held);
        *held = now;
        self.keep(now);
    }

    fn lock(&self) -> MutexGuard<'_, Timestamp> {
        // A timestamp cannot be left half-written, so a panic elsewhere does not spoil it.
        self.shared.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, now: Timestamp) {
        if let Some(file) = &self.shared.file
            && let Err(error) = write(file, now)
        {
            tracing::error!(path = %file.display(), %error, "cannot keep the sandbox's clock");
        }
    }
}

/// Replaces the file in one step, so that a reader never sees half a timestamp.
fn write(file: &Path, now: Timestamp) -> io::Result<()> {
    let beside = file.with_extension("new");
    std::fs::write(&beside, format!("{now}\n"))?;
    std::fs::rename(&beside, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stands_still_until_moved_and_is_shared() {
        let start: Timestamp = "2026-10-01T10:00:00Z".parse().expect("a timestamp");
        let clock = Clock::new(start);
        let other = clock.clone();
        assert_eq!(other.now(), start);
        clock.advance(SignedDuration::from_hours(2));
        assert_eq!(other.now().to_string(), "2026-10-01T12:00:00Z");
        other.set(start);
        assert_eq!(clock.now(), start);
    }

    #[test]
    fn a_second_process_continues_with_the_same_time() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("clock");
        let start: Timestamp = "2026-10-01T10:00:00Z".parse().expect("a timestamp");
        let clock = Clock::kept_in(&file, start).expect("a clock");
        clock.advance(SignedDuration::from_mins(90));
        let again = Clock::kept_in(&file, start).expect("a clock");
        assert_eq!(again.now().to_string(), "2026-10-01T11:30:00Z");
    }
}
