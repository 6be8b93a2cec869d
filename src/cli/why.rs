//! `concord why`: everything known about one person.

use clap::Args;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;

use super::sections::{self, Section};
use super::session::{Session, failed};
use super::{CliError, ExitCode, Format, GlobalArgs, Ui, stages};
use crate::model::open_latest;

/// Tells one person's story
///
/// Reads the latest build; writes nothing. Shows every source record, who won each field and by which
/// rule, what is pending, what was held back and why, and the history.
#[derive(Debug, Args)]
#[command(
    before_help = "Examples:\n    concord why ana.silva@example.com\n    concord why 00Q5g00000AbCdEEAV"
)]
pub struct WhyArgs {
    /// Email address, HubSpot or Salesforce record id, or golden id
    #[arg(value_name = "EMAIL OR ID")]
    pub person: String,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

pub async fn run(args: &WhyArgs, global: &GlobalArgs, ui: &Ui) -> Result<ExitCode, CliError> {
    sections::check(args.format, "why")?;
    let session = Session::open(global, None)?;
    let question = session.question(None)?;
    let (opened, _) = open_latest(&session.project, &session.warehouse, &question)
        .await
        .map_err(stages::stage_error)?;
    let golden_id = find(&opened.ctx, &args.person).await?;
    let mut sections = Vec::new();
    for (name, title, sql) in SECTIONS {
        let sql = sql.replace(":golden_id", &format!("'{golden_id}'"));
        let batches = query(&opened.ctx, &sql).await?;
        if args.format != Format::Table || batches.iter().any(|batch| batch.num_rows() > 0) {
            let title = title.to_owned();
            sections.push(Section { name, title, rows_shown: usize::MAX, batches });
        }
    }
    sections::print(ui, args.format, &sections)?;
    Ok(ExitCode::Done)
}

/// Finds a golden id by itself, by a record id of either CRM, or by any address of a record.
///
/// # Errors
/// When nothing is known by that name.
pub async fn find(ctx: &SessionContext, person: &str) -> Result<String, CliError> {
    let frame = ctx
        .sql(
            "select min(golden_id) as golden_id from ( \
                 select golden_id from crosswalk where golden_id = $1 or source_id = $1 or source_id = salesforce_id($1) \
                 union all \
                 select crosswalk.golden_id from crosswalk inner join int_person_emails \
                 on crosswalk.record_key = int_person_emails.record_key \
                 where int_person_emails.email_key = coalesce(email_key($1), lower(trim($1))))",
        )
        .await
        .and_then(|frame| frame.with_param_values(vec![ScalarValue::from(person)]))
        .map_err(failed)?;
    let batches = frame.collect().await.map_err(failed)?;
    batches
        .first()
        .map(|batch| batch.column(0).as_string::<i32>())
        .filter(|ids| ids.len() == 1 && ids.is_valid(0))
        .map(|ids| ids.value(0).to_owned())
        .ok_or_else(|| CliError::NoSuchPerson { person: person.to_owned() })
}

async fn query(ctx: &SessionContext, sql: &str) -> Result<Vec<RecordBatch>, CliError> {
    ctx.sql(sql).await.map_err(failed)?.collect().await.map_err(failed)
}

/// What is told of a person, in order. `:golden_id` is a golden id that a query gave, never text
/// from outside.
const SECTIONS: [(&str, &str, &str); 11] = [
    (
        "records",
        "records",
        "select crosswalk.source_system, crosswalk.source_object, crosswalk.source_id, \
             int_record_life.life, int_primaries.rule as primary_because \
         from crosswalk \
         left join int_record_life on crosswalk.record_key = int_record_life.record_key \
         left join int_primaries on crosswalk.record_key = int_primaries.record_key \
         where crosswalk.golden_id = :golden_id order by 1, 2, 3",
    ),
    (
        "edges",
        "why they are one person",
        "select int_edges.rule, int_edges.left_key, int_edges.right_key, int_edges.evidence \
         from int_edges inner join crosswalk on int_edges.left_key = crosswalk.record_key \
         inner join crosswalk as others on int_edges.right_key = others.record_key \
         where crosswalk.golden_id = :golden_id and others.golden_id = :golden_id order by 1, 2, 3",
    ),
    (
        "not_believed",
        "evidence that is not believed",
        "select rules, left_key, right_key, evidence, reason, sentence, \
             case left_golden_id when :golden_id then right_golden_id else left_golden_id end as other_golden_id \
         from contradictions where left_golden_id = :golden_id or right_golden_id = :golden_id \
         order by left_key, right_key",
    ),
    (
        "golden_record",
        "golden record",
        "select field, value, source_system, rule, losing_raw as other_side from provenance \
         where golden_id = :golden_id order by field",
    ),
    (
        "changes",
        "pending, held back and left alone",
        "select status, target_system, field, before, after, reason_code, rule from sync_changes \
         where golden_id = :golden_id order by status, target_system, field",
    ),
    (
        "holds",
        "put on hold or released",
        "select field, decision, reason, decided_at from int_holds \
         where golden_id = :golden_id order by decided_at",
    ),
    (
        "undone",
        "taken back by an undo",
        "select source_system, record_id, field, restored, written as taken_back, is_held, undone_at \
         from int_undone where golden_id = :golden_id order by undone_at, source_system, field",
    ),
    (
        "contested",
        "written back by others",
        "select source_system, record_id, field, sent, found, writer, n_rebuffs, is_contested, contested_at \
         from int_contested where golden_id = :golden_id order by source_system, field",
    ),
    (
        "refused",
        "refused by a CRM",
        "select source_system, record_id, field, sent, reason_code, code, message, n_refusals, \
             first_refused_at, last_refused_at, is_held, release_condition \
         from state_rejections where golden_id = :golden_id order by source_system, field",
    ),
    (
        "gap",
        "in the gap",
        "select side, code, grade, sentence, contributing, fix from gap_reasons \
         where golden_id = :golden_id order by side, code",
    ),
    (
        "lifecycle",
        "lifecycle",
        "select int_stage_entries.stage, int_stage_entries.entered_at from int_stage_entries \
         inner join crosswalk on crosswalk.source_system = 'hubspot' \
             and crosswalk.source_object = 'contacts' \
             and crosswalk.source_id = int_stage_entries.contact_id \
         where crosswalk.golden_id = :golden_id order by 2",
    ),
];
