//! The server's SQLite database: records, their history, and what makes values unique.
//!
//! A record's properties are one JSON text of its non-empty values. What lists, searches and
//! unique keys go by is kept in columns and a side table beside it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer as _, Serialize};

use super::association_types::{AssociationType, AssociationTypes, USER_DEFINED};
use super::rules::Rule;
use super::schema::{Definition, ObjectType, Property, Schema};
use super::validations::ValidationRule;

pub type Properties = BTreeMap<String, String>;

/// One record as it is kept. Times are epoch milliseconds.
#[derive(Clone, Debug)]
pub struct Stored {
    pub id: i64,
    pub archived: bool,
    pub created_at: i64,
    pub updated_at: i64,
    pub archived_at: Option<i64>,
    pub properties: Properties,
}

/// What is kept of a record beside its properties. Times are epoch milliseconds.
#[derive(Clone, Debug)]
pub struct Head {
    pub id: i64,
    pub archived: bool,
    pub created_at: i64,
    pub updated_at: i64,
    pub archived_at: Option<i64>,
}

/// A record whose properties are still JSON, for those who only pass values on.
#[derive(Clone, Debug)]
pub struct RawRecord {
    pub head: Head,
    pub properties: String,
}

impl Stored {
    pub fn head(&self) -> Head {
        let Self { id, archived, created_at, updated_at, archived_at, .. } = *self;
        Head { id, archived, created_at, updated_at, archived_at }
    }

    pub fn raw(&self) -> serde_json::Result<RawRecord> {
        Ok(RawRecord { head: self.head(), properties: serde_json::to_string(&self.properties)? })
    }
}

impl RawRecord {
    pub fn parsed(&self) -> serde_json::Result<Stored> {
        let Head { id, archived, created_at, updated_at, archived_at } = self.head;
        let properties = serde_json::from_str(&self.properties)?;
        Ok(Stored { id, archived, created_at, updated_at, archived_at, properties })
    }
}

/// One value a property had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub value: String,
    pub at: i64,
    pub source_type: String,
    pub source_id: String,
    pub source_label: String,
    pub updated_by_user_id: Option<i64>,
}

/// No type of the vendor's has a higher id.
const LAST_VENDOR_TYPE: i64 = 1999;

/// Raised whenever a table changes its shape.
const VERSION: i64 = 1;

const TABLES: &str = "
create table if not exists meta (key text primary key, value text not null) without rowid;
create table if not exists objects (
    id text primary key, name text not null, definition text not null, next_id integer not null);
create table if not exists properties (
    object text not null, name text not null, definition text not null,
    primary key (object, name)) without rowid;
create table if not exists records (
    object text not null, id integer not null, archived integer not null,
    created_at integer not null, updated_at integer not null, archived_at integer,
    natural_key text, properties text not null, primary key (object, id));
create table if not exists unique_values (
    object text not null, property text not null, value text not null, id integer not null,
    is_secondary integer not null, primary key (object, property, value)) without rowid;
create table if not exists history (
    object text not null, id integer not null, property text not null, value text not null,
    at integer not null, source_type text not null, source_id text not null,
    source_label text not null, updated_by_user_id integer);
create table if not exists aliases (
    object text not null, old_id integer not null, id integer not null,
    primary key (object, old_id)) without rowid;
create table if not exists associations (
    from_object text not null, from_id integer not null, to_object text not null,
    to_id integer not null, category text not null, type_id integer not null, label text,
    primary key (from_object, from_id, to_object, to_id, category, type_id)) without rowid;
create table if not exists pipelines (object text primary key, definition text not null);
create table if not exists owners (
    id integer primary key, email text, first_name text, last_name text, user_id integer,
    type text not null, archived integer not null, created_at text, updated_at text);
create table if not exists lists (
    id integer primary key, name text not null, object text not null, processing_type text not null,
    created_at text not null, updated_at text not null, version integer not null default 1,
    filter_branch text, filters_updated_at text, deleted_at integer);
create table if not exists list_memberships (
    list_id integer not null, record_id integer not null, joined_at text not null,
    primary key (list_id, record_id)) without rowid;
create table if not exists usage (day text primary key, calls integer not null) without rowid;
create table if not exists association_types (
    type_id integer not null, reverse_type_id integer not null, from_object text not null,
    to_object text not null, category text not null, label text, reverse_label text, name text,
    primary key (type_id, from_object, to_object)) without rowid;
create table if not exists property_groups (
    object text not null, name text not null, label text not null, display_order integer not null,
    archived integer not null, primary key (object, name)) without rowid;
