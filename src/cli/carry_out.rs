//! The apply stage as commands run it: what refuses a plan, carrying it out, and settling what an
//! earlier run left open.

use super::session::{Session, failed};
use super::stages::{Watch, crm_error};
use super::{CliError, ExitCode, Ui};
use crate::apply::{
    self, ApplyError, ApplyOptions, ApplyProgress, ApplySummary, Journal, Outcome, Status,
    write_outcomes,
};
use crate::config::Access;
use crate::crm::CrmKind;
use crate::plan::{Action, Plan};
use crate::state::{Verdict, decisions};
use crate::warehouse::Lease;
use crate::warehouse::run_log::{self, StageRecord};

/// Verifies that a plan may be carried out now: age, field map, holds, accounts, access.
async fn verify(session: &Session, plan: &Plan, actions: &[Action]) -> Result<(), CliError> {
    let refuse = |error: ApplyError, hint: &str| {
        Err(CliError::stage(error, ExitCode::Refused, vec![hint.to_owned()]))
    };
    let again =
        "plan again from a fresh snapshot:\n    concord pull && concord build && concord plan";
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

/// Carries out a plan under the run's id and writes its outcomes.
pub async fn apply(
    session: &Session,
    ui: &Ui,
    run: &str,
    lease: &Lease,
    plan: &Plan,
    actions: &[Action],
) -> Result<(Vec<Outcome>, ApplySummary, StageRecord), CliError> {
    let watch = Watch::start();
    let stage = ui.stage("apply");
    session.requests.begin_stage("apply").await.map_err(failed)?;
    let before: u64 = session.crms().values().map(|crm| crm.calls().total()).sum();
    verify(session, plan, actions).await?;
    let now = || session.now().to_string();
    let options = ApplyOptions {
        run,
        is_reread: session.project.apply.reread,
        stop: &session.stop,
        patience: session.patience(),
        now: &now,
    };
    let applied =
        apply::apply(actions, &session.crms(), &session.warehouse, lease, &options, &Calls(&stage))
            .await;
    let (outcomes, summary) = match applied {
        Ok(applied) => applied,
        Err(error) => {
            // What was answered before the error is as true as the rest.
            let (_, records) = Journal::open(&session.warehouse, run).await.map_err(failed)?;
            let answered: Vec<Outcome> =
                records.into_iter().flat_map(|record| record.answered.outcomes).collect();
            write_outcomes(&session.warehouse, run, &plan.id, actions, &answered)
                .await
                .map_err(failed)?;
            let hint = format!("nothing is lost; go on with\n    concord apply {}", plan.id);
            return Err(CliError::stage(error, ExitCode::Failed, vec![hint]));
        }
    };
    write_outcomes(&session.warehouse, run, &plan.id, actions, &outcomes).await.map_err(failed)?;
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
    if summary.is_interrupted {
        ui.hint(format_args!("go on where it stopped with\n    concord apply {}", plan.id));
    }
    Ok((outcomes, summary, record))
}

/// Settles what earlier runs that were killed, failed or lost an answer left open in their journals,
/// by reading back, and writes down what came of it. Nothing is sent.
pub async fn recover(session: &Session, ui: &Ui, lease: &Lease, id: &str) -> Result<(), CliError> {
    let now = || session.now().to_string();
    session.requests.begin_stage("recover").await.map_err(failed)?;
    for mut run in run_log::read_all(&session.warehouse).await.map_err(failed)? {
        let is_over = matches!(run.status.as_str(), "done" | "waiting" | "refused");
        if is_over || run.id.as_str() >= id {
            continue;
        }
        let (_, records) = Journal::open(&session.warehouse, &run.id).await.map_err(failed)?;
        let is_open = records.iter().any(|record| !record.open_actions().is_empty());
        let was_killed = run.finished_at.is_none();
        if is_open || (was_killed && !records.is_empty()) {
            let options = ApplyOptions {
                run: &run.id,
                is_reread: session.project.apply.reread,
                stop: &session.stop,
                patience: session.patience(),
                now: &now,
            };
            let recovered =
                apply::recover(&session.crms(), &session.warehouse, lease, &options).await;
            let (actions, outcomes) = recovered.map_err(failed)?;
            let plan = run.plan.clone().unwrap_or_default();
            write_outcomes(&session.warehouse, &run.id, &plan, &actions, &outcomes)
                .await
                .map_err(failed)?;
            ui.note(format_args!(
                "run `{}` had not ended: {} of its {} begun actions are done",
                run.id,
                outcomes.iter().filter(|outcome| outcome.status == Status::Accepted).count(),
                actions.len()
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

struct Calls<'a>(&'a super::ui::Stage);

impl ApplyProgress for Calls<'_> {
    fn answered(&self, n_done: usize, n_planned: usize) {
        self.0.progress(format_args!("{n_done} of {n_planned}"));
    }
}
