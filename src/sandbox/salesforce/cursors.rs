//! Open queries whose later pages somebody may still ask for.
//!
//! A cursor holds the row numbers its query found, so that rows written afterwards move no page.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::soql::Plan;

/// Cursors kept at once; the oldest goes first.
const CURSORS_MAX: usize = 500;
/// Row numbers kept at once by all cursors, 8 bytes each.
const ROWS_MAX: usize = 20_000_000;
/// How long a cursor lives on the sandbox's clock.
const LIFETIME: SignedDuration = SignedDuration::from_hours(48);

/// A query that was answered in part.
#[derive(Debug)]
pub struct Cursor {
    pub plan: Plan,
    /// Row numbers of all results, in order.
    pub rows: Vec<i64>,
    pub page_size: usize,
    pub opened_at: Timestamp,
}

/// All open cursors by id.
#[derive(Debug, Default)]
pub struct Cursors {
    open: HashMap<String, (u64, Arc<Cursor>)>,
    opened: u64,
}

impl Cursors {
    pub fn open(&mut self, id: String, cursor: Cursor) {
        while self.open.len() >= CURSORS_MAX || self.n_rows() + cursor.rows.len() > ROWS_MAX {
            let oldest = self.open.iter().min_by_key(|(_, (order, _))| *order);
            let Some(oldest) = oldest.map(|(id, _)| id.clone()) else { break };
            self.open.remove(&oldest);
        }
        self.opened += 1;
        self.open.insert(id, (self.opened, Arc::new(cursor)));
    }

    fn n_rows(&self) -> usize {
        self.open.values().map(|(_, cursor)| cursor.rows.len()).sum()
    }

    /// Returns a cursor that is not too old.
    pub fn get(&self, id: &str, now: Timestamp) -> Option<Arc<Cursor>> {
        let (_, cursor) = self.open.get(id)?;
        (now.duration_since(cursor.opened_at) < LIFETIME).then(|| Arc::clone(cursor))
    }
}
