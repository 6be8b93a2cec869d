//! The plan: desired state against live values, as a list of actions that leaves `apply` nothing
//! to decide.
//!
//! What each CRM is owed is decided in SQL (`models/4_sync/sync_changes.sql`). Here those rows
//! become actions, one for each record, are put in order, cut into calls, priced, and judged by
//! the guards. Everything in [`build_plan`] is pure: the same rows give the same plan, digest and
//! all. A plan is immutable; a changed mind is a new plan that names its parent.

mod file;
mod fit;
mod guard;
mod part;
mod price;
mod route;
mod rows;
mod show;
mod undo;

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::config::{FieldMap, FieldType};
use crate::crm::{CrmKind, WriteApi, WriteOperation};
use crate::digest::short_digest;
use crate::model::ModelError;
use crate::warehouse::WarehouseError;

pub use file::{latest_plan, read_actions, read_plan, register_latest, write_plan};
pub use fit::{fit, hold_carried};
pub use guard::{Guard, judge};
pub use part::{CANARY_RECORDS, canary, first};
pub use price::{Care, Price, price};
pub use route::{Route, RouteOption, choose_routes};
pub use rows::{Change, ChangeStatus, Parents, read_changes, read_parents};
pub use show::{quote, sentence, show};
pub use undo::{Selection, Undoing, Written, invert, lasting};

/// Format of `plans/<id>/plan.json`.
pub const PLAN_VERSION: u32 = 1;

#[derive(Debug, Error)]
pub enum PlanError {
    #[error("there is no build to plan from")]
    NoBuild,
    #[error("there is no plan `{id}`")]
    NoPlan { id: String },
    #[error("there is no plan yet")]
    NoPlanYet,
    #[error("two changes of one field: `{field}` of {object} `{record}`")]
    TwoChanges { object: String, record: String, field: String },
    #[error("a change names no target field: `{field}` of golden id `{golden_id}`")]
    NoTarget { golden_id: String, field: String },
    #[error("plan file is not of the expected shape: `{path}`: {message}")]
    Shape { path: String, message: String },
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    #[error("cannot read the build's tables")]
    DataFusion(#[from] datafusion::error::DataFusionError),
}

/// `plans/<id>/plan.json`: what the plan is and costs. The actions lie beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub version: u32,
    pub id: String,
    /// The plan that this one replaces; `None` when the one before was carried out.
    pub parent: Option<String>,
    /// What it undoes, where it is an undo.
    #[serde(default)]
    pub undoes: Option<Undoes>,
    /// RFC 3339.
    pub created_at: String,
    /// When the snapshots behind it were taken, RFC 3339; its age counts from here.
    pub as_of: String,
    /// SHA-256 over the actions, first 16 hex digits; what a person confirms.
    pub digest: String,
    pub build: String,
    pub snapshots: BTreeMap<String, String>,
    /// Connection → portal or org id that the plan was made for.
    pub accounts: BTreeMap<String, String>,
    pub field_map_digest: String,
    pub summary: Vec<Summary>,
    /// Counts of no-ops by reason.
    pub noops: BTreeMap<String, u64>,
    /// Counts of held-back changes by reason.
    pub held: BTreeMap<String, u64>,
    pub price: Vec<Price>,
    /// By which API each group of actions goes, and what the others would have cost.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// Guards that this plan trips; empty when it may go by itself.
    pub guards: Vec<Guard>,
    /// `object.field` that no applied plan has written before.
    pub first_time: Vec<String>,
}

/// The run that an undo is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undoes {
    pub run: String,
    /// Sentences that say what the run did and no write takes back.
    pub lasting: Vec<String>,
}

/// How many records of an object an operation touches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub system: CrmKind,
    pub object: String,
    pub operation: WriteOperation,
    pub records: u64,
    pub fields: u64,
    pub clears: u64,
}

