//! The metadata of a snapshot as Parquet, one file for each struct of [`crate::schema`].

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray,
};
use datafusion::arrow::datatypes::Int64Type;

use super::PullError;
use crate::schema::{FieldInfo, ObjectInfo, PicklistValue, Schema, Stage, User, UserType};
use crate::warehouse::Warehouse;

const PERSON: &str = "person";
const QUEUE: &str = "queue";
const DEFINITION: &str = "definition";

/// Lands the metadata under `snapshots/<connection>/_schema/snapshot=<id>/`.
pub async fn write(
    warehouse: &Warehouse,
    connection: &str,
    snapshot_id: &str,
    schema: &Schema,
) -> Result<(), PullError> {
    for (name, batch) in tables(schema)? {
        let path = path(connection, snapshot_id, name);
        let mut file = warehouse.create_parquet(&path, batch.schema())?;
        file.write(&batch).await?;
        file.finish().await?;
    }
    Ok(())
}

/// Lays metadata out as its tables, by name.
pub fn tables(schema: &Schema) -> Result<Vec<(&'static str, RecordBatch)>, PullError> {
    [
        ("objects", objects(&schema.objects)),
        ("fields", fields(&schema.fields)),
        ("picklist_values", picklist_values(&schema.picklist_values)),
        ("stages", stages(&schema.stages)),
        ("users", users(&schema.users)),
    ]
    .into_iter()
    .map(|(name, columns)| Ok((name, RecordBatch::try_from_iter_with_nullable(columns)?)))
    .collect()
}

pub async fn read(
    warehouse: &Warehouse,
    connection: &str,
    snapshot_id: &str,
) -> Result<Schema, PullError> {
    let mut schema = Schema::default();
    let file = |name| File::read(warehouse, path(connection, snapshot_id, name));
    for rows in file("objects").await?.batches() {
        for row in 0..rows.len() {
            schema.objects.push(ObjectInfo {
                object: rows.text("object", row)?,
                label: rows.text("label", row)?,
                can_create: rows.flag("can_create", row)?,
                can_update: rows.flag("can_update", row)?,
                can_delete: rows.flag("can_delete", row)?,
                definition: rows.definition(row)?,
            });
        }
    }
    for rows in file("fields").await?.batches() {
        for row in 0..rows.len() {
            schema.fields.push(FieldInfo {
                object: rows.text("object", row)?,
                field: rows.text("field", row)?,
                label: rows.text("label", row)?,
                vendor_type: rows.text("vendor_type", row)?,
                length_max: rows.whole("length_max", row)?,
                scale: rows.whole("scale", row)?,
                is_required: rows.flag("is_required", row)?,
                is_createable: rows.flag("is_createable", row)?,
                is_updateable: rows.flag("is_updateable", row)?,
                is_unique: rows.flag("is_unique", row)?,
                is_calculated: rows.flag("is_calculated", row)?,
                is_restricted: rows.flag("is_restricted", row)?,
                is_custom: rows.flag("is_custom", row)?,
                references: rows.text_or_null("references", row)?,
                definition: rows.definition(row)?,
            });
        }
    }
    for rows in file("picklist_values").await?.batches() {
        for row in 0..rows.len() {
            schema.picklist_values.push(PicklistValue {
                object: rows.text("object", row)?,
                field: rows.text("field", row)?,
                value: rows.text("value", row)?,
                label: rows.text("label", row)?,
                is_active: rows.flag("is_active", row)?,
                sort_order: rows.whole("sort_order", row)?.unwrap_or(0),
            });
        }
    }
    for rows in file("stages").await?.batches() {
        for row in 0..rows.len() {
            schema.stages.push(Stage {
                object: rows.text("object", row)?,
                pipeline: rows.text("pipeline", row)?,
                stage: rows.text("stage", row)?,
                label: rows.text("label", row)?,
                sort_order: rows.whole("sort_order", row)?.unwrap_or(0),
                probability: rows.text_or_null("probability", row)?,
                is_closed: rows.flag("is_closed", row)?,
                is_won: rows.flag("is_won", row)?,
                is_active: rows.flag("is_active", row)?,
            });
        }
    }
    for rows in file("users").await?.batches() {
        for row in 0..rows.len() {
            schema.users.push(User {
                user_id: rows.text("user_id", row)?,
                email: rows.text_or_null("email", row)?,
                name: rows.text("name", row)?,
                user_type: match rows.text("user_type", row)?.as_str() {
                    QUEUE => UserType::Queue,
                    _ => UserType::Person,
                },
                is_active: rows.flag("is_active", row)?,
                definition: rows.definition(row)?,
            });
        }
    }
    Ok(schema)
}

/// Returns where one metadata table of a snapshot lies.
fn path(connection: &str, snapshot_id: &str, name: &str) -> String {
    format!("snapshots/{connection}/_schema/snapshot={snapshot_id}/{name}.parquet")
}

