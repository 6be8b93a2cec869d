//! The apply stage as commands run it: what refuses a plan, carrying it out, and settling what an
//! earlier run left open.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::session::{Session, failed};
use super::stages::{Watch, crm_error};
use super::{CliError, ExitCode, Ui};
use crate::apply::{
    self, ApplyError, ApplyOptions, ApplyProgress, ApplySummary, Journal, Outcome, Status,
    WroteBack, left_out, look_again, write_outcomes,
};
use crate::config::Access;
use crate::crm::CrmKind;
use crate::model::new_session;
use crate::plan::{self, Action, CANARY_RECORDS, Plan, quote, read_actions};
use crate::state::{StoredForms, Verdict, decisions};
use crate::warehouse::Lease;
use crate::warehouse::run_log::{self, StageRecord};

/// Verifies that a plan may be carried out now: age, field map, holds, accounts, access.
async fn verify(session: &Session, plan: &Plan, actions: &[Action]) -> Result<(), CliError> {
    let refuse = |error: ApplyError, hint: &str| {
        Err(CliError::stage(error, ExitCode::Refused, vec![hint.to_owned()]))
    };
    let again = match &plan.undoes {
        Some(undoes) => format!("undo again:\n    concord undo {}", undoes.run),
        None => {
            "plan again from a fresh snapshot:\n    concord pull && concord build && concord plan"
                .to_owned()
        }
    };
    let again = again.as_str();
    if plan.field_map_digest != session.project.field_map.digest {
        return refuse(ApplyError::OtherFieldMap { plan: plan.id.clone() }, again);
    }
    let seen: jiff::Timestamp = plan.as_of.parse().unwrap_or_default();
    let age_hours = (session.now().as_second() - seen.as_second()) / 3600;
    let max_age_hours = session.project.apply.max_age_hours;
    if age_hours > i64::from(max_age_hours) {
        let old = ApplyError::TooOld { plan: plan.id.clone(), age_hours, max_age_hours };
        return refuse(old, again);
    }
    for run in run_log::read_all(&session.warehouse).await.map_err(failed)? {
        let is_newer = run.plan.as_ref().is_some_and(|other| *other > plan.id);
        if is_newer && Journal::is_begun(&session.warehouse, &run.id).await.map_err(failed)? {
            let newer = run.plan.unwrap_or_default();
            return refuse(ApplyError::Overtaken { plan: plan.id.clone(), newer }, again);
        }
    }
    for decision in decisions(&session.warehouse).await.map_err(failed)? {
        let is_held_since = decision.run_id > plan.id && decision.decision == Verdict::Hold;
        if is_held_since && actions.iter().any(|a| a.golden_id == decision.golden_id) {
            let (plan, golden_id) = (plan.id.clone(), decision.golden_id);
            return refuse(
                ApplyError::OnHold { plan, golden_id },
                "plan again without it:\n    concord build && concord plan",
            );
        }
    }
    let touched: Vec<CrmKind> = plan.summary.iter().map(|line| line.system).collect();
    for connection in session.project.connections.values() {
        if !touched.contains(&connection.kind) {
            continue;
        }
        if connection.access == Access::Read {
            let hint = format!(
                "set `access = \"write\"` and `account_id` under `connections.{}`",
                connection.name
            );
            let read_only = ApplyError::ReadOnly { connection: connection.name.clone() };
            return Err(CliError::stage(read_only, ExitCode::Refused, vec![hint]));
        }
        let account = session.crm(connection.kind)?.account().await.map_err(crm_error)?;
        let planned = plan.accounts.get(&connection.name).cloned().unwrap_or_default();
        if account.id != planned {
            let other = ApplyError::OtherAccount {
                connection: connection.name.clone(),
                planned,
                found: account.id,
            };
            return refuse(other, "plan again with this connection");
        }
    }
    Ok(())
}

/// How much of a plan is carried out, and how carefully.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// Only so many actions that are not done yet.
    pub limit: Option<usize>,
    /// Objects whose first records are looked at again before the others go.
    pub canary: BTreeSet<String>,
    /// How long automations have to show themselves.
    pub canary_wait: Duration,
}