/// One change to one record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Stable within the plan: `a-00000017`, in order.
    pub action_id: String,
    /// Calls run in this order; all actions of one call share it.
    pub call: u32,
    /// API by which the call goes.
    #[serde(default)]
    pub api: WriteApi,
    pub system: CrmKind,
    pub object: String,
    pub operation: WriteOperation,
    /// `None` for a create.
    pub record_id: Option<String>,
    /// Field and value that make a repeated create find its record.
    pub create_key: Option<(String, String)>,
    pub golden_id: String,
    /// Create that must have succeeded before.
    pub depends_on: Option<String>,
    pub changes: Vec<FieldChange>,
}

impl Action {
    /// Says whether a create in Salesforce brings its owner along. The others leave it to assignment
    /// rules, and a batch is of one kind.
    pub fn names_owner(&self) -> bool {
        self.system == CrmKind::Salesforce
            && self.operation == WriteOperation::Create
            && self
                .changes
                .iter()
                .any(|change| change.field_type == FieldType::Owner && change.after != After::Clear)
    }
}

/// One field of an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Name in the field map, or `(link)`, `(key)`; [`COMPANY`] for an association; `(record)` for a
    /// delete, whose `before` is the time of the record's last change.
    pub field: String,
    /// Vendor's name.
    pub target_field: String,
    /// Decides when the live value is still `before`, or already `after`. Keys and links are text.
    pub field_type: FieldType,
    /// Live value when planned, in wire form.
    pub before: Option<String>,
    pub after: After,
    pub rule: String,
}

/// Field of a change that associates a contact with its primary company. The target field is the
/// property in which HubSpot shows that company's id; it is read there, and written as an association.
pub const COMPANY: &str = "(company)";

impl FieldChange {
    /// Says whether the change is written as an association, and not as a value.
    pub fn is_association(&self) -> bool {
        self.field == COMPANY
    }
}

/// The value to write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum After {
    Value(String),
    Clear,
    /// The id that the CRM gives the record made by this action.
    RecordIdOf(String),
}

/// What a plan is made from, besides the changes.
#[derive(Clone, Debug)]
pub struct PlanInputs {
    pub id: String,
    /// The latest plan before, when nothing of it was carried out.
    pub parent: Option<String>,
    pub undoes: Option<Undoes>,
    pub created_at: String,
    pub as_of: String,
    pub build: String,
    pub snapshots: BTreeMap<String, String>,
    pub accounts: BTreeMap<String, String>,
    pub field_map_digest: String,
}

/// Turns changes into ordered actions; [`choose_routes`] gives each its call.
///
/// Creates come first, so that a new record's id is known before the other CRM is told; deletes come
/// last. Records of one parent stand together, so that what the CRM does side by side does not meet at
/// the parent's lock.
///
/// # Errors
/// When a change names no target field, or two changes meet in one field.
pub fn build_actions(
    changes: &[Change],
    parents: &Parents,
    field_map: &FieldMap,
) -> Result<Vec<Action>, PlanError> {
    type Key = (u8, String, String, String);
    let mut grouped: BTreeMap<Key, Vec<&Change>> = BTreeMap::new();
    for change in changes.iter().filter(|change| change.status == ChangeStatus::Action) {
        let rank = rank(change.target_system, change.operation);
        let record = change.target_id.clone().unwrap_or_default();
        let key = (rank, change.target_object.clone(), record, change.golden_id.clone());
        grouped.entry(key).or_default().push(change);
    }

    let mut actions = Vec::with_capacity(grouped.len());
    let mut creates: HashMap<String, String> = HashMap::new();
    // Creates that bring an owner come together, so that a batch holds one kind.
    let names_owner = |changes: &[&Change]| {
        changes.iter().any(|change| {
            change.operation == WriteOperation::Create
                && field_map.field_type(&change.entity, &change.field) == FieldType::Owner
        })
    };
    let parent = |object: &str, record: &str| {
        parents.get(&(object.to_owned(), record.to_owned())).cloned().unwrap_or_default()
    };
    let mut grouped: Vec<(Key, Vec<&Change>)> = grouped.into_iter().collect();
    // A stable sort: within a parent the order of ids holds.
    grouped.sort_by_cached_key(|((rank, object, record, _), changes)| {
        (*rank, object.clone(), names_owner(changes), parent(object, record))
    });
    for (number, (_, changes)) in grouped.into_iter().enumerate() {
        let action = action(number, &changes, &creates, field_map)?;
        if action.operation == WriteOperation::Create {
            creates.insert(action.golden_id.clone(), action.action_id.clone());
        }
        actions.push(action);
    }
    Ok(actions)
}

