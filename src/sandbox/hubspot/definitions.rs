//! What the database knows of the account itself: object types, properties, association types, rules.

use rusqlite::{Connection, params};

use super::association_types::{AssociationType, AssociationTypes, USER_DEFINED};
use super::database::{json, json_text, meta, set_meta};
use super::rules::Rule;
use super::schema::{Definition, ObjectType, Property, Schema};
use super::validations::ValidationRule;

/// No type of the vendor's has a higher id.
const LAST_VENDOR_TYPE: i64 = 1999;

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
