//! Drives a plan call by call.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};

use super::journal::{Journal, JournalRecord};
use super::reread::leave_out_drift;
use super::settle::settle;
use super::{ApplyError, ApplySummary, Outcome, Status};
use crate::crm::{
    Crm, CrmKind, WriteAnswer, WriteBatch, WriteCall, WriteOperation, WriteOutcome, WriteRecord,
};
use crate::plan::{Action, After};
use crate::warehouse::{Lease, Warehouse};

/// How a plan is carried out.
pub struct ApplyOptions<'a> {
    pub run: &'a str,
    /// Reads each record again just before writing it.
    pub is_reread: bool,
    /// Set to stop after the call in flight.
    pub stop: &'a AtomicBool,
    /// Tells the time, RFC 3339.
    pub now: &'a (dyn Fn() -> String + Send + Sync),
}

/// Told as calls are answered.
pub trait ApplyProgress: Send + Sync {
    fn answered(&self, _n_done: usize, _n_planned: usize) {}
}

impl ApplyProgress for () {}

/// Carries out the actions of a plan, or what the run's journal says is left of them.
///
/// The caller has verified plan, accounts and access. Outcomes come back in the order of the
/// actions; actions that were not reached have none.
///
/// # Errors
/// When the journal cannot be written, the lease is lost, or a CRM cannot be reached; what was
/// answered by then is in the journal, and running again goes on from there.
pub async fn apply(
    actions: &[Action],
    crms: &BTreeMap<CrmKind, &dyn Crm>,
    warehouse: &Warehouse,
    lease: &Lease,
    options: &ApplyOptions<'_>,
    progress: &dyn ApplyProgress,
) -> Result<(Vec<Outcome>, ApplySummary), ApplyError> {
    let (journal, records) = Journal::open(warehouse, options.run).await?;
    let mut run = Run { journal, lease, crms, options, outcomes: HashMap::new() };
    run.take_up(records).await?;

    let mut calls: BTreeMap<u32, Vec<&Action>> = BTreeMap::new();
    for action in actions {
        calls.entry(action.call).or_default().push(action);
    }
    let mut is_interrupted = false;
    for planned in calls.into_values() {
        if options.stop.load(Ordering::SeqCst) {
            is_interrupted = true;
            break;
        }
        run.carry_out(planned).await?;
        progress.answered(run.outcomes.len(), actions.len());
    }

    let outcomes: Vec<Outcome> =
        actions.iter().filter_map(|a| run.outcomes.get(&a.action_id).cloned()).collect();
    let summary = ApplySummary::of(actions.len(), &outcomes, is_interrupted);
    Ok((outcomes, summary))
}

struct Run<'a> {
    journal: Journal,
    lease: &'a Lease,
    crms: &'a BTreeMap<CrmKind, &'a dyn Crm>,
    options: &'a ApplyOptions<'a>,
    outcomes: HashMap<String, Outcome>,
}

impl<'a> Run<'a> {
    /// Takes up what an earlier process of this run left: outcomes as they stand, and intents
    /// without outcome, or with unknown ones, settled by reading back.
    async fn take_up(&mut self, records: Vec<JournalRecord>) -> Result<(), ApplyError> {
        for record in records {
            let is_settled = record
                .outcomes
                .as_ref()
                .is_some_and(|all| all.iter().all(|one| one.status != Status::Unknown));
            self.note(record.outcomes.clone().unwrap_or_default());
            if is_settled {
                continue;
            }
            let crm = self.crm(record.intent.system)?;
            let mut intent = record.intent;
            intent.actions.retain(|action| {
                self.outcomes.get(&action.action_id).is_none_or(|o| o.status == Status::Unknown)
            });
            let (accepted, unsent) = settle(crm, &intent, &(self.options.now)()).await?;
            self.journal.put_outcomes(intent.number, &accepted).await?;
            self.note(accepted);
            // Found not written: sent again with its planned call.
            for action in unsent {
                self.outcomes.remove(&action.action_id);
            }
        }
        Ok(())
    }

    async fn carry_out(&mut self, planned: Vec<&Action>) -> Result<(), ApplyError> {
        let mut ready = Vec::with_capacity(planned.len());
        for action in planned {
            if self.outcomes.contains_key(&action.action_id) {
                continue;
            }
            match self.resolve(action) {
                Ok(action) => ready.push(action),
                Err(outcome) => self.note(vec![outcome]),
            }
        }
        let Some(system) = ready.first().map(|action| action.system) else { return Ok(()) };
        let crm = self.crm(system)?;
        if self.options.is_reread {
            let (to_send, drifted) = leave_out_drift(crm, ready, &(self.options.now)()).await?;
            self.note(drifted);
            ready = to_send;
        }
        // Calls yet to be sent; a refused one comes back as its two halves.
        let mut open = vec![ready];
        while let Some(actions) = open.pop() {
            if !actions.is_empty() {
                open.extend(self.send(crm, actions).await?);
            }
        }
        Ok(())
    }

