//! Drives a plan call by call.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::call_size::CallSize;
use super::journal::{Answered, Journal};
use super::reread::leave_out;
use super::settle::settle;
use super::{ApplyError, ApplySummary, Outcome, Status};
use crate::config::EntityName;
use crate::crm::{
    Association, BulkJob, Crm, CrmError, CrmKind, WriteApi, WriteBatch, WriteCall, WriteOperation,
    WriteOutcome, WriteRecord,
};
use crate::plan::{Action, After};
use crate::warehouse::{Lease, Warehouse};

/// How a plan is carried out.
pub struct ApplyOptions<'a> {
    pub run: &'a str,
    /// Reads each record again just before writing it.
    pub is_reread: bool,
    /// What earlier processes of the run decided without sending; it is not looked at again.
    pub known: &'a [Outcome],
    /// Ids of the actions to carry out; `None` is all of them.
    pub only: Option<&'a BTreeSet<String>>,
    /// Set to stop after the call in flight.
    pub stop: &'a AtomicBool,
    /// Tells the time, RFC 3339.
    pub now: &'a (dyn Fn() -> String + Send + Sync),
}

impl ApplyOptions<'_> {
    fn wants(&self, action: &Action) -> bool {
        self.only.is_none_or(|only| only.contains(&action.action_id))
    }
}

/// Told as calls are answered.
pub trait ApplyProgress: Send + Sync {
    fn answered(&self, _n_done: usize, _n_planned: usize) {}
    /// Actions that a look at the CRM decided, without sending them.
    fn left_out(&self, _outcomes: &[Outcome]) {}
}

impl ApplyProgress for () {}

/// Carries out the actions of a plan, or what the run's journal says is left of them.
///
/// The caller has verified plan, accounts and access. Outcomes come back in the order of the
/// actions; actions that were not reached have none.
///
/// # Errors
/// When the journal cannot be written, the lease is lost, a CRM cannot be reached, or the journal's
/// intents and the outcomes do not account for each other; what was answered by then is in the
/// journal, and running again goes on from there.
pub async fn apply(
    actions: &[Action],
    crms: &BTreeMap<CrmKind, &dyn Crm>,
    warehouse: &Warehouse,
    lease: &Lease,
    options: &ApplyOptions<'_>,
    progress: &dyn ApplyProgress,
) -> Result<(Vec<Outcome>, ApplySummary), ApplyError> {
    let mut run = Run::open(crms, warehouse, lease, options).await?;
    let mut calls: BTreeMap<u32, Vec<&Action>> = BTreeMap::new();
    for action in actions.iter().filter(|action| options.wants(action)) {
        calls.entry(action.call).or_default().push(action);
    }
    let (mut is_interrupted, mut is_budget_spent, mut unended_job) = (false, false, None);
    for planned in calls.into_values() {
        if run.is_to_stop() {
            is_interrupted = true;
            break;
        }
        match run.carry_out(planned, progress).await {
            Ok(is_whole) => is_interrupted = !is_whole,
            // An orderly end: what is left is owed another night.
            Err(ApplyError::Crm(CrmError::BudgetSpent { .. })) => {
                (is_interrupted, is_budget_spent) = (true, true);
                break;
            }
            Err(ApplyError::JobUnended { job }) => {
                (is_interrupted, unended_job) = (true, Some(job));
                break;
            }
            Err(error) => return Err(error),
        }
        progress.answered(run.outcomes.len(), actions.len());
    }

    run.note_unanswered(actions);
    run.check_closed()?;
    let outcomes: Vec<Outcome> =
        actions.iter().filter_map(|a| run.outcomes.get(&a.action_id).cloned()).collect();
    let mut summary = ApplySummary::of(actions.len(), &outcomes, is_interrupted);
    summary.is_budget_spent = is_budget_spent;
    summary.unended_job = unended_job;
    if summary.left > 0 && !is_interrupted && options.only.is_none() {
        return Err(ApplyError::Unreached { left: summary.left });
    }
    Ok((outcomes, summary))
}

/// Settles what a run that was killed or failed left open, by reading back; nothing is sent. Returns
/// the actions that it had begun, as its journal holds them, and every outcome that is known.
///
/// # Errors
/// When the journal cannot be read or written, or a CRM cannot be reached.
pub async fn recover(
    crms: &BTreeMap<CrmKind, &dyn Crm>,
    warehouse: &Warehouse,
    lease: &Lease,
    options: &ApplyOptions<'_>,
) -> Result<(Vec<Action>, Vec<Outcome>), ApplyError> {
    let run = Run::open(crms, warehouse, lease, options).await?;
    Ok((run.begun, run.outcomes.into_values().collect()))
}

