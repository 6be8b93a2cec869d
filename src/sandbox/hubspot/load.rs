//! Loads a world directory into a new database.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use csv::StringRecord;
use rusqlite::{Connection, params};
use serde::Deserialize;
use thiserror::Error;

use super::association_types::{
    self, AssociationType, AssociationTypes, HUBSPOT_DEFINED, USER_DEFINED,
};
use super::rules::{self, Rule, RuleError};
use super::schema::{Definition, ObjectType, Property, Schema};
use super::store::{self, Properties, Stored, Version};
use super::time::epoch_ms;
use super::{database, definitions};

#[derive(Debug, Error)]
pub enum LoadError {
    #[error("cannot read `{path}`")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("schema file is not understood: `{path}`")]
    Schema {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("table is not understood: `{path}`")]
    Csv {
        path: PathBuf,
        #[source]
        source: csv::Error,
    },
    #[error("column is missing in `{path}`: `{column}`")]
    Column { path: PathBuf, column: String },
    #[error("value of `{column}` on line {line} of `{path}` is not understood: `{value}`")]
    Value { path: PathBuf, line: u64, column: String, value: String },
    #[error("rules are not understood: `{path}`")]
    Rule {
        path: PathBuf,
        #[source]
        source: RuleError,
    },
    #[error("no such object: `{object}`")]
    Object { object: String },
    #[error("cannot write the database")]
    Database(#[from] rusqlite::Error),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SchemaFile {
    object: String,
    object_type_id: String,
    properties: Vec<Property>,
    /// A custom object's.
    #[serde(default)]
    definition: Definition,
}

/// Reads `<world>/hubspot` into the database; missing optional files are empty.
pub fn load(connection: &Connection, world_dir: &Path) -> Result<Schema, LoadError> {
    let directory = world_dir.join("hubspot");
    let mut schema = load_schema(connection, &directory.join("schema"))?;
    for object in &schema.objects {
        load_objects(connection, &directory, object)?;
        load_history(connection, &directory, object)?;
    }
    load_pipelines(connection, &directory)?;
    load_owners(connection, &directory)?;
    load_association_types(connection, &directory, &mut schema)?;
    for own in schema.objects.iter().filter(|object| !object.is_standard()) {
        for to in &schema.objects {
            definitions::add_plain_type(connection, &own.id, &to.id)?;
        }
    }
    let schema = definitions::schema(connection)?;
    load_associations(connection, &directory, &schema)?;
    load_lists(connection, &directory)?;
    load_aliases(connection, &directory, &schema)?;
    database::build_indexes(connection)?;
    for object in &schema.objects {
        // Ids of merged-away records are never given again.
        connection.execute(
            "update objects set next_id = 1 + max(
                (select coalesce(max(id), 0) from records where object = ?1),
                (select coalesce(max(old_id), 0) from aliases where object = ?1))
             where id = ?1",
            [&object.id],
        )?;
    }
    Ok(schema)
}

fn load_schema(connection: &Connection, directory: &Path) -> Result<Schema, LoadError> {
    let failed = |source| LoadError::Read { path: directory.to_path_buf(), source };
    let mut files: Vec<PathBuf> = fs::read_dir(directory)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let mut schema = Schema::default();
    for path in files {
        let text = fs::read_to_string(&path)
            .map_err(|source| LoadError::Read { path: path.clone(), source })?;
        let file: SchemaFile = serde_json::from_str(&text)
            .map_err(|source| LoadError::Schema { path: path.clone(), source })?;
        let mut object = ObjectType {
            id: file.object_type_id,
            name: file.object,
            definition: file.definition,
            validations: BTreeMap::new(),
            properties: file
                .properties
                .into_iter()
                .map(|property| (property.name.clone(), property))
                .collect(),
        };
        object.add_derived_properties();
        definitions::add_object(connection, &object)?;
        for property in object.properties.values() {
            definitions::save_property(connection, &object.id, property)?;
        }
        schema.objects.push(object);
    }
    schema.associations = AssociationTypes::standard();
    Ok(schema)
}

fn load_objects(
    connection: &Connection,
    directory: &Path,
    object: &ObjectType,
) -> Result<(), LoadError> {
    let Some(mut table) =
        Table::open(directory.join("objects").join(format!("{}.csv", object.name)))?
    else {
        return Ok(());
    };
    let id = table.column("id")?;
    let created_at = table.column("created_at")?;
    let updated_at = table.column("updated_at")?;
    let archived = table.column("archived")?;
    let archived_at = table.column("archived_at")?;
    let values: Vec<(usize, String)> = table
        .headers
        .iter()
        .enumerate()
        .filter(|(at, _)| ![id, created_at, updated_at, archived, archived_at].contains(at))
        .map(|(at, name)| (at, name.to_owned()))
        .collect();
    while table.next()? {
        let properties: Properties = values
            .iter()
            .filter_map(|(at, name)| {
                table.optional(*at).map(|value| (name.clone(), value.to_owned()))
            })
            .collect();
        let created = table.time(created_at)?;
        let record = Stored {
            id: table.number(id)?,
            archived: table.text(archived) == "true",
            created_at: created,
            updated_at: if table.optional(updated_at).is_some() {
                table.time(updated_at)?
            } else {
                created
            },
            archived_at: match table.optional(archived_at) {
                Some(_) => Some(table.time(archived_at)?),
                None => None,
            },
            properties,
        };
        store::put(connection, &object.id, &record)?;
        store::add_unique_values(connection, object, &record)?;
    }
    Ok(())
}