fn rank(system: CrmKind, operation: WriteOperation) -> u8 {
    match (system, operation) {
        (CrmKind::Salesforce, WriteOperation::Create) => 0,
        (CrmKind::HubSpot, WriteOperation::Create) => 1,
        (CrmKind::Salesforce, WriteOperation::Update | WriteOperation::Associate) => 2,
        (CrmKind::HubSpot, WriteOperation::Update) => 3,
        (CrmKind::HubSpot, WriteOperation::Associate) => 4,
        (CrmKind::Salesforce, WriteOperation::Delete) => 5,
        (CrmKind::HubSpot, WriteOperation::Delete) => 6,
    }
}

fn action(
    number: usize,
    changes: &[&Change],
    creates: &HashMap<String, String>,
    field_map: &FieldMap,
) -> Result<Action, PlanError> {
    let first = changes[0];
    let mut action = Action {
        action_id: format!("a-{:08}", number + 1),
        call: 0,
        api: WriteApi::Batch,
        system: first.target_system,
        object: first.target_object.clone(),
        operation: first.operation,
        record_id: first.target_id.clone(),
        create_key: None,
        golden_id: first.golden_id.clone(),
        depends_on: None,
        changes: Vec::with_capacity(changes.len()),
    };
    let mut sorted: Vec<&&Change> = changes.iter().collect();
    sorted.sort_by(|a, b| (&a.target_field, &a.field).cmp(&(&b.target_field, &b.field)));
    for change in sorted {
        let no_target = || PlanError::NoTarget {
            golden_id: change.golden_id.clone(),
            field: change.field.clone(),
        };
        let target_field = change.target_field.clone().ok_or_else(no_target)?;
        if change.field == "(key)" {
            let key = change.after.clone().ok_or_else(no_target)?;
            action.create_key = Some((target_field, key));
            continue;
        }
        if let Some(golden_id) = &change.depends_on {
            action.depends_on = Some(creates.get(golden_id).cloned().ok_or_else(no_target)?);
        }
        let after = match (&change.after_ref, &change.after) {
            (Some(golden_id), _) => {
                After::RecordIdOf(creates.get(golden_id).cloned().ok_or_else(no_target)?)
            }
            (None, Some(value)) => After::Value(value.clone()),
            (None, None) => After::Clear,
        };
        if action.changes.last().is_some_and(|last| last.target_field == target_field) {
            return Err(PlanError::TwoChanges {
                object: action.object,
                record: action.record_id.unwrap_or(action.golden_id),
                field: target_field,
            });
        }
        action.changes.push(FieldChange {
            field: change.field.clone(),
            target_field,
            field_type: field_map.field_type(&change.entity, &change.field),
            before: change.before.clone(),
            after,
            rule: change.rule.clone(),
        });
    }
    Ok(action)
}

/// What the actions of one batch have in common, in the order in which batches go.
type BatchKind = (u8, WriteApi, String, bool, Vec<String>);

fn batch_kind(action: &Action) -> BatchKind {
    let rank = rank(action.system, action.operation);
    let columns = match action.api {
        WriteApi::Batch => Vec::new(),
        WriteApi::Bulk => route::bulk_columns(action),
    };
    (rank, action.api, action.object.clone(), action.names_owner(), columns)
}

