//! Reading: one file a way, and reads by id or key.
//!
//! | File | Way |
//! |---|---|
//! | `list` | pages by ascending id, whose cursor is a floor on the id and therefore stable |
//! | `export` | one asynchronous export, proven on a sample and completed by what changed meanwhile |
//! | `changes` | a search for records modified since; its index lags writes by seconds |
//! | `details` | histories and associations of records that came without them |

mod by_id;
mod changes;
mod details;
pub mod export;
mod export_values;
pub mod list;

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::lists::{self, list_tables};
use super::schema::{LISTS, Paging};
use super::{HubSpot, KIND};
use crate::crm::transport::{Purpose, Request};
use crate::crm::url::encode;
use crate::crm::wire::wire_text;
use crate::crm::{Count, CrmError, Extraction, ObjectRequest, Row, Steps, Table, Way};
use crate::schema::Schema;

pub use by_id::read_records;
pub use details::read_associations;

pub const ID_PROPERTY: &str = "hs_object_id";

/// Moves with every change of a contact; other objects have [`MODIFIED_AT`].
const CONTACT_MODIFIED_AT: &str = "lastmodifieddate";
const MODIFIED_AT: &str = "hs_lastmodifieddate";

/// Ids of the records that were merged into this one.
const MERGED_IDS: &str = "hs_merged_object_ids";

/// Pages of one walk, so that a cursor that never ends does.
const PAGES_MAX: usize = 1_000_000;

/// Types whose values no export is known to carry.
const TYPES_NOT_EXPORTED: [&str; 2] = ["json", "object_coordinates"];

pub const HISTORY_COLUMNS: [&str; 8] = [
    "id",
    "property",
    "value",
    "timestamp",
    "source_type",
    "source_id",
    "source_label",
    "updated_by_user_id",
];

#[derive(Deserialize)]
struct ObjectPage<'a> {
    #[serde(borrow)]
    results: Vec<ObjectRecord<'a>>,
    paging: Option<Paging>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRecord<'a> {
    pub id: String,
    #[serde(borrow)]
    pub properties: HashMap<Cow<'a, str>, &'a RawValue>,
    pub updated_at: Option<String>,
    #[serde(default)]
    pub archived: bool,
    #[serde(borrow, default)]
    properties_with_history: HashMap<Cow<'a, str>, Vec<HistoryEntry<'a>>>,
    #[serde(default)]
    associations: HashMap<String, InlineAssociations>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HistoryEntry<'a> {
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    source_type: Option<&'a RawValue>,
    #[serde(borrow)]
    source_id: Option<&'a RawValue>,
    #[serde(borrow)]
    source_label: Option<&'a RawValue>,
    #[serde(borrow)]
    updated_by_user_id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct InlineAssociations {
    results: Vec<InlineAssociation>,
    paging: Option<Paging>,
}

#[derive(Deserialize)]
struct InlineAssociation {
    id: String,
    #[serde(rename = "type")]
    association_type: String,
}

#[derive(Deserialize)]
struct Total {
    total: u64,
}

pub fn extractions(objects: &[ObjectRequest], schema: &Schema) -> Vec<Extraction> {
    let mut extractions = Vec::new();
    for request in objects.iter().filter(|request| schema.object(&request.object).is_some()) {
        if request.object == LISTS {
            extractions.push(extraction(LISTS, list_tables(), schema));
            continue;
        }
        let history_fields: Vec<String> = request
            .history_fields
            .iter()
            .filter(|field| schema.field(&request.object, field).is_some())
            .cloned()
            .collect();
        let mut tables = vec![records_table(&request.object, schema)];
        if !history_fields.is_empty() {
            tables.push(table(
                format!("{}_history", request.object),
                &HISTORY_COLUMNS,
                &["id", "property", "timestamp", "value", "source_id"],
            ));
        }
        for to in &request.associations {
            let columns = ["from_id", "to_id", "type"];
            tables.push(table(format!("{}_{to}", request.object), &columns, &columns));
        }
        extractions.push(Extraction {
            history_fields,
            associations: request.associations.clone(),
            ..extraction(&request.object, tables, schema)
        });
        let archived_tables = vec![records_table(&request.object, schema)];
        extractions.push(Extraction {
            name: format!("{} (archived)", request.object),
            is_archived: true,
            ..extraction(&request.object, archived_tables, schema)
        });
    }
    extractions
}

/// Lays out the plain reading of an object, without histories and associations.
fn extraction(object: &str, tables: Vec<Table>, schema: &Schema) -> Extraction {
    let is_visible = |field: &str| schema.field(object, field).is_some();
    let modified_at = if object == "contacts" { CONTACT_MODIFIED_AT } else { MODIFIED_AT };
    let columns = tables.first().map_or(&[][..], |table| &table.columns);
    let type_of = |column: &String| {
        schema.field(object, column).map_or("string", |info| info.vendor_type.as_str()).to_owned()
    };
    Extraction {
        name: object.to_owned(),
        object: object.to_owned(),
        types: columns.iter().filter(|_| object != LISTS).map(type_of).collect(),
        tables,
        is_archived: false,
        history_fields: Vec::new(),
        associations: Vec::new(),
        way: Way::List,
        modified_column: is_visible(modified_at).then(|| modified_at.to_owned()),
        // HubSpot writes what it calculates itself, and every write moves the date; an admin's own
        // formula may depend on other records and on today.
        formulas: schema
            .fields_of(object)
            .filter(|field| field.is_calculated && field.is_custom)
            .map(|field| field.field.clone())
            .collect(),
        merged_column: is_visible(MERGED_IDS).then(|| MERGED_IDS.to_owned()),
        since: None,
        known: None,
    }
}

