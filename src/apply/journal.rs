//! The journal: what is about to be sent, and what was answered, one pair of files a call.
//!
//! `runs/<run>/journal/<number>-intent.json` is put before the call, `-outcome.json` after it, both
//! only where no such file is yet, so that two holders of one run cannot both write.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ApplyError, Outcome};
use crate::crm::CrmKind;
use crate::plan::Action;
use crate::warehouse::Warehouse;

/// What is about to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    pub number: u32,
    /// Epoch of the lease under which it is sent.
    pub epoch: u64,
    pub system: CrmKind,
    /// Actions with references resolved to ids.
    pub actions: Vec<Action>,
}

/// One call: an intent, and its outcomes once they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRecord {
    pub intent: Intent,
    pub outcomes: Option<Vec<Outcome>>,
}

/// The journal of one run.
#[derive(Debug)]
pub struct Journal {
    warehouse: Warehouse,
    run: String,
    next: u32,
}

impl Journal {
    /// Opens a run's journal and reads what it holds, in the order of the calls.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub async fn open(
        warehouse: &Warehouse,
        run: &str,
    ) -> Result<(Self, Vec<JournalRecord>), ApplyError> {
        let directory = directory(run);
        let mut intents: BTreeMap<u32, Intent> = BTreeMap::new();
        let mut outcomes: BTreeMap<u32, Vec<Outcome>> = BTreeMap::new();
        for path in warehouse.list(&directory).await? {
            let name = path.rsplit('/').next().unwrap_or(&path);
            let Some((number, kind)) = name.split_once('-') else { continue };
            let Ok(number) = number.parse::<u32>() else { continue };
            match kind {
                "intent.json" => {
                    if let Some(intent) = warehouse.get_json(&path).await? {
                        intents.insert(number, intent);
                    }
                }
                "outcome.json" => {
                    if let Some(found) = warehouse.get_json(&path).await? {
                        outcomes.insert(number, found);
                    }
                }
                _ => {}
            }
        }
        let next = intents.keys().next_back().map_or(1, |last| last + 1);
        let records = intents
            .into_values()
            .map(|intent| JournalRecord { outcomes: outcomes.remove(&intent.number), intent })
            .collect();
        Ok((Self { warehouse: warehouse.clone(), run: run.to_owned(), next }, records))
    }

    /// Says whether a run has sent, or was about to send, anything.
    ///
    /// # Errors
    /// When the warehouse cannot be listed.
    pub async fn is_begun(warehouse: &Warehouse, run: &str) -> Result<bool, ApplyError> {
        Ok(!warehouse.list(&directory(run)).await?.is_empty())
    }

    /// Puts the intent of the next call and returns its number.
    ///
    /// # Errors
    /// When it cannot be put; nothing may be sent then.
    pub async fn put_intent(
        &mut self,
        epoch: u64,
        system: CrmKind,
        actions: Vec<Action>,
    ) -> Result<Intent, ApplyError> {
        let intent = Intent { number: self.next, epoch, system, actions };
        let path = format!("{}/{:06}-intent.json", directory(&self.run), intent.number);
        if !self.warehouse.create_json(&path, &intent).await? {
            return Err(ApplyError::Lease(crate::warehouse::LeaseError::Lost {
                held: epoch,
                found: epoch + 1,
            }));
        }
        self.next += 1;
        Ok(intent)
    }

    /// Puts the outcomes of a call. Outcomes that are already there stay.
    ///
    /// # Errors
    /// When they cannot be put.
    pub async fn put_outcomes(&self, number: u32, outcomes: &[Outcome]) -> Result<(), ApplyError> {
        let path = format!("{}/{number:06}-outcome.json", directory(&self.run));
        self.warehouse.create_json(&path, &outcomes).await?;
        Ok(())
    }
}

fn directory(run: &str) -> String {
    format!("runs/{run}/journal")
}
