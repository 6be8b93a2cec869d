//! The server's SQLite database: its tables, and what they need when it is opened.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::sandbox::database;

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

/// Opens the server's database, with its tables.
pub fn open(file: Option<&Path>) -> rusqlite::Result<Connection> {
    let connection = database::open(file)?;
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

pub fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    serde_json::from_str(row.get_ref(column)?.as_str()?)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

pub fn json_text(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}