create table if not exists property_validations (
    object text not null, property text not null, rule_type text not null, arguments text not null,
    normalizes integer not null, primary key (object, property, rule_type)) without rowid;
create table if not exists pipeline_audit (
    object text not null, pipeline text not null, stage text, action text not null,
    at integer not null);
create table if not exists blocked_emails (email text primary key) without rowid;
create table if not exists oauth_tokens (
    token text primary key, kind text not null, scopes text not null, expires_at integer,
    is_revoked integer not null);
create table if not exists exports (
    id integer primary key autoincrement, request text not null, state text not null,
    n_polls integer not null, record_count integer, is_zip integer not null default 0,
    created_at integer not null, updated_at integer not null);
create table if not exists export_parts (
    export integer not null, part integer not null, data blob not null,
    primary key (export, part)) without rowid;
create table if not exists imports (
    id integer primary key autoincrement, request text not null, version text not null,
    state text not null, n_polls integer not null, n_rows integer not null,
    n_rows_done integer not null, counters text not null, lists text not null,
    created_at integer not null, updated_at integer not null);
create table if not exists import_parts (
    import integer not null, part integer not null, file integer not null,
    first_row integer not null, first_line integer not null, n_rows integer not null,
    data blob not null,
    primary key (import, part)) without rowid;
create table if not exists import_errors (
    id integer primary key autoincrement, import integer not null, error text not null);
create index if not exists import_errors_by_import on import_errors (import, id);
create table if not exists import_keys (
    import integer not null, key text not null, object text not null, id integer not null,
    primary key (import, key, object, id)) without rowid;
";

/// Made after a world is loaded, which is several times faster than before.
const INDEXES: &str = "
create index if not exists records_by_archived on records (object, archived, id);
create index if not exists records_by_updated on records (object, archived, updated_at, id);
create index if not exists records_by_created on records (object, archived, created_at, id);
create index if not exists records_by_natural_key on records (object, natural_key);
create index if not exists unique_values_by_record on unique_values (object, id);
create index if not exists history_by_record on history (object, id, property, at);
create index if not exists aliases_by_record on aliases (object, id);
";

pub const RECORD_COLUMNS: &str = "id, archived, created_at, updated_at, archived_at, properties";

pub fn open(file: Option<&Path>) -> rusqlite::Result<Connection> {
    let connection = match file {
        Some(path) => Connection::open(path)?,
        None => Connection::open_in_memory()?,
    };
    // A crash may cost a sandbox its last calls; waiting for the disk would cost every call.
    connection.execute_batch("pragma journal_mode = wal; pragma synchronous = off;")?;
    connection.set_prepared_statement_cache_capacity(256);
    let is_new: bool =
        connection
            .query_row("select not exists (select 1 from sqlite_schema)", [], |row| row.get(0))?;
    if is_new {
        connection.pragma_update(None, "user_version", VERSION)?;
    }
    if is_current(&connection)? {
        connection.execute_batch(TABLES)?;
    }
    Ok(connection)
}

/// Opens a second connection to a database that is there, for reading.
pub fn open_reader(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.execute_batch("pragma query_only = on;")?;
    connection.set_prepared_statement_cache_capacity(256);
    Ok(connection)
}

/// Tells whether a database has the tables that this version of the program works with.
pub fn is_current(connection: &Connection) -> rusqlite::Result<bool> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(version == VERSION)
}

pub fn build_indexes(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(INDEXES)
}

pub fn meta(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    connection
        .query_row("select value from meta where key = ?1", [key], |row| row.get(0))
        .optional()
}

pub fn set_meta(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    connection
        .execute("insert or replace into meta (key, value) values (?1, ?2)", [key, value])
        .map(|_| ())
}

/// Reads the account's rules.
pub fn rules(connection: &Connection) -> rusqlite::Result<Vec<Rule>> {
    match meta(connection, "rules")? {
        Some(text) => serde_json::from_str(&text)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error))),
        None => Ok(Vec::new()),
    }
}

pub fn save_rules(connection: &Connection, rules: &[Rule]) -> rusqlite::Result<()> {
    set_meta(connection, "rules", &json_text(&rules)?)
}

