//! Models planned over sources without a row, to see whether their SQL can be asked at all.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::prelude::SessionContext;
use datafusion::sql::resolve::resolve_table_references;
use jiff::Timestamp;

use super::render::render;
use super::run::register_missing_sources;
use super::stage::register_no_metadata;
use super::{
    ModelError, ModelSet, RenderContext, SqlError, StageError, functions, new_session,
    register_project, register_seeds, seeds,
};
use crate::config::{Period, Project};
use crate::crm::CrmKind;
use crate::golden::FieldRegistry;
use crate::warehouse::Warehouse;

/// Planning holds no rows.
const MEMORY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Opens a session in which every source is an empty table.
///
/// # Errors
/// When a seed cannot be read or DataFusion refuses a table.
pub fn empty_session(
    project: &Project,
    set: &ModelSet,
    context: &RenderContext,
    warehouse: &Warehouse,
    registry: &Arc<FieldRegistry>,
    period: &Period,
) -> Result<SessionContext, StageError> {
    let ctx = new_session(warehouse, MEMORY_BYTES_MAX)?;
    functions::register(&ctx, registry);
    for kind in [CrmKind::HubSpot, CrmKind::Salesforce] {
        register_no_metadata(&ctx, kind)?;
    }
    register_seeds(&ctx, &seeds(&project.dir)?)?;
    register_project(&ctx, project, "", period, Timestamp::default())?;
    register_missing_sources(&ctx, set, context)?;
    Ok(ctx)
}

/// Plans a model and registers it as a view, after those it reads that the session lacks.
///
/// # Errors
/// When the model, or one that it reads, cannot be rendered or planned.
pub async fn plan_model(
    ctx: &SessionContext,
    set: &ModelSet,
    context: &RenderContext,
    name: &str,
) -> Result<(), ModelError> {
    let mut open = vec![name.to_owned()];
    let mut planned = BTreeSet::new();
    while let Some(name) = open.last().cloned() {
        let Some(file) = set.models.get(&name) else {
            open.pop();
            continue;
        };
        let sql = render(set, file, context)?;
        let failed = |source| ModelError::Sql {
            path: format!("models/{}", file.path),
            line: None,
            column: None,
            source: SqlError::new(source),
        };
        let dialect = ctx.state().config().options().sql_parser.dialect;
        let statement = ctx.state().sql_to_statement(&sql, &dialect).map_err(failed)?;
        let (tables, _) = resolve_table_references(&statement, true).map_err(failed)?;
        let mut waits = false;
        for table in &tables {
            let input = table.to_string();
            let is_model = set.models.contains_key(&input) && !planned.contains(&input);
            if is_model && !open.contains(&input) && !ctx.table_exist(input.as_str())? {
                open.push(input);
                waits = true;
            }
        }
        if !waits {
            let frame = ctx.sql(&sql).await.map_err(failed)?;
            ctx.deregister_table(name.as_str())?;
            ctx.register_table(name.as_str(), frame.into_view())?;
            planned.insert(name);
            open.pop();
        }
    }
    Ok(())
}
