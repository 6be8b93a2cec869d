//! Association types: their ids by direction, and links kept in both directions (reference
//! section 10).

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

/// A type of association, read from the first object to the second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssociationType {
    pub from: String,
    pub to: String,
    pub type_id: i64,
    pub reverse_type_id: i64,
    pub category: String,
    /// None for the plain association that every linked pair has.
    pub label: Option<String>,
    pub reverse_label: Option<String>,
    /// Internal name; the vendor's types have none here.
    pub name: Option<String>,
}

/// Every type of an account, by the objects it leads from and to.
#[derive(Clone, Debug, Default)]
pub struct AssociationTypes {
    by_pair: BTreeMap<String, BTreeMap<String, Vec<AssociationType>>>,
}

/// One of the vendor's own types: from, to, id, reverse id, label, reverse label.
type Defined = (&'static str, &'static str, i64, i64, Option<&'static str>, Option<&'static str>);

const CONTACT: &str = "0-1";
const COMPANY: &str = "0-2";
const DEAL: &str = "0-3";
const TICKET: &str = "0-5";
const LINE_ITEM: &str = "0-8";
const LEAD: &str = "0-136";
const PRIMARY: Option<&str> = Some("Primary");

const DEFINED: [Defined; 20] = [
    (CONTACT, COMPANY, 279, 280, None, None),
    (CONTACT, COMPANY, 1, 2, PRIMARY, PRIMARY),
    (DEAL, CONTACT, 3, 4, None, None),
    (DEAL, COMPANY, 341, 342, None, None),
    (DEAL, COMPANY, 5, 6, PRIMARY, PRIMARY),
    (CONTACT, TICKET, 15, 16, None, None),
    (COMPANY, TICKET, 340, 339, None, None),
    (COMPANY, TICKET, 25, 26, PRIMARY, PRIMARY),
    (DEAL, TICKET, 27, 28, None, None),
    (DEAL, LINE_ITEM, 19, 20, None, None),
    (CONTACT, CONTACT, 449, 449, None, None),
    (COMPANY, COMPANY, 450, 450, None, None),
    (DEAL, DEAL, 451, 451, None, None),
    (COMPANY, COMPANY, 13, 14, Some("Child Company"), Some("Parent Company")),
    (LEAD, CONTACT, 608, 609, None, None),
    (LEAD, CONTACT, 578, 579, PRIMARY, PRIMARY),
    (LEAD, COMPANY, 610, 611, None, None),
    (LEAD, COMPANY, 580, 581, PRIMARY, PRIMARY),
    (LEAD, DEAL, 1037, 1038, None, None),
    (LEAD, DEAL, 582, 583, PRIMARY, PRIMARY),
];

pub const HUBSPOT_DEFINED: &str = "HUBSPOT_DEFINED";
pub const USER_DEFINED: &str = "USER_DEFINED";

impl AssociationType {
    /// Returns the same type read from its other end.
    pub fn reversed(&self) -> Self {
        Self {
            from: self.to.clone(),
            to: self.from.clone(),
            type_id: self.reverse_type_id,
            reverse_type_id: self.type_id,
            category: self.category.clone(),
            label: self.reverse_label.clone(),
            reverse_label: self.label.clone(),
            name: self.name.clone(),
        }
    }

    /// Tells a label of the account's own from the vendor's and from plain types.
    pub fn is_own_label(&self) -> bool {
        self.category == USER_DEFINED && self.label.is_some()
    }

    fn is_primary(&self) -> bool {
        self.category == HUBSPOT_DEFINED && self.label.as_deref() == PRIMARY
    }
}

impl AssociationTypes {
    /// Returns what the vendor defines between its own objects.
    pub fn standard() -> Self {
        let mut types = Self::default();
        for (from, to, type_id, reverse_type_id, label, reverse_label) in DEFINED {
            types.add(&AssociationType {
                from: from.to_owned(),
                to: to.to_owned(),
                type_id,
                reverse_type_id,
                category: HUBSPOT_DEFINED.to_owned(),
                label: label.map(str::to_owned),
                reverse_label: reverse_label.map(str::to_owned),
                name: None,
            });
        }
        types
    }

    /// Adds a type in both of its directions.
    pub fn add(&mut self, one: &AssociationType) {
        for directed in [one.clone(), one.reversed()] {
            let pair = self
                .by_pair
                .entry(directed.from.clone())
                .or_default()
                .entry(directed.to.clone())
                .or_default();
            if !pair.contains(&directed) {
                pair.push(directed);
                pair.sort_by_key(|one| (one.label.is_some(), one.type_id));
            }
        }
    }

    /// Returns the types from one object to another, the plain one first.
    pub fn between(&self, from: &str, to: &str) -> &[AssociationType] {
        self.by_pair.get(from).and_then(|pairs| pairs.get(to)).map_or(&[], Vec::as_slice)
    }

    pub fn plain(&self, from: &str, to: &str) -> Option<&AssociationType> {
        self.between(from, to).iter().find(|one| one.label.is_none())
    }

    pub fn primary(&self, from: &str, to: &str) -> Option<&AssociationType> {
        self.between(from, to).iter().find(|one| one.is_primary())
    }

    pub fn find(&self, from: &str, to: &str, type_id: i64) -> Option<&AssociationType> {
        self.between(from, to).iter().find(|one| one.type_id == type_id)
    }
}

/// One link in one direction.
#[derive(Clone, Debug)]
pub struct Link<'a> {
    pub from_object: &'a str,
    pub from_id: i64,
    pub to_object: &'a str,
    pub to_id: i64,
    pub type_id: i64,
}

/// Keeps a link, its reverse, and the plain association that a labelled pair has as well.
///
/// A type that the account does not know links nothing.
pub fn insert_both_ways(
    connection: &Connection,
    types: &AssociationTypes,
    link: &Link<'_>,
) -> rusqlite::Result<()> {
    let (from, to) = (link.from_object, link.to_object);
    let wanted = types.find(from, to, link.type_id);
    let plain = types.plain(from, to).filter(|plain| plain.type_id != link.type_id);
    let mut insert = connection.prepare_cached(
        "insert or ignore into associations
         (from_object, from_id, to_object, to_id, category, type_id, label)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for one in wanted.into_iter().chain(plain) {
        let (from_id, to_id) = (link.from_id, link.to_id);
        insert.execute(params![from, from_id, to, to_id, one.category, one.type_id, one.label])?;
        insert.execute(params![
            to,
            to_id,
            from,
            from_id,
            one.category,
            one.reverse_type_id,
            one.reverse_label
        ])?;
    }
    Ok(())
}

/// Removes one type of link between two records, in both directions.
pub fn remove_both_ways(
    connection: &Connection,
    types: &AssociationTypes,
    link: &Link<'_>,
) -> rusqlite::Result<()> {
    let reverse = types
        .find(link.from_object, link.to_object, link.type_id)
        .map_or(link.type_id, |one| one.reverse_type_id);
    let mut remove = connection.prepare_cached(
        "delete from associations where from_object = ?1 and from_id = ?2 and to_object = ?3
         and to_id = ?4 and type_id = ?5",
    )?;
    remove.execute(params![
        link.from_object,
        link.from_id,
        link.to_object,
        link.to_id,
        link.type_id
    ])?;
    remove.execute(params![link.to_object, link.to_id, link.from_object, link.from_id, reverse])?;
    Ok(())
}
