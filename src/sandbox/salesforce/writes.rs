//! What a create, an update, an upsert and a delete do to one record.

use rusqlite::types::Value as Cell;
use serde_json::{Map, Value};

use super::automation::{self, MetBefore, Written};
use super::errors::Fault;
use super::org::{Org, StoredRow};
use super::rules::Event;
use super::schema::{Field, FieldKind, Object};
use super::validate::{self, Change, Mode};
use super::{history, ids, names, references, replication, stages, wire};

/// What an upsert came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upserted {
    pub id: String,
    pub is_created: bool,
}

/// Why an upsert did not happen.
pub enum UpsertFault {
    Refused(Fault),
    /// Ids of the records that share the key.
    Ambiguous(Vec<String>),
}

impl From<Fault> for UpsertFault {
    fn from(fault: Fault) -> Self {
        Self::Refused(fault)
    }
}

/// Adds a record and returns its id.
///
/// # Errors
/// When a value is refused or the database fails.
pub fn create(org: &Org<'_>, object: &Object, body: &Map<String, Value>) -> Result<String, Fault> {
    if !object.is_createable {
        return Err(Fault::new(
            400,
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            format!("entity type cannot be inserted: {}", object.label),
        ));
    }
    let mut changes = validate::changes(org, object, body, Mode::Create)?;
    let mut cells: Vec<Cell> = object.fields.iter().map(|field| default(org, field)).collect();
    if let (Some(id), Some(slot)) = (
        org.rules.default_record_type(&object.name),
        object.position("RecordTypeId").and_then(|index| cells.get_mut(index)),
    ) {
        *slot = Cell::Text(id.to_owned());
    }
    apply(&mut cells, &changes);
    stages::follow(org, object, &changes, &mut cells)?;
    validate::require(object, &cells)?;
    validate::require_fitting(org, object, &changes, &cells)?;
    validate::require_unique(org, object, &changes, None)?;
    names::compute(object, &mut cells);
    let id = org.mint(object)?;
    automation::check_lock(org, object, &id, Event::Create)?;
    changes.clear();
    stamp(org, object, &mut changes, Mode::Create);
    apply(&mut cells, &changes);
    if let Some(slot) = object.position("Id").and_then(|index| cells.get_mut(index)) {
        *slot = Cell::Text(id.clone());
    }
    unset_other_primary(org, object, &cells)?;
    let row = org.insert(object, &cells)?;
    if !org.rules.is_silent_about(&object.name) {
        let met_before = &MetBefore::default();
        automation::after(org, Written { object, row, event: Event::Create, met_before })?;
        cells = org.row_number(object, row)?.cells;
    }
    history::write(org, object, None, &cells)?;
    Ok(id)
}

/// Changes a record that exists and is not deleted.
///
/// # Errors
/// When the record is gone, a value is refused, or the database fails.
pub fn update(
    org: &Org<'_>,
    object: &Object,
    id: &str,
    body: &Map<String, Value>,
) -> Result<(), Fault> {
    if !object.is_updateable {
        return Err(Fault::new(
            400,
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            format!("entity type cannot be updated: {}", object.label),
        ));
    }
    let before = writable_row(org, object, id)?;
    automation::check_lock(org, object, before.id(object), Event::Update)?;
    if object.name == "Lead" && before.is_true(object, "IsConverted") {
        return Err(references::converted());
    }
    let changes = validate::changes(org, object, body, Mode::Update)?;
    save(org, object, &before, changes)
}

/// Writes checked changes to a record, with all that follows from them.
pub fn save(
    org: &Org<'_>,
    object: &Object,
    before: &StoredRow,
    mut changes: Vec<Change>,
) -> Result<(), Fault> {
    let mut cells = before.cells.clone();
    apply(&mut cells, &changes);
    stages::follow(org, object, &changes, &mut cells)?;
    validate::require(object, &cells)?;
    validate::require_fitting(org, object, &changes, &cells)?;
    validate::require_unique(org, object, &changes, Some(before.row))?;
    names::compute(object, &mut cells);
    changes.clear();
    stamp(org, object, &mut changes, Mode::Update);
    apply(&mut cells, &changes);
    let differing: Vec<Change> = before
        .cells
        .iter()
        .zip(&cells)
        .enumerate()
        .filter(|(_, (old, new))| old != new)
        .map(|(index, (_, new))| (index, new.clone()))
        .filter(|(index, _)| object.fields.get(*index).is_some_and(Field::is_stored))
        .collect();
    unset_other_primary(org, object, &cells)?;
    if org.rules.is_silent_about(&object.name) {
        org.update(object, before.row, &differing)?;
    } else {
        let row = before.row;
        let met_before = &automation::before(org, object, row)?;
        org.update(object, row, &differing)?;
        automation::after(org, Written { object, row, event: Event::Update, met_before })?;
        cells = org.row_number(object, row)?.cells;
    }
    history::write(org, object, Some(before), &cells)
}

