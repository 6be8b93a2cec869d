//! What is left of the org's allowances, and how many records it has.

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::call::Call;
use super::errors::Fault;
use super::org::Org;

/// Allowances that the sandbox never draws on.
const UNTOUCHED: [(&str, u64); 9] = [
    ("DailyAsyncApexExecutions", 250_000),
    ("DailyBulkApiBatches", 15_000),
    ("DailyBulkV2QueryFileStorageMB", 976_562),
    ("DailyBulkV2QueryJobs", 10_000),
    ("DailyDeliveredPlatformEvents", 10_000),
    ("DailyStreamingApiEvents", 10_000),
    ("DataStorageMB", 10_240),
    ("FileStorageMB", 10_240),
    ("MassEmail", 5_000),
];

/// Answers `GET limits`.
pub fn all(org: &Org<'_>) -> Answer {
    let mut limits = Map::new();
    let max = org.world.daily_calls_max;
    let remaining = max.saturating_sub(org.calls_used);
    limits.insert("DailyApiRequests".to_owned(), json!({"Max": max, "Remaining": remaining}));
    for (name, max) in UNTOUCHED {
        limits.insert(name.to_owned(), json!({"Max": max, "Remaining": max}));
    }
    Answer::json(200, &limits)
}

/// Answers `GET limits/recordCount`; objects without records are left out.
pub fn record_count(org: &Org<'_>, call: &Call) -> Result<Answer, Fault> {
    let wanted: Option<Vec<&str>> =
        call.parameter("sObjects").map(|names| names.split(',').map(str::trim).collect());
    let mut counts: Vec<Value> = Vec::new();
    for object in &org.catalog.objects {
        let is_wanted = wanted
            .as_ref()
            .is_none_or(|names| names.iter().any(|name| name.eq_ignore_ascii_case(&object.name)));
        if !is_wanted {
            continue;
        }
        let sql = format!("select count(*) from {} where \"IsDeleted\" = 0", object.table());
        let count: i64 = org.connection.query_row(&sql, [], |row| row.get(0))?;
        if count > 0 {
            counts.push(json!({"count": count, "name": object.name}));
        }
    }
    Ok(Answer::json(200, &json!({"sObjects": counts})))
}
