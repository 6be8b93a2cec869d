//! The project's configuration as tables, and as what templates may name.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::common::TableReference;
use datafusion::prelude::SessionContext;
use jiff::Timestamp;
use minijinja::Value;
use minijinja::value::Serde;

use super::session::register_batches;
use super::{ModelError, RenderContext, register_rows};
use crate::config::{FieldType, Period, Project};
use crate::crm::CrmKind;

/// Registers `project.*`: `run`, `period`, `claims`, `settings`, `field_rules`, `create_policies`,
/// `associations`, `taken_over` and `lifecycle`.
///
/// # Errors
/// When DataFusion refuses a table.
pub fn register_project(
    ctx: &SessionContext,
    project: &Project,
    metric: &str,
    period: &Period,
    as_of: Timestamp,
) -> Result<(), ModelError> {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let moment = TimestampMicrosecondArray::from(vec![as_of.as_microsecond()]).with_timezone("UTC");
    register(ctx, "run", vec![("as_of_at", utc, Arc::new(moment))])?;

    let date = |date: jiff::civil::Date| Date32Array::from(vec![epoch_days(date)]);
    register(
        ctx,
        "period",
        vec![
            ("metric", DataType::Utf8, Arc::new(StringArray::from(vec![metric]))),
            ("period", DataType::Utf8, Arc::new(StringArray::from(vec![period.label.as_str()]))),
            ("start_date", DataType::Date32, Arc::new(date(period.start_date))),
            ("end_date", DataType::Date32, Arc::new(date(period.end_date))),
        ],
    )?;
    register_claims(ctx, project, metric, period)?;
    register_field_rules(ctx, project)?;

    let text = |value: &str| Some(value.to_owned());
    let mapped = || project.field_map.entities.iter().filter(|entity| entity.is_mapped);
    let policies: Vec<Vec<Option<String>>> = mapped()
        .flat_map(|entity| {
            let objects = [
                (CrmKind::HubSpot, &entity.hubspot),
                (CrmKind::Salesforce, &entity.create.as_object),
            ];
            objects.map(|(side, object)| {
                vec![
                    text(entity.name.as_str()),
                    text(side.as_str()),
                    text(entity.create.of(side).as_str()),
                    text(object),
                    text(entity.key.of(side)),
                    text(entity.link.of(side)),
                ]
            })
        })
        .collect();
    let columns = ["entity", "target_system", "policy", "target_object", "key_field", "link_field"];
    register_rows(ctx, TableReference::partial("project", "create_policies"), &columns, &policies)?;

    let followed: Vec<Vec<Option<String>>> = mapped()
        .filter(|entity| entity.follows_account)
        .map(|entity| vec![text(entity.name.as_str()), text("company"), text("salesforce")])
        .collect();
    let table = TableReference::partial("project", "associations");
    register_rows(ctx, table, &["entity", "associated_entity", "owner"], &followed)?;

    let taken_over: Vec<Vec<Option<String>>> =
        taken_over(project).into_iter().map(|name| vec![Some(name)]).collect();
    let table = TableReference::partial("project", "taken_over");
    register_rows(ctx, table, &["full_name"], &taken_over)?;

    let settings: Vec<Vec<Option<String>>> = project
        .settings
        .iter()
        .map(|setting| vec![Some(setting.name.clone()), Some(setting.value.clone())])
        .collect();
    register_rows(
        ctx,
        TableReference::partial("project", "settings"),
        &["name", "value"],
        &settings,
    )?;
    Ok(())
}

/// Lists every field that was taken over from the native connector; a whole entity is its fields, and
/// `(record)` for its creates.
fn taken_over(project: &Project) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for taken in &project.native_connector.taken_over {
        let entity = project.field_map.entities.iter().find(|e| e.name.as_str() == taken);
        match entity {
            Some(entity) => {
                names.insert(format!("{taken}.(record)"));
                names.extend(entity.fields.iter().map(|field| format!("{taken}.{}", field.name)));
            }
            None => {
                names.insert(taken.clone());
            }
        }
    }
    names
}