/// Updates the record with that key, or creates one that has it.
///
/// # Errors
/// When the key is no key, names several records, or the write is refused.
pub fn upsert(
    org: &Org<'_>,
    object: &Object,
    key: &Field,
    value: &Value,
    body: &Map<String, Value>,
    is_update_only: bool,
) -> Result<Upserted, UpsertFault> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let cell = wire::parse_text(key.kind, &text).filter(|cell| *cell != Cell::Null);
    let Some(cell) = cell else {
        let message = format!("{} not specified", key.name);
        return Err(Fault::row("MISSING_ARGUMENT", message, &[]).into());
    };
    let found = org.rows_by(object, key, &cell)?;
    match found.as_slice() {
        [] if is_update_only || key.kind == FieldKind::Id => Err(Fault::not_found().into()),
        [] => {
            let mut body = body.clone();
            body.insert(key.name.clone(), Value::from(text));
            let id = create(org, object, &body)?;
            Ok(Upserted { id, is_created: true })
        }
        [row] => {
            let id = row.id(object).to_owned();
            update(org, object, &id, body)?;
            Ok(Upserted { id, is_created: false })
        }
        rows => {
            Err(UpsertFault::Ambiguous(rows.iter().map(|row| row.id(object).to_owned()).collect()))
        }
    }
}

/// Puts a record into the recycle bin.
///
/// # Errors
/// When it is gone already, its object cannot be deleted from, or the database fails.
pub fn delete(org: &Org<'_>, object: &Object, id: &str) -> Result<(), Fault> {
    require_deletable(object)?;
    let row = writable_row(org, object, id)?;
    automation::check_lock(org, object, row.id(object), Event::Delete)?;
    if !org.rules.is_silent_about(&object.name) {
        let met_before = &automation::before(org, object, row.row)?;
        let written = Written { object, row: row.row, event: Event::Delete, met_before };
        automation::after(org, written)?;
    }
    mark_deleted(org, object, &row, None)
}

fn require_deletable(object: &Object) -> Result<(), Fault> {
    if object.is_deletable { Ok(()) } else { Err(no_access()) }
}

/// Removes a record past the recycle bin, or out of it.
///
/// # Errors
/// When it never was, its object cannot be deleted from, or the database fails.
pub fn delete_for_good(org: &Org<'_>, object: &Object, id: &str) -> Result<(), Fault> {
    require_deletable(object)?;
    let row = org.row(object, id)?.ok_or_else(Fault::not_found)?;
    replication::note_removed(org, object, id)?;
    org.remove(object, row.row)
}

/// Takes a record out of the recycle bin.
///
/// # Errors
/// When it is not in there.
pub fn undelete(org: &Org<'_>, object: &Object, id: &str) -> Result<(), Fault> {
    let id = ids::normalize(id).ok_or_else(Fault::not_found)?;
    let row = org.row(object, &id)?.ok_or_else(Fault::not_found)?;
    if !row.is_deleted(object) {
        let message = "entity is not in the recycle bin";
        return Err(Fault::row("UNDELETE_FAILED", message, &[]));
    }
    let mut changes = Vec::new();
    stamp(org, object, &mut changes, Mode::Update);
    if let Some(index) = object.position("IsDeleted") {
        changes.push((index, Cell::Integer(0)));
    }
    org.update(object, row.row, &changes)
}

/// Marks a record as deleted, by a merge into `master_id` or by itself.
pub fn mark_deleted(
    org: &Org<'_>,
    object: &Object,
    row: &StoredRow,
    master_id: Option<&str>,
) -> Result<(), Fault> {
    let mut changes = Vec::new();
    stamp(org, object, &mut changes, Mode::Update);
    if let Some(index) = object.position("IsDeleted") {
        changes.push((index, Cell::Integer(1)));
    }
    if let (Some(master_id), Some(index)) = (master_id, object.position("MasterRecordId")) {
        changes.push((index, Cell::Text(master_id.to_owned())));
    }
    org.update(object, row.row, &changes)
}

