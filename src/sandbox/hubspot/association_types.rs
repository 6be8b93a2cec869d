//! Association types: their ids by direction, and links kept in both directions (reference
//! section 10).

use rusqlite::{Connection, params};

/// What the vendor defines between two standard objects, read from the first to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssociationType {
    pub from: &'static str,
    pub to: &'static str,
    pub type_id: i64,
    pub reverse_type_id: i64,
    /// None for the plain association that every linked pair has.
    pub label: Option<&'static str>,
    pub reverse_label: Option<&'static str>,
}

const CONTACT: &str = "0-1";
const COMPANY: &str = "0-2";
const DEAL: &str = "0-3";
const TICKET: &str = "0-5";
const PRIMARY: Option<&str> = Some("Primary");

const TYPES: [AssociationType; 14] = [
    plain(CONTACT, COMPANY, 279, 280),
    labelled(CONTACT, COMPANY, 1, 2, PRIMARY, PRIMARY),
    plain(DEAL, CONTACT, 3, 4),
    plain(DEAL, COMPANY, 341, 342),
    labelled(DEAL, COMPANY, 5, 6, PRIMARY, PRIMARY),
    plain(CONTACT, TICKET, 15, 16),
    plain(COMPANY, TICKET, 340, 339),
    labelled(COMPANY, TICKET, 25, 26, PRIMARY, PRIMARY),
    plain(DEAL, TICKET, 27, 28),
    plain(DEAL, "0-8", 19, 20),
    plain(CONTACT, CONTACT, 449, 449),
    plain(COMPANY, COMPANY, 450, 450),
    plain(DEAL, DEAL, 451, 451),
    labelled(COMPANY, COMPANY, 13, 14, Some("Child Company"), Some("Parent Company")),
];

pub const HUBSPOT_DEFINED: &str = "HUBSPOT_DEFINED";

const fn plain(
    from: &'static str,
    to: &'static str,
    type_id: i64,
    reverse_type_id: i64,
) -> AssociationType {
    labelled(from, to, type_id, reverse_type_id, None, None)
}

const fn labelled(
    from: &'static str,
    to: &'static str,
    type_id: i64,
    reverse_type_id: i64,
    label: Option<&'static str>,
    reverse_label: Option<&'static str>,
) -> AssociationType {
    AssociationType { from, to, type_id, reverse_type_id, label, reverse_label }
}

impl AssociationType {
    const fn reversed(self) -> Self {
        Self {
            from: self.to,
            to: self.from,
            type_id: self.reverse_type_id,
            reverse_type_id: self.type_id,
            label: self.reverse_label,
            reverse_label: self.label,
        }
    }
}

/// Returns the vendor's types from one object to another, the plain one first.
pub fn between(from: &str, to: &str) -> Vec<AssociationType> {
    let mut found: Vec<AssociationType> = Vec::new();
    for defined in TYPES {
        for one in [defined, defined.reversed()] {
            if one.from == from && one.to == to && !found.contains(&one) {
                found.push(one);
            }
        }
    }
    found.sort_by_key(|one| (one.label.is_some(), one.type_id));
    found
}

pub fn plain_type(from: &str, to: &str) -> Option<AssociationType> {
    between(from, to).into_iter().find(|one| one.label.is_none())
}

pub fn primary_type(from: &str, to: &str) -> Option<AssociationType> {
    between(from, to).into_iter().find(|one| one.label == PRIMARY)
}

/// A type of link from one object to another, the vendor's or the account's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownType {
    pub category: String,
    pub type_id: i64,
    pub label: Option<String>,
}

/// Returns every type from one object to another, the vendor's first.
pub fn known(connection: &Connection, from: &str, to: &str) -> rusqlite::Result<Vec<KnownType>> {
    let mut known: Vec<KnownType> = between(from, to)
        .into_iter()
        .map(|one| KnownType {
            category: HUBSPOT_DEFINED.to_owned(),
            type_id: one.type_id,
            label: one.label.map(str::to_owned),
        })
        .collect();
    let mut statement = connection.prepare_cached(
        "select distinct category, type_id, label from associations
         where from_object = ?1 and to_object = ?2 and category <> ?3 order by type_id",
    )?;
    let mut rows = statement.query(params![from, to, HUBSPOT_DEFINED])?;
    while let Some(row) = rows.next()? {
        known.push(KnownType { category: row.get(0)?, type_id: row.get(1)?, label: row.get(2)? });
    }
    Ok(known)
}

/// One link in one direction.
#[derive(Clone, Debug)]
pub struct Link<'a> {
    pub from_object: &'a str,
    pub from_id: i64,
    pub to_object: &'a str,
    pub to_id: i64,
    pub category: &'a str,
    pub type_id: i64,
    pub label: Option<&'a str>,
}

/// Keeps a link, its reverse, and the plain association that a labelled pair has as well.
pub fn insert_both_ways(connection: &Connection, link: &Link<'_>) -> rusqlite::Result<()> {
    let known = between(link.from_object, link.to_object);
    let defined =
        known.iter().find(|one| link.category == HUBSPOT_DEFINED && one.type_id == link.type_id);
    let (reverse_type_id, label, reverse_label) = match defined {
        Some(one) => (one.reverse_type_id, one.label.or(link.label), one.reverse_label),
        // A single custom label has the same id in both directions here.
        None => (link.type_id, link.label, link.label),
    };
    insert(connection, &Link { label, ..link.clone() })?;
    insert(
        connection,
        &Link {
            from_object: link.to_object,
            from_id: link.to_id,
            to_object: link.from_object,
            to_id: link.from_id,
            type_id: reverse_type_id,
            label: reverse_label,
            ..link.clone()
        },
    )?;
    match plain_type(link.from_object, link.to_object) {
        Some(plain) if plain.type_id != link.type_id => insert_both_ways(
            connection,
            &Link {
                category: HUBSPOT_DEFINED,
                type_id: plain.type_id,
                label: None,
                ..link.clone()
            },
        ),
        _ => Ok(()),
    }
}

/// Removes one type of link between two records, in both directions.
pub fn remove_both_ways(connection: &Connection, link: &Link<'_>) -> rusqlite::Result<()> {
    let reverse = between(link.from_object, link.to_object)
        .iter()
        .find(|one| link.category == HUBSPOT_DEFINED && one.type_id == link.type_id)
        .map_or(link.type_id, |one| one.reverse_type_id);
    let mut remove = connection.prepare_cached(
        "delete from associations where from_object = ?1 and from_id = ?2 and to_object = ?3
         and to_id = ?4 and category = ?5 and type_id = ?6",
    )?;
    remove.execute(params![
        link.from_object,
        link.from_id,
        link.to_object,
        link.to_id,
        link.category,
        link.type_id
    ])?;
    remove.execute(params![
        link.to_object,
        link.to_id,
        link.from_object,
        link.from_id,
        link.category,
        reverse
    ])?;
    Ok(())
}

fn insert(connection: &Connection, link: &Link<'_>) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "insert or ignore into associations
             (from_object, from_id, to_object, to_id, category, type_id, label)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            link.from_object,
            link.from_id,
            link.to_object,
            link.to_id,
            link.category,
            link.type_id,
            link.label
        ])
        .map(|_| ())
}
