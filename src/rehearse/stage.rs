//! One rehearsal: the copy, the plan carried out on it, and a look at what it left.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::{Calls, Cause, Differing, Rehearsal, RehearseError, Reject};
use crate::apply::{self, ApplyOptions, ApplyProgress, Outcome, Status, read_live};
use crate::crm::refusal::reason;
use crate::crm::transport::TransportOptions;
use crate::crm::{CallCounts, Crm, CrmError, CrmKind, Record, Sensitive, hubspot, salesforce};
use crate::golden::is_same_value;
use crate::plan::{Action, After, FieldChange, Plan, Price};
use crate::sandbox::mirror::{Rules, Source, write_world};
use crate::sandbox::{Running, Sandbox};
use crate::snapshot::Manifest;
use crate::warehouse::{Lease, Warehouse};

/// How a plan is rehearsed.
pub struct RehearseOptions<'a> {
    /// Empty directory for the copy and what applying leaves.
    pub scratch: &'a Path,
    /// API version by CRM.
    pub versions: &'a BTreeMap<CrmKind, String>,
    /// What the CRMs do beside what their metadata says.
    pub rules: &'a Rules,
    /// As the plan would be applied.
    pub is_reread: bool,
    /// Set to stop after the call in flight.
    pub stop: &'a AtomicBool,
}

/// Carries out `plan` on a copy of the CRMs as its snapshots have them.
///
/// Nothing of `warehouse` is written, and no CRM is reached.
///
/// # Errors
/// When a snapshot of the plan is gone or cannot be copied, or the sandbox fails.
pub async fn rehearse(
    warehouse: &Warehouse,
    plan: &Plan,
    actions: &[Action],
    options: &RehearseOptions<'_>,
    progress: &dyn ApplyProgress,
) -> Result<Rehearsal, RehearseError> {
    let source = Source::of(manifests(warehouse, plan).await?)?;
    let world = options.scratch.join("world");
    write_world(warehouse, &source, options.rules, &world).await?;
    let sandbox = Sandbox::open(&world, Some(&options.scratch.join("crm")))?;
    let running = sandbox.serve().await?;
    let crms = clients(&sandbox, &running, options.versions)?;
    let crms: BTreeMap<CrmKind, &dyn Crm> =
        crms.iter().map(|(kind, crm)| (*kind, &**crm)).collect();

    let scratch = Warehouse::open("file://./warehouse", options.scratch)?;
    let lease = Lease::take(&scratch, "rehearsal").await?;
    let now = || sandbox.clock().now().to_string();
    let apply_options = ApplyOptions {
        run: &plan.id,
        is_reread: options.is_reread,
        known: &[],
        only: None,
        stop: options.stop,
        now: &now,
    };
    for price in &plan.price {
        // Applying proves the account before it writes.
        if let Some(crm) = crms.get(&price.system) {
            crm.account().await?;
        }
    }
    let applied = apply::apply(actions, &crms, &scratch, &lease, &apply_options, progress).await;
    let (outcomes, summary) = applied?;
    let calls = calls(plan, &crms);
    let outcomes: HashMap<&str, &Outcome> =
        outcomes.iter().map(|outcome| (outcome.action_id.as_str(), outcome)).collect();
    let live = live_after(actions, &outcomes, &crms).await?;
    running.shutdown().await;
    Ok(Rehearsal {
        plan: plan.id.clone(),
        digest: plan.digest.clone(),
        as_of: plan.as_of.clone(),
        summary,
        rejects: rejects(actions, &outcomes),
        calls,
        differing: differing(actions, &outcomes, &live),
    })
}

async fn manifests(warehouse: &Warehouse, plan: &Plan) -> Result<Vec<Manifest>, RehearseError> {
    let mut manifests = Vec::with_capacity(plan.snapshots.len());
    for (connection, snapshot_id) in &plan.snapshots {
        let manifest = warehouse.get_json(&Manifest::path(connection, snapshot_id)).await?;
        manifests.push(manifest.ok_or_else(|| RehearseError::SnapshotGone {
            connection: connection.clone(),
            snapshot_id: snapshot_id.clone(),
        })?);
    }
    Ok(manifests)
}

fn clients(
    sandbox: &Sandbox,
    running: &Running,
    versions: &BTreeMap<CrmKind, String>,
) -> Result<BTreeMap<CrmKind, Arc<dyn Crm>>, CrmError> {
    let world = sandbox.world();
    let version =
        |kind, default: &str| versions.get(&kind).cloned().unwrap_or_else(|| default.to_owned());
    let portal = hubspot::Config {
        base_url: running.hubspot_url.clone(),
        credentials: hubspot::Credentials::Token(Sensitive::new(world.hubspot.token.clone())),
        version: version(CrmKind::HubSpot, hubspot::VERSION_DEFAULT),
    };
    let org = salesforce::Config {
        instance_url: running.salesforce_url.clone(),
        credentials: salesforce::Credentials::Client {
            client_id: Sensitive::new(world.salesforce.client_id.clone()),
            client_secret: Sensitive::new(world.salesforce.client_secret.clone()),
        },
        version: version(CrmKind::Salesforce, salesforce::VERSION_DEFAULT),
    };
    // The sandbox's clock stands still, so there no second ever ends.
    let transport =
        || TransportOptions { keeps_known_limits: false, ..TransportOptions::default() };
    let portal: Arc<dyn Crm> = Arc::new(hubspot::HubSpot::new(portal, transport())?);
    let org: Arc<dyn Crm> = Arc::new(salesforce::Salesforce::new(org, transport())?);
    Ok(BTreeMap::from([(CrmKind::HubSpot, portal), (CrmKind::Salesforce, org)]))
}

