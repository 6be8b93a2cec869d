//! By which of a CRM's APIs actions go: the one that takes the fewest calls.
//!
//! Cost model, in calls that carry data or results:
//!
//! | API | calls for n records of one object and operation |
//! |---|---|
//! | HubSpot batch | n / 100, associations n / 2,000 |
//! | Salesforce composite of five collections | n / 1,000 |
//! | HubSpot import | 2 a job, and about 16 times asking where it and its export stand |
//! | Salesforce bulk job | 4 a job, and about 8 times asking where it stands |
//!
//! Where records are read again before they are written, each API's reading is in its calls: a call of
//! HubSpot's reads 100 whichever way they then go, one of Salesforce's 10,000, of which a composite
//! that writes 1,000 has a tenth of a use and a job the whole.
//!
//! A Salesforce job takes what its rows can say: nothing that leaves the owner to assignment rules,
//! which a job runs for all of its rows or for none, and no value that would read as "clear this
//! field". A HubSpot import takes updates that fill the same properties, so that no cell is blank, and
//! of types whose reading is documented: no owners, no times.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Action, After, FieldChange, cut_into_calls};
use crate::config::{FieldType, WriteRoute};
use crate::crm::salesforce::BULK_NULL;
use crate::crm::{BulkShape, CrmKind, WriteApi, WriteOperation};

/// How the actions of one object and operation go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    pub system: CrmKind,
    pub object: String,
    pub operation: WriteOperation,
    pub records: u64,
    /// API of all records that it can carry.
    pub api: WriteApi,
    pub options: Vec<RouteOption>,
}

/// One way in which the records of a [`Route`] could go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteOption {
    pub api: WriteApi,
    /// Records that this API can carry.
    pub records: u64,
    /// Calls for those records on their own, usual asking and reading again included.
    pub calls: u64,
}

/// Gives every action its API and its call, and says what was chosen from.
pub fn choose_routes(actions: &mut [Action], wanted: WriteRoute, is_reread: bool) -> Vec<Route> {
    let mut groups: BTreeMap<(CrmKind, String, WriteOperation), Vec<usize>> = BTreeMap::new();
    for (place, action) in actions.iter().enumerate() {
        let group = (action.system, action.object.clone(), action.operation);
        groups.entry(group).or_default().push(place);
    }
    let mut routes = Vec::with_capacity(groups.len());
    for ((system, object, operation), places) in groups {
        let records = places.len() as u64;
        let calls = batch_calls(system, operation, places.len(), is_reread);
        let mut options = vec![RouteOption { api: WriteApi::Batch, records, calls }];
        let mut api = WriteApi::Batch;
        if let Some(bulk) = system.bulk_shape() {
            let mut option = RouteOption { api: WriteApi::Bulk, records: 0, calls: 0 };
            for fit in bulk_groups(actions, &places).into_values() {
                let jobs = jobs(bulk, fit.iter().map(|place| &actions[*place]));
                let mut calls = jobs.len() as u64 * (bulk.data_calls + bulk.polls_usual);
                if is_reread {
                    calls += jobs.iter().map(|n| reading_calls(system, operation, *n)).sum::<u64>();
                }
                option.records += fit.len() as u64;
                option.calls += calls;
                let by_batch = batch_calls(system, operation, fit.len(), is_reread);
                let is_chosen = match wanted {
                    WriteRoute::Cheapest => calls < by_batch,
                    WriteRoute::Batch => false,
                    WriteRoute::Bulk => true,
                };
                if is_chosen {
                    api = WriteApi::Bulk;
                    for place in fit {
                        actions[place].api = WriteApi::Bulk;
                    }
                }
            }
            options.push(option);
        }
        routes.push(Route { system, object, operation, records, api, options });
    }
    cut_into_calls(actions);
    routes
}

/// Returns the calls that write `n` records of one object and operation by the batch API.
fn batch_calls(system: CrmKind, operation: WriteOperation, n: usize, is_reread: bool) -> u64 {
    let per_call = system.write_shape(operation).records_per_call();
    let full = (n / per_call) as u64;
    let rest = n % per_call;
    let writing = full + u64::from(rest > 0);
    if !is_reread {
        return writing;
    }
    writing
        + full * reading_calls(system, operation, per_call)
        + reading_calls(system, operation, rest)
}

/// Returns the calls that read `n` records of one call again before it is sent.
fn reading_calls(system: CrmKind, operation: WriteOperation, n: usize) -> u64 {
    let per_call = match operation {
        WriteOperation::Create => system.records_per_key_read(),
        _ => system.records_per_read(),
    };
    n.div_ceil(per_call) as u64
}

/// Groups the actions that jobs can carry by what has to be alike within one job.
fn bulk_groups(actions: &[Action], places: &[usize]) -> BTreeMap<Vec<String>, Vec<usize>> {
    let mut groups: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
    for place in places {
        if is_bulk_row(&actions[*place]) {
            groups.entry(bulk_columns(&actions[*place])).or_default().push(*place);
        }
    }
    groups
}

/// Lists the columns that all rows of a job must fill; a Salesforce row may leave any blank.
pub(super) fn bulk_columns(action: &Action) -> Vec<String> {
    match action.system {
        CrmKind::HubSpot => action.changes.iter().map(|c| c.target_field.clone()).collect(),
        CrmKind::Salesforce => Vec::new(),
    }
}

/// Says whether a row of a job can say what an action does.
fn is_bulk_row(action: &Action) -> bool {
    let mut changes = action.changes.iter();
    match action.system {
        CrmKind::HubSpot => {
            let is_read_loosely = |change: &FieldChange| {
                change.after == After::Clear
                    || matches!(change.field_type, FieldType::Owner | FieldType::Datetime)
            };
            action.operation == WriteOperation::Update && !changes.any(is_read_loosely)
        }
        CrmKind::Salesforce => {
            let is_writable = match action.operation {
                WriteOperation::Create => action.names_owner(),
                WriteOperation::Update => true,
                WriteOperation::Associate | WriteOperation::Delete => false,
            };
            let is_misread = |change: &FieldChange| match &change.after {
                After::Value(value) => value == BULK_NULL || value.contains('\0'),
                After::Clear | After::RecordIdOf(_) => false,
            };
            is_writable && !changes.any(is_misread)
        }
    }
}

/// Returns how many records go with each of the jobs that they need.
fn jobs<'a>(shape: BulkShape, actions: impl Iterator<Item = &'a Action>) -> Vec<usize> {
    let mut jobs: Vec<usize> = Vec::new();
    let mut size = 0;
    for action in actions {
        let more = bytes(action);
        match jobs.last_mut() {
            Some(records)
                if *records < shape.records_per_job && size + more <= shape.bytes_per_job =>
            {
                *records += 1;
                size += more;
            }
            _ => {
                jobs.push(1);
                size = more;
            }
        }
    }
    jobs
}

/// Bytes that an id and the quotes and separator of one cell take.
const CELL_BYTES: usize = 24;

/// Returns the bytes that an action takes in a job, or more: quotes inside values are doubled.
pub(super) fn bytes(action: &Action) -> usize {
    let size = |after: &After| match after {
        After::Value(value) => 2 * value.len(),
        After::Clear | After::RecordIdOf(_) => CELL_BYTES,
    };
    let cells: usize = action.changes.iter().map(|change| CELL_BYTES + size(&change.after)).sum();
    CELL_BYTES + cells
}