/// Returns a record that exists and is not deleted, by an id in either form.
pub fn live_row(org: &Org<'_>, object: &Object, id: &str) -> Result<StoredRow, Fault> {
    let id = ids::normalize(id).ok_or_else(Fault::not_found)?;
    let row = org.row(object, &id)?.ok_or_else(Fault::not_found)?;
    if row.is_deleted(object) { Err(Fault::entity_is_deleted()) } else { Ok(row) }
}

/// Returns a record that exists, is not deleted and may be seen.
pub fn visible_row(org: &Org<'_>, object: &Object, id: &str) -> Result<StoredRow, Fault> {
    let row = live_row(org, object, id)?;
    if org.is_kept_from(object, &row, false)? { Err(Fault::not_found()) } else { Ok(row) }
}

fn writable_row(org: &Org<'_>, object: &Object, id: &str) -> Result<StoredRow, Fault> {
    let row = live_row(org, object, id)?;
    if org.is_kept_from(object, &row, true)? { Err(no_access()) } else { Ok(row) }
}

fn no_access() -> Fault {
    let message = "insufficient access rights on object id";
    Fault::row("INSUFFICIENT_ACCESS_OR_READONLY", message, &[])
}

/// Sets who changed a record and when.
pub fn stamp(org: &Org<'_>, object: &Object, changes: &mut Vec<Change>, mode: Mode) {
    let now = Cell::Text(wire::moment(org.now));
    let user = Cell::Text(org.user_id.to_owned());
    let mut set = |field: &str, cell: &Cell| {
        if let Some(index) = object.position(field) {
            changes.push((index, cell.clone()));
        }
    };
    if mode == Mode::Create {
        set("CreatedDate", &now);
        set("CreatedById", &user);
    }
    set("LastModifiedDate", &now);
    set("LastModifiedById", &user);
    set("SystemModstamp", &now);
}

/// Returns what a field of a new record holds unless the caller says otherwise.
fn default(org: &Org<'_>, field: &Field) -> Cell {
    if field.name == "OwnerId" {
        return Cell::Text(org.user_id.to_owned());
    }
    if let Some(item) = field.picklist.iter().find(|item| item.is_default) {
        return Cell::Text(item.value.clone());
    }
    match &field.default_value {
        Value::Bool(flag) if field.kind == FieldKind::Boolean => Cell::Integer(i64::from(*flag)),
        Value::Number(number) => match (field.kind, number.as_i64(), number.as_f64()) {
            (FieldKind::Int, Some(number), _) => Cell::Integer(number),
            (FieldKind::Number, _, Some(number)) => Cell::Real(number),
            _ => wire::empty(field.kind),
        },
        Value::String(text) => {
            wire::parse_text(field.kind, text).unwrap_or_else(|| wire::empty(field.kind))
        }
        _ => wire::empty(field.kind),
    }
}

fn apply(cells: &mut [Cell], changes: &[Change]) {
    for (index, cell) in changes {
        if let Some(slot) = cells.get_mut(*index) {
            *slot = cell.clone();
        }
    }
}

/// Keeps an opportunity at one primary contact role.
fn unset_other_primary(org: &Org<'_>, object: &Object, cells: &[Cell]) -> Result<(), Fault> {
    if object.name != "OpportunityContactRole" {
        return Ok(());
    }
    let cell = |name: &str| object.position(name).and_then(|index| cells.get(index));
    let (Some(Cell::Integer(1)), Some(opportunity), Some(primary), Some(parent)) = (
        cell("IsPrimary"),
        cell("OpportunityId"),
        object.position("IsPrimary"),
        object.field("OpportunityId"),
    ) else {
        return Ok(());
    };
    for other in org.rows_by(object, parent, opportunity)? {
        if other.is_true(object, "IsPrimary") && Some(other.cell(object, "Id")) != cell("Id") {
            let mut changes = vec![(primary, Cell::Integer(0))];
            stamp(org, object, &mut changes, Mode::Update);
            org.update(object, other.row, &changes)?;
        }
    }
    Ok(())
}
