//! The bridge and its people as JSON and CSV, with keys that stay when the internals change.

use serde::Serialize;

use super::{Bridge, ExplainedRow, ReconcileError, Reported};

#[derive(Serialize)]
struct BridgeView<'a> {
    metric: &'a str,
    period: &'a str,
    group: Option<&'a str>,
    start: EndView<'a>,
    steps: Vec<StepView<'a>>,
    counted_by_both: i64,
    unexplained: i64,
    end: EndView<'a>,
}

#[derive(Serialize)]
struct EndView<'a> {
    label: &'a str,
    rows: i64,
    reported: Option<i64>,
    reported_difference: Option<i64>,
}

#[derive(Serialize)]
struct StepView<'a> {
    kind: &'static str,
    code: &'a str,
    title: &'a str,
    rows: i64,
    running: i64,
}

#[derive(Serialize)]
struct PersonView<'a> {
    golden_id: &'a str,
    display_name: Option<&'a str>,
    kind: &'static str,
    source_system: &'a str,
    source_object: &'a str,
    record_id: &'a str,
    code: &'a str,
    title: &'a str,
    grade: Option<&'a str>,
    sentence: &'a str,
    evidence: &'a [String],
    contributing: &'a [String],
    fix: &'a str,
    fix_by: &'a str,
    has_fix_in_plan: bool,
    event_at: &'a str,
}

impl<'a> From<&'a Bridge> for BridgeView<'a> {
    fn from(bridge: &'a Bridge) -> Self {
        Self {
            metric: &bridge.metric,
            period: &bridge.period,
            group: bridge.group.as_deref(),
            start: EndView::new(&bridge.start_label, bridge.start, bridge.reported_start.as_ref()),
            steps: bridge
                .steps
                .iter()
                .map(|step| StepView {
                    kind: step.kind.name(),
                    code: &step.code,
                    title: &step.title,
                    rows: step.n_rows,
                    running: step.running,
                })
                .collect(),
            counted_by_both: bridge.both,
            unexplained: bridge.n_unexplained(),
            end: EndView::new(&bridge.end_label, bridge.end, bridge.reported_end.as_ref()),
        }
    }
}

impl<'a> EndView<'a> {
    fn new(label: &'a str, rows: i64, reported: Option<&Reported>) -> Self {
        Self {
            label,
            rows,
            reported: reported.map(|reported| reported.n_rows),
            reported_difference: reported.map(|reported| reported.difference),
        }
    }
}

impl<'a> From<&'a ExplainedRow> for PersonView<'a> {
    fn from(row: &'a ExplainedRow) -> Self {
        Self {
            golden_id: &row.golden_id,
            display_name: row.display_name.as_deref(),
            kind: row.kind.name(),
            source_system: &row.source_system,
            source_object: &row.source_object,
            record_id: &row.record_id,
            code: &row.code,
            title: &row.title,
            grade: row.grade.as_deref(),
            sentence: &row.sentence,
            evidence: &row.evidence,
            contributing: &row.contributing,
            fix: &row.fix,
            fix_by: &row.fix_by,
            has_fix_in_plan: row.has_fix_in_plan,
            event_at: &row.event_at,
        }
    }
}

/// Writes bridges as a JSON array.
///
/// # Errors
/// When serde refuses a value.
pub fn bridges_json(bridges: &[Bridge]) -> Result<String, ReconcileError> {
    let views: Vec<BridgeView<'_>> = bridges.iter().map(BridgeView::from).collect();
    serde_json::to_string_pretty(&views).map_err(ReconcileError::Json)
}

/// Writes explained rows as a JSON array.
///
/// # Errors
/// When serde refuses a value.
pub fn people_json(rows: &[ExplainedRow]) -> Result<String, ReconcileError> {
    let views: Vec<PersonView<'_>> = rows.iter().map(PersonView::from).collect();
    serde_json::to_string_pretty(&views).map_err(ReconcileError::Json)
}

/// Writes bridges as CSV, a line for each start, step, meeting point and end.
///
/// # Errors
/// When a cell cannot be written.
pub fn bridges_csv(bridges: &[Bridge]) -> Result<String, ReconcileError> {
    let mut lines = vec![
        ["metric", "period", "group", "kind", "code", "title", "rows", "running"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for bridge in bridges {
        let group = bridge.group.as_deref().unwrap_or("all");
        let mut line = |kind: &str, code: &str, title: &str, rows: i64, running: i64| {
            let texts = [&bridge.metric, &bridge.period, group, kind, code, title];
            let mut line: Vec<String> = texts.into_iter().map(defused).collect();
            line.extend([rows.to_string(), running.to_string()]);
            lines.push(line);
        };
        line("start", "", &bridge.start_label, bridge.start, bridge.start);
        let (exits, entries): (Vec<_>, Vec<_>) =
            bridge.steps.iter().partition(|step| step.kind.is_exit());
        for step in exits {
            line(step.kind.name(), &step.code, &step.title, step.n_rows, step.running);
        }
        line("both", "", "Counted by both", bridge.both, bridge.both);
        for step in entries {
            line(step.kind.name(), &step.code, &step.title, step.n_rows, step.running);
        }
        line("end", "", &bridge.end_label, bridge.end, bridge.end);
    }
    csv_text(&lines)
}

/// Writes explained rows as CSV; lists are joined by `;`.
///
/// # Errors
/// When a cell cannot be written.
pub fn people_csv(rows: &[ExplainedRow]) -> Result<String, ReconcileError> {
    let header = [
        "golden_id",
        "display_name",
        "kind",
        "source_system",
        "source_object",
        "record_id",
        "code",
        "title",
        "grade",
        "sentence",
        "evidence",
        "contributing",
        "fix",
        "fix_by",
        "has_fix_in_plan",
        "event_at",
    ];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    lines.extend(rows.iter().map(|row| {
        [
            row.golden_id.as_str(),
            row.display_name.as_deref().unwrap_or_default(),
            row.kind.name(),
            &row.source_system,
            &row.source_object,
            &row.record_id,
            &row.code,
            &row.title,
            row.grade.as_deref().unwrap_or_default(),
            &row.sentence,
            &row.evidence.join(";"),
            &row.contributing.join(";"),
            &row.fix,
            &row.fix_by,
            if row.has_fix_in_plan { "true" } else { "false" },
            &row.event_at,
        ]
        .into_iter()
        .map(defused)
        .collect()
    }));
    csv_text(&lines)
}

/// Puts an apostrophe before a cell that a spreadsheet would run as a formula.
pub fn defused(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

fn csv_text(lines: &[Vec<String>]) -> Result<String, ReconcileError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for line in lines {
        writer.write_record(line).map_err(ReconcileError::Csv)?;
    }
    let bytes =
        writer.into_inner().map_err(|error| ReconcileError::Csv(error.into_error().into()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
