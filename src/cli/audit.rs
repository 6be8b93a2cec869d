//! `concord audit`: the state of both CRMs.

use clap::Args;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::common::TableReference;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{ident, lit, not};
use datafusion::prelude::SessionContext;

use super::rows::Rows;
use super::session::{Session, failed};
use super::{CliError, ExitCode, Format, GlobalArgs, Ui, stages};
use crate::crm::CrmKind;
use crate::golden::FieldRegistry;
use crate::model::{open_latest, register_rows, snake_case};

/// Reports duplicates, picklist drift, link faults and people who will never cross
///
/// Reads the latest build, pulling and building first where there is none; writes to the warehouse
/// only. Ends in the order of work.
#[derive(Debug, Args)]
#[command(before_help = "Example:\n    concord audit")]
pub struct AuditArgs {
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

pub async fn run(args: &AuditArgs, global: &GlobalArgs, ui: &Ui) -> Result<ExitCode, CliError> {
    let session = Session::open(global, None)?;
    let question = session.question(None)?;
    let (opened, _) = open_latest(&session.project, &session.warehouse, &question)
        .await
        .map_err(stages::stage_error)?;
    let ctx = &opened.ctx;
    register_stored_values(ctx, &opened.registry).await?;
    for section in SECTIONS {
        let batches =
            ctx.sql(section.sql).await.map_err(failed)?.collect().await.map_err(failed)?;
        let n_rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        if args.format == Format::Table {
            ui.line(format_args!("{}: {n_rows}", section.title))?;
        }
        let Some(first) = batches.first() else { continue };
        let mut rows = Rows::begin(ui, args.format, &first.schema());
        let mut left = section.rows_shown;
        for batch in &batches {
            let n = batch.num_rows().min(left);
            let shown =
                if args.format == Format::Table { batch.slice(0, n) } else { batch.clone() };
            left -= n;
            rows.print(&shown)?;
        }
        rows.end()?;
    }
    if args.format == Format::Table {
        ui.data(ORDER_OF_WORK)?;
    }
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

struct Section {
    title: &'static str,
    sql: &'static str,
    rows_shown: usize,
}

const SECTIONS: [Section; 6] = [
    Section {
        title: "people kept more than once in one CRM",
        sql: include_str!("../../sql/duplicates/people_with_several_records.sql"),
        rows_shown: 10,
    },
    Section {
        title: "companies kept more than once in one CRM",
        sql: include_str!("../../sql/duplicates/companies_with_several_records.sql"),
        rows_shown: 10,
    },
    Section {
        title: "picklist values stored but not listed as active",
        sql: "select source_system, object, field, value, n_records from audit_stored_values \
              order by n_records desc, source_system, object, field, value",
        rows_shown: 20,
    },
    Section {
        title: "links that point at nothing",
        sql: include_str!("../../sql/health/links_that_fail.sql"),
        rows_shown: 10,
    },
    Section {
        title: "live records owned by somebody who left",
        sql: "select users.name, count(*) as n_leads from salesforce.lead as lead \
              inner join salesforce_metadata.users as users on lead.\"OwnerId\" = users.user_id \
              where not users.is_active and not lead._archived and lead.\"IsConverted\" = 'false' \
              group by users.name order by n_leads desc, users.name",
        rows_shown: 10,
    },
    Section {
        title: "people who do not cross, by reason",
        sql: include_str!("../../sql/handoff/who_does_not_cross.sql"),
        rows_shown: 10,
    },
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
                            Some(format!("{:>8}", counts.value(row))),
                        ]);
                    }
                }
            }
        }
    }
    let columns = ["source_system", "object", "field", "value", "n_records"];
    register_rows(ctx, "audit_stored_values", &columns, &rows).map_err(failed)
}