/// Reads the account's object types, property definitions and association types.
pub fn schema(connection: &Connection) -> Result<Schema, rusqlite::Error> {
    let mut objects: Vec<ObjectType> = connection
        .prepare("select id, name, definition from objects order by id")?
        .query_map([], |row| {
            Ok(ObjectType {
                id: row.get(0)?,
                name: row.get(1)?,
                definition: json(row, 2)?,
                ..ObjectType::default()
            })
        })?
        .collect::<Result<_, _>>()?;
    let mut properties =
        connection.prepare("select name, definition from properties where object = ?1")?;
    let mut validations = connection.prepare(
        "select property, rule_type, arguments from property_validations where object = ?1",
    )?;
    for object in &mut objects {
        let mut rows = properties.query([&object.id])?;
        while let Some(row) = rows.next()? {
            object.properties.insert(row.get(0)?, json::<Property>(row, 1)?);
        }
        let mut rows = validations.query([&object.id])?;
        while let Some(row) = rows.next()? {
            let rule = ValidationRule { rule_type: row.get(1)?, rule_arguments: json(row, 2)? };
            object.validations.entry(row.get(0)?).or_default().push(rule);
        }
    }
    let mut associations = AssociationTypes::standard();
    let mut types = connection.prepare(
        "select type_id, reverse_type_id, from_object, to_object, category, label, reverse_label,
         name from association_types",
    )?;
    let mut rows = types.query([])?;
    while let Some(row) = rows.next()? {
        associations.add(&AssociationType {
            type_id: row.get(0)?,
            reverse_type_id: row.get(1)?,
            from: row.get(2)?,
            to: row.get(3)?,
            category: row.get(4)?,
            label: row.get(5)?,
            reverse_label: row.get(6)?,
            name: row.get(7)?,
        });
    }
    Ok(Schema { objects, associations })
}

fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    serde_json::from_str(row.get_ref(column)?.as_str()?)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn json_text(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// Adds an object type without its properties.
pub fn add_object(connection: &Connection, object: &ObjectType) -> rusqlite::Result<()> {
    connection
        .execute(
            "insert into objects (id, name, definition, next_id) values (?1, ?2, ?3, 1)",
            params![object.id, object.name, json_text(&object.definition)?],
        )
        .map(|_| ())
}

pub fn save_definition(
    connection: &Connection,
    object: &str,
    definition: &Definition,
) -> rusqlite::Result<()> {
    connection
        .execute(
            "update objects set definition = ?2 where id = ?1",
            params![object, json_text(definition)?],
        )
        .map(|_| ())
}

/// Returns an id that no association type has; the next one is free as well.
pub fn next_association_type(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row(
        "select 1 + max(?1, coalesce(max(max(type_id, reverse_type_id)), 0))
         from association_types",
        [LAST_VENDOR_TYPE],
        |row| row.get(0),
    )
}

/// Keeps an association type, and its label on the links that have it.
pub fn save_association_type(
    connection: &Connection,
    one: &AssociationType,
) -> rusqlite::Result<()> {
    // A type may be named from its other end.
    let is_reverse: bool = connection.query_row(
        "select exists (select 1 from association_types
         where reverse_type_id = ?1 and type_id = ?2 and type_id <> ?1)",
        [one.type_id, one.reverse_type_id],
        |row| row.get(0),
    )?;
    let one = if is_reverse { one.reversed() } else { one.clone() };
    connection.execute(
        "insert or replace into association_types
         (type_id, reverse_type_id, from_object, to_object, category, label, reverse_label, name)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            one.type_id,
            one.reverse_type_id,
            one.from,
            one.to,
            one.category,
            one.label,
            one.reverse_label,
            one.name
        ],
    )?;
    let mut relabel = connection.prepare_cached(
        "update associations set label = ?4
         where from_object = ?1 and to_object = ?2 and type_id = ?3",
    )?;
    relabel.execute(params![one.from, one.to, one.type_id, one.label])?;
    relabel.execute(params![one.to, one.from, one.reverse_type_id, one.reverse_label])?;
    Ok(())
}

/// Defines that two objects can be linked, where one of them is the account's own.
pub fn add_plain_type(connection: &Connection, from: &str, to: &str) -> rusqlite::Result<()> {
    let is_there: bool = connection.query_row(
        "select exists (select 1 from association_types where label is null
         and ((from_object = ?1 and to_object = ?2) or (from_object = ?2 and to_object = ?1)))",
        [from, to],
        |row| row.get(0),
    )?;
    if is_there {
        return Ok(());
    }
    let type_id = next_association_type(connection)?;
    save_association_type(
        connection,
        &AssociationType {
            from: from.to_owned(),
            to: to.to_owned(),
            type_id,
            reverse_type_id: if from == to { type_id } else { type_id + 1 },
            category: USER_DEFINED.to_owned(),
            label: None,
            reverse_label: None,
            name: None,
        },
    )
}