/// Carries out a plan under the run's id and writes its outcomes.
pub async fn apply(
    session: &Session,
    ui: &Ui,
    run: &str,
    lease: &Lease,
    (plan, actions): (&Plan, &[Action]),
    manner: &Manner,
) -> Result<(Vec<Outcome>, ApplySummary, StageRecord), CliError> {
    let watch = Watch::start();
    let stage = ui.stage("apply");
    session.requests.begin_stage("apply").await.map_err(failed)?;
    let before: u64 = session.crms().values().map(|crm| crm.calls().total()).sum();
    verify(session, plan, actions).await?;
    let work = Work { session, run, lease, plan, actions };
    let done = work.done().await?;
    let limited = manner.limit.map(|n| plan::first(actions, &done, n));
    let canary: Vec<Action> = actions
        .iter()
        .filter(|action| limited.as_ref().is_none_or(|only| only.contains(&action.action_id)))
        .cloned()
        .collect();
    let canary = plan::canary(&canary, &manner.canary, CANARY_RECORDS);
    let mut ended = None;
    if !canary.is_empty() {
        let (outcomes, summary) = work.send(Some(&canary), &stage).await?;
        if summary.is_interrupted {
            ended = Some((outcomes, summary));
        } else {
            tokio::time::sleep(manner.canary_wait).await;
            check_canary(&work, ui, &canary, &outcomes).await?;
        }
    }
    let (outcomes, summary) = match ended {
        Some(ended) => ended,
        None => work.send(limited.as_ref(), &stage).await?,
    };
    let calls = session.crms().values().map(|crm| crm.calls().total()).sum::<u64>() - before;
    let record = watch.record(
        "apply",
        calls,
        &[
            ("sent", summary.sent),
            ("accepted", summary.accepted),
            ("rejected", summary.rejected),
            ("unknown", summary.unknown),
            ("already", summary.already),
            ("drift", summary.drift),
            ("skipped", summary.skipped),
            ("left", summary.left),
        ],
    );
    stage.done(format_args!(
        "{} sent = {} accepted + {} rejected + {} unknown; {} already there, {} drifted, {} skipped, {} left; {calls} calls, {:.1} s",
        summary.sent,
        summary.accepted,
        summary.rejected,
        summary.unknown,
        summary.already,
        summary.drift,
        summary.skipped,
        summary.left,
        record.seconds
    ));
    if summary.is_budget_spent {
        ui.note(format_args!("the call budget is spent; {} actions are left", summary.left));
    }
    if let Some(job) = &summary.unended_job {
        ui.note(format_args!("the CRM has not ended job `{job}`; the next run asks again"));
    }
    if summary.is_interrupted || summary.left > 0 {
        ui.hint(format_args!("go on where it stopped with\n    concord apply {}", plan.id));
    }
    Ok((outcomes, summary, record))
}

/// A plan being carried out.
struct Work<'a> {
    session: &'a Session,
    run: &'a str,
    lease: &'a Lease,
    plan: &'a Plan,
    actions: &'a [Action],
}

impl Work<'_> {
    /// Sends the named actions, or all, and writes down every outcome that is known by then.
    async fn send(
        &self,
        only: Option<&BTreeSet<String>>,
        stage: &super::ui::Stage,
    ) -> Result<(Vec<Outcome>, ApplySummary), CliError> {
        let (session, warehouse) = (self.session, &self.session.warehouse);
        let now = || session.now().to_string();
        let known = self.looked_at().await?;
        let options = ApplyOptions {
            run: self.run,
            is_reread: session.project.apply.reread,
            known: &known,
            only,
            stop: &session.stop,
            now: &now,
        };
        let calls = Calls { stage, left_out: Mutex::default() };
        let applied =
            apply::apply(self.actions, &session.crms(), warehouse, self.lease, &options, &calls)
                .await;
        match applied {
            Ok((outcomes, summary)) => {
                self.write(&outcomes).await?;
                Ok((outcomes, summary))
            }
            Err(error) => {
                // What was answered or seen before the error is as true as the rest.
                let (_, records) = Journal::open(warehouse, self.run).await.map_err(failed)?;
                let mut outcomes = known;
                outcomes
                    .extend(calls.left_out.into_inner().unwrap_or_else(PoisonError::into_inner));
                outcomes.extend(records.into_iter().flat_map(|record| record.answered.outcomes));
                self.write(&outcomes).await?;
                let hint =
                    format!("nothing is lost; go on with\n    concord apply {}", self.plan.id);
                Err(CliError::stage(error, ExitCode::Failed, vec![hint]))
            }
        }
    }

    async fn write(&self, outcomes: &[Outcome]) -> Result<(), CliError> {
        let (warehouse, plan) = (&self.session.warehouse, &self.plan.id);
        write_outcomes(warehouse, self.run, plan, self.actions, outcomes).await.map_err(failed)
    }

    /// Returns what earlier processes of the run saw and did not send. What only waited for a create is
    /// open again.
    async fn looked_at(&self) -> Result<Vec<Outcome>, CliError> {
        let mut known = left_out(&self.session.warehouse, self.run).await.map_err(failed)?;
        known.retain(|outcome| outcome.status != Status::Skipped);
        Ok(known)
    }

    /// Lists the actions of which the run knows what became.
    async fn done(&self) -> Result<BTreeSet<String>, CliError> {
        let (_, records) =
            Journal::open(&self.session.warehouse, self.run).await.map_err(failed)?;
        let known = self.looked_at().await?.into_iter();
        let answered = records.into_iter().flat_map(|record| record.answered.outcomes);
        let answered = answered.filter(|outcome| outcome.status != Status::Unknown);
        Ok(known.chain(answered).map(|outcome| outcome.action_id).collect())
    }
}