/// Gives every action the number of its call.
///
/// A call holds one operation. By the batch API a Salesforce call may hold several batches, each of
/// one object, and creates with and without an owner apart; a bulk call is one job.
fn cut_into_calls(actions: &mut [Action]) {
    let mut order: Vec<usize> = (0..actions.len()).collect();
    order.sort_by_cached_key(|place| batch_kind(&actions[*place]));
    let mut calls = vec![0; actions.len()];
    let mut call = 0;
    let mut open: Option<BatchKind> = None;
    let (mut batches, mut records, mut bytes) = (0, 0, 0);
    for place in order {
        let action = &actions[place];
        let kind = batch_kind(action);
        let same_call = open.as_ref().is_some_and(|open| (open.0, open.1) == (kind.0, kind.1));
        let size = route::bytes(action);
        let bulk = action.system.bulk_shape().filter(|_| action.api == WriteApi::Bulk);
        let (batches_max, is_room) = if let Some(shape) = bulk {
            (1, records < shape.records_per_job && bytes + size <= shape.bytes_per_job)
        } else {
            let shape = action.system.write_shape(action.operation);
            (shape.batches_per_call, records < shape.records_per_batch)
        };
        if open.as_ref() == Some(&kind) && is_room {
            records += 1;
            bytes += size;
        } else {
            let has_room = same_call && batches < batches_max;
            call += u32::from(!has_room);
            batches = if has_room { batches + 1 } else { 1 };
            (records, bytes) = (1, size);
        }
        calls[place] = call;
        open = Some(kind);
    }
    for (action, call) in actions.iter_mut().zip(calls) {
        action.call = call;
    }
}

/// Assembles the plan page from its parts.
pub fn build_plan(
    inputs: &PlanInputs,
    changes: &[Change],
    actions: &[Action],
    price: Vec<Price>,
    routes: Vec<Route>,
    guards: Vec<Guard>,
    written_before: &dyn Fn(&str, &str) -> bool,
) -> Plan {
    let count = |status: ChangeStatus| {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for change in changes.iter().filter(|change| change.status == status) {
            *counts.entry(change.reason_code.clone().unwrap_or_default()).or_default() += 1;
        }
        counts
    };
    let mut first_time: Vec<String> = actions
        .iter()
        .flat_map(|action| action.changes.iter().map(|c| (&action.object, &c.target_field)))
        .filter(|(object, field)| !written_before(object, field))
        .map(|(object, field)| format!("{object}.{field}"))
        .collect();
    first_time.sort_unstable();
    first_time.dedup();
    Plan {
        version: PLAN_VERSION,
        id: inputs.id.clone(),
        parent: inputs.parent.clone(),
        undoes: inputs.undoes.clone(),
        created_at: inputs.created_at.clone(),
        as_of: inputs.as_of.clone(),
        digest: digest(actions),
        build: inputs.build.clone(),
        snapshots: inputs.snapshots.clone(),
        accounts: inputs.accounts.clone(),
        field_map_digest: inputs.field_map_digest.clone(),
        summary: summarize(actions),
        noops: count(ChangeStatus::Noop),
        held: count(ChangeStatus::Held),
        price,
        routes,
        guards,
        first_time,
    }
}

/// Counts records, fields and clears by system, object and operation.
pub fn summarize(actions: &[Action]) -> Vec<Summary> {
    let mut summaries: BTreeMap<(CrmKind, &str, WriteOperation), Summary> = BTreeMap::new();
    for action in actions {
        let summary = summaries
            .entry((action.system, &action.object, action.operation))
            .or_insert_with(|| Summary {
                system: action.system,
                object: action.object.clone(),
                operation: action.operation,
                records: 0,
                fields: 0,
                clears: 0,
            });
        summary.records += 1;
        summary.fields += action.changes.len() as u64;
        summary.clears +=
            action.changes.iter().filter(|change| change.after == After::Clear).count() as u64;
    }
    summaries.into_values().collect()
}

/// First 16 hex digits of SHA-256 over the actions in order.
pub fn digest(actions: &[Action]) -> String {
    let lines: Vec<String> = actions
        .iter()
        .map(|action| {
            serde_json::to_string(action)
                .expect("an action holds only strings, numbers and lists, which JSON can hold")
        })
        .collect();
    short_digest(&lines.join("\n"))
}

#[cfg(test)]
mod tests;
