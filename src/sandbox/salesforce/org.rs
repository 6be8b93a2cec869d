//! The org at one moment of one call: schema, stored rows, who is asking, what time it is.
//!
//! Every sObject has a table of its own with a column a field, so that a query becomes SQL with
//! little change. Deleted rows stay, marked, as in the vendor's recycle bin.

use std::fmt::Write as _;
use std::sync::Mutex;

use jiff::tz::TimeZone;
use rusqlite::types::Value as Cell;
use rusqlite::{Connection, OptionalExtension, Statement, params, params_from_iter};

use super::call::Call;
use super::cursors::Cursors;
use super::errors::Fault;
use super::ids;
use super::rules::{Rules, When};
use super::schema::{Catalog, Field, FieldKind, Object};
use super::soql::{self, Frame};
use crate::sandbox::world::SalesforceWorld;

/// What handlers work with.
#[derive(Clone, Copy)]
pub struct Org<'a> {
    /// What the user sees.
    pub catalog: &'a Catalog,
    /// All there is.
    pub whole: &'a Catalog,
    pub rules: &'a Rules,
    /// When schema or rules last changed.
    pub changed_at: jiff::Timestamp,
    pub connection: &'a Connection,
    pub world: &'a SalesforceWorld,
    /// Who is asking.
    pub user_id: &'a str,
    /// The platform itself is at work, or an admin: permissions and sharing do not count.
    pub is_system: bool,
    pub options: WriteOptions,
    pub cursors: &'a Mutex<Cursors>,
    pub now: jiff::Timestamp,
    pub calls_used: u64,
}

/// What a call wants of its writes.
#[derive(Clone, Copy, Debug, Default)]
pub struct WriteOptions {
    /// Records are saved past duplicate rules that only alert.
    pub is_duplicate_saved: bool,
    /// Refusals show the fields of the duplicates.
    pub has_duplicate_details: bool,
    pub assignment: Assignment,
}

/// Which assignment rule gives written records an owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Assignment {
    #[default]
    Active,
    Off,
    /// The one with this id, 18 characters.
    Named([u8; 18]),
}

impl WriteOptions {
    /// Reads what the headers of a call say.
    fn of(call: &Call) -> Self {
        let duplicate = |option: &str| {
            call.header_option("sforce-duplicate-rule-header", option)
                .is_some_and(|value| value.eq_ignore_ascii_case("true"))
        };
        let assignment = match call.header("sforce-auto-assign").map(str::trim) {
            None => Assignment::Active,
            Some(word) if word.eq_ignore_ascii_case("true") => Assignment::Active,
            Some(word) if word.eq_ignore_ascii_case("false") => Assignment::Off,
            Some(id) => Assignment::named(id),
        };
        Self {
            is_duplicate_saved: duplicate("allowSave"),
            has_duplicate_details: duplicate("includeRecordDetails"),
            assignment,
        }
    }
}

impl Assignment {
    /// Names a rule; a text that is no id names none.
    pub fn named(id: &str) -> Self {
        let id = ids::normalize(id).and_then(|id| id.into_bytes().try_into().ok());
        id.map_or(Self::Off, Self::Named)
    }
}

/// One stored record, its cells in the order of the object's fields.
#[derive(Clone, Debug)]
pub struct StoredRow {
    pub row: i64,
    pub cells: Vec<Cell>,
}

impl StoredRow {
    /// Returns a field's value, null for a field the object lacks.
    pub fn cell(&self, object: &Object, field: &str) -> &Cell {
        object.position(field).and_then(|index| self.cells.get(index)).unwrap_or(&Cell::Null)
    }

