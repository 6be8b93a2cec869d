//! Metrics as data: what each team's dashboard counts.

use std::collections::BTreeMap;

use serde::Serialize;

/// A number that two teams report differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Metric {
    /// As a reader should see it: `MQLs`.
    pub label: String,
    /// One claim a team; the bridge leads from one to another.
    pub claims: BTreeMap<String, Claim>,
}

/// One team's way of counting a metric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claim {
    pub label: String,
    /// Model whose rows are the records counted.
    pub model: String,
    /// IANA name of the zone in which the team's dashboard draws the edges of a period.
    pub time_zone: String,
    /// What the dashboard itself shows, by period label.
    pub reported: BTreeMap<String, i64>,
}