/// A column's name, values and whether it may be null.
type Column = (&'static str, ArrayRef, bool);

fn text<T>(name: &'static str, rows: &[T], value: impl Fn(&T) -> &str) -> Column {
    (name, Arc::new(StringArray::from_iter_values(rows.iter().map(value))), false)
}

fn text_or_null<T>(name: &'static str, rows: &[T], value: impl Fn(&T) -> Option<&str>) -> Column {
    (name, Arc::new(rows.iter().map(value).collect::<StringArray>()), true)
}

fn flag<T>(name: &'static str, rows: &[T], value: impl Fn(&T) -> bool) -> Column {
    (name, Arc::new(rows.iter().map(|row| Some(value(row))).collect::<BooleanArray>()), false)
}

fn whole<T>(name: &'static str, rows: &[T], value: impl Fn(&T) -> Option<i64>) -> Column {
    (name, Arc::new(rows.iter().map(value).collect::<Int64Array>()), true)
}

fn objects(rows: &[ObjectInfo]) -> Vec<Column> {
    vec![
        text("object", rows, |row| &row.object),
        text("label", rows, |row| &row.label),
        flag("can_create", rows, |row| row.can_create),
        flag("can_update", rows, |row| row.can_update),
        flag("can_delete", rows, |row| row.can_delete),
        text_or_null(DEFINITION, rows, |row| row.definition.as_deref()),
    ]
}

fn fields(rows: &[FieldInfo]) -> Vec<Column> {
    vec![
        text("object", rows, |row| &row.object),
        text("field", rows, |row| &row.field),
        text("label", rows, |row| &row.label),
        text("vendor_type", rows, |row| &row.vendor_type),
        whole("length_max", rows, |row| row.length_max),
        whole("scale", rows, |row| row.scale),
        flag("is_required", rows, |row| row.is_required),
        flag("is_createable", rows, |row| row.is_createable),
        flag("is_updateable", rows, |row| row.is_updateable),
        flag("is_unique", rows, |row| row.is_unique),
        flag("is_calculated", rows, |row| row.is_calculated),
        flag("is_restricted", rows, |row| row.is_restricted),
        flag("is_custom", rows, |row| row.is_custom),
        text_or_null("references", rows, |row| row.references.as_deref()),
        text_or_null(DEFINITION, rows, |row| row.definition.as_deref()),
    ]
}

fn picklist_values(rows: &[PicklistValue]) -> Vec<Column> {
    vec![
        text("object", rows, |row| &row.object),
        text("field", rows, |row| &row.field),
        text("value", rows, |row| &row.value),
        text("label", rows, |row| &row.label),
        flag("is_active", rows, |row| row.is_active),
        whole("sort_order", rows, |row| Some(row.sort_order)),
    ]
}

fn stages(rows: &[Stage]) -> Vec<Column> {
    vec![
        text("object", rows, |row| &row.object),
        text("pipeline", rows, |row| &row.pipeline),
        text("stage", rows, |row| &row.stage),
        text("label", rows, |row| &row.label),
        whole("sort_order", rows, |row| Some(row.sort_order)),
        text_or_null("probability", rows, |row| row.probability.as_deref()),
        flag("is_closed", rows, |row| row.is_closed),
        flag("is_won", rows, |row| row.is_won),
        flag("is_active", rows, |row| row.is_active),
    ]
}

fn users(rows: &[User]) -> Vec<Column> {
    vec![
        text("user_id", rows, |row| &row.user_id),
        text_or_null("email", rows, |row| row.email.as_deref()),
        text("name", rows, |row| &row.name),
        text("user_type", rows, |row| match row.user_type {
            UserType::Person => PERSON,
            UserType::Queue => QUEUE,
        }),
        flag("is_active", rows, |row| row.is_active),
        text_or_null(DEFINITION, rows, |row| row.definition.as_deref()),
    ]
}

/// A metadata file as it was read.
struct File {
    path: String,
    batches: Vec<RecordBatch>,
}

/// One batch of a metadata file, read cell by cell.
struct Rows<'a> {
    path: &'a str,
    batch: &'a RecordBatch,
}

impl File {
    async fn read(warehouse: &Warehouse, path: String) -> Result<Self, PullError> {
        let batches = warehouse.read_parquet(&path).await?;
        Ok(Self { path, batches })
    }

    fn batches(&self) -> impl Iterator<Item = Rows<'_>> {
        self.batches.iter().map(|batch| Rows { path: &self.path, batch })
    }
}

impl Rows<'_> {
    fn len(&self) -> usize {
        self.batch.num_rows()
    }

    fn text(&self, column: &str, row: usize) -> Result<String, PullError> {
        Ok(self.text_or_null(column, row)?.unwrap_or_default())
    }

    fn text_or_null(&self, column: &str, row: usize) -> Result<Option<String>, PullError> {
        let array = self.array(column)?.as_string_opt::<i32>();
        let array = array.ok_or_else(|| self.missing(column))?;
        Ok(array.is_valid(row).then(|| array.value(row).to_owned()))
    }

    /// Reads a vendor's definition; snapshots of earlier versions hold none.
    fn definition(&self, row: usize) -> Result<Option<String>, PullError> {
        if self.batch.column_by_name(DEFINITION).is_none() {
            return Ok(None);
        }
        self.text_or_null(DEFINITION, row)
    }

    fn flag(&self, column: &str, row: usize) -> Result<bool, PullError> {
        let array = self.array(column)?.as_boolean_opt();
        let array = array.ok_or_else(|| self.missing(column))?;
        Ok(array.is_valid(row) && array.value(row))
    }

    fn whole(&self, column: &str, row: usize) -> Result<Option<i64>, PullError> {
        let array = self.array(column)?.as_primitive_opt::<Int64Type>();
        let array = array.ok_or_else(|| self.missing(column))?;
        Ok(array.is_valid(row).then(|| array.value(row)))
    }

    fn array(&self, column: &str) -> Result<&ArrayRef, PullError> {
        self.batch.column_by_name(column).ok_or_else(|| self.missing(column))
    }

    fn missing(&self, column: &str) -> PullError {
        PullError::SchemaFile { path: self.path.to_owned(), column: column.to_owned() }
    }
}