/// Forgets an association type named from either end, and its links; answers whether it was known.
pub fn delete_association_type(connection: &Connection, type_id: i64) -> rusqlite::Result<bool> {
    let links = "delete from associations where category = ?2 and type_id in (
        select type_id from association_types where type_id = ?1 or reverse_type_id = ?1
        union all
        select reverse_type_id from association_types where type_id = ?1 or reverse_type_id = ?1)";
    connection.execute(links, params![type_id, USER_DEFINED])?;
    let n_types = connection.execute(
        "delete from association_types where type_id = ?1 or reverse_type_id = ?1",
        [type_id],
    )?;
    Ok(n_types > 0)
}

pub fn save_property(
    connection: &Connection,
    object: &str,
    property: &Property,
) -> rusqlite::Result<()> {
    connection
        .execute(
            "insert or replace into properties (object, name, definition) values (?1, ?2, ?3)",
            params![object, property.name, json_text(property)?],
        )
        .map(|_| ())
}

pub fn read_raw(row: &Row<'_>) -> rusqlite::Result<RawRecord> {
    Ok(RawRecord { head: read_head(row)?, properties: row.get(5)? })
}

pub fn read_head(row: &Row<'_>) -> rusqlite::Result<Head> {
    Ok(Head {
        id: row.get(0)?,
        archived: row.get(1)?,
        created_at: row.get(2)?,
        updated_at: row.get(3)?,
        archived_at: row.get(4)?,
    })
}

pub fn read_record(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        id: row.get(0)?,
        archived: row.get(1)?,
        created_at: row.get(2)?,
        updated_at: row.get(3)?,
        archived_at: row.get(4)?,
        properties: json(row, 5)?,
    })
}

/// Reads the values of some properties out of a record's text, each into the cell named for it.
///
/// Reading all of them into a map first costs several times as much.
pub fn pick<'t>(
    text: &'t str,
    cells_by_name: &HashMap<&str, usize>,
    cells: &mut [Cow<'t, str>],
) -> serde_json::Result<()> {
    struct Picker<'a, 't> {
        cells_by_name: &'a HashMap<&'a str, usize>,
        cells: &'a mut [Cow<'t, str>],
    }

    #[derive(Deserialize)]
    struct Text<'t>(#[serde(borrow)] Cow<'t, str>);

    impl<'t> Visitor<'t> for Picker<'_, 't> {
        type Value = ();

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object of texts")
        }

        fn visit_map<M: MapAccess<'t>>(self, mut map: M) -> Result<(), M::Error> {
            while let Some(Text(name)) = map.next_key()? {
                let cell = self.cells_by_name.get(name.as_ref());
                match cell.and_then(|at| self.cells.get_mut(*at)) {
                    Some(cell) => *cell = map.next_value::<Text<'t>>()?.0,
                    None => {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
            }
            Ok(())
        }
    }

    serde_json::Deserializer::from_str(text).deserialize_map(Picker { cells_by_name, cells })
}

pub fn find_raw(
    connection: &Connection,
    object: &str,
    id: i64,
) -> rusqlite::Result<Option<RawRecord>> {
    connection
        .prepare_cached(&format!(
            "select {RECORD_COLUMNS} from records where object = ?1 and id = ?2"
        ))?
        .query_row(params![object, id], read_raw)
        .optional()
}

pub fn find(connection: &Connection, object: &str, id: i64) -> rusqlite::Result<Option<Stored>> {
    connection
        .prepare_cached(&format!(
            "select {RECORD_COLUMNS} from records where object = ?1 and id = ?2"
        ))?
        .query_row(params![object, id], read_record)
        .optional()
}

/// Reads up to `limit` records from id `floor` on, by ascending id.
pub fn page(
    connection: &Connection,
    object: &str,
    archived: bool,
    floor: i64,
    limit: usize,
) -> rusqlite::Result<Vec<RawRecord>> {
    connection
        .prepare_cached(&format!(
            "select {RECORD_COLUMNS} from records
             where object = ?1 and archived = ?2 and id >= ?3 order by id limit ?4"
        ))?
        .query_map(params![object, archived, floor, sql_count(limit)], read_raw)?
        .collect()
}

/// Follows merges: returns the surviving record's id, or the id itself.
pub fn resolve_alias(connection: &Connection, object: &str, id: i64) -> rusqlite::Result<i64> {
    let survivor = connection
        .prepare_cached("select id from aliases where object = ?1 and old_id = ?2")?
        .query_row(params![object, id], |row| row.get(0))
        .optional()?;
    Ok(survivor.unwrap_or(id))
}

/// Hands out the next record id of an object.
pub fn allocate_id(connection: &Connection, object: &str) -> rusqlite::Result<i64> {
    connection
        .prepare_cached(
            "update objects set next_id = next_id + 1 where id = ?1 returning next_id - 1",
        )?
        .query_row([object], |row| row.get(0))
}

