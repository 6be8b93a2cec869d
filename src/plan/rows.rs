//! Reads `sync_changes`, the table in which SQL has decided what each CRM is owed.

use std::collections::{HashMap, HashSet};

use datafusion::arrow::array::{Array, AsArray, RecordBatch, StringArray};
use datafusion::prelude::SessionContext;
use futures::StreamExt;

use super::PlanError;
use crate::crm::{CrmKind, WriteOperation};

/// One row of `sync_changes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub golden_id: String,
    pub entity: String,
    pub target_system: CrmKind,
    pub target_object: String,
    /// `None` for a create.
    pub target_id: Option<String>,
    pub operation: WriteOperation,
    pub field: String,
    /// `None` where a whole record is held back.
    pub target_field: Option<String>,
    pub before: Option<String>,
    /// The value to write; for a row that is held or a no-op, the source's value.
    pub after: Option<String>,
    /// Golden id whose new record's id is the value.
    pub after_ref: Option<String>,
    pub status: ChangeStatus,
    /// Why a change is held or not made; `None` for an action.
    pub reason_code: Option<String>,
    pub rule: String,
    /// Golden id whose create must have succeeded.
    pub depends_on: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeStatus {
    Action,
    Noop,
    Held,
}

/// Reads every change of the build in one fixed order.
///
/// # Errors
/// When the table is missing or holds a word that is not known.
pub async fn read_changes(ctx: &SessionContext) -> Result<Vec<Change>, PlanError> {
    let batches = ctx
        .sql(
            "select * from sync_changes \
             order by target_system, target_object, operation, target_id, golden_id, field, \
             status, reason_code",
        )
        .await?
        .collect()
        .await?;
    let mut changes = Vec::new();
    for batch in &batches {
        let columns = TextColumns::of(batch);
        for row in 0..batch.num_rows() {
            changes.push(change(&columns, row)?);
        }
    }
    Ok(changes)
}

/// Record → the one whose lock a write to it takes too, by object and id.
pub type Parents = HashMap<(String, String), String>;

/// Reads the parents of the records that changes are about.
///
/// A write to a Salesforce contact or opportunity locks its account, so collections and the batches of
/// a job that write to records of one account at once wait for each other, or fail (bulk guide on lock
/// contention, read 2026-11). HubSpot documents no such lock.
///
/// # Errors
/// When the build's tables cannot be read.
pub async fn read_parents(ctx: &SessionContext, changes: &[Change]) -> Result<Parents, PlanError> {
    let wanted: HashSet<(&str, &str)> = changes
        .iter()
        .filter(|change| change.status == ChangeStatus::Action)
        .filter_map(|change| Some((change.target_object.as_str(), change.target_id.as_deref()?)))
        .collect();
    let children = ctx
        .sql(
            "select 'Contact' as object, contact_id as id, account_id as parent_id \
             from stg_salesforce__contacts where account_id is not null \
             union all \
             select 'Opportunity' as object, opportunity_id as id, account_id as parent_id \
             from stg_salesforce__opportunities where account_id is not null",
        )
        .await?;
    let mut batches = children.execute_stream().await?;
    let mut parents = Parents::new();
    while let Some(batch) = batches.next().await.transpose()? {
        let columns = TextColumns::of(&batch);
        for row in 0..batch.num_rows() {
            let text = |name: &str| columns.text(name, row).map(Option::unwrap_or_default);
            let (object, id) = (text("object")?, text("id")?);
            if wanted.contains(&(object.as_str(), id.as_str())) {
                parents.insert((object, id), text("parent_id")?);
            }
        }
    }
    Ok(parents)
}

fn change(columns: &TextColumns<'_>, row: usize) -> Result<Change, PlanError> {
    let text = |name: &str| columns.text(name, row);
    let needed = |name: &str| text(name)?.ok_or_else(|| shape(format!("column `{name}` is null")));
    let target_system = match needed("target_system")?.as_str() {
        "hubspot" => CrmKind::HubSpot,
        "salesforce" => CrmKind::Salesforce,
        other => return Err(shape(format!("no such system `{other}`"))),
    };
    let operation = needed("operation")?;
    let operation = WriteOperation::parse(&operation)
        .ok_or_else(|| shape(format!("no such operation `{operation}`")))?;
    let status = match needed("status")?.as_str() {
        "action" => ChangeStatus::Action,
        "noop" => ChangeStatus::Noop,
        "held" => ChangeStatus::Held,
        other => return Err(shape(format!("no such status `{other}`"))),
    };
    Ok(Change {
        golden_id: needed("golden_id")?,
        entity: needed("entity")?,
        target_system,
        target_object: needed("target_object")?,
        target_id: text("target_id")?,
        operation,
        field: needed("field")?,
        target_field: text("target_field")?,
        before: text("before")?,
        after: text("after")?,
        after_ref: text("after_ref")?,
        status,
        reason_code: text("reason_code")?,
        rule: needed("rule")?,
        depends_on: text("depends_on")?,
    })
}

/// The text columns of a batch by name.
pub(super) struct TextColumns<'a>(HashMap<String, &'a StringArray>);

impl<'a> TextColumns<'a> {
    pub(super) fn of(batch: &'a RecordBatch) -> Self {
        let mut columns = HashMap::new();
        for (index, field) in batch.schema_ref().fields().iter().enumerate() {
            if let Some(array) = batch.column(index).as_string_opt::<i32>() {
                columns.insert(field.name().clone(), array);
            }
        }
        Self(columns)
    }

    pub(super) fn text(&self, name: &str, row: usize) -> Result<Option<String>, PlanError> {
        let array =
            self.0.get(name).ok_or_else(|| shape(format!("text column `{name}` is missing")))?;
        Ok(array.is_valid(row).then(|| array.value(row).to_owned()))
    }
}

fn shape(message: String) -> PlanError {
    PlanError::Shape { path: "sync_changes".to_owned(), message }
}