fn load_history(
    connection: &Connection,
    directory: &Path,
    object: &ObjectType,
) -> Result<(), LoadError> {
    let Some(mut table) =
        Table::open(directory.join("history").join(format!("{}.csv", object.name)))?
    else {
        return Ok(());
    };
    let columns = [
        "id",
        "property",
        "value",
        "timestamp",
        "source_type",
        "source_id",
        "source_label",
        "updated_by_user_id",
    ];
    let at = table.columns(&columns)?;
    while table.next()? {
        let version = Version {
            value: table.text(at["value"]).to_owned(),
            at: table.time(at["timestamp"])?,
            source_type: table.text(at["source_type"]).to_owned(),
            source_id: table.text(at["source_id"]).to_owned(),
            source_label: table.text(at["source_label"]).to_owned(),
            updated_by_user_id: table.text(at["updated_by_user_id"]).parse().ok(),
        };
        let id = table.number(at["id"])?;
        store::add_version(connection, &object.id, id, table.text(at["property"]), &version)?;
    }
    Ok(())
}

fn load_pipelines(connection: &Connection, directory: &Path) -> Result<(), LoadError> {
    let path = directory.join("pipelines.json");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(LoadError::Read { path, source }),
    };
    let pipelines: HashMap<String, serde_json::Value> =
        serde_json::from_str(&text).map_err(|source| LoadError::Schema { path, source })?;
    for (object, definition) in pipelines {
        connection.execute(
            "insert into pipelines (object, definition) values (?1, ?2)",
            [object, definition.to_string()],
        )?;
    }
    Ok(())
}

fn load_owners(connection: &Connection, directory: &Path) -> Result<(), LoadError> {
    let Some(mut table) = Table::open(directory.join("owners.csv"))? else { return Ok(()) };
    let columns = [
        "id",
        "email",
        "first_name",
        "last_name",
        "user_id",
        "type",
        "archived",
        "created_at",
        "updated_at",
    ];
    let at = table.columns(&columns)?;
    while table.next()? {
        connection.execute(
            "insert into owners (id, email, first_name, last_name, user_id, type, archived,
             created_at, updated_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                table.number(at["id"])?,
                table.optional(at["email"]),
                table.optional(at["first_name"]),
                table.optional(at["last_name"]),
                table.text(at["user_id"]).parse::<i64>().ok(),
                table.optional(at["type"]).unwrap_or("PERSON"),
                table.text(at["archived"]) == "true",
                table.optional(at["created_at"]),
                table.optional(at["updated_at"]),
            ],
        )?;
    }
    Ok(())
}

const ASSOCIATION_COLUMNS: [&str; 7] =
    ["from_object", "from_id", "to_object", "to_id", "category", "type_id", "label"];

/// Defines the account's own types that links of the world have.
///
/// A file says a type from one end only, so both directions get its id and label.
fn load_association_types(
    connection: &Connection,
    directory: &Path,
    schema: &mut Schema,
) -> Result<(), LoadError> {
    let Some(mut table) = Table::open(directory.join("associations.csv"))? else { return Ok(()) };
    let at = table.columns(&ASSOCIATION_COLUMNS)?;
    while table.next()? {
        if table.text(at["category"]) == HUBSPOT_DEFINED {
            continue;
        }
        let from = named(schema, table.text(at["from_object"]))?.id.clone();
        let to = named(schema, table.text(at["to_object"]))?.id.clone();
        let type_id = table.number(at["type_id"])?;
        let label = table.optional(at["label"]).map(str::to_owned);
        let is_known = schema.associations.find(&from, &to, type_id).is_some()
            || (label.is_none() && schema.associations.plain(&from, &to).is_some());
        if is_known {
            continue;
        }
        let one = AssociationType {
            from,
            to,
            type_id,
            reverse_type_id: type_id,
            category: USER_DEFINED.to_owned(),
            label: label.clone(),
            reverse_label: label.clone(),
            name: label,
        };
        definitions::save_association_type(connection, &one)?;
        schema.associations.add(&one);
    }
    Ok(())
}

fn load_associations(
    connection: &Connection,
    directory: &Path,
    schema: &Schema,
) -> Result<(), LoadError> {
    let Some(mut table) = Table::open(directory.join("associations.csv"))? else { return Ok(()) };
    let at = table.columns(&ASSOCIATION_COLUMNS)?;
    while table.next()? {
        let from = named(schema, table.text(at["from_object"]))?;
        let to = named(schema, table.text(at["to_object"]))?;
        let link = association_types::Link {
            from_object: &from.id,
            from_id: table.number(at["from_id"])?,
            to_object: &to.id,
            to_id: table.number(at["to_id"])?,
            type_id: table.number(at["type_id"])?,
        };
        association_types::insert_both_ways(connection, &schema.associations, &link)?;
    }
    Ok(())
}

