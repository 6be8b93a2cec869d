//! What is left of the org's allowances, and how many records it has.

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::bulk;
use super::call::Call;
use super::errors::Fault;
use super::org::Org;

/// Allowances that the sandbox never draws on.
const UNTOUCHED: [(&str, u64); 7] = [
    ("DailyAsyncApexExecutions", 250_000),
    ("DailyBulkV2QueryFileStorageMB", 976_562),
    ("DailyDeliveredPlatformEvents", 10_000),
    ("DailyStreamingApiEvents", 10_000),
    ("DataStorageMB", 10_240),
    ("FileStorageMB", 10_240),
    ("MassEmail", 5_000),
];

/// Answers `GET limits`.
///
/// # Errors
/// When the database fails.
pub fn all(org: &Org<'_>) -> Result<Answer, Fault> {
    let (n_query_jobs, n_batches) = bulk::used_today(org)?;
    let drawn_on = [
        ("DailyApiRequests", org.world.daily_calls_max, org.calls_used),
        ("DailyBulkApiBatches", bulk::BATCHES_MAX, n_batches),
        ("DailyBulkV2QueryJobs", bulk::QUERY_JOBS_MAX, n_query_jobs),
    ];
    let untouched = UNTOUCHED.map(|(name, max)| (name, max, 0));
    let limits: Map<String, Value> = drawn_on
        .into_iter()
        .chain(untouched)
        .map(|(name, max, used)| {
            (name.to_owned(), json!({"Max": max, "Remaining": max.saturating_sub(used)}))
        })
        .collect();
    Ok(Answer::json(200, &limits))
}

/// Answers `GET limits/recordCount`; objects without records are left out.
pub fn record_count(org: &Org<'_>, call: &Call) -> Result<Answer, Fault> {
    let wanted: Option<Vec<&str>> =
        call.parameter("sObjects").map(|names| names.split(',').map(str::trim).collect());
    let mut counts: Vec<Value> = Vec::new();
    for object in org.catalog.visible_objects() {
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
