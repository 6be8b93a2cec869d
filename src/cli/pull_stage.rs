//! The pull as commands run it: prints one line a connection, and says how it goes where asked.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::session::{Session, failed};
use super::stages::{Watch, crm_error, pull_error};
use super::{CliError, ExitCode, Ui};
use crate::apply::{ApplyError, Journal};
use crate::config::Connection;
use crate::crm::price::{Price, total};
use crate::crm::{Count, CrmKind, ObjectRequest, Way, hubspot, salesforce};
use crate::model::ModelSet;
use crate::snapshot::{self, Choice, PullOptions, PullProgress, Reason};
use crate::warehouse::run_log::{self, StageRecord};

/// What is asked of a pull beyond the project's own settings.
#[derive(Clone, Debug, Default)]
pub struct PullAsked {
    /// Connections to pull; all where it is empty.
    pub only: Vec<String>,
    /// Ways that objects are to go, stronger than the project's.
    pub ways: BTreeMap<String, Way>,
    /// Reads everything, whatever the project says.
    pub is_full: bool,
    /// Shows how it goes on standard output.
    pub is_shown: bool,
    /// Stops before the first page.
    pub is_dry: bool,
}

/// Pulls both CRMs, or the named connections.
pub async fn pull(
    session: &Session,
    ui: &Ui,
    id: &str,
    asked: &PullAsked,
) -> Result<Vec<StageRecord>, CliError> {
    let mut records = Vec::new();
    for connection in session.project.connections.values() {
        if !asked.only.is_empty() && !asked.only.contains(&connection.name) {
            continue;
        }
        let watch = Watch::start();
        let stage = ui.stage("pull");
        let crm = session.crm(connection.kind)?;
        let name = format!("pull {}", connection.name);
        session.requests.begin_stage(&name).await.map_err(failed)?;
        let before = crm.calls().total();
        check_account(session, &connection.name, connection.kind).await?;
        let options = options(session, id, asked).await?;
        let requests = object_requests(session, connection.kind);
        let warehouse = &session.warehouse;
        if asked.is_dry {
            let choices =
                snapshot::survey(&connection.name, crm, &requests, warehouse, &options).await;
            let choices = choices.map_err(pull_error)?;
            ui.data(text(&connection.name, &choices.iter().collect::<Vec<_>>()))?;
            continue;
        }
        let progress = Pages { stage: &stage, connection, ui, is_shown: asked.is_shown };
        let manifest =
            snapshot::pull(&connection.name, crm, &requests, warehouse, &options, &progress)
                .await
                .map_err(pull_error)?;
        let rows: u64 = manifest.tables.iter().map(|table| table.rows).sum();
        let calls = crm.calls().total() - before;
        let record =
            watch.record(&name, calls, &[("tables", manifest.tables.len() as u64), ("rows", rows)]);
        stage.done(format_args!(
            "{}: {} tables, {rows} rows, {calls} calls, {:.1} s",
            connection.name,
            manifest.tables.len(),
            record.seconds
        ));
        if !manifest.lost_fields.is_empty() {
            ui.warning(format_args!(
                "{}: not visible any more since the last snapshot: {}",
                connection.name,
                manifest.lost_fields.join(", ")
            ));
        }
        records.push(record);
    }
    Ok(records)
}

async fn options(session: &Session, id: &str, asked: &PullAsked) -> Result<PullOptions, CliError> {
    let project = &session.project;
    let pull = &project.pull;
    let mut ways = pull.ways.clone();
    ways.extend(asked.ways.clone());
    let mapped = project.field_map.entities.iter().flat_map(|entity| &entity.fields);
    let mapped =
        mapped.flat_map(|field| std::iter::once(&field.hubspot).chain(field.salesforce.values()));
    let models = ModelSet::load(&project.dir).map_err(failed)?;
    let hours = |hours: u32| SignedDuration::from_hours(i64::from(hours));
    Ok(PullOptions {
        parallel_extractions: pull.parallel,
        min_rows_share: pull.min_rows_share,
        ways,
        incremental: pull.incremental && !asked.is_full,
        full_after: hours(pull.full_after_days * 24),
        continue_within: hours(pull.continue_within_hours),
        untouched_since: last_write(session).await?,
        used_fields: mapped.map(String::as_str).chain(models.words()).map(str::to_owned).collect(),
        cancel: Arc::clone(&session.stop),
        ..PullOptions::new(id, session.now())
    })
}

/// Returns when this project last wrote to a CRM; now, when that run never ended.
async fn last_write(session: &Session) -> Result<Option<Timestamp>, CliError> {
    let mut last = None;
    for run in run_log::read_all(&session.warehouse).await.map_err(failed)? {
        if Journal::is_begun(&session.warehouse, &run.id).await.map_err(failed)? {
            let ended = run.finished_at.and_then(|at| at.parse().ok());
            last = last.max(Some(ended.unwrap_or_else(|| session.now())));
        }
    }
    Ok(last)
}

