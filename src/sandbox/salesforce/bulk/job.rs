//! A job: what was asked for, and how far it is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::answer::Answer;
use super::super::call::Call;
use super::super::errors::Fault;
use super::super::org::Org;
use super::super::rules::Ending;
use super::super::wire;
use super::store;

/// Jobs of one page of the list.
const LIST_MAX: usize = 1_000;

/// One bulk job as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    pub id: String,
    pub kind: Kind,
    pub operation: String,
    pub object: String,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
    pub state: State,
    /// Such as `v68.0`.
    pub version: String,
    pub delimiter: Delimiter,
    pub line_ending: LineEnding,
    /// SOQL of a query job.
    pub query: Option<String>,
    pub external_id_field: Option<String>,
    pub assignment_rule_id: Option<String>,
    /// How often it was looked at since it runs.
    pub n_polls: u32,
    /// Rows that it has to do with in all.
    pub n_rows: u64,
    pub n_processed: u64,
    pub n_failed: u64,
    pub error_message: Option<String>,
    pub ending: Ending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Query,
    Ingest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    Open,
    UploadComplete,
    InProgress,
    JobComplete,
    Failed,
    Aborted,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Delimiter {
    Backquote,
    Caret,
    #[default]
    Comma,
    Pipe,
    Semicolon,
    Tab,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LineEnding {
    #[default]
    Lf,
    Crlf,
}

impl Kind {
    fn job_type(self) -> &'static str {
        match self {
            Self::Query => "V2Query",
            Self::Ingest => "V2Ingest",
        }
    }
}

impl State {
    pub fn is_over(self) -> bool {
        matches!(self, Self::JobComplete | Self::Failed | Self::Aborted)
    }

    pub fn is_running(self) -> bool {
        matches!(self, Self::UploadComplete | Self::InProgress)
    }
}

impl Delimiter {
    pub fn byte(self) -> u8 {
        match self {
            Self::Backquote => b'`',
            Self::Caret => b'^',
            Self::Comma => b',',
            Self::Pipe => b'|',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
    }
}

impl LineEnding {
    pub fn text(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::Crlf => "\r\n",
        }
    }
}

impl Job {
    /// Starts a job from the body that asks for it; its size is not known yet.
    ///
    /// # Errors
    /// When the body names a form that jobs do not have.
    pub fn asked_for(
        org: &Org<'_>,
        call: &Call,
        kind: Kind,
        body: &Map<String, Value>,
        object: &str,
    ) -> Result<Self, Fault> {
        if text(body, "contentType").is_some_and(|form| form != "CSV") {
            return Err(Fault::new(400, "INVALIDJOB", "Only CSV is supported as contentType"));
        }
        let operation = text(body, "operation")
            .ok_or_else(|| Fault::new(400, "INVALIDJOB", "operation is required"))?;
        let state = match kind {
            Kind::Query => State::UploadComplete,
            Kind::Ingest => State::Open,
        };
        Ok(Self {
            id: store::mint(org)?,
            kind,
            operation,
            object: object.to_owned(),
            created_at: org.now,
            modified_at: org.now,
            state,
            version: call.version.clone(),
            delimiter: choice(body, "columnDelimiter")?,
            line_ending: choice(body, "lineEnding")?,
            query: None,
            external_id_field: None,
            assignment_rule_id: None,
            n_polls: 0,
            n_rows: 0,
            n_processed: 0,
            n_failed: 0,
            error_message: None,
            ending: org.rules.bulk.ending(kind, object),
        })
    }

    /// Counts a look at a running job and returns how many rows it gets to by it.
    ///
    /// At most `rows_max` rows are added by one look.
    pub fn advance(&mut self, org: &Org<'_>, rows_max: u64) -> u64 {
        self.n_polls = self.n_polls.saturating_add(1);
        self.state = State::InProgress;
        self.modified_at = org.now;
        let reached = self.ending.rows_reached(self.n_rows);
        let n_polls = u64::from(org.rules.bulk.polls_until_done.max(1));
        let due = (reached * u64::from(self.n_polls)).div_ceil(n_polls);
        due.min(reached).min(self.n_processed + rows_max)
    }

    /// Ends the job if it got to where it ends.
    pub fn finish(&mut self, org: &Org<'_>) {
        let is_due = self.n_polls >= org.rules.bulk.polls_until_done.max(1);
        if !is_due || self.n_processed < self.ending.rows_reached(self.n_rows) {
            return;
        }
        match &self.ending {
            Ending::Complete | Ending::NothingDone => self.state = State::JobComplete,
            Ending::Aborted { .. } => self.state = State::Aborted,
            Ending::Hanging { .. } => {}
            Ending::Failed { message, .. } => self.fail(message.clone()),
        }
    }

    pub fn fail(&mut self, message: String) {
        self.state = State::Failed;
        self.error_message = Some(message);
    }

    /// Aborts a job that is not over.
    ///
    /// # Errors
    /// `INVALIDJOBSTATE` when it is.
    pub fn abort(&mut self, org: &Org<'_>) -> Result<(), Fault> {
        if self.state.is_over() {
            return Err(Fault::new(
                400,
                "INVALIDJOBSTATE",
                "Aborting already Completed Job not allowed",
            ));
        }
        self.state = State::Aborted;
        self.modified_at = org.now;
        Ok(())
    }