pub(super) struct Run<'a> {
    pub(super) journal: Journal,
    pub(super) lease: &'a Lease,
    crms: &'a BTreeMap<CrmKind, &'a dyn Crm>,
    pub(super) options: &'a ApplyOptions<'a>,
    /// Actions of the journal as it was opened, each once, in the order of their ids.
    begun: Vec<Action>,
    /// Actions that the journal's intents say were sent, less those known not to be written.
    pub(super) sent: BTreeSet<String>,
    outcomes: HashMap<String, Outcome>,
    /// What each CRM's batch calls carry by now.
    sizes: BTreeMap<(CrmKind, WriteOperation), CallSize>,
    /// The job of the call under way, with what it left out, until it is asked why.
    pub(super) left_by_job: Option<(BulkJob, WriteBatch)>,
    /// What that job found wrong with it, by action.
    pub(super) refused_by_job: HashMap<String, WriteOutcome>,
}

/// Most times that a record is sent which somebody else holds, the first included.
const BUSY_TRIES_MAX: u32 = 4;

/// Wait before records are sent again that somebody else held, times the tries so far.
const BUSY_WAIT: Duration = Duration::from_millis(500);

/// Actions yet to be sent in one call.
struct Pending {
    actions: Vec<Action>,
    /// Times that they were sent and found busy.
    n_busy: u32,
}

impl<'a> Run<'a> {
    /// Opens a run's journal and settles what an earlier process left open: intents without an
    /// answer, or with unknown ones, are read back.
    async fn open(
        crms: &'a BTreeMap<CrmKind, &'a dyn Crm>,
        warehouse: &Warehouse,
        lease: &'a Lease,
        options: &'a ApplyOptions<'a>,
    ) -> Result<Self, ApplyError> {
        let (journal, records) = Journal::open(warehouse, options.run).await?;
        let (begun, sent, outcomes) = (Vec::new(), BTreeSet::new(), HashMap::new());
        let mut run = Self {
            journal,
            lease,
            crms,
            options,
            begun,
            sent,
            outcomes,
            sizes: BTreeMap::new(),
            left_by_job: None,
            refused_by_job: HashMap::new(),
        };
        run.note(options.known.to_vec());
        let mut begun: BTreeMap<String, Action> = BTreeMap::new();
        for record in records {
            let open = record.open_actions();
            let number = record.intent.number;
            run.sent.extend(record.intent.actions.iter().map(|a| a.action_id.clone()));
            begun.extend(record.intent.actions.into_iter().map(|a| (a.action_id.clone(), a)));
            run.take(record.answered);
            if !open.is_empty() {
                let crm = run.crm(record.intent.system)?;
                let settled = match &record.job {
                    Some(job) => run.settle_job(crm, job, &open).await?,
                    None => settle(crm, &open, &(options.now)()).await?,
                };
                run.journal.put_settled(number, &settled).await?;
                run.take(settled);
            }
        }
        run.begun = begun.into_values().collect();
        Ok(run)
    }

    /// Takes note of what a call is known to have done.
    fn take(&mut self, answered: Answered) {
        for id in answered.not_written {
            self.sent.remove(&id);
            self.outcomes.remove(&id);
        }
        self.note(answered.outcomes);
    }

    /// Puts down a call's answer and takes note of it.
    pub(super) async fn put_answer(
        &mut self,
        number: u32,
        answered: Answered,
    ) -> Result<(), ApplyError> {
        self.journal.put_answer(number, &answered).await?;
        self.take(answered);
        Ok(())
    }

    /// Gives what was sent and not answered, because the run ends here, an outcome of its own. The
    /// journal stays open there, and a later run finds out.
    fn note_unanswered(&mut self, actions: &[Action]) {
        let now = (self.options.now)();
        for action in actions {
            if self.sent.contains(&action.action_id) {
                self.outcomes
                    .entry(action.action_id.clone())
                    .or_insert_with(|| Outcome::new(action, Status::Unknown, &now));
            }
        }
    }

    /// Proves that what was sent and what has an outcome are the same actions.
    fn check_closed(&self) -> Result<(), ApplyError> {
        let accounted: BTreeSet<&String> =
            self.outcomes.values().filter(|o| o.is_sent()).map(|o| &o.action_id).collect();
        let sent: BTreeSet<&String> = self.sent.iter().collect();
        match sent.symmetric_difference(&accounted).next() {
            None => Ok(()),
            Some(first) => Err(ApplyError::Open {
                sent: sent.len(),
                accounted: accounted.len(),
                first: (*first).clone(),
            }),
        }
    }

