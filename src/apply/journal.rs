//! The journal: what is about to be sent, and what was answered, one pair of files a call.
//!
//! `runs/<run>/journal/<number>-intent.json` is put before the call, `-outcome.json` after it, and
//! `-settled.json` once a lost answer was read back; each only where no such file is yet, so that
//! two holders of one run cannot both write. A bulk call puts `-job.json` between its intent and the
//! upload: whoever resumes asks the vendor what became of the job.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::{ApplyError, Outcome, Status};
use crate::crm::{BulkJob, CrmKind};
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

/// What is known of a call's actions, by its answer or by reading back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    pub outcomes: Vec<Outcome>,
    /// Ids of actions that are known not to have been written: refused together with others, never
    /// sent, or found missing when they were read back.
    pub not_written: Vec<String>,
}

/// One call: an intent, and what is known of its actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRecord {
    pub intent: Intent,
    /// The job by which the call went, where it was a bulk call that came so far.
    pub job: Option<BulkJob>,
    pub answered: Answered,
}

impl JournalRecord {
    /// Lists the actions of which nothing is known, or only that their answer was lost.
    pub fn open_actions(&self) -> Vec<Action> {
        let outcomes = self.answered.outcomes.iter();
        let known: HashSet<&String> = outcomes
            .filter(|outcome| outcome.status != Status::Unknown)
            .map(|outcome| &outcome.action_id)
            .chain(&self.answered.not_written)
            .collect();
        let actions = self.intent.actions.iter();
        actions.filter(|action| !known.contains(&action.action_id)).cloned().collect()
    }
}

/// The files of one call.
#[derive(Default)]
struct Files {
    intent: Option<Intent>,
    job: Option<BulkJob>,
    answer: Option<Answered>,
    settled: Option<Answered>,
}

impl Files {
    fn record(self) -> Option<JournalRecord> {
        let mut answered = self.answer.unwrap_or_default();
        if let Some(settled) = self.settled {
            answered.outcomes.retain(|outcome| outcome.status != Status::Unknown);
            answered.outcomes.extend(settled.outcomes);
            answered.not_written.extend(settled.not_written);
        }
        Some(JournalRecord { intent: self.intent?, job: self.job, answered })
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
                "job.json" => files.job = warehouse.get_json(&path).await?,
                "outcome.json" => files.answer = warehouse.get_json(&path).await?,
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
            return Err(ApplyError::JournalTaken { path });
        }
        self.next += 1;
        Ok(intent)
    }

    /// Puts the job by which a bulk call goes.
    ///
    /// # Errors
    /// When it cannot be put; nothing may be uploaded then.
    pub async fn put_job(&self, number: u32, job: &BulkJob) -> Result<(), ApplyError> {
        self.put(number, "job", job).await
    }

    /// Puts what a call was answered. What is already there stays.
    ///
    /// # Errors
    /// When it cannot be put.
    pub async fn put_answer(&self, number: u32, answered: &Answered) -> Result<(), ApplyError> {
        self.put(number, "outcome", answered).await
    }

    /// Puts what reading back found of a call whose answer, or part of it, was lost.
    ///
    /// # Errors
    /// When it cannot be put.
    pub async fn put_settled(&self, number: u32, answered: &Answered) -> Result<(), ApplyError> {
        self.put(number, "settled", answered).await
    }

    async fn put<T>(&self, number: u32, kind: &str, content: &T) -> Result<(), ApplyError>
    where
        T: Serialize + Sync,
    {
        let path = format!("{}/{number:06}-{kind}.json", directory(&self.run));
        self.warehouse.create_json(&path, content).await?;
        Ok(())
    }
}

fn directory(run: &str) -> String {
    format!("runs/{run}/journal")
}
