//! Records in the database, their history, and what makes values unique.
//!
//! A record's properties are one JSON text of its non-empty values. What lists, searches and
//! unique keys go by is kept in columns and a side table beside it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer as _};

use super::database::{json, json_text};
use super::schema::ObjectType;

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

pub const RECORD_COLUMNS: &str = "id, archived, created_at, updated_at, archived_at, properties";

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