    /// Returns what every answer about the job says.
    pub fn view(&self, org: &Org<'_>) -> Map<String, Value> {
        let version = self.version.trim_start_matches('v').parse::<f64>().unwrap_or_default();
        let mut view = Map::new();
        let mut add = |key: &str, value: Value| view.insert(key.to_owned(), value);
        add("id", json!(self.id));
        add("operation", json!(self.operation));
        add("object", json!(self.object));
        add("createdById", json!(org.user_id));
        add("createdDate", json!(wire::moment(self.created_at)));
        add("systemModstamp", json!(wire::moment(self.modified_at)));
        add("state", json!(self.state));
        add("concurrencyMode", json!("Parallel"));
        add("contentType", json!("CSV"));
        add("apiVersion", json!(version));
        add("lineEnding", json!(self.line_ending));
        add("columnDelimiter", json!(self.delimiter));
        if self.kind == Kind::Ingest {
            let url = format!("services/data/{}/jobs/ingest/{}/batches", self.version, self.id);
            add("contentUrl", json!(url));
        }
        if let Some(field) = &self.external_id_field {
            add("externalIdFieldName", json!(field));
        }
        if let Some(id) = &self.assignment_rule_id {
            add("assignmentRuleId", json!(id));
        }
        view
    }

    /// Returns the view with how far the job is, as a look at it shows.
    pub fn full_view(&self, org: &Org<'_>) -> Map<String, Value> {
        let mut view = self.view(org);
        let mut add = |key: &str, value: Value| view.insert(key.to_owned(), value);
        // Times are made up, one millisecond a row, so that they repeat.
        let ms = self.n_processed;
        add("jobType", json!(self.kind.job_type()));
        add("numberRecordsProcessed", json!(self.n_processed));
        add("retries", json!(0));
        add("totalProcessingTime", json!(ms));
        match self.kind {
            Kind::Query => {
                add("isPkChunkingSupported", json!(true));
            }
            Kind::Ingest => {
                add("numberRecordsFailed", json!(self.n_failed));
                add("apiActiveProcessingTime", json!(ms));
                add("apexProcessingTime", json!(0));
            }
        }
        if let Some(message) = &self.error_message {
            add("errorMessage", json!(message));
        }
        view
    }
}

/// Answers `GET jobs/query` and `GET jobs/ingest`, newest first.
pub fn list(org: &Org<'_>, call: &Call, kind: Kind) -> Result<Answer, Fault> {
    let is_wanted = call.parameter("jobType").is_none_or(|own| own == kind.job_type())
        && call.parameter("concurrencyMode").is_none_or(|own| own.eq_ignore_ascii_case("parallel"));
    let jobs = if is_wanted { store::all(org, kind)? } else { Vec::new() };
    let offset =
        call.parameter("queryLocator").and_then(|text| text.parse().ok()).unwrap_or(0_usize);
    let page: Vec<Value> = jobs
        .iter()
        .skip(offset)
        .take(LIST_MAX)
        .map(|job| {
            let mut view = job.view(org);
            view.insert("jobType".to_owned(), json!(kind.job_type()));
            Value::Object(view)
        })
        .collect();
    let end = offset + page.len();
    let path = if kind == Kind::Query { "query" } else { "ingest" };
    let next = (end < jobs.len()).then(|| call.url(&format!("jobs/{path}?queryLocator={end}")));
    Ok(Answer::json(200, &json!({"done": next.is_none(), "records": page, "nextRecordsUrl": next})))
}

/// Answers `DELETE jobs/<kind>/<id>`.
///
/// # Errors
/// `INVALIDJOBSTATE` while the job may still change something.
pub fn delete(org: &Org<'_>, kind: Kind, id: &str) -> Result<Answer, Fault> {
    let job = store::get(org, kind, id)?;
    let is_idle = job.state.is_over()
        || (kind == Kind::Ingest && job.n_polls == 0 && job.state == State::UploadComplete);
    if !is_idle {
        let message = format!("Job is not in a state that can be deleted: {}", job.id);
        return Err(Fault::new(400, "INVALIDJOBSTATE", message));
    }
    store::remove(org, &job)?;
    Ok(Answer::empty())
}

/// Reads a text out of a job's body.
pub fn text(body: &Map<String, Value>, key: &str) -> Option<String> {
    body.get(key).and_then(Value::as_str).map(str::to_owned)
}

/// Returns the state that a `PATCH` asks for.
///
/// # Errors
/// When it names none.
pub fn wanted_state(call: &Call) -> Result<State, Fault> {
    let body = call.json_object()?;
    match body.get("state").and_then(Value::as_str) {
        Some("UploadComplete") => Ok(State::UploadComplete),
        Some("Aborted") => Ok(State::Aborted),
        other => {
            let message = format!("state cannot be set to {}", other.unwrap_or("null"));
            Err(Fault::new(400, "INVALIDJOBSTATE", message))
        }
    }
}

fn choice<T: Default + for<'de> Deserialize<'de>>(
    body: &Map<String, Value>,
    key: &str,
) -> Result<T, Fault> {
    match body.get(key) {
        None | Some(Value::Null) => Ok(T::default()),
        Some(value) => T::deserialize(value)
            .map_err(|_| Fault::new(400, "INVALIDJOB", format!("{key} cannot be {value}"))),
    }
}
