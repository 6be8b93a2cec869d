//! What a plan costs in API calls, and what is left of each allowance.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Action;
use crate::crm::{Allowance, CrmKind, WriteApi};

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
    /// Proof of the account before the first write.
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
        self.write_calls + self.reread_calls + self.fixed_calls
    }

    /// Returns the calls that are usual when nothing fails. A job that is asked more often and finds
    /// the budget spent is asked again another night.
    pub fn usual(&self) -> u64 {
        self.total() + self.job_calls_usual
    }
}

/// Object → how many records of a call are updated and how many created.
type RecordsByObject<'a> = BTreeMap<&'a str, (u64, u64)>;

/// Prices the actions for each CRM that they touch.
///
/// Every batch call of the plan is one call, every job what [`crate::crm::BulkShape`] says. Reading
/// again takes 100 (HubSpot) or 10,000 (Salesforce) records a call, or 100 or 500 keys of creates, and
/// is done for each call of the plan and object. Two fixed calls prove the account and its allowance.
///
/// Chosen: to read every record by id again, also before HubSpot imports, where it costs far more calls
/// than the import itself. Instead of: one export that holds them all, because an export shows the
/// records as they were some time before it was there, and a search for what changed since lags behind
/// as well; what an automation wrote in that time would be taken for unchanged and overwritten.
pub fn price(
    actions: &[Action],
    is_reread: bool,
    allowances: &BTreeMap<CrmKind, Vec<Allowance>>,
) -> Vec<Price> {
    let mut prices: BTreeMap<CrmKind, Price> = BTreeMap::new();
    let mut calls: BTreeMap<(CrmKind, u32, WriteApi), RecordsByObject<'_>> = BTreeMap::new();
    for action in actions {
        let daily = allowances
            .get(&action.system)
            .and_then(|list| list.iter().find(|allowance| allowance.name == Allowance::DAILY));
        let price = prices.entry(action.system).or_insert_with(|| Price {
            system: action.system,
            write_calls: 0,
            job_calls_max: 0,
            job_calls_usual: 0,
            reread_calls: 0,
            fixed_calls: 2,
            one_by_one_calls: 0,
            daily_left: daily.map(|allowance| allowance.remaining),
            daily_max: daily.map(|allowance| allowance.max),
        });
        price.one_by_one_calls += 1;
        let objects = calls.entry((action.system, action.call, action.api)).or_default();
        let (updates, creates) = objects.entry(&action.object).or_default();
        match action.record_id {
            Some(_) => *updates += 1,
            None => *creates += 1,
        }
    }
    for ((system, _, api), objects) in calls {
        let Some(price) = prices.get_mut(&system) else { continue };
        match system.bulk_shape().filter(|_| api == WriteApi::Bulk) {
            Some(shape) => {
                price.write_calls += shape.data_calls;
                price.job_calls_max += shape.further_calls_max();
                price.job_calls_usual += shape.polls_usual;
            }
            None => price.write_calls += 1,
        }
        if is_reread {
            let by_id = system.records_per_read() as u64;
            let by_key = system.records_per_key_read() as u64;
            price.reread_calls += objects
                .values()
                .map(|(updates, creates)| updates.div_ceil(by_id) + creates.div_ceil(by_key))
                .sum::<u64>();
        }
    }
    prices.into_values().collect()
}
