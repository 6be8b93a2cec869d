//! `concord audit`: the state of both CRMs.

use clap::Args;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::common::TableReference;
use datafusion::error::DataFusionError;
use datafusion::execution::FunctionRegistry;
use datafusion::functions_aggregate::expr_fn::{count, sum};
use datafusion::logical_expr::{Expr, ident, lit, not, when};
use datafusion::prelude::SessionContext;

use super::pull_stage::{self, PullAsked};
use super::run::{begin, finish, take_lease};
use super::sections::{self, Section};
use super::session::{Session, failed};
use super::{CliError, ExitCode, Format, GlobalArgs, Ui, stages};
use crate::crm::CrmKind;
use crate::golden::FieldRegistry;
use crate::model::{Build, open_latest, register_rows, snake_case};
use crate::schema::FieldInfo;
use crate::snapshot::Manifest;
use crate::warehouse::run_log::RunRecord;

/// Reports duplicates, picklist drift, link faults and people who will never cross
///
/// Reads the latest build, pulling and building first where there is none; writes to the warehouse
/// only. Needs no field map. Ends in the order of work.
#[derive(Debug, Args)]
#[command(before_help = "Example:\n    concord audit")]
pub struct AuditArgs {
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

pub async fn run(args: &AuditArgs, global: &GlobalArgs, ui: &Ui) -> Result<ExitCode, CliError> {
    sections::check(args.format, "audit")?;
    let session = Session::open(global, None)?;
    if Build::latest(&session.warehouse).await.map_err(failed)?.is_none() {
        drop(session);
        look_first(global, ui).await?;
    }
    let session = Session::open(global, None)?;
    let question = session.question(None)?;
    let (opened, _) = open_latest(&session.project, &session.warehouse, &question)
        .await
        .map_err(stages::stage_error)?;
    register_stored_values(&opened.ctx, &opened.registry).await?;
    register_uncast_values(&opened.ctx, &opened.registry).await?;
    let mut sections = Vec::new();
    for (name, title, rows_shown, sql) in SECTIONS {
        let frame = opened.ctx.sql(sql).await.map_err(failed)?;
        let batches = frame.collect().await.map_err(failed)?;
        let n_rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        sections.push(Section { name, title: format!("{title}: {n_rows}"), rows_shown, batches });
    }
    sections::print(ui, args.format, &sections)?;
    if args.format == Format::Table {
        ui.data(ORDER_OF_WORK)?;
    }
    Ok(ExitCode::Done)
}

/// Pulls where there is no snapshot yet, and builds.
async fn look_first(global: &GlobalArgs, ui: &Ui) -> Result<(), CliError> {
    let session = Session::connect(global, ui, None).await?;
    session.watch_interrupt(ui);
    let id = session.new_id().await?;
    let _lease = take_lease(&session, &id).await?;
    let mut record = begin(&session, &id, "audit").await?;
    let result = pull_and_build(&session, ui, &id, &mut record).await;
    finish(&session, record, &result).await?;
    result.map(|_| ())
}

async fn pull_and_build(
    session: &Session,
    ui: &Ui,
    id: &str,
    record: &mut RunRecord,
) -> Result<ExitCode, CliError> {
    let mut missing = Vec::new();
    for name in session.project.connections.keys() {
        if Manifest::latest(&session.warehouse, name).await.map_err(failed)?.is_none() {
            missing.push(name.clone());
        }
    }
    if !missing.is_empty() {
        let asked = PullAsked { only: missing, ..PullAsked::default() };
        record.stages = pull_stage::pull(session, ui, id, &asked).await?;
    }
    let question = session.question(None)?;
    let (_, _, built) = stages::build(session, ui, id, &question).await?;
    record.stages.push(built);
    Ok(ExitCode::Done)
}

/// The order in which faults are mended, so that no step undoes the one before.
const ORDER_OF_WORK: &str = "\
order of work
  1  dedupe: merge the records above in their own CRM; a sync copies duplicates faithfully
  2  picklists: map, correct or add the values that are stored but not listed
  3  owners: reassign what inactive users own
  4  inclusion: settle who crosses, and why the others do not
  5  first small send: plan, look, apply ten
";

/// Name, title, rows shown and SQL of what is reported, in order.
const SECTIONS: [(&str, &str, usize, &str); 9] = [
    (
        "duplicate_people",
        "people kept more than once in one CRM",
        10,
        include_str!("../../sql/duplicates/people_with_several_records.sql"),
    ),
    (
        "duplicate_companies",
        "companies kept more than once in one CRM",
        10,
        include_str!("../../sql/duplicates/companies_with_several_records.sql"),
    ),
    (
        "merges",
        "records to merge or convert",
        10,
        include_str!("../../sql/duplicates/merge_worklist.sql"),
    ),
    (
        "contradictions",
        "records that share something and are not one",
        10,
        include_str!("../../sql/duplicates/contradictions.sql"),
    ),
    (
        "unlisted_picklist_values",
        "picklist values stored but not listed as active",
        20,
        "select source_system, object, field, value, cast(n_records as bigint) as n_records \
         from audit_stored_values order by 5 desc, source_system, object, field, value",
    ),
    (
        "uncast_values",
        "fields with values that are not of the field's type",
        20,
        "select source_system, object, field, vendor_type, cast(n_records as bigint) as n_records \
         from audit_uncast_values order by 5 desc, source_system, object, field",
    ),
    (
        "failing_links",
        "links that point at nothing",
        10,
        include_str!("../../sql/health/links_that_fail.sql"),
    ),
    (
        "owned_by_somebody_who_left",
        "live records owned by somebody who left",
        10,
        "select users.name, count(*) as n_leads from salesforce.lead as lead \
         inner join salesforce_metadata.users as users on lead.\"OwnerId\" = users.user_id \
         where not users.is_active and not lead._archived and lead.\"IsConverted\" = 'false' \
         group by users.name order by n_leads desc, users.name",
    ),
    (
        "people_who_do_not_cross",
        "people who do not cross, by reason",
        10,
        include_str!("../../sql/handoff/who_does_not_cross.sql"),
    ),
];

/// Registers `audit_stored_values`: every picklist value in live records that the metadata does not
/// list as active.
async fn register_stored_values(
    ctx: &SessionContext,
    registry: &FieldRegistry,
) -> Result<(), CliError> {
    let mut rows = Vec::new();
    for crm in [CrmKind::HubSpot, CrmKind::Salesforce] {
        let schema = registry.schema(crm);
        for field in &schema.fields {
            let is_listed = schema
                .picklist_values
                .iter()
                .any(|v| v.object == field.object && v.field == field.field);
            let table = TableReference::partial(crm.as_str(), snake_case(&field.object));
            let is_picklist = matches!(field.vendor_type.as_str(), "picklist" | "enumeration");
            if !is_listed || !is_picklist || !ctx.table_exist(table.clone()).map_err(failed)? {
                continue;
            }
            let frame = ctx
                .table(table)
                .await
                .and_then(|frame| {
                    if frame.schema().has_column_with_unqualified_name(&field.field) {
                        frame
                            .filter(not(ident("_archived")).and(ident(&field.field).is_not_null()))?
                            .aggregate(vec![ident(&field.field)], vec![count(lit(1)).alias("n")])
                            .map(Some)
                    } else {
                        Ok(None)
                    }
                })
                .map_err(failed)?;
            let Some(frame) = frame else { continue };
            for batch in frame.collect().await.map_err(failed)? {
                let (values, counts) = (
                    batch.column(0).as_string::<i32>(),
                    batch.column(1).as_primitive::<Int64Type>(),
                );
                for row in 0..batch.num_rows() {
                    let value = values.value(row);
                    let active = registry.is_active_value(crm, &field.object, &field.field, value);
                    // Several choices of one checkbox property are one text.
                    if active != Some(true) && !value.is_empty() && !value.contains(';') {
                        rows.push(vec![
                            Some(crm.as_str().to_owned()),
                            Some(field.object.clone()),
                            Some(field.field.clone()),
                            Some(value.to_owned()),
                            Some(counts.value(row).to_string()),
                        ]);
                    }
                }
            }
        }
    }
    let columns = ["source_system", "object", "field", "value", "n_records"];
    register_rows(ctx, "audit_stored_values", &columns, &rows).map_err(failed)
}

/// Registers `audit_uncast_values`: how many values of each date, number and boolean field cannot be
/// read as one. They count as null in the typed columns, and stay as they are in the snapshots.
async fn register_uncast_values(
    ctx: &SessionContext,
    registry: &FieldRegistry,
) -> Result<(), CliError> {
    let mut rows = Vec::new();
    for crm in [CrmKind::HubSpot, CrmKind::Salesforce] {
        let schema = registry.schema(crm);
        for object in &schema.objects {
            let table = TableReference::partial(crm.as_str(), snake_case(&object.object));
            if !ctx.table_exist(table.clone()).map_err(failed)? {
                continue;
            }
            let frame = ctx.table(table).await.map_err(failed)?;
            let fields: Vec<(&FieldInfo, &str)> = schema
                .fields_of(&object.object)
                .filter(|info| frame.schema().has_column_with_unqualified_name(&info.field))
                .filter_map(|info| Some((info, cast_of(&info.vendor_type)?)))
                .collect();
            if fields.is_empty() {
                continue;
            }
            let counted = fields
                .iter()
                .map(|(info, cast)| {
                    let value = ident(&info.field);
                    let is_uncast = udf(ctx, "trimmed", value.clone())?
                        .is_not_null()
                        .and(udf(ctx, cast, value)?.is_null());
                    Ok(sum(when(is_uncast, lit(1_i64)).otherwise(lit(0_i64))?).alias(&info.field))
                })
                .collect::<Result<Vec<_>, DataFusionError>>()
                .and_then(|counts| frame.aggregate(Vec::new(), counts))
                .map_err(failed)?;
            for batch in counted.collect().await.map_err(failed)? {
                for ((info, _), column) in fields.iter().zip(batch.columns()) {
                    let counts = column.as_primitive::<Int64Type>();
                    if counts.is_valid(0) && counts.value(0) > 0 {
                        rows.push(vec![
                            Some(crm.as_str().to_owned()),
                            Some(info.object.clone()),
                            Some(info.field.clone()),
                            Some(info.vendor_type.clone()),
                            Some(counts.value(0).to_string()),
                        ]);
                    }
                }
            }
        }
    }
    let columns = ["source_system", "object", "field", "vendor_type", "n_records"];
    register_rows(ctx, "audit_uncast_values", &columns, &rows).map_err(failed)
}

/// Names the function that reads values of a vendor's type; `None` where any text will do.
fn cast_of(vendor_type: &str) -> Option<&'static str> {
    match vendor_type {
        "datetime" => Some("as_timestamp"),
        "date" => Some("as_date"),
        "number" | "double" | "int" | "long" | "currency" | "percent" => Some("as_number"),
        "bool" | "boolean" => Some("as_boolean"),
        _ => None,
    }
}

fn udf(ctx: &SessionContext, name: &str, argument: Expr) -> Result<Expr, DataFusionError> {
    Ok(ctx.udf(name)?.call(vec![argument]))
}