/// Lines that the report of a canary shows.
const WROTE_BACK_SHOWN: usize = 20;

/// Looks at a canary again and stops where something wrote to it.
async fn check_canary(
    work: &Work<'_>,
    ui: &Ui,
    canary: &BTreeSet<String>,
    outcomes: &[Outcome],
) -> Result<(), CliError> {
    let forms = StoredForms::read(&work.session.warehouse).await.map_err(failed)?;
    let is_form = |system, object: &str, field: &str, sent: &str, found: &str| {
        forms.holds(system, object, field, sent, found)
    };
    let actions: Vec<Action> =
        work.actions.iter().filter(|action| canary.contains(&action.action_id)).cloned().collect();
    let outcomes: BTreeMap<String, Outcome> =
        outcomes.iter().map(|outcome| (outcome.action_id.clone(), outcome.clone())).collect();
    let mut wrote_back: Vec<WroteBack> = Vec::new();
    for crm in work.session.crms().into_values() {
        wrote_back.extend(look_again(crm, &actions, &outcomes, &is_form).await.map_err(crm_error)?);
    }
    if wrote_back.is_empty() {
        ui.note(format_args!("canary: {} records hold what they were sent", actions.len()));
        return Ok(());
    }
    for found in wrote_back.iter().take(WROTE_BACK_SHOWN) {
        ui.line(format_args!(
            "{} {} {}  {}  sent {}, holds {}",
            found.system,
            found.object,
            found.record_id,
            found.field,
            quote(found.sent.as_deref()),
            quote(found.found.as_deref()),
        ))?;
    }
    if wrote_back.len() > WROTE_BACK_SHOWN {
        ui.line(format_args!("and {} more", wrote_back.len() - WROTE_BACK_SHOWN))?;
    }
    Err(CliError::Refused {
        message: format!(
            "something in a CRM wrote to the canary: {} fields of {} records hold other values than were sent",
            wrote_back.len(),
            actions.len()
        ),
        hint: format!(
            "find the automation; then take back what was sent, or let the rest go:\n    concord undo {}\n    concord apply {} --past-canary",
            work.run, work.plan.id
        ),
    })
}

/// Settles what earlier runs that were killed, failed or lost an answer left open in their journals,
/// by reading back, and writes down what came of it. Nothing is sent.
pub async fn recover(session: &Session, ui: &Ui, lease: &Lease, id: &str) -> Result<(), CliError> {
    let now = || session.now().to_string();
    session.requests.begin_stage("recover").await.map_err(failed)?;
    for mut run in run_log::read_all(&session.warehouse).await.map_err(failed)? {
        let is_over = matches!(run.status.as_str(), "done" | "waiting");
        if is_over || run.id.as_str() >= id {
            continue;
        }
        let (_, records) = Journal::open(&session.warehouse, &run.id).await.map_err(failed)?;
        let is_open = records.iter().any(|record| !record.open_actions().is_empty());
        let was_killed = run.finished_at.is_none();
        if is_open || (was_killed && !records.is_empty()) {
            // What was seen and not sent is in the table alone.
            let known = left_out(&session.warehouse, &run.id).await.map_err(failed)?;
            let options = ApplyOptions {
                run: &run.id,
                is_reread: session.project.apply.reread,
                known: &known,
                only: None,
                stop: &session.stop,
                now: &now,
            };
            let recovered =
                apply::recover(&session.crms(), &session.warehouse, lease, &options).await;
            let (begun, outcomes) = recovered.map_err(failed)?;
            let plan = run.plan.clone().unwrap_or_default();
            let question = session.question(None)?;
            let ctx = new_session(&session.warehouse, question.memory_bytes_max).map_err(failed)?;
            let actions = read_actions(&ctx, &session.warehouse, &plan).await.map_err(failed)?;
            write_outcomes(&session.warehouse, &run.id, &plan, &actions, &outcomes)
                .await
                .map_err(failed)?;
            ui.note(format_args!(
                "run `{}` had not ended: {} of its {} begun actions are done",
                run.id,
                outcomes.iter().filter(|outcome| outcome.status == Status::Accepted).count(),
                begun.len()
            ));
        }
        if was_killed {
            "interrupted".clone_into(&mut run.status);
            run.finished_at = Some(now());
            run.error = Some(format!("did not end; settled by run {id}"));
            run.put(&session.warehouse).await.map_err(failed)?;
        }
    }
    Ok(())
}

struct Calls<'a> {
    stage: &'a super::ui::Stage,
    left_out: Mutex<Vec<Outcome>>,
}

impl ApplyProgress for Calls<'_> {
    fn answered(&self, n_done: usize, n_planned: usize) {
        self.stage.progress(format_args!("{n_done} of {n_planned}"));
    }

    fn left_out(&self, outcomes: &[Outcome]) {
        let mut left_out = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
        left_out.extend_from_slice(outcomes);
    }
}
