//! What a plan costs in API calls, and what is left of each allowance.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Action;
use crate::crm::{Allowance, CrmKind};

/// Calls that one CRM will see when the plan is applied and nothing fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    pub system: CrmKind,
    /// Calls that write.
    pub write_calls: u64,
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
    pub fn total(&self) -> u64 {
        self.write_calls + self.reread_calls + self.fixed_calls
    }
}

/// Object → how many records of a call are updated and how many created.
type RecordsByObject<'a> = BTreeMap<&'a str, (u64, u64)>;

/// Prices the actions for each CRM that they touch.
///
/// Cost model: a HubSpot batch call takes 100 records, a Salesforce composite 5 collections of 200;
/// either is one call. Reading again takes 100 (HubSpot) or 2,000 (Salesforce) records a call, or 500
/// keys of creates in Salesforce, and is done for each write call and object. Two fixed calls prove the account and its allowance.
pub fn price(
    actions: &[Action],
    is_reread: bool,
    allowances: &BTreeMap<CrmKind, Vec<Allowance>>,
) -> Vec<Price> {
    let mut prices: BTreeMap<CrmKind, Price> = BTreeMap::new();
    let mut calls: BTreeMap<(CrmKind, u32), RecordsByObject<'_>> = BTreeMap::new();
    for action in actions {
        let daily = allowances
            .get(&action.system)
            .and_then(|list| list.iter().find(|allowance| allowance.name == Allowance::DAILY));
        let price = prices.entry(action.system).or_insert_with(|| Price {
            system: action.system,
            write_calls: 0,
            reread_calls: 0,
            fixed_calls: 2,
            one_by_one_calls: 0,
            daily_left: daily.map(|allowance| allowance.remaining),
            daily_max: daily.map(|allowance| allowance.max),
        });
        price.one_by_one_calls += 1;
        let objects = calls.entry((action.system, action.call)).or_default();
        let (updates, creates) = objects.entry(&action.object).or_default();
        match action.record_id {
            Some(_) => *updates += 1,
            None => *creates += 1,
        }
    }
    for ((system, _), objects) in calls {
        let Some(price) = prices.get_mut(&system) else { continue };
        price.write_calls += 1;
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
