//! Runs what a model's sidecar says must hold.

use std::fmt;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::prelude::SessionContext;

use super::{Check, ModelError, ModelFile};

/// A check that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckFailure {
    pub model: String,
    pub check: String,
    pub n_rows: i64,
}

impl fmt::Display for CheckFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {} ({} rows)", self.model, self.check, self.n_rows)
    }
}

/// Runs the grain check and the listed checks; the answer lists those that fail.
///
/// # Errors
/// When a check names a column or a model that does not exist.
pub async fn run_checks(
    ctx: &SessionContext,
    model: &ModelFile,
) -> Result<Vec<CheckFailure>, ModelError> {
    let mut checks = Vec::new();
    if !model.sidecar.grain.is_empty() {
        checks.push(Check::Unique { columns: model.sidecar.grain.clone() });
        let not_null =
            model.sidecar.grain.iter().map(|column| Check::NotNull { column: column.clone() });
        checks.extend(not_null);
    }
    checks.extend(model.sidecar.checks.iter().cloned());

    let mut failures = Vec::new();
    for check in checks {
        let (what, sql) = failing_rows(&model.name, &check);
        let n_rows = count(ctx, &sql).await.map_err(|source| ModelError::Sql {
            path: format!("{} ({what})", model.path),
            line: None,
            column: None,
            source: super::SqlError::new(source),
        })?;
        if n_rows > 0 {
            failures.push(CheckFailure { model: model.name.clone(), check: what, n_rows });
        }
    }
    Ok(failures)
}

/// Says what a check asks for and counts the rows that break it.
fn failing_rows(model: &str, check: &Check) -> (String, String) {
    match check {
        Check::NotNull { column } => (
            format!("`{column}` is never null"),
            format!("select count(*) from {model} where \"{column}\" is null"),
        ),
        Check::Unique { columns } => {
            let list = columns.iter().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(", ");
            (
                format!("unique by `{}`", columns.join(", ")),
                format!(
                    "select count(*) from (select 1 from {model} group by {list} having count(*) > 1)"
                ),
            )
        }
        Check::AcceptedValues { column, values } => {
            let list = values
                .iter()
                .map(|value| format!("'{}'", value.replace('\'', "''")))
                .collect::<Vec<_>>()
                .join(", ");
            (
                format!("`{column}` is one of {}", values.join(", ")),
                format!("select count(*) from {model} where \"{column}\" not in ({list})"),
            )
        }
        Check::Relationships { column, to, field } => (
            format!("every `{column}` is in `{to}.{field}`"),
            format!(
                "select count(*) from {model} as child left anti join {to} as parent \
                 on child.\"{column}\" = parent.\"{field}\" where child.\"{column}\" is not null"
            ),
        ),
    }
}

async fn count(ctx: &SessionContext, sql: &str) -> Result<i64, datafusion::error::DataFusionError> {
    let batches = ctx.sql(sql).await?.collect().await?;
    Ok(batches
        .first()
        .filter(|batch| batch.num_rows() > 0)
        .map_or(0, |batch| batch.column(0).as_primitive::<Int64Type>().value(0)))
}
