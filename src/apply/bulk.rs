//! Calls that go as asynchronous jobs: opened, journaled, uploaded, waited for, and judged by their
//! results alone.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::Ordering;

use super::reread::holds;
use super::run::{Run, judged, record};
use super::settle::settle;
use super::{Answered, ApplyError, Outcome, Status};
use crate::crm::{
    BulkJob, BulkState, Crm, CrmError, Record, WriteApi, WriteBatch, WriteOperation, WriteOutcome,
};
use crate::plan::Action;

/// How a wait for a job ended.
enum Waited {
    Ended(Vec<WriteOutcome>),
    NotStarted,
    Gone,
    /// Still under way when patience ran out, or when the run was asked to stop.
    Unended,
}

impl Run<'_> {
    /// Sends actions of one object and operation as a job, between its journal entries. Returns the
    /// actions that the job left undone, to be sent by the batch API instead.
    ///
    /// # Errors
    /// [`ApplyError::JobUnended`] when the job is still under way; a later run asks again.
    pub(super) async fn send_bulk(
        &mut self,
        crm: &dyn Crm,
        actions: Vec<Action>,
    ) -> Result<Vec<Action>, ApplyError> {
        self.lease.verify().await?;
        let intent = self.journal.put_intent(self.lease.epoch(), crm.kind(), actions).await?;
        self.sent.extend(intent.actions.iter().map(|action| action.action_id.clone()));
        let batch = batch(&intent.actions);
        let name = format!("concord {} {:06}", self.options.run, intent.number);
        let job = match crm.bulk_open(&name, &batch).await {
            Ok(job) => job,
            Err(error) => {
                self.put_answer(intent.number, nothing_written(&intent.actions)).await?;
                return match error {
                    // The vendor does not take such a job; it may take the records one by one.
                    CrmError::Refused { .. } => Ok(by_batch(intent.actions)),
                    error => Err(error.into()),
                };
            }
        };
        self.journal.put_job(intent.number, &job).await?;
        self.lease.verify().await?;
        let is_refused = match crm.bulk_start(&job, &batch).await {
            Ok(()) => false,
            // Whether anything is left of the job is for the job to say.
            Err(CrmError::Refused { .. }) => true,
            Err(error) => return Err(error.into()),
        };
        let waited = match self.wait_for(crm, &job, &batch).await? {
            Waited::Gone if is_refused => Waited::NotStarted,
            waited => waited,
        };
        match waited {
            Waited::Unended => Err(ApplyError::JobUnended { job: job.id }),
            waited => {
                let answered = self.answered(crm, &intent.actions, waited).await?;
                let undone: HashSet<String> = answered.not_written.iter().cloned().collect();
                self.put_answer(intent.number, answered).await?;
                let mut left = intent.actions;
                left.retain(|action| undone.contains(&action.action_id));
                if !left.is_empty() {
                    self.left_by_job = Some((job, self::batch(&left)));
                }
                Ok(by_batch(left))
            }
        }
    }

    /// Finds out what became of a job that an earlier process began, ending it when it does not end.
    ///
    /// # Errors
    /// [`ApplyError::JobUnended`] when the job cannot be ended.
    pub(super) async fn settle_job(
        &self,
        crm: &dyn Crm,
        job: &BulkJob,
        actions: &[Action],
    ) -> Result<Answered, ApplyError> {
        let batch = batch(actions);
        let mut waited = self.wait_for(crm, job, &batch).await?;
        if matches!(waited, Waited::Unended) {
            // A second run has waited for it; what it wrote by now is what it writes.
            crm.bulk_abort(job).await?;
            waited = self.wait_for(crm, job, &batch).await?;
        }
        match waited {
            Waited::Unended => Err(ApplyError::JobUnended { job: job.id.clone() }),
            waited => self.answered(crm, actions, waited).await,
        }
    }

    async fn wait_for(
        &self,
        crm: &dyn Crm,
        job: &BulkJob,
        batch: &WriteBatch,
    ) -> Result<Waited, ApplyError> {
        for n in 0.. {
            let Some(wait) = crm.job_wait(n) else { break };
            tokio::time::sleep(wait).await;
            self.lease.verify().await?;
            match crm.bulk_state(job, batch).await? {
                BulkState::Ended(outcomes) => return Ok(Waited::Ended(outcomes)),
                BulkState::NotStarted => return Ok(Waited::NotStarted),
                BulkState::Gone => return Ok(Waited::Gone),
                BulkState::Running if self.options.stop.load(Ordering::SeqCst) => break,
                BulkState::Running => {}
            }
        }
        Ok(Waited::Unended)
    }

    /// Says what the job of this call found wrong with records that it left out, by the ids of their
    /// actions. It is asked once, and where it cannot be asked, nothing is known.
    pub(super) async fn refused_by_job(&mut self, crm: &dyn Crm) -> &HashMap<String, WriteOutcome> {
        if let Some((job, batch)) = self.left_by_job.take() {
            let refusals = crm.bulk_refusals(&job, &batch).await.unwrap_or_else(|error| {
                tracing::warn!(job = job.id, %error, "the job does not say whom it refused");
                Vec::new()
            });
            let by_action = |(place, outcome): (usize, WriteOutcome)| {
                Some((batch.records.get(place)?.action_id.clone(), outcome))
            };
            self.refused_by_job = refusals.into_iter().filter_map(by_action).collect();
        }
        &self.refused_by_job
    }

    /// Judges each record of a job that is over; those of which it does not speak are read back.
    async fn answered(
        &self,
        crm: &dyn Crm,
        actions: &[Action],
        waited: Waited,
    ) -> Result<Answered, ApplyError> {
        let now = (self.options.now)();
        let outcomes = match waited {
            Waited::Ended(outcomes) => outcomes,
            Waited::NotStarted => return Ok(nothing_written(actions)),
            Waited::Gone | Waited::Unended => Vec::new(),
        };
        let no_word = || WriteOutcome::Unknown { reason: "the job is not known".to_owned() };
        let outcomes = outcomes.into_iter().chain(std::iter::repeat_with(no_word));
        let mut answered = Answered::default();
        let mut unspoken = Vec::new();
        for (action, outcome) in actions.iter().zip(outcomes) {
            match outcome {
                // Held for a moment by somebody else counts as left undone: it goes again.
                WriteOutcome::RefusedTogether { .. } | WriteOutcome::Busy { .. } => {
                    answered.not_written.push(action.action_id.clone());
                }
                WriteOutcome::Unknown { .. } => unspoken.push(action.clone()),
                outcome => answered.outcomes.push(judged(action, outcome, &now)),
            }
        }
        let (seen, unseen) = look_at_list(crm, unspoken, &now).await?;
        answered.outcomes.extend(seen);
        if !unseen.is_empty() {
            let settled = settle(crm, &unseen, &now).await?;
            answered.outcomes.extend(settled.outcomes);
            answered.not_written.extend(settled.not_written);
        }
        Ok(answered)
    }
}