/// Reads the rules of a world, none when it has no file of them.
pub fn rules(world_dir: &Path, schema: &Schema) -> Result<Vec<Rule>, LoadError> {
    let path = world_dir.join("hubspot").join("rules.json");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(LoadError::Read { path, source }),
    };
    let rules: Vec<Rule> = serde_json::from_str(&text)
        .map_err(|source| LoadError::Schema { path: path.clone(), source })?;
    rules::check(schema, &rules).map_err(|source| LoadError::Rule { path, source })?;
    Ok(rules)
}

fn named<'a>(schema: &'a Schema, name: &str) -> Result<&'a ObjectType, LoadError> {
    schema.named(name).ok_or_else(|| LoadError::Object { object: name.to_owned() })
}

fn load_lists(connection: &Connection, directory: &Path) -> Result<(), LoadError> {
    if let Some(mut table) = Table::open(directory.join("lists.csv"))? {
        let columns =
            ["list_id", "name", "object_type_id", "processing_type", "created_at", "updated_at"];
        let at = table.columns(&columns)?;
        while table.next()? {
            connection.execute(
                "insert into lists (id, name, object, processing_type, created_at, updated_at)
                 values (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    table.number(at["list_id"])?,
                    table.text(at["name"]),
                    table.text(at["object_type_id"]),
                    table.text(at["processing_type"]),
                    table.text(at["created_at"]),
                    table.text(at["updated_at"]),
                ],
            )?;
        }
    }
    if let Some(mut table) = Table::open(directory.join("list_memberships.csv"))? {
        let at = table.columns(&["list_id", "record_id", "membership_timestamp"])?;
        while table.next()? {
            connection
                .prepare_cached(
                    "insert or ignore into list_memberships (list_id, record_id, joined_at)
                     values (?1, ?2, ?3)",
                )?
                .execute(params![
                    table.number(at["list_id"])?,
                    table.number(at["record_id"])?,
                    table.text(at["membership_timestamp"]),
                ])?;
        }
    }
    Ok(())
}

fn load_aliases(
    connection: &Connection,
    directory: &Path,
    schema: &Schema,
) -> Result<(), LoadError> {
    let Some(mut table) = Table::open(directory.join("aliases.csv"))? else { return Ok(()) };
    let at = table.columns(&["object", "old_id", "record_id"])?;
    while table.next()? {
        let name = table.text(at["object"]);
        let object = named(schema, name)?;
        connection.execute(
            "insert or ignore into aliases (object, old_id, id) values (?1, ?2, ?3)",
            params![object.id, table.number(at["old_id"])?, table.number(at["record_id"])?],
        )?;
    }
    Ok(())
}

/// A CSV file read row by row, with errors that name the place.
struct Table {
    path: PathBuf,
    reader: csv::Reader<fs::File>,
    headers: StringRecord,
    row: StringRecord,
}

impl Table {
    fn open(path: PathBuf) -> Result<Option<Self>, LoadError> {
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(LoadError::Read { path, source }),
        };
        let mut reader = csv::Reader::from_reader(file);
        let headers = reader
            .headers()
            .map_err(|source| LoadError::Csv { path: path.clone(), source })?
            .clone();
        Ok(Some(Self { path, reader, headers, row: StringRecord::new() }))
    }

    fn column(&self, name: &str) -> Result<usize, LoadError> {
        self.headers
            .iter()
            .position(|header| header == name)
            .ok_or_else(|| LoadError::Column { path: self.path.clone(), column: name.to_owned() })
    }

    fn columns<'a>(&self, names: &[&'a str]) -> Result<HashMap<&'a str, usize>, LoadError> {
        names.iter().map(|name| Ok((*name, self.column(name)?))).collect()
    }

    fn next(&mut self) -> Result<bool, LoadError> {
        self.reader
            .read_record(&mut self.row)
            .map_err(|source| LoadError::Csv { path: self.path.clone(), source })
    }

    fn text(&self, column: usize) -> &str {
        self.row.get(column).unwrap_or_default()
    }

    fn optional(&self, column: usize) -> Option<&str> {
        Some(self.text(column)).filter(|text| !text.is_empty())
    }

    fn number(&self, column: usize) -> Result<i64, LoadError> {
        self.text(column).parse().map_err(|_| self.value_error(column))
    }

    fn time(&self, column: usize) -> Result<i64, LoadError> {
        epoch_ms(self.text(column)).ok_or_else(|| self.value_error(column))
    }

    fn value_error(&self, column: usize) -> LoadError {
        LoadError::Value {
            path: self.path.clone(),
            line: self.row.position().map_or(0, csv::Position::line),
            column: self.headers.get(column).unwrap_or_default().to_owned(),
            value: self.text(column).to_owned(),
        }
    }
}