fn register_claims(
    ctx: &SessionContext,
    project: &Project,
    metric: &str,
    period: &Period,
) -> Result<(), ModelError> {
    let claims: Vec<_> = project
        .metrics
        .get(metric)
        .map(|metric| metric.claims.iter().collect())
        .unwrap_or_default();
    let text = |values: Vec<&str>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let reported: Int64Array =
        claims.iter().map(|(_, claim)| claim.reported.get(&period.label).copied()).collect();
    register(
        ctx,
        "claims",
        vec![
            ("metric", DataType::Utf8, text(vec![metric; claims.len()])),
            ("claim", DataType::Utf8, text(claims.iter().map(|(name, _)| name.as_str()).collect())),
            ("label", DataType::Utf8, text(claims.iter().map(|(_, c)| c.label.as_str()).collect())),
            (
                "time_zone",
                DataType::Utf8,
                text(claims.iter().map(|(_, c)| c.time_zone.as_str()).collect()),
            ),
            ("reported", DataType::Int64, Arc::new(reported)),
        ],
    )
}

fn register_field_rules(ctx: &SessionContext, project: &Project) -> Result<(), ModelError> {
    let fields: Vec<_> = project
        .field_map
        .entities
        .iter()
        .flat_map(|entity| entity.fields.iter().map(move |field| (entity.name, field)))
        .collect();
    let lifecycle: Int64Array =
        (0..project.lifecycle.len()).map(|i| i64::try_from(i).ok()).collect();
    let stages: Vec<&str> = project.lifecycle.iter().map(String::as_str).collect();
    register(
        ctx,
        "lifecycle",
        vec![
            ("stage", DataType::Utf8, Arc::new(StringArray::from(stages))),
            ("position", DataType::Int64, Arc::new(lifecycle)),
        ],
    )?;
    let text = |value: &dyn Fn(&crate::config::Field) -> Option<String>| -> ArrayRef {
        Arc::new(fields.iter().map(|(_, field)| value(field)).collect::<StringArray>())
    };
    let names: StringArray =
        fields.iter().map(|(entity, field)| Some(format!("{entity}.{}", field.name))).collect();
    let clear: BooleanArray = fields.iter().map(|(_, field)| Some(field.clear)).collect();
    // HubSpot's lifecycle stage moves forward only; any other field that changes hands is a value.
    let is_lifecycle: BooleanArray =
        fields.iter().map(|(_, field)| Some(field.is_lifecycle())).collect();
    register(
        ctx,
        "field_rules",
        vec![
            ("full_name", DataType::Utf8, Arc::new(names)),
            ("field_type", DataType::Utf8, text(&|f| Some(f.field_type.as_str().to_owned()))),
            ("owner", DataType::Utf8, text(&|field| Some(field.owner.as_str().to_owned()))),
            ("tie", DataType::Utf8, text(&|field| field.tie.map(|tie| tie.as_str().to_owned()))),
            ("write_mode", DataType::Utf8, text(&|field| Some(field.write.as_str().to_owned()))),
            ("is_clear", DataType::Boolean, Arc::new(clear)),
            ("is_lifecycle", DataType::Boolean, Arc::new(is_lifecycle)),
            ("create_default", DataType::Utf8, text(&|field| field.create_default.clone())),
            (
                "restrictive",
                DataType::Utf8,
                text(&|f| (f.field_type == FieldType::Consent).then(|| f.restrictive.to_string())),
            ),
        ],
    )
}

/// Makes what templates may name out of the project.
pub fn render_context(project: &Project) -> RenderContext {
    let settings = minijinja::context! {
        phone_region => project.phone_region.clone(),
        inclusion => Value::from(Serde(&project.inclusion.rules)),
        inclusion_to_hubspot => Value::from(Serde(&project.inclusion.to_hubspot)),
        leave_after_days => project.inclusion.leave_after_days,
        recycle_statuses => Value::from(Serde(&project.handoff.recycle_statuses)),
    };
    RenderContext::new(&project.field_map, settings)
}

fn epoch_days(date: jiff::civil::Date) -> Option<i32> {
    let epoch = jiff::civil::date(1970, 1, 1);
    Some(date.since((jiff::Unit::Day, epoch)).ok()?.get_days())
}

fn register(
    ctx: &SessionContext,
    table: &str,
    columns: Vec<(&str, DataType, ArrayRef)>,
) -> Result<(), ModelError> {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, data_type, _)| Field::new(*name, data_type.clone(), true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays = columns.into_iter().map(|(_, _, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)
        .map_err(|error| datafusion::error::DataFusionError::ArrowError(Box::new(error), None))?;
    register_batches(ctx, TableReference::partial("project", table), schema, vec![batch])?;
    Ok(())
}
