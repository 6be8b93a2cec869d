//! What a plan costs in API calls, and what is left of each allowance.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::part::{CANARY_RECORDS, canary};
use super::{Action, WriteOperation};
use crate::crm::{Allowance, CrmKind, WriteApi};

/// How carefully a plan is going to be carried out, as far as it costs calls.
#[derive(Clone, Copy, Debug)]
pub struct Care<'a> {
    /// Reads each record again just before writing it.
    pub is_reread: bool,
    /// Objects of which a canary goes first.
    pub canary: &'a BTreeSet<String>,
}

/// Calls that one CRM will see when the plan is applied and nothing fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    pub system: CrmKind,
    /// Calls that write, and those that fetch the results of jobs.
    pub write_calls: u64,
    /// Most further calls that asynchronous jobs make: asking where they stand, and fetching what
    /// failed.
    #[serde(default)]
    pub job_calls_max: u64,
    /// How many of those are usual.
    #[serde(default)]
    pub job_calls_usual: u64,
    /// Calls that read each record again just before writing it.
    pub reread_calls: u64,
    /// What canaries add: their records go in calls of their own, and are looked at afterwards.
    #[serde(default)]
    pub canary_calls: u64,
    /// Most calls that prove the account before the first write: the account itself, and a token
    /// unless one still serves.
    pub fixed_calls: u64,
    /// The same writes one record a call, as most connectors make them.
    pub one_by_one_calls: u64,
    /// What was left of the daily allowance when the plan was made; `None` where not asked.
    pub daily_left: Option<u64>,
    pub daily_max: Option<u64>,
}

impl Price {
    /// Returns the calls when nothing fails, without those of [`Price::job_calls_max`].
    pub fn total(&self) -> u64 {
        self.write_calls + self.reread_calls + self.canary_calls + self.fixed_calls
    }

    /// Returns the calls that are usual when nothing fails. A job that is asked more often and finds
    /// the budget spent is asked again another night.
    pub fn usual(&self) -> u64 {
        self.total() + self.job_calls_usual
    }
}

/// Object → how many records of a call are updated and how many created.
type RecordsByObject<'a> = BTreeMap<&'a str, (u64, u64)>;

/// Calls to one CRM that carry out some actions.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    write: u64,
    reread: u64,
    job_max: u64,
    job_usual: u64,
}

/// Prices the actions for each CRM that they touch.
///
/// Every batch call of the plan is one call, every job what [`crate::crm::BulkShape`] says. Reading
/// again takes 100 (HubSpot) or 10,000 (Salesforce) records a call, or 100 or 500 keys of creates, and
/// is done for each call of the plan and object. Two fixed calls at most prove the account.
///
/// Chosen: to read every record by id again, also before HubSpot imports, where it costs far more calls
/// than the import itself. Instead of: one export that holds them all, because an export shows the
/// records as they were some time before it was there, and a search for what changed since lags behind
/// as well; what an automation wrote in that time would be taken for unchanged and overwritten.
pub fn price(
    actions: &[Action],
    care: Care<'_>,
    allowances: &BTreeMap<CrmKind, Vec<Allowance>>,
) -> Vec<Price> {
    let mut prices: BTreeMap<CrmKind, Price> = BTreeMap::new();
    for (system, spent) in spent(actions.iter(), care.is_reread) {
        let daily = allowances
            .get(&system)
            .and_then(|list| list.iter().find(|allowance| allowance.name == Allowance::DAILY));
        let one_by_one = actions.iter().filter(|action| action.system == system).count();
        let price = Price {
            system,
            write_calls: spent.write,
            job_calls_max: spent.job_max,
            job_calls_usual: spent.job_usual,
            reread_calls: spent.reread,
            canary_calls: 0,
            fixed_calls: 2,
            one_by_one_calls: one_by_one as u64,
            daily_left: daily.map(|allowance| allowance.remaining),
            daily_max: daily.map(|allowance| allowance.max),
        };
        prices.insert(system, price);
    }
    add_canaries(&mut prices, actions, care);
    prices.into_values().collect()
}

/// Adds what it costs to cut the canaries off from the calls that the plan has for them, and to look at
/// them once they were written.
fn add_canaries(prices: &mut BTreeMap<CrmKind, Price>, actions: &[Action], care: Care<'_>) {
    let ids = canary(actions, care.canary, CANARY_RECORDS);
    if ids.is_empty() {
        return;
    }
    let (first, rest): (Vec<&Action>, Vec<&Action>) =
        actions.iter().partition(|action| ids.contains(&action.action_id));
    let mut looked_at: BTreeMap<(CrmKind, &str), u64> = BTreeMap::new();
    for action in first.iter().filter(|action| action.operation != WriteOperation::Delete) {
        *looked_at.entry((action.system, &action.object)).or_default() += 1;
    }
    let apart = [spent(first.into_iter(), care.is_reread), spent(rest.into_iter(), care.is_reread)];
    for price in prices.values_mut() {
        let parts = apart.iter().filter_map(|part| part.get(&price.system));
        let (mut calls, mut job_max, mut job_usual) = (0, 0, 0);
        for part in parts {
            calls += part.write + part.reread;
            job_max += part.job_max;
            job_usual += part.job_usual;
        }
        let per_read = price.system.records_per_read() as u64;
        let looks = looked_at.iter().filter(|((system, _), _)| *system == price.system);
        let looks: u64 = looks.map(|(_, records)| records.div_ceil(per_read)).sum();
        price.canary_calls = calls - (price.write_calls + price.reread_calls) + looks;
        (price.job_calls_max, price.job_calls_usual) = (job_max, job_usual);
    }
}

/// Counts the calls that carry out actions, in the calls of the plan to which they belong.
fn spent<'a>(
    actions: impl Iterator<Item = &'a Action>,
    is_reread: bool,
) -> BTreeMap<CrmKind, Spent> {
    let mut calls: BTreeMap<(CrmKind, u32, WriteApi), RecordsByObject<'_>> = BTreeMap::new();
    for action in actions {
        let objects = calls.entry((action.system, action.call, action.api)).or_default();
        let (updates, creates) = objects.entry(&action.object).or_default();
        match action.record_id {
            Some(_) => *updates += 1,
            None => *creates += 1,
        }
    }
    let mut by_system: BTreeMap<CrmKind, Spent> = BTreeMap::new();
    for ((system, _, api), objects) in calls {
        let spent = by_system.entry(system).or_default();
        match system.bulk_shape().filter(|_| api == WriteApi::Bulk) {
            Some(shape) => {
                spent.write += shape.data_calls;
                spent.job_max += shape.further_calls_max();
                spent.job_usual += shape.polls_usual;
            }
            None => spent.write += 1,
        }
        if is_reread {
            let by_id = system.records_per_read() as u64;
            let by_key = system.records_per_key_read() as u64;
            spent.reread += objects
                .values()
                .map(|(updates, creates)| updates.div_ceil(by_id) + creates.div_ceil(by_key))
                .sum::<u64>();
        }
    }
    by_system
}
