//! What a walk tells while it goes.

use tokio::sync::mpsc;

use super::{CrmError, Extracted, Extraction, Row};

/// One step of a walk, in the order in which things are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Rows of a table, by its place in [`Extraction::tables`] and the extraction's in the walk.
    Rows { extraction: usize, table: usize, rows: Vec<Row> },
    /// Everything of the extraction up to this place has been sent; a later walk can go on here.
    Reached { extraction: usize, place: String },
    /// The extraction is at its end.
    Finished { extraction: usize, extracted: Extracted },
}

/// Sends the steps of one extraction.
#[derive(Clone, Copy, Debug)]
pub struct Steps<'a> {
    sender: &'a mpsc::Sender<Step>,
    extraction: usize,
    name: &'a str,
}

impl<'a> Steps<'a> {
    /// Speaks for the extraction at place `index` of a walk.
    pub fn new(sender: &'a mpsc::Sender<Step>, index: usize, extraction: &'a Extraction) -> Self {
        Self { sender, extraction: index, name: &extraction.name }
    }

    pub async fn rows(&self, table: usize, rows: Vec<Row>) -> Result<(), CrmError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.send(Step::Rows { extraction: self.extraction, table, rows }).await
    }

    /// Tells how far the walk is; `place` is the connector's own note, read by nobody else.
    pub async fn reached<T: serde::Serialize>(&self, place: &T) -> Result<(), CrmError> {
        let place = serde_json::to_string(place).expect("places are plain JSON");
        self.send(Step::Reached { extraction: self.extraction, place }).await
    }

    pub async fn finished(&self, extracted: Extracted) -> Result<(), CrmError> {
        self.send(Step::Finished { extraction: self.extraction, extracted }).await
    }

    async fn send(&self, step: Step) -> Result<(), CrmError> {
        let gone = |_| CrmError::ReceiverGone { extraction: self.name.to_owned() };
        self.sender.send(step).await.map_err(gone)
    }
}
