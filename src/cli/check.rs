//! `concord check`: configuration and field map against the live metadata of both CRMs.

use std::collections::BTreeSet;

use clap::Args;
use serde_json::{Value, json};

use super::pull_stage::object_requests;
use super::rows::csv_line;
use super::run::{begin, finish};
use super::session::{Session, failed};
use super::stages::{Watch, crm_error, stage_error};
use super::{CliError, ExitCode, Format, GlobalArgs, Ui};
use crate::check::{Finding, Metadata, Severity, Side, judge, judge_inclusion, sort};
use crate::config::Period;
use crate::crm::CrmKind;
use crate::model::ModelSet;
use crate::warehouse::run_log::RunRecord;

/// Judges configuration and field map against the live metadata of both CRMs
///
/// Reads metadata only, by a dozen calls; writes nothing but the log of these calls. Says of each
/// finding where it is and what to do. Ends with code 2 when something cannot work as it stands.
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n    concord check\n    concord check --sandbox --format json")]
pub struct CheckArgs {
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

pub async fn run(args: &CheckArgs, global: &GlobalArgs, ui: &Ui) -> Result<ExitCode, CliError> {
    let session = Session::connect(global, ui, None).await?;
    let id = session.new_id().await?;
    session.requests.begin_run(&id);
    let mut record = begin(&session, &id, "check").await?;
    let result = look(&session, args.format, ui, &mut record).await;
    finish(&session, record, &result).await?;
    result
}

async fn look(
    session: &Session,
    format: Format,
    ui: &Ui,
    record: &mut RunRecord,
) -> Result<ExitCode, CliError> {
    let watch = Watch::start();
    let metadata = read_metadata(session).await?;
    let findings = findings(session, &metadata).await?;
    print(ui, format, &findings)?;
    let n = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let errors = n(Severity::Error);
    ui.note(format_args!(
        "{}, {}, {}; {}",
        count(errors, "error"),
        count(n(Severity::Warning), "warning"),
        count(n(Severity::Note), "note"),
        calls(session),
    ));
    let total = session.crms().values().map(|crm| crm.calls().total()).sum();
    let n_findings = findings.len() as u64;
    record.stages.push(watch.record("check", total, &[("findings", n_findings)]));
    Ok(if errors > 0 { ExitCode::Usage } else { ExitCode::Done })
}

/// Reads what both CRMs say of themselves, as a pull does before its first page.
pub async fn read_metadata(session: &Session) -> Result<Metadata, CliError> {
    session.requests.begin_stage("check").await.map_err(failed)?;
    let mut metadata = Metadata::default();
    for (kind, crm) in session.crms() {
        let requests = object_requests(session, kind).into_iter();
        let asked: Vec<String> = requests.map(|request| request.object).collect();
        let account = crm.account().await.map_err(crm_error)?;
        let schema = crm.schema(&asked).await.map_err(crm_error)?;
        let side = Some(Side { account, schema, asked });
        match kind {
            CrmKind::HubSpot => metadata.hubspot = side,
            CrmKind::Salesforce => metadata.salesforce = side,
        }
    }
    Ok(metadata)
}

/// Judges the project, its inclusion rules included.
pub async fn findings(session: &Session, metadata: &Metadata) -> Result<Vec<Finding>, CliError> {
    let project = &session.project;
    let set = ModelSet::load(&project.dir).map_err(failed)?;
    let models: BTreeSet<String> = set.models.keys().cloned().collect();
    let mut findings = judge(project, metadata, &models);
    let period = Period::parse(&project.period)?;
    let of_rules = judge_inclusion(project, &set, &session.warehouse, &period).await;
    findings.extend(of_rules.map_err(stage_error)?);
    sort(&mut findings);
    Ok(findings)
}

fn print(ui: &Ui, format: Format, findings: &[Finding]) -> Result<(), CliError> {
    match format {
        Format::Table => findings.iter().try_for_each(|finding| ui.line(text(finding))),
        Format::Json => {
            let all: Vec<Value> = findings.iter().map(object).collect();
            ui.line(format_args!("{:#}", json!(all)))
        }
        Format::Jsonl => findings.iter().try_for_each(|finding| ui.line(object(finding))),
        Format::Csv => {
            ui.data(csv_line(&COLUMNS.map(str::to_owned))?)?;
            findings.iter().try_for_each(|finding| ui.data(csv_line(&cells(finding))?))
        }
    }
}

const COLUMNS: [&str; 7] = ["severity", "code", "file", "line", "name", "sentence", "todo"];

fn cells(finding: &Finding) -> [String; 7] {
    [
        finding.severity.as_str().to_owned(),
        finding.code.to_owned(),
        finding.place.file.to_owned(),
        finding.place.line.map(|line| line.to_string()).unwrap_or_default(),
        finding.place.name.clone(),
        finding.sentence.clone(),
        finding.todo.clone(),
    ]
}

fn object(finding: &Finding) -> Value {
    json!({
        "severity": finding.severity.as_str(),
        "code": finding.code,
        "file": finding.place.file,
        "line": finding.place.line,
        "name": finding.place.name,
        "sentence": finding.sentence,
        "todo": finding.todo,
    })
}

/// Writes a finding as the reader of the files writes its own.
fn text(finding: &Finding) -> String {
    let line = finding.place.line.map(|line| format!(":{line}")).unwrap_or_default();
    format!(
        "{:<8} {}{line}: {}: {}\n         do: {}",
        finding.severity.as_str(),
        finding.place.file,
        finding.place.name,
        finding.sentence,
        finding.todo
    )
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn calls(session: &Session) -> String {
    let of_one = |(kind, crm): (CrmKind, &dyn crate::crm::Crm)| {
        format!(
            "{} to {}",
            count(usize::try_from(crm.calls().total()).unwrap_or(0), "call"),
            crate::check::vendor(kind)
        )
    };
    session.crms().into_iter().map(of_one).collect::<Vec<_>>().join(", ")
}