    pub fn text(&self, object: &Object, field: &str) -> Option<&str> {
        match self.cell(object, field) {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn is_true(&self, object: &Object, field: &str) -> bool {
        matches!(self.cell(object, field), Cell::Integer(flag) if *flag != 0)
    }

    pub fn is_deleted(&self, object: &Object) -> bool {
        self.is_true(object, "IsDeleted")
    }

    pub fn id(&self, object: &Object) -> &str {
        self.text(object, "Id").unwrap_or_default()
    }
}

/// Makes the tables that a catalog needs, where they do not exist yet.
///
/// # Errors
/// When the database fails.
pub fn create_tables(connection: &Connection, catalog: &Catalog) -> rusqlite::Result<()> {
    let mut sql = String::from(
        "create table if not exists sandbox_facts (name text primary key, value) without rowid;\n\
         create table if not exists sandbox_api_usage (at text primary key, calls integer) without rowid;\n\
         create table if not exists sandbox_added_picklist_values \
         (object text, field text, value text collate nocase, primary key (object, field, value)) without rowid;\n",
    );
    for object in &catalog.objects {
        let columns: String = object
            .fields
            .iter()
            .filter(|field| field.is_stored() && field.kind != FieldKind::Id)
            .fold(String::new(), |mut columns, field| {
                let _ = write!(columns, ", {} {}", field.column(), field.kind.column_type());
                columns
            });
        let table = object.table();
        let _ = writeln!(
            sql,
            "create table if not exists {table} (_row integer primary key, \"Id\" text not null unique{columns});"
        );
    }
    connection.execute_batch(&sql)
}

/// Makes the indexes that a catalog needs, which is quicker once a world is loaded than before.
///
/// # Errors
/// When the database fails.
pub fn create_indexes(connection: &Connection, catalog: &Catalog) -> rusqlite::Result<()> {
    let mut sql = String::new();
    for object in &catalog.objects {
        let table = object.table();
        let mut index = |name: &str, columns: &str| {
            let name = super::schema::quote(&format!("{}.{name}", object.name));
            let _ = writeln!(sql, "create index if not exists {name} on {table} ({columns});");
        };
        // Both cover the row ids of a full or an incremental read, so opening a query stays cheap.
        index("ids", "\"Id\", \"IsDeleted\"");
        index("changes", "\"SystemModstamp\", \"Id\", \"IsDeleted\"");
        for field in &object.fields {
            let is_parent = field.kind == FieldKind::Reference
                && field.name != "OwnerId"
                && !field.name.ends_with("ById");
            if (field.is_lookup_key && field.kind != FieldKind::Id) || is_parent {
                index(&field.name, &field.column());
            }
        }
    }
    connection.execute_batch(&sql)
}

impl Org<'_> {
    /// Returns what queries are read against.
    pub fn frame(&self) -> Frame<'_> {
        let zone = TimeZone::get(&self.world.time_zone).unwrap_or(TimeZone::UTC);
        let sharing = if self.is_system { &[] } else { self.rules.sharing.as_slice() };
        Frame { catalog: self.catalog, now: self.now, zone, sharing }
    }

    /// Tells whether a stored record meets a condition, whatever the user sees of it.
    pub fn meets(&self, object: &Object, row: i64, when: &When) -> Result<bool, Fault> {
        let frame = Frame { catalog: self.whole, sharing: &[], ..self.frame() };
        let object = self.whole.object(&object.name).unwrap_or(object);
        let (sql, mut parameters) = soql::meets_sql(&frame, object, &when.text, &when.condition)?;
        parameters.push(Cell::Integer(row));
        let mut statement = self.connection.prepare_cached(&sql)?;
        Ok(statement.exists(params_from_iter(&parameters))?)
    }

