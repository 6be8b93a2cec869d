//! Where each setting's value came from.

use std::collections::BTreeMap;
use std::fmt;

use super::{Credentials, InclusionRule, PROJECT_FILE, Period, Project};

/// One setting as it stands, for `concord config show` and for the models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Dotted name as in the file: `guardrails.updates_share_max`.
    pub name: String,
    /// The value as text; a secret appears as where it lies.
    pub value: String,
    pub origin: Origin,
}

/// What won, strongest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag of the command line.
    Flag(String),
    /// An environment variable.
    Env(String),
    /// A line of the project file.
    File { file: String, line: usize },
    /// Nobody said otherwise.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "flag {name}"),
            Self::Env(name) => write!(f, "environment {name}"),
            Self::File { file, line } => write!(f, "{file}:{line}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// Values that are stronger than the project file, each with where it came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    pub warehouse_url: Option<(String, Origin)>,
    /// Checked by whoever read it.
    pub period: Option<(Period, Origin)>,
}

/// Puts the overrides into the project and lists every setting with its origin.
pub(super) fn list_settings(
    project: &mut Project,
    lines: &BTreeMap<String, usize>,
    overrides: &Overrides,
) -> Vec<Setting> {
    let mut stronger: BTreeMap<&str, Origin> = BTreeMap::new();
    if let Some((url, origin)) = &overrides.warehouse_url {
        project.warehouse.move_to(url);
        stronger.insert("warehouse.url", origin.clone());
    }
    if let Some((period, origin)) = &overrides.period {
        project.period.clone_from(&period.label);
        stronger.insert("period", origin.clone());
    }
    let origin = |name: &str| match (stronger.get(name), lines.get(name)) {
        (Some(origin), _) => origin.clone(),
        (None, Some(line)) => Origin::File { file: PROJECT_FILE.to_owned(), line: *line },
        (None, None) => Origin::Default,
    };
    values(project)
        .into_iter()
        .map(|(name, value)| Setting { origin: origin(&name), name, value })
        .collect()
}

