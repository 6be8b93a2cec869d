//! The journal: what is about to be sent, and what was answered, one pair of files a call.
//!
//! `runs/<run>/journal/<number>-intent.json` is put before the call, `-outcome.json` after it, and
//! `-settled.json` once a lost answer was read back; each only where no such file is yet, so that
//! two holders of one run cannot both write.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ApplyError, Outcome, Status};
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

/// One call: an intent, and what is known of its actions.
///
/// An action without an outcome in a call that is answered was not written: it was refused together
/// with others, or found missing when it was read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRecord {
    pub intent: Intent,
    pub outcomes: Vec<Outcome>,
    /// Everything that was sent is known to be written or not.
    pub is_settled: bool,
}

/// The files of one call.
#[derive(Default)]
struct Files {
    intent: Option<Intent>,
    outcomes: Option<Vec<Outcome>>,
    settled: Option<Vec<Outcome>>,
}

impl Files {
    fn record(self) -> Option<JournalRecord> {
        let intent = self.intent?;
        let mut outcomes = self.outcomes.clone().unwrap_or_default();
        let has_unknown = outcomes.iter().any(|outcome| outcome.status == Status::Unknown);
        let is_settled = self.settled.is_some() || (self.outcomes.is_some() && !has_unknown);
        if let Some(settled) = self.settled {
            outcomes.retain(|outcome| outcome.status != Status::Unknown);
            outcomes.extend(settled);
        }
        Some(JournalRecord { intent, outcomes, is_settled })
    }
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
        let mut calls: BTreeMap<u32, Files> = BTreeMap::new();
        for path in warehouse.list(&directory).await? {
            let name = path.rsplit('/').next().unwrap_or(&path);
            let Some((number, kind)) = name.split_once('-') else { continue };
            let Ok(number) = number.parse::<u32>() else { continue };
            let files = calls.entry(number).or_default();
            match kind {
                "intent.json" => files.intent = warehouse.get_json(&path).await?,
                "outcome.json" => files.outcomes = warehouse.get_json(&path).await?,
                "settled.json" => files.settled = warehouse.get_json(&path).await?,
                _ => {}
            }
        }
        let next = calls.keys().next_back().map_or(1, |last| last + 1);
        let records = calls.into_values().filter_map(Files::record).collect();
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
        self.put(number, "outcome", outcomes).await
    }

    /// Puts what reading back found of a call whose answer, or part of it, was lost: the actions
    /// that were written. The others are to be sent again.
    ///
    /// # Errors
    /// When it cannot be put.
    pub async fn put_settled(&self, number: u32, written: &[Outcome]) -> Result<(), ApplyError> {
        self.put(number, "settled", written).await
    }

    async fn put(&self, number: u32, kind: &str, outcomes: &[Outcome]) -> Result<(), ApplyError> {
        let path = format!("{}/{number:06}-{kind}.json", directory(&self.run));
        self.warehouse.create_json(&path, &outcomes).await?;
        Ok(())
    }
}

fn directory(run: &str) -> String {
    format!("runs/{run}/journal")
}