    /// Sends one call between its two journal entries. Returns the halves to send instead when the
    /// CRM refused the whole call.
    async fn send(
        &mut self,
        crm: &dyn Crm,
        actions: Vec<Action>,
    ) -> Result<Vec<Vec<Action>>, ApplyError> {
        self.lease.verify().await?;
        let intent = self.journal.put_intent(self.lease.epoch(), crm.kind(), actions).await?;
        let answer = crm.write(&call(&intent.actions)).await?;
        let now = (self.options.now)();
        let outcomes: Vec<Outcome> = match answer {
            WriteAnswer::Records(outcomes) => intent
                .actions
                .iter()
                .zip(outcomes)
                .map(|(action, outcome)| judged(action, outcome, &now))
                .collect(),
            WriteAnswer::RefusedWhole { code, message } if intent.actions.len() == 1 => {
                let refused = WriteOutcome::Rejected { code, message, field: None };
                intent.actions.iter().map(|a| judged(a, refused.clone(), &now)).collect()
            }
            WriteAnswer::RefusedWhole { .. } => {
                // Nothing was written: the intent is closed without outcomes.
                self.journal.put_outcomes(intent.number, &[]).await?;
                let mut left = intent.actions;
                let right = left.split_off(left.len() / 2);
                return Ok(vec![right, left]);
            }
        };
        self.journal.put_outcomes(intent.number, &outcomes).await?;
        self.note(outcomes);
        Ok(Vec::new())
    }

    /// Fills in the ids of records that earlier actions made.
    fn resolve(&self, action: &Action) -> Result<Action, Outcome> {
        let mut action = action.clone();
        let made = |id: &str| {
            self.outcomes
                .get(id)
                .filter(|outcome| outcome.status == Status::Accepted)
                .and_then(|outcome| outcome.record_id.clone())
        };
        let skipped = Outcome {
            action_id: action.action_id.clone(),
            status: Status::Skipped,
            record_id: action.record_id.clone(),
            is_created: false,
            code: Some("create_did_not_succeed".to_owned()),
            message: None,
            field: None,
            stored: BTreeMap::new(),
            at: (self.options.now)(),
        };
        if action.depends_on.as_deref().is_some_and(|id| made(id).is_none()) {
            return Err(skipped);
        }
        for change in &mut action.changes {
            if let After::RecordIdOf(id) = &change.after {
                let Some(record_id) = made(id) else { return Err(skipped) };
                change.after = After::Value(record_id);
            }
        }
        Ok(action)
    }

    fn note(&mut self, outcomes: Vec<Outcome>) {
        for outcome in outcomes {
            self.outcomes.insert(outcome.action_id.clone(), outcome);
        }
    }

    fn crm(&self, kind: CrmKind) -> Result<&'a dyn Crm, ApplyError> {
        self.crms.get(&kind).copied().ok_or(ApplyError::NoConnection { kind })
    }
}

/// Lays actions out as one write call: consecutive actions of one object are a batch.
fn call(actions: &[Action]) -> WriteCall {
    let mut batches: Vec<WriteBatch> = Vec::new();
    for action in actions {
        let record = WriteRecord {
            action_id: action.action_id.clone(),
            record_id: action.record_id.clone(),
            create_key: action.create_key.clone(),
            values: action
                .changes
                .iter()
                .map(|change| {
                    let value = match &change.after {
                        After::Value(value) | After::RecordIdOf(value) => Some(value.clone()),
                        After::Clear => None,
                    };
                    (change.target_field.clone(), value)
                })
                .collect(),
        };
        let size_max = action.system.write_shape().records_per_batch;
        match batches.last_mut() {
            Some(batch)
                if batch.object == action.object
                    && batch.operation == action.operation
                    && batch.records.len() < size_max =>
            {
                batch.records.push(record);
            }
            _ => batches.push(WriteBatch {
                object: action.object.clone(),
                operation: action.operation,
                records: vec![record],
            }),
        }
    }
    WriteCall { batches }
}

fn judged(action: &Action, outcome: WriteOutcome, now: &str) -> Outcome {
    let mut judged = Outcome {
        action_id: action.action_id.clone(),
        status: Status::Unknown,
        record_id: action.record_id.clone(),
        is_created: false,
        code: None,
        message: None,
        field: None,
        stored: BTreeMap::new(),
        at: now.to_owned(),
    };
    match outcome {
        WriteOutcome::Accepted { record_id, is_created, stored } => {
            judged.status = Status::Accepted;
            judged.record_id = Some(record_id);
            judged.is_created = is_created && action.operation == WriteOperation::Create;
            judged.stored = stored;
        }
        WriteOutcome::Rejected { code, message, field } => {
            judged.status = Status::Rejected;
            judged.code = Some(code);
            judged.message = Some(message);
            judged.field = field;
        }
        WriteOutcome::Unknown { reason } => judged.message = Some(reason),
    }
    judged
}