fn values(project: &Project) -> Vec<(String, String)> {
    let mut rows = vec![
        ("name".to_owned(), project.name.clone()),
        ("period".to_owned(), project.period.clone()),
        ("phone_region".to_owned(), project.phone_region.clone()),
        ("lifecycle".to_owned(), project.lifecycle.join(", ")),
        ("warehouse.url".to_owned(), project.warehouse.url.clone()),
        ("warehouse.lease_seconds".to_owned(), project.warehouse.lease_seconds.to_string()),
    ];
    let mut put = |name: String, value: String| rows.push((name, value));
    for (name, setting) in &project.warehouse.settings {
        put(format!("warehouse.settings.{name}"), setting.to_string());
    }
    for (name, connection) in &project.connections {
        let at = |key: &str| format!("connections.{name}.{key}");
        put(at("kind"), connection.kind.to_string());
        put(at("url"), connection.url.clone());
        put(at("access"), connection.access.as_str().to_owned());
        put(at("account_id"), connection.account_id.clone().unwrap_or_default());
        put(at("api_version"), connection.api_version.clone());
        match &connection.credentials {
            Credentials::Token(token) => put(at("token"), token.to_string()),
            Credentials::ClientCredentials { client_id, client_secret } => {
                put(at("client_id"), client_id.to_string());
                put(at("client_secret"), client_secret.to_string());
            }
            Credentials::RefreshToken { client_id, client_secret, refresh_token } => {
                put(at("client_id"), client_id.to_string());
                if let Some(client_secret) = client_secret {
                    put(at("client_secret"), client_secret.to_string());
                }
                put(at("refresh_token"), refresh_token.to_string());
            }
            Credentials::JwtBearer { client_id, username, private_key, audience } => {
                put(at("client_id"), client_id.to_string());
                put(at("username"), username.clone());
                put(at("private_key"), private_key.to_string());
                put(at("audience"), audience.clone());
            }
        }
    }
    let pull = &project.pull;
    put("pull.parallel".to_owned(), pull.parallel.to_string());
    put("pull.min_rows_share".to_owned(), pull.min_rows_share.to_string());
    for (object, way) in &pull.ways {
        put(format!("pull.ways.{object}"), way.to_string());
    }
    put("pull.incremental".to_owned(), pull.incremental.to_string());
    put("pull.full_after_days".to_owned(), pull.full_after_days.to_string());
    put("pull.continue_within_hours".to_owned(), pull.continue_within_hours.to_string());
    put("pull.hubspot_objects".to_owned(), pull.hubspot_objects.join(", "));
    put("pull.salesforce_objects".to_owned(), pull.salesforce_objects.join(", "));
    put("apply.mode".to_owned(), project.apply.mode.as_str().to_owned());
    put("apply.max_age_hours".to_owned(), project.apply.max_age_hours.to_string());
    put("apply.reread".to_owned(), project.apply.reread.to_string());
    put("apply.route".to_owned(), project.apply.route.as_str().to_owned());
    let guardrails = &project.guardrails;
    put("guardrails.updates_share_max".to_owned(), guardrails.updates_share_max.to_string());
    put("guardrails.creates_share_max".to_owned(), guardrails.creates_share_max.to_string());
    put("guardrails.clears_share_max".to_owned(), guardrails.clears_share_max.to_string());
    put("guardrails.deletes_share_max".to_owned(), guardrails.deletes_share_max.to_string());
    put("guardrails.floor".to_owned(), guardrails.floor.to_string());
    for (name, budget) in &project.budget {
        let calls = budget.calls_per_run_max.map(|calls| calls.to_string()).unwrap_or_default();
        put(format!("budget.{name}.calls_per_run_max"), calls);
        put(format!("budget.{name}.reserve_share"), budget.reserve_share.to_string());
    }
    put("retry.tries_max".to_owned(), project.retry.tries_max.to_string());
    put("retry.first_wait_ms".to_owned(), project.retry.first_wait_ms.to_string());
    put("retry.longest_wait_ms".to_owned(), project.retry.longest_wait_ms.to_string());
    let longest_job_wait_ms = project.retry.longest_job_wait_ms.to_string();
    put("retry.longest_job_wait_ms".to_owned(), longest_job_wait_ms);
    let sql = |rules: &[InclusionRule]| {
        rules.iter().map(|rule| rule.sql.as_str()).collect::<Vec<_>>().join("; ")
    };
    put("inclusion.rules".to_owned(), sql(&project.inclusion.rules));
    put("inclusion.to_hubspot".to_owned(), sql(&project.inclusion.to_hubspot));
    put("inclusion.leave_after_days".to_owned(), project.inclusion.leave_after_days.to_string());
    put("handoff.recycle_statuses".to_owned(), project.handoff.recycle_statuses.join(", "));
    put("native_connector.taken_over".to_owned(), project.native_connector.taken_over.join(", "));
    for (name, metric) in &project.metrics {
        put(format!("metrics.{name}.label"), metric.label.clone());
        for (team, claim) in &metric.claims {
            let at = |key: &str| format!("metrics.{name}.claims.{team}.{key}");
            put(at("label"), claim.label.clone());
            put(at("model"), claim.model.clone());
            put(at("time_zone"), claim.time_zone.clone());
            for (period, reported) in &claim.reported {
                put(at(&format!("reported.{period}")), reported.to_string());
            }
        }
    }
    let alerts = &project.alerts;
    let webhook = alerts.webhook.as_ref().map(ToString::to_string).unwrap_or_default();
    put("alerts.webhook".to_owned(), webhook);
    // Only the program: its arguments may hold an address with a key.
    let command = alerts.command.as_ref().and_then(|words| words.first().cloned());
    put("alerts.command".to_owned(), command.unwrap_or_default());
    put("alerts.stale_after_hours".to_owned(), alerts.stale_after_hours.to_string());
    rows
}
