//! Alerts: one JSON object, to a webhook, to a command's standard input, or both.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Serialize;

use super::Ui;
use super::session::Session;
use crate::warehouse::run_log::RunRecord;

/// Longest wait for a webhook; an alert must not hold up the night.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(20);

/// What is told. Holds no personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// `run`, `stale` or `contested`.
    pub kind: &'static str,
    pub run: String,
    pub status: String,
    /// Status of the run before, where that differs.
    pub status_before: Option<String>,
    pub message: String,
}

impl Alert {
    /// Makes the alert for a finished run.
    pub fn of(record: &RunRecord, status_before: Option<&str>) -> Self {
        let message = match &record.error {
            Some(error) => format!("concord run {} {}: {error}", record.id, record.status),
            None => format!("concord run {} ended as {}", record.id, record.status),
        };
        Self {
            kind: "run",
            run: record.id.clone(),
            status: record.status.clone(),
            status_before: status_before.map(str::to_owned),
            message,
        }
    }

    /// Makes the alert for fields that something in a CRM writes over every night.
    pub fn contested(run: &str, n_fields: u64) -> Self {
        Self {
            kind: "contested",
            run: run.to_owned(),
            status: "contested".to_owned(),
            status_before: None,
            message: format!(
                "concord run {run} holds back {n_fields} more contested fields: select * from int_contested"
            ),
        }
    }

    /// Makes the alert for a project whose last good run is too old.
    pub fn stale(run: &str, hours: i64) -> Self {
        Self {
            kind: "stale",
            run: run.to_owned(),
            status: "stale".to_owned(),
            status_before: None,
            message: format!("the last good concord run was {hours} hours ago: {run}"),
        }
    }
}

/// Sends an alert where the project says. A failure to do so is a warning, never the run's end.
pub async fn send(session: &Session, ui: &Ui, alert: &Alert) {
    let alerts = &session.project.alerts;
    let text = serde_json::to_string(alert).unwrap_or_else(|_| alert.message.clone());
    if let Some(command) = &alerts.command
        && let Err(error) = pipe(command, &text)
    {
        ui.warning(format_args!("alert command failed: {error}"));
    }
    if let Some(webhook) = &alerts.webhook {
        let sent = match webhook.resolve(&session.project.dir) {
            Ok(url) => post(url.expose(), text).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = sent {
            ui.warning(format_args!("alert webhook failed: {error}"));
        }
    }
}

fn pipe(command: &[String], text: &str) -> std::io::Result<()> {
    let Some((program, arguments)) = command.split_first() else { return Ok(()) };
    let mut child = Command::new(program).args(arguments).stdin(Stdio::piped()).spawn()?;
    if let Some(mut input) = child.stdin.take() {
        writeln!(input, "{text}")?;
    }
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(std::io::Error::other(status.to_string())) }
}

/// Posts the alert; the address is a secret and is kept out of the error.
async fn post(url: &str, text: String) -> Result<(), reqwest::Error> {
    let client = crate::crm::transport::plain_client(WEBHOOK_TIMEOUT)?;
    let answer =
        client.post(url).header("content-type", "application/json").body(text).send().await;
    answer
        .and_then(reqwest::Response::error_for_status)
        .map(|_| ())
        .map_err(reqwest::Error::without_url)
}