fn records_table(object: &str, schema: &Schema) -> Table {
    let mut columns: Vec<String> =
        schema.fields_of(object).map(|field| field.field.clone()).collect();
    if !columns.iter().any(|column| column == ID_PROPERTY) {
        columns.insert(0, ID_PROPERTY.to_owned());
    }
    Table { name: object.to_owned(), columns, key: vec![ID_PROPERTY.to_owned()] }
}

pub fn table(name: impl Into<String>, columns: &[&str], key: &[&str]) -> Table {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    Table { name: name.into(), columns: owned(columns), key: owned(key) }
}

pub fn ways(extraction: &Extraction) -> Vec<(Way, Option<String>)> {
    let not_exported =
        extraction.types.iter().zip(extraction.tables.iter().flat_map(|t| &t.columns));
    let not_exported = not_exported
        .filter(|(vendor_type, _)| TYPES_NOT_EXPORTED.contains(&vendor_type.as_str()))
        .map(|(vendor_type, column)| format!("no export has values of `{column}` ({vendor_type})"))
        .next();
    let because = |reason: &str| Some(reason.to_owned());
    let (export, changes) = if extraction.object == LISTS {
        (because("lists cannot be exported"), because("lists are always read in full"))
    } else if extraction.is_archived {
        (
            because("exports leave archived records out"),
            because("searches leave archived records out"),
        )
    } else {
        let is_blind = extraction.modified_column.is_none();
        (not_exported, because("its modified date is not visible").filter(|_| is_blind))
    };
    vec![(Way::List, None), (Way::Export, export), (Way::Changes, changes)]
}

pub async fn count(
    crm: &HubSpot,
    extractions: &[Extraction],
) -> Result<Vec<Option<Count>>, CrmError> {
    let mut counts = Vec::with_capacity(extractions.len());
    for extraction in extractions {
        counts.push(match extraction.since {
            _ if extraction.is_archived => None,
            _ if extraction.object == LISTS => Some(lists::count(crm).await?),
            None => Some(Count::records(total(crm, &extraction.object).await?)),
            Some(since) => Some(Count::records(changes::count(crm, extraction, since).await?)),
        });
    }
    Ok(counts)
}

pub async fn extract(
    crm: &HubSpot,
    extraction: &Extraction,
    from: Option<&str>,
    steps: Steps<'_>,
) -> Result<(), CrmError> {
    let extracted = match extraction.way {
        _ if extraction.object == LISTS => lists::extract(crm, from, steps).await?,
        Way::List => list::extract(crm, extraction, from, steps).await?,
        Way::Export => export::extract(crm, extraction, from, steps).await?,
        Way::Changes => changes::extract(crm, extraction, from, steps).await?,
        way => return Err(not_this_way(extraction, &format!("HubSpot has no such way as {way}"))),
    };
    steps.finished(extracted).await
}

fn values_of(record: &ObjectRecord<'_>, columns: &[String]) -> Vec<Option<String>> {
    columns
        .iter()
        .map(|column| match record.properties.get(column.as_str()) {
            Some(value) => wire_text(value),
            None if column == ID_PROPERTY => Some(record.id.clone()),
            None => None,
        })
        .collect()
}

fn history_rows<'a>(record: &'a ObjectRecord<'_>) -> impl Iterator<Item = Row> + 'a {
    let mut properties: Vec<_> = record.properties_with_history.iter().collect();
    properties.sort_unstable_by_key(|(property, _)| *property);
    properties.into_iter().flat_map(move |(property, entries)| {
        entries.iter().map(move |entry| {
            let text = |value: Option<&RawValue>| value.and_then(wire_text);
            Row {
                values: vec![
                    Some(record.id.clone()),
                    Some(property.to_string()),
                    text(entry.value),
                    text(entry.timestamp),
                    text(entry.source_type),
                    text(entry.source_id),
                    text(entry.source_label),
                    text(entry.updated_by_user_id),
                ],
                is_archived: record.archived,
            }
        })
    })
}

async fn total(crm: &HubSpot, object: &str) -> Result<u64, CrmError> {
    let operation = format!("{object} total");
    let body = json!({ "filterGroups": [], "properties": [ID_PROPERTY], "limit": 1 }).to_string();
    let path = format!("/crm/objects/{}/{}/search", crm.version, encode(object));
    let request = Request::post_json(&operation, Purpose::Fixed, path, body);
    let total: Total = crm.ask(&request).await?.json(KIND, &operation)?;
    Ok(total.total)
}

fn singular(object: &str) -> &str {
    match object {
        "companies" => "company",
        other => other.strip_suffix('s').unwrap_or(other),
    }
}

fn is_same(name: &str, object: &str) -> bool {
    name.eq_ignore_ascii_case(object) || singular(name) == singular(object)
}

/// Reads the place that a former walk reached; one that is not understood begins again.
fn place<T: Default + serde::de::DeserializeOwned>(from: Option<&str>) -> T {
    from.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn not_this_way(extraction: &Extraction, reason: &str) -> CrmError {
    CrmError::NotThisWay {
        extraction: extraction.name.clone(),
        way: extraction.way,
        reason: reason.to_owned(),
    }
}

pub fn unexpected(operation: &str, message: &str) -> CrmError {
    CrmError::Unexpected {
        kind: KIND,
        operation: operation.to_owned(),
        message: message.to_owned(),
    }
}