fn calls(plan: &Plan, crms: &BTreeMap<CrmKind, &dyn Crm>) -> Vec<Calls> {
    let of_price = |price: &Price| {
        let spent = crms.get(&price.system).map_or(CallCounts::default(), |crm| crm.calls());
        Calls {
            system: price.system,
            data: spent.write + spent.read,
            data_planned: price.write_calls + price.reread_calls,
            fixed: spent.fixed,
            fixed_planned: price.fixed_calls,
            job_calls_max: price.job_calls_max,
            retries: spent.retry,
        }
    };
    plan.price.iter().map(of_price).collect()
}

fn rejects(actions: &[Action], outcomes: &HashMap<&str, &Outcome>) -> Vec<Reject> {
    actions
        .iter()
        .filter_map(|action| {
            let outcome = outcomes.get(action.action_id.as_str())?;
            let code = outcome.code.clone().unwrap_or_default();
            (outcome.status == Status::Rejected).then(|| Reject {
                action_id: action.action_id.clone(),
                system: action.system,
                object: action.object.clone(),
                operation: action.operation,
                record_id: action.record_id.clone(),
                golden_id: action.golden_id.clone(),
                field: outcome.field.clone(),
                reason: reason(&code, outcome.message.as_deref().unwrap_or_default()),
                code,
            })
        })
        .collect()
}

type Live = HashMap<(String, String), Record>;

/// Reads what the CRMs hold now of the records that took a write, made ones included.
async fn live_after(
    actions: &[Action],
    outcomes: &HashMap<&str, &Outcome>,
    crms: &BTreeMap<CrmKind, &dyn Crm>,
) -> Result<Live, CrmError> {
    let mut live = Live::new();
    for (kind, crm) in crms {
        let written: Vec<Action> = actions
            .iter()
            .filter(|action| action.system == *kind)
            .filter_map(|action| {
                let outcome = outcomes.get(action.action_id.as_str())?;
                let is_written = matches!(outcome.status, Status::Accepted | Status::Already);
                let record_id = outcome.record_id.clone().filter(|_| is_written)?;
                Some(Action { record_id: Some(record_id), ..action.clone() })
            })
            .collect();
        live.extend(read_live(*crm, &written).await?);
    }
    Ok(live)
}

fn differing(
    actions: &[Action],
    outcomes: &HashMap<&str, &Outcome>,
    live: &Live,
) -> Vec<Differing> {
    let mut differing = Vec::new();
    for action in actions {
        let outcome = outcomes.get(action.action_id.as_str());
        let record_id = outcome
            .and_then(|outcome| outcome.record_id.clone())
            .or_else(|| action.record_id.clone());
        let all = || action.changes.iter().map(|change| change.target_field.clone()).collect();
        let (cause, fields): (Cause, Vec<String>) = match outcome.map(|outcome| outcome.status) {
            Some(Status::Rejected) => (Cause::Rejected, all()),
            Some(Status::Skipped) => (Cause::Skipped, all()),
            Some(Status::Drift) => (Cause::Drift, all()),
            None | Some(Status::Unknown) => (Cause::Left, all()),
            Some(Status::Accepted | Status::Already) => {
                let key = (action.object.clone(), record_id.clone().unwrap_or_default());
                let record = live.get(&key);
                let differs = |change: &&FieldChange| !holds(record, change, outcomes);
                let changes = action.changes.iter().filter(differs);
                let fields = changes.map(|change| change.target_field.clone()).collect();
                (Cause::StoredOtherwise, fields)
            }
        };
        if !fields.is_empty() {
            differing.push(Differing {
                action_id: action.action_id.clone(),
                system: action.system,
                object: action.object.clone(),
                record_id,
                golden_id: action.golden_id.clone(),
                cause,
                fields,
            });
        }
    }
    differing
}

fn holds(
    record: Option<&Record>,
    change: &FieldChange,
    outcomes: &HashMap<&str, &Outcome>,
) -> bool {
    let Some(record) = record else { return false };
    let live = record.values.get(&change.target_field).and_then(Option::as_deref);
    let after = match &change.after {
        After::Value(value) => Some(value.as_str()),
        After::Clear => None,
        After::RecordIdOf(create) => {
            outcomes.get(create.as_str()).and_then(|outcome| outcome.record_id.as_deref())
        }
    };
    is_same_value(change.field_type, live, after)
}