pub fn put(connection: &Connection, object: &str, record: &Stored) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "insert or replace into records
             (object, id, archived, created_at, updated_at, archived_at, natural_key, properties)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            object,
            record.id,
            record.archived,
            record.created_at,
            record.updated_at,
            record.archived_at,
            natural_key(object, &record.properties),
            json_text(&record.properties)?
        ])
        .map(|_| ())
}

/// Returns what people know a record by: a contact's email or a company's domain, in lower case.
fn natural_key(object: &str, properties: &Properties) -> Option<String> {
    let name = match object {
        "0-1" => "email",
        "0-2" => "domain",
        _ => return None,
    };
    properties.get(name).map(|value| value.to_lowercase())
}

/// Who holds a unique value, and whether it is one of the holder's secondary emails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    pub id: i64,
    pub is_secondary: bool,
}

/// Reads the ids of live records that share an email or a domain.
pub fn by_natural_key(
    connection: &Connection,
    object: &str,
    key: &str,
) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached(
            "select id from records where object = ?1 and natural_key = ?2 and archived = 0
             order by id",
        )?
        .query_map([object, key], |row| row.get(0))?
        .collect()
}

pub fn holder(
    connection: &Connection,
    object: &str,
    property: &str,
    value: &str,
) -> rusqlite::Result<Option<Holder>> {
    connection
        .prepare_cached(
            "select id, is_secondary from unique_values
             where object = ?1 and property = ?2 and value = ?3",
        )?
        .query_row(params![object, property, unique_form(property, value)], |row| {
            Ok(Holder { id: row.get(0)?, is_secondary: row.get(1)? })
        })
        .optional()
}

/// Rewrites which unique values a record holds; an archived record holds none.
///
/// The caller has checked that nobody else holds them; a value that somebody does hold stays
/// where it is, so that a world with duplicates in it can be loaded.
pub fn index_unique_values(
    connection: &Connection,
    object: &ObjectType,
    record: &Stored,
) -> rusqlite::Result<()> {
    // Left to itself SQLite walks through the object's every value, because the key covers the query.
    connection
        .prepare_cached(
            "delete from unique_values indexed by unique_values_by_record
             where object = ?1 and id = ?2",
        )?
        .execute(params![object.id, record.id])?;
    add_unique_values(connection, object, record)
}

/// Notes the unique values of a record that holds none yet.
pub fn add_unique_values(
    connection: &Connection,
    object: &ObjectType,
    record: &Stored,
) -> rusqlite::Result<()> {
    if record.archived {
        return Ok(());
    }
    let mut insert = connection.prepare_cached(
        "insert or ignore into unique_values (object, property, value, id, is_secondary)
         values (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (name, value) in &record.properties {
        if object.is_contacts() && name == "hs_additional_emails" {
            for email in value.split(';').filter(|email| !email.is_empty()) {
                let email = unique_form("email", email);
                insert.execute(params![object.id, "email", email, record.id, true])?;
            }
        } else if object.is_key(name) {
            let value = unique_form(name, value);
            insert.execute(params![object.id, name, value, record.id, false])?;
        }
    }
    Ok(())
}

pub fn add_version(
    connection: &Connection,
    object: &str,
    id: i64,
    property: &str,
    version: &Version,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "insert into history (object, id, property, value, at, source_type, source_id,
             source_label, updated_by_user_id) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            object,
            id,
            property,
            version.value,
            version.at,
            version.source_type,
            version.source_id,
            version.source_label,
            version.updated_by_user_id
        ])
        .map(|_| ())
}

/// Reads the kept values of a property, newest first.
pub fn versions(
    connection: &Connection,
    object: &str,
    id: i64,
    property: &str,
) -> rusqlite::Result<Vec<Version>> {
    connection
        .prepare_cached(
            "select value, at, source_type, source_id, source_label, updated_by_user_id
             from history where object = ?1 and id = ?2 and property = ?3
             order by at desc, rowid desc",
        )?
        .query_map(params![object, id, property], |row| {
            Ok(Version {
                value: row.get(0)?,
                at: row.get(1)?,
                source_type: row.get(2)?,
                source_id: row.get(3)?,
                source_label: row.get(4)?,
                updated_by_user_id: row.get(5)?,
            })
        })?
        .collect()
}

/// Turns a count into what SQLite takes.
pub fn sql_count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Emails are one whatever their case; other unique values are compared as written.
fn unique_form(property: &str, value: &str) -> String {
    if property == "email" { value.trim().to_lowercase() } else { value.to_owned() }
}
