//! Loads a world's rows into an empty database.

use std::collections::HashSet;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::Value as Cell;

use super::errors::ServerError;
use super::names;
use super::org;
use super::schema::{Catalog, FieldKind, Object};
use super::wire;
use crate::sandbox::World;

/// Fills every object's table from `objects/<Object>.csv`; an object without a file stays empty.
///
/// # Errors
/// When a file cannot be read, names an unknown field, or holds a value its field cannot.
pub fn load(
    connection: &Connection,
    catalog: &Catalog,
    world: &World,
    directory: &Path,
) -> Result<(), ServerError> {
    for object in &catalog.objects {
        let path = directory.join("objects").join(format!("{}.csv", object.name));
        if path.exists() {
            load_object(connection, object, world, &path)?;
        }
    }
    Ok(())
}

fn load_object(
    connection: &Connection,
    object: &Object,
    world: &World,
    path: &Path,
) -> Result<(), ServerError> {
    let failed = |source| ServerError::Rows { path: path.to_path_buf(), source };
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_path(path).map_err(failed)?;
    let mut columns = Vec::new();
    for header in reader.headers().map_err(failed)? {
        let index = object.position(header).ok_or_else(|| ServerError::Row {
            path: path.to_path_buf(),
            line: 1,
            problem: format!("unknown field `{header}`"),
        })?;
        columns.push(index);
    }
    let mut insert = connection.prepare(&org::insert_sql(object))?;
    let mut added = HashSet::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(failed)? {
        let line = record.position().map_or(0, csv::Position::line);
        let wrong = |problem: String| ServerError::Row { path: path.to_path_buf(), line, problem };
        let mut cells: Vec<Cell> =
            object.fields.iter().map(|field| wire::empty(field.kind)).collect();
        for (&index, text) in columns.iter().zip(&record) {
            let Some(field) = object.fields.get(index) else { continue };
            let cell = wire::parse_text(field.kind, text)
                .ok_or_else(|| wrong(format!("`{}` cannot hold `{text}`", field.name)))?;
            let is_unlisted = field.kind == FieldKind::Picklist
                && !field.is_restricted
                && !text.is_empty()
                && !field.picklist.is_empty()
                && !field.picklist.iter().any(|item| item.value.eq_ignore_ascii_case(text));
            if is_unlisted {
                added.insert((index, text.to_owned()));
            }
            if let Some(slot) = cells.get_mut(index) {
                *slot = cell;
            }
        }
        complete(object, world, &mut cells);
        if !matches!(position_cell(object, &cells, "Id"), Some(Cell::Text(_))) {
            return Err(wrong("lacks its `Id`".to_owned()));
        }
        org::insert_by(&mut insert, object, &cells)?;
    }
    for (index, value) in added {
        if let Some(field) = object.fields.get(index) {
            connection.execute(
                "insert or ignore into sandbox_added_picklist_values values (?1, ?2, ?3)",
                [&object.name, &field.name, &value],
            )?;
        }
    }
    Ok(())
}

/// Fills in what a world's file may leave out.
fn complete(object: &Object, world: &World, cells: &mut [Cell]) {
    let now = Cell::Text(wire::moment(world.now));
    let user = Cell::Text(world.salesforce.user_id.clone());
    let fallbacks = [
        ("CreatedDate", None, &now),
        ("LastModifiedDate", Some("CreatedDate"), &now),
        ("SystemModstamp", Some("LastModifiedDate"), &now),
        ("CreatedById", None, &user),
        ("LastModifiedById", Some("CreatedById"), &user),
    ];
    for (field, source, fallback) in fallbacks {
        let source = source.and_then(|name| position_cell(object, cells, name).cloned());
        if let Some(slot) = object.position(field).and_then(|index| cells.get_mut(index))
            && *slot == Cell::Null
        {
            *slot = source.filter(|cell| *cell != Cell::Null).unwrap_or_else(|| fallback.clone());
        }
    }
    if position_cell(object, cells, "Name") == Some(&Cell::Null) {
        names::compute(object, cells);
    }
}

fn position_cell<'a>(object: &Object, cells: &'a [Cell], field: &str) -> Option<&'a Cell> {
    object.position(field).and_then(|index| cells.get(index))
}
