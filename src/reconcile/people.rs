//! The people behind the steps of the bridge, each with one primary reason.

use datafusion::functions_aggregate::expr_fn::min;
use datafusion::logical_expr::{JoinType, col, ident, lit};
use datafusion::prelude::{DataFrame, SessionContext};

use super::table::{Table, required, text};
use super::{ReconcileError, StepKind};

/// One counted row that only one side explains: a person on one side only, or an extra row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedRow {
    pub golden_id: String,
    /// `None` for a person without a name.
    pub display_name: Option<String>,
    pub kind: StepKind,
    pub source_system: String,
    pub source_object: String,
    pub record_id: String,
    pub code: String,
    pub title: String,
    /// A (direct evidence) to D (predicted); `None` when nothing explains the row.
    pub grade: Option<String>,
    pub sentence: String,
    /// Records that show it, as `system.object/id`, the counted record first.
    pub evidence: Vec<String>,
    /// Other codes whose tests hold, in decision order.
    pub contributing: Vec<String>,
    pub fix: String,
    pub fix_by: String,
    pub has_fix_in_plan: bool,
    /// When the counting event happened, RFC 3339 in UTC.
    pub event_at: String,
}

/// Lists everyone on one side only and every extra row, by code and record; one code if given.
///
/// # Errors
/// When the reasons cannot be read.
pub async fn people(
    ctx: &SessionContext,
    code: Option<&str>,
) -> Result<Vec<ExplainedRow>, ReconcileError> {
    let mut frame = ctx.table("gap_reasons").await?;
    if let Some(code) = code {
        frame = frame.filter(col("code").eq(lit(code)))?;
    }
    read(ctx, frame).await
}

/// Lists the rows of one person, by golden id or by an email of any of the person's records.
///
/// An empty list means that both claims count the person once, and nothing needs explaining.
///
/// # Errors
/// [`ReconcileError::UnknownPerson`] when neither claim counts the person in the period.
pub async fn person(
    ctx: &SessionContext,
    golden_id_or_email: &str,
) -> Result<Vec<ExplainedRow>, ReconcileError> {
    let key = golden_id_or_email.trim();
    let mut golden_ids = vec![key.to_owned()];
    if key.contains('@') {
        let email = key.to_lowercase();
        for table in ["int_gap_hubspot_people", "int_gap_salesforce_people"] {
            let frame = ctx.table(table).await?.filter(col("email").eq(lit(email.as_str())))?;
            for batch in frame.select(vec![col("golden_id")])?.distinct()?.collect().await? {
                let ids = Table::new(&batch).texts("golden_id")?;
                golden_ids.extend(ids.iter().flatten().map(str::to_owned));
            }
        }
    }
    let ids: Vec<_> = golden_ids.iter().map(|id| lit(id.as_str())).collect();
    let is_counted = ctx
        .table("gap_people")
        .await?
        .filter(col("golden_id").in_list(ids.clone(), false))?
        .count()
        .await?
        > 0;
    if !is_counted {
        return Err(ReconcileError::UnknownPerson { key: key.to_owned() });
    }
    let frame = ctx.table("gap_reasons").await?.filter(col("golden_id").in_list(ids, false))?;
    read(ctx, frame).await
}

async fn read(ctx: &SessionContext, frame: DataFrame) -> Result<Vec<ExplainedRow>, ReconcileError> {
    let names = ctx.table("people").await?.aggregate(
        vec![col("golden_id").alias("named_id")],
        vec![min(col("display_name")).alias("display_name")],
    )?;
    let batches = frame
        .join(names, JoinType::Left, &["golden_id"], &["named_id"], None)?
        .sort(vec![
            ident("code").sort(true, false),
            ident("source_object").sort(true, false),
            ident("record_id").sort(true, false),
            ident("row_key").sort(true, false),
        ])?
        .collect()
        .await?;
    let mut rows = Vec::new();
    for batch in &batches {
        read_batch(&Table::new(batch), &mut rows)?;
    }
    Ok(rows)
}

fn read_batch(table: &Table<'_>, rows: &mut Vec<ExplainedRow>) -> Result<(), ReconcileError> {
    let golden_id = table.texts("golden_id")?;
    let display_name = table.texts("display_name")?;
    let side = table.texts("side")?;
    let source_system = table.texts("source_system")?;
    let source_object = table.texts("source_object")?;
    let record_id = table.texts("record_id")?;
    let code = table.texts("code")?;
    let title = table.texts("title")?;
    let grade = table.texts("grade")?;
    let sentence = table.texts("sentence")?;
    let evidence = table.texts("evidence")?;
    let contributing = table.texts("contributing")?;
    let fix = table.texts("fix")?;
    let fix_by = table.texts("fix_by")?;
    let has_fix_in_plan = table.texts("has_fix_in_plan")?;
    let event_at = table.texts("event_at")?;
    for row in 0..table.n_rows() {
        let side = required(&side, row, "side")?;
        rows.push(ExplainedRow {
            golden_id: required(&golden_id, row, "golden_id")?,
            display_name: text(&display_name, row),
            kind: StepKind::parse(&side).ok_or(ReconcileError::UnknownStep { step: side })?,
            source_system: required(&source_system, row, "source_system")?,
            source_object: required(&source_object, row, "source_object")?,
            record_id: required(&record_id, row, "record_id")?,
            code: required(&code, row, "code")?,
            title: text(&title, row).unwrap_or_default(),
            grade: text(&grade, row),
            sentence: required(&sentence, row, "sentence")?,
            evidence: list(text(&evidence, row)),
            contributing: list(text(&contributing, row)),
            fix: text(&fix, row).unwrap_or_default(),
            fix_by: text(&fix_by, row).unwrap_or_default(),
            has_fix_in_plan: text(&has_fix_in_plan, row).as_deref() == Some("true"),
            event_at: text(&event_at, row).unwrap_or_default(),
        });
    }
    Ok(())
}

fn list(joined: Option<String>) -> Vec<String> {
    joined
        .unwrap_or_default()
        .split(';')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}