    /// Carries out a call of the plan, in smaller ones where the CRM strains. Returns whether it came to
    /// its end; it does not when a stop is asked for between two of them.
    async fn carry_out(
        &mut self,
        planned: Vec<&Action>,
        progress: &dyn ApplyProgress,
    ) -> Result<bool, ApplyError> {
        self.left_by_job = None;
        self.refused_by_job.clear();
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
        let Some(system) = ready.first().map(|action| action.system) else { return Ok(true) };
        let crm = self.crm(system)?;
        if self.options.is_reread {
            let (to_send, left_out) = leave_out(crm, ready, &(self.options.now)()).await?;
            progress.left_out(&left_out);
            self.note(left_out);
            ready = to_send;
        }
        if ready.first().is_some_and(|action| action.api == WriteApi::Bulk) {
            ready = self.send_bulk(crm, ready).await?;
        }
        let Some(operation) = ready.first().map(|action| action.operation) else { return Ok(true) };
        let mut open: Vec<Pending> = ready
            .chunks(system.write_shape(operation).records_per_call())
            .rev()
            .map(|actions| Pending { actions: actions.to_vec(), n_busy: 0 })
            .collect();
        let mut n_sent = 0;
        while let Some(mut pending) = open.pop() {
            if pending.actions.is_empty() {
                continue;
            }
            if n_sent > 0 && self.is_to_stop() {
                return Ok(false);
            }
            let size = self.size(system, operation).records();
            if pending.actions.len() > size {
                let rest = pending.actions.split_off(size);
                open.push(Pending { actions: rest, n_busy: pending.n_busy });
            }
            if pending.n_busy > 0 {
                tokio::time::sleep(BUSY_WAIT * pending.n_busy).await;
            }
            open.extend(self.send(crm, pending).await?);
            n_sent += 1;
        }
        Ok(true)
    }

    /// Says whether whoever started the run wants it to stop.
    fn is_to_stop(&self) -> bool {
        self.options.stop.load(Ordering::SeqCst)
    }

    fn size(&mut self, system: CrmKind, operation: WriteOperation) -> &mut CallSize {
        let records_max = system.write_shape(operation).records_per_call();
        self.sizes.entry((system, operation)).or_insert_with(|| CallSize::new(records_max))
    }