/// Splits actions into the outcomes of those that the vendor's listing shows as written, and those of
/// which nothing is known yet: the listing may lag, so it proves what was written and never what was
/// not.
async fn look_at_list(
    crm: &dyn Crm,
    actions: Vec<Action>,
    now: &str,
) -> Result<(Vec<Outcome>, Vec<Action>), ApplyError> {
    let Some(first) = actions.first() else { return Ok((Vec::new(), actions)) };
    let fields: BTreeSet<String> = actions
        .iter()
        .flat_map(|action| action.changes.iter().map(|change| change.target_field.clone()))
        .collect();
    let ids: HashSet<String> =
        actions.iter().filter_map(|action| action.record_id.clone()).collect();
    let fields: Vec<String> = fields.into_iter().collect();
    let listed = crm.list_lagging(&first.object, &ids, &fields).await?;
    let listed: HashMap<String, Record> =
        listed.into_iter().map(|record| (record.id.clone(), record)).collect();
    let is_seen = |action: &Action| {
        let record = action.record_id.as_ref().and_then(|id| listed.get(id));
        record.is_some_and(|record| action.changes.iter().all(|change| holds(record, change)))
    };
    let (seen, unseen): (Vec<Action>, Vec<Action>) = actions.into_iter().partition(is_seen);
    let read_back = |action: &Action| Outcome {
        code: Some("read_back".to_owned()),
        ..Outcome::new(action, Status::Accepted, now)
    };
    Ok((seen.iter().map(read_back).collect(), unseen))
}

/// Lays actions of one object and operation out as the batch of a job.
fn batch(actions: &[Action]) -> WriteBatch {
    let first = actions.first();
    WriteBatch {
        object: first.map(|action| action.object.clone()).unwrap_or_default(),
        operation: first.map_or(WriteOperation::Update, |action| action.operation),
        records: actions.iter().map(record).collect(),
    }
}

fn nothing_written(actions: &[Action]) -> Answered {
    let not_written = actions.iter().map(|action| action.action_id.clone()).collect();
    Answered { not_written, ..Answered::default() }
}

fn by_batch(mut actions: Vec<Action>) -> Vec<Action> {
    for action in &mut actions {
        action.api = WriteApi::Batch;
    }
    actions
}