    /// Tells whether sharing keeps a record from being seen, or else from being written.
    pub fn is_kept_from(
        &self,
        object: &Object,
        row: &StoredRow,
        is_write: bool,
    ) -> Result<bool, Fault> {
        if self.is_system {
            return Ok(false);
        }
        for rule in self.rules.sharing.iter().filter(|rule| is_write || !rule.is_readable) {
            if rule.object.eq_ignore_ascii_case(&object.name)
                && self.meets(object, row.row, &rule.when)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the org as a call with these headers meets it.
    pub fn for_call(&self, call: &Call) -> Self {
        Self { options: WriteOptions::of(call), ..*self }
    }

    /// Returns a record by its 18-character id, deleted or not.
    pub fn row(&self, object: &Object, id: &str) -> Result<Option<StoredRow>, Fault> {
        self.rows_where(object, "\"Id\" = ?1", &[Cell::Text(id.to_owned())])
            .map(|rows| rows.into_iter().next())
    }

    /// Returns the record with a row number that was just found or written.
    pub fn row_number(&self, object: &Object, row: i64) -> Result<StoredRow, Fault> {
        let rows = self.rows_where(object, "_row = ?1", &[Cell::Integer(row)])?;
        rows.into_iter().next().ok_or_else(Fault::not_found)
    }

    /// Returns the records that aren't deleted and hold `value` in `field`.
    pub fn rows_by(
        &self,
        object: &Object,
        field: &Field,
        value: &Cell,
    ) -> Result<Vec<StoredRow>, Fault> {
        let collation = if field.is_case_sensitive { " collate binary" } else { "" };
        let condition = format!("{} = ?1{collation} and \"IsDeleted\" = 0", field.column());
        self.rows_where(object, &condition, std::slice::from_ref(value))
    }

    fn rows_where(
        &self,
        object: &Object,
        condition: &str,
        parameters: &[Cell],
    ) -> Result<Vec<StoredRow>, Fault> {
        let columns = object.fields.iter().fold(String::from("_row"), |mut columns, field| {
            columns.push_str(", ");
            columns.push_str(&if field.is_stored() { field.column() } else { "null".to_owned() });
            columns
        });
        let sql =
            format!("select {columns} from {} where {condition} order by _row", object.table());
        let mut statement = self.connection.prepare_cached(&sql)?;
        let n_fields = object.fields.len();
        let rows = statement.query_map(params_from_iter(parameters), |row| {
            let cells = (1..=n_fields).map(|index| row.get(index)).collect::<Result<_, _>>()?;
            Ok(StoredRow { row: row.get(0)?, cells })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Adds a record of already checked cells, one a field.
    pub fn insert(&self, object: &Object, cells: &[Cell]) -> Result<i64, Fault> {
        insert(self.connection, object, cells)?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Overwrites some fields of a record, by position among the object's fields.
    pub fn update(
        &self,
        object: &Object,
        row: i64,
        changes: &[(usize, Cell)],
    ) -> Result<(), Fault> {
        let mut assignments = String::new();
        let mut parameters = Vec::with_capacity(changes.len() + 1);
        for (index, cell) in changes {
            let Some(field) = object.fields.get(*index) else { continue };
            let separator = if assignments.is_empty() { "" } else { ", " };
            let _ = write!(assignments, "{separator}{} = ?", field.column());
            parameters.push(cell.clone());
        }
        if parameters.is_empty() {
            return Ok(());
        }
        parameters.push(Cell::Integer(row));
        let sql = format!("update {} set {assignments} where _row = ?", object.table());
        self.connection.prepare_cached(&sql)?.execute(params_from_iter(parameters))?;
        Ok(())
    }

    /// Removes a record altogether.
    pub fn remove(&self, object: &Object, row: i64) -> Result<(), Fault> {
        let sql = format!("delete from {} where _row = ?1", object.table());
        self.connection.prepare_cached(&sql)?.execute([row])?;
        Ok(())
    }

    /// Returns an unused id of an object.
    pub fn mint(&self, object: &Object) -> Result<String, Fault> {
        loop {
            let id = ids::mint(&object.key_prefix, self.next_number()?);
            if self.row(object, &id)?.is_none() {
                return Ok(id);
            }
        }
    }

    /// Returns a number that no earlier call got.
    pub fn next_number(&self) -> Result<u64, Fault> {
        let number: i64 = self
            .connection
            .prepare_cached(
                "insert into sandbox_facts values ('next_number', 1) \
                 on conflict (name) do update set value = value + 1 returning value",
            )?
            .query_row([], |row| row.get(0))?;
        Ok(u64::try_from(number).unwrap_or_default())
    }

    /// Returns the record that an id names, of whatever object.
    pub fn row_of_id(&self, id: &str) -> Result<Option<(&Object, StoredRow)>, Fault> {
        let Some(object) = self.catalog.object_of_id(id) else { return Ok(None) };
        Ok(self.row(object, id)?.map(|row| (object, row)))
    }

    /// Remembers a text that an unrestricted picklist did not list.
    pub fn add_picklist_value(
        &self,
        object: &Object,
        field: &Field,
        value: &str,
    ) -> Result<(), Fault> {
        self.connection
            .prepare_cached(
                "insert or ignore into sandbox_added_picklist_values values (?1, ?2, ?3)",
            )?
            .execute(params![object.name, field.name, value])?;
        Ok(())
    }

    /// Returns the texts written to an unrestricted picklist beyond its listed values.
    pub fn added_picklist_values(
        &self,
        object: &Object,
        field: &Field,
    ) -> Result<Vec<String>, Fault> {
        let mut statement = self.connection.prepare_cached(
            "select value from sandbox_added_picklist_values where object = ?1 and field = ?2 order by value",
        )?;
        let values = statement.query_map(params![object.name, field.name], |row| row.get(0))?;
        Ok(values.collect::<Result<_, _>>()?)
    }

    /// Returns the text already added to an unrestricted picklist, in its first casing.
    pub fn added_picklist_value(
        &self,
        object: &Object,
        field: &Field,
        value: &str,
    ) -> Result<Option<String>, Fault> {
        Ok(self
            .connection
            .prepare_cached(
                "select value from sandbox_added_picklist_values where object = ?1 and field = ?2 and value = ?3",
            )?
            .query_row(params![object.name, field.name, value], |row| row.get(0))
            .optional()?)
    }

    /// Runs `work` so that its writes are all kept or, when it fails, all undone.
    pub fn attempt<T>(&self, work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
        self.connection.execute_batch("savepoint attempt")?;
        let result = work();
        if result.is_err() {
            self.connection.execute_batch("rollback to attempt")?;
        }
        self.connection.execute_batch("release attempt")?;
        result
    }
}

/// Adds a record, one cell a field; compound fields have no column and are passed over.
pub fn insert(connection: &Connection, object: &Object, cells: &[Cell]) -> rusqlite::Result<()> {
    insert_by(&mut *connection.prepare_cached(&insert_sql(object))?, object, cells)
}

/// Returns the statement that adds a record of an object.
pub fn insert_sql(object: &Object) -> String {
    let columns: Vec<String> =
        object.fields.iter().filter(|field| field.is_stored()).map(Field::column).collect();
    let marks = vec!["?"; columns.len()].join(", ");
    format!("insert into {} ({}) values ({marks})", object.table(), columns.join(", "))
}

/// Adds a record by the statement that was made for its object.
pub fn insert_by(
    statement: &mut Statement<'_>,
    object: &Object,
    cells: &[Cell],
) -> rusqlite::Result<()> {
    let stored = object.fields.iter().zip(cells).filter(|(field, _)| field.is_stored());
    statement.execute(params_from_iter(stored.map(|(_, cell)| cell)))?;
    Ok(())
}