    /// Sends one call between its two journal entries. Returns what is to be sent instead: what was
    /// busy, and what the CRM refused together: without the records that a job before it named, or in
    /// halves.
    async fn send(&mut self, crm: &dyn Crm, pending: Pending) -> Result<Vec<Pending>, ApplyError> {
        let Pending { actions, n_busy } = pending;
        self.lease.verify().await?;
        let intent = self.journal.put_intent(self.lease.epoch(), crm.kind(), actions).await?;
        self.sent.extend(intent.actions.iter().map(|action| action.action_id.clone()));
        let ids = || intent.actions.iter().map(|action| action.action_id.clone());
        let n_strains = crm.strains();
        let answer = match crm.write(&call(&intent.actions)).await {
            Ok(answer) => answer,
            Err(error) => {
                // The call was not made or turned away: nothing of it was written.
                let nothing = Answered { not_written: ids().collect(), ..Answered::default() };
                self.put_answer(intent.number, nothing).await?;
                return Err(error.into());
            }
        };
        let met_a_lock = answer.iter().any(|o| matches!(o, WriteOutcome::Busy { .. }));
        let is_strained = met_a_lock || crm.strains() > n_strains;
        if let Some(first) = intent.actions.first() {
            let size = self.size(crm.kind(), first.operation);
            size.note(intent.actions.len(), is_strained);
        }
        let now = (self.options.now)();
        let no_word = || WriteOutcome::Unknown { reason: "the answer is too short".to_owned() };
        let answer = answer.into_iter().chain(std::iter::repeat_with(no_word));
        let mut answered = Answered::default();
        let (mut together, mut busy) = (Vec::new(), Vec::new());
        for (action, outcome) in intent.actions.iter().zip(answer) {
            match outcome {
                WriteOutcome::RefusedTogether { .. } => together.push((action, outcome)),
                WriteOutcome::Busy { .. } if n_busy + 1 < BUSY_TRIES_MAX => busy.push(action),
                outcome => answered.outcomes.push(judged(action, outcome, &now)),
            }
        }
        if together.len() == 1 {
            // Refused on its own: the refusal is about this record.
            let alone = together.drain(..).map(|(action, outcome)| judged(action, outcome, &now));
            answered.outcomes.extend(alone);
        }
        let mut left: Vec<&Action> = together.into_iter().map(|(action, _)| action).collect();
        answered.not_written =
            left.iter().chain(&busy).map(|action| action.action_id.clone()).collect();
        self.put_answer(intent.number, answered).await?;
        let n_together = left.len();
        if n_together > 0 {
            left = self.without_those_to_blame(crm, left).await?;
        }
        let pending = |actions: Vec<&Action>, n_busy| Pending {
            actions: actions.into_iter().cloned().collect(),
            n_busy,
        };
        let halves = |mut first: Vec<&'_ Action>, n_busy| {
            let second = first.split_off(first.len() / 2);
            [pending(second, n_busy), pending(first, n_busy)]
        };
        // Fewer records at once meet fewer that are held.
        let mut again = Vec::from(halves(busy, n_busy + 1));
        if left.len() < n_together {
            // Those to blame are out of it.
            again.push(pending(left, n_busy));
        } else {
            again.extend(halves(left, n_busy));
        }
        Ok(again)
    }

    /// Leaves out of what was refused together the records that the job before found at fault: they are
    /// rejected by its word, under an entry of their own.
    async fn without_those_to_blame<'b>(
        &mut self,
        crm: &dyn Crm,
        together: Vec<&'b Action>,
    ) -> Result<Vec<&'b Action>, ApplyError> {
        let now = (self.options.now)();
        let refused = self.refused_by_job(crm).await;
        let (mut blamed, mut outcomes, mut left) = (Vec::new(), Vec::new(), Vec::new());
        for action in together {
            match refused.get(&action.action_id) {
                Some(outcome) => {
                    outcomes.push(judged(action, outcome.clone(), &now));
                    blamed.push(action.clone());
                }
                None => left.push(action),
            }
        }
        if !blamed.is_empty() {
            self.sent.extend(blamed.iter().map(|action| action.action_id.clone()));
            let intent = self.journal.put_intent(self.lease.epoch(), crm.kind(), blamed).await?;
            self.put_answer(intent.number, Answered { outcomes, ..Answered::default() }).await?;
        }
        Ok(left)
    }

    /// Fills in the ids of records that earlier actions made.
    fn resolve(&self, action: &Action) -> Result<Action, Outcome> {
        let mut action = action.clone();
        let made = |id: &str| {
            self.outcomes
                .get(id)
                .filter(|outcome| matches!(outcome.status, Status::Accepted | Status::Already))
                .and_then(|outcome| outcome.record_id.clone())
        };
        let skipped = Outcome {
            code: Some("create_did_not_succeed".to_owned()),
            ..Outcome::new(&action, Status::Skipped, &(self.options.now)())
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

/// Lays actions out as one write call, in the batches into which the plan cut it: consecutive actions
/// of one object, and creates with and without an owner apart.
fn call(actions: &[Action]) -> WriteCall {
    let mut batches: Vec<WriteBatch> = Vec::new();
    let mut names_owner = false;
    for action in actions {
        let record = record(action);
        let size_max = action.system.write_shape(action.operation).records_per_batch;
        match batches.last_mut() {
            Some(batch)
                if batch.object == action.object
                    && batch.operation == action.operation
                    && names_owner == action.names_owner()
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
        names_owner = action.names_owner();
    }
    WriteCall { batches }
}

/// Lays an action out as a record to be written.
pub(super) fn record(action: &Action) -> WriteRecord {
    let value = |after: &After| match after {
        After::Value(value) | After::RecordIdOf(value) => Some(value.clone()),
        After::Clear => None,
    };
    let (links, fields): (Vec<_>, Vec<_>) =
        action.changes.iter().partition(|change| change.is_association());
    let object = EntityName::Company.hubspot_object();
    let association = |record_id| Association { object: object.to_owned(), record_id };
    WriteRecord {
        action_id: action.action_id.clone(),
        record_id: action.record_id.clone(),
        create_key: action.create_key.clone(),
        values: fields
            .into_iter()
            .map(|change| (change.target_field.clone(), value(&change.after)))
            .collect(),
        associations: links
            .into_iter()
            .filter_map(|change| value(&change.after))
            .map(association)
            .collect(),
    }
}

pub(super) fn judged(action: &Action, outcome: WriteOutcome, now: &str) -> Outcome {
    let of = |status| Outcome::new(action, status, now);
    match outcome {
        WriteOutcome::Accepted { record_id, is_created, stored } => Outcome {
            record_id: Some(record_id),
            is_created: is_created && action.operation == WriteOperation::Create,
            stored,
            ..of(Status::Accepted)
        },
        WriteOutcome::Rejected { code, message, field } => {
            Outcome { code: Some(code), message: Some(message), field, ..of(Status::Rejected) }
        }
        WriteOutcome::RefusedTogether { code, message } | WriteOutcome::Busy { code, message } => {
            Outcome { code: Some(code), message: Some(message), ..of(Status::Rejected) }
        }
        WriteOutcome::Unknown { reason } => {
            Outcome { message: Some(reason), ..of(Status::Unknown) }
        }
    }
}