/// Proves that the connection reaches the account it is pinned to.
async fn check_account(session: &Session, name: &str, kind: CrmKind) -> Result<(), CliError> {
    let Some(pinned) = session.project.connections.get(name).and_then(|c| c.account_id.clone())
    else {
        return Ok(());
    };
    let account = session.crm(kind)?.account().await.map_err(crm_error)?;
    if account.id == pinned {
        return Ok(());
    }
    let error = ApplyError::OtherAccount {
        connection: name.to_owned(),
        planned: pinned,
        found: account.id,
    };
    let hint = format!("correct `account_id` or the credentials of `connections.{name}`");
    Err(CliError::stage(error, ExitCode::Refused, vec![hint]))
}

/// Lists what a pull reads of a CRM.
pub fn object_requests(session: &Session, kind: CrmKind) -> Vec<ObjectRequest> {
    let (mut requests, extra) = match kind {
        CrmKind::HubSpot => (hubspot::object_requests(), &session.project.pull.hubspot_objects),
        CrmKind::Salesforce => {
            (salesforce::object_requests(), &session.project.pull.salesforce_objects)
        }
    };
    for object in extra {
        if requests.iter().all(|request| request.object != *object) {
            requests.push(ObjectRequest {
                object: object.clone(),
                history_fields: Vec::new(),
                associations: Vec::new(),
            });
        }
    }
    requests
}

struct Pages<'a> {
    stage: &'a super::ui::Stage,
    connection: &'a Connection,
    ui: &'a Ui,
    is_shown: bool,
}

impl PullProgress for Pages<'_> {
    fn continued(&self, snapshot_id: &str) {
        let name = &self.connection.name;
        self.ui.note(format_args!("{name}: goes on with the broken pull `{snapshot_id}`"));
    }
    fn chosen(&self, choices: &[&Choice]) {
        let text = text(&self.connection.name, choices);
        if self.is_shown {
            // A pull is worth more than its announcement; a reader that is gone shows at its end.
            let _ = self.ui.data(text);
        } else {
            self.ui.detail(text.trim_end());
        }
    }
    fn turned(&self, choice: &Choice) {
        if let Reason::Instead { of, because } = &choice.reason {
            let (name, extraction, way) = (&self.connection.name, &choice.extraction, choice.way);
            self.ui.note(format_args!("{name} {extraction}: {way} instead of {of}: {because}"));
        }
    }
    fn started(&self, extraction: &str) {
        self.stage.progress(format_args!("{} {extraction}", self.connection.name));
    }
    fn advanced(&self, extraction: &str, n_records: u64) {
        self.stage.progress(format_args!("{} {extraction} +{n_records}", self.connection.name));
    }
    fn finished(&self, extraction: &str, n_records: u64) {
        self.stage.progress(format_args!("{} {extraction} {n_records}", self.connection.name));
    }
}

/// Writes how a pull goes: each extraction's way with its calls, and what was not taken and why.
fn text(connection: &str, choices: &[&Choice]) -> String {
    let price = total(choices.iter().map(|choice| choice.price()));
    let mut text = format!("{connection}: {}, fixed calls apart\n", price_words(price));
    let width = choices.iter().map(|choice| choice.extraction.len()).max().unwrap_or(0);
    for choice in choices {
        let reason = match &choice.reason {
            Reason::Cheapest => String::new(),
            Reason::Forced => ", as asked".to_owned(),
            Reason::Continued => ", as begun".to_owned(),
            Reason::Instead { of, because } => format!(", instead of {of}: {because}"),
        };
        let what = size_words(choice.size.there);
        let own = choice.price();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  {:<width$}  {:<7}  {}{what}{reason}",
            choice.extraction,
            choice.way.as_str(),
            if own.shared_pages > 0 { pages_words(own.shared_pages) } else { price_words(own) },
        );
        for other in choice.considered.iter().filter(|other| other.way != choice.way) {
            let why = match &other.barrier {
                Some(barrier) => barrier.clone(),
                None => price_words(other.price),
            };
            let _ = writeln!(text, "  {:<width$}  not by {}: {why}", "", other.way);
        }
    }
    text
}

/// Says how much there is to read; nothing where that is not known before it is read.
fn size_words(there: Count) -> String {
    match (there.records, there.members) {
        (0, _) => String::new(),
        (records, 0) => format!(" for {records} records"),
        (records, members) => format!(" for {records} records with {members} members"),
    }
}

fn price_words(price: Price) -> String {
    let mut words = count(price.calls, "call");
    if price.exports > 0 {
        let _ = write!(words, " and {}", count(price.exports, "export"));
    }
    if price.polls_max > 0 {
        let _ = write!(words, ", at most {}", count(price.polls_max, "poll"));
    }
    words
}

fn pages_words(pages: u64) -> String {
    count(pages, "shared page")
}

fn count(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}
