//! Guards: past a set share of an object, a plan does not go by itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Summary;
use crate::config::Guardrails;
use crate::crm::{CrmKind, WriteOperation};

/// A limit that the plan passes, and what would let it through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guard {
    pub system: CrmKind,
    pub object: String,
    /// `creates`, `updates`, `deletes` or `clears`: also the word after `--allow`.
    pub what: String,
    pub records: u64,
    /// Live records of the object.
    pub live: u64,
    pub share_max: f64,
}

/// Lists the guards that the summary trips. `live` is the number of live records by object.
pub fn judge(
    summary: &[Summary],
    live: &BTreeMap<(CrmKind, String), u64>,
    rails: &Guardrails,
) -> Vec<Guard> {
    let mut guards = Vec::new();
    for line in summary {
        let live = live.get(&(line.system, line.object.clone())).copied().unwrap_or(0);
        let (what, share_max) = match line.operation {
            WriteOperation::Create => ("creates", rails.creates_share_max),
            WriteOperation::Update | WriteOperation::Associate => {
                ("updates", rails.updates_share_max)
            }
            WriteOperation::Delete => ("deletes", rails.deletes_share_max),
        };
        let checks =
            [(what, line.records, share_max), ("clears", line.clears, rails.clears_share_max)];
        for (what, records, share_max) in checks {
            if records > rails.floor && is_past(records, live, share_max) {
                guards.push(Guard {
                    system: line.system,
                    object: line.object.clone(),
                    what: what.to_owned(),
                    records,
                    live,
                    share_max,
                });
            }
        }
    }
    guards
}

#[expect(clippy::cast_precision_loss, reason = "counts of records stay far below 2^52")]
fn is_past(records: u64, live: u64, share_max: f64) -> bool {
    records as f64 > live as f64 * share_max
}
