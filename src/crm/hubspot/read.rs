//! Full extractions by list, and reads by id or key.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::schema::{LISTS, Paging};
use super::{HubSpot, KIND};
use crate::crm::transport::{Purpose, Request};
use crate::crm::url::encode;
use crate::crm::wire::wire_text;
use crate::crm::{CrmError, Extracted, Extraction, ObjectRequest, Page, Record, Row, Table};
use crate::schema::Schema;

use super::lists::{self, list_tables};

pub const ID_PROPERTY: &str = "hs_object_id";

const RECORDS_PER_PAGE: usize = 100;
/// Asking for histories halves a page.
const RECORDS_PER_PAGE_WITH_HISTORY: usize = 50;

/// Longest path that is asked for by GET. Longer ones were answered with 414 from about 8 KB on;
/// properties past it are read by a batch read of the page's ids.
const PATH_BYTES_MAX: usize = 7_000;

/// Records that one association batch read takes.
const ASSOCIATION_INPUTS_MAX: usize = 1_000;

/// Walks that are appended when the vendor's total says that records came in behind the walk.
const CATCH_UP_MAX: usize = 3;

/// Pages of one walk, so that a cursor that never ends does.
const PAGES_MAX: usize = 1_000_000;

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
struct AssociationPage {
    results: Vec<AssociationsOfOne>,
}

#[derive(Deserialize)]
struct AssociationsOfOne {
    from: FromId,
    to: Vec<ToId>,
    paging: Option<Paging>,
}

#[derive(Deserialize)]
struct FromId {
    id: serde_json::Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToId {
    /// A number in the vendor's examples, a string in its specification.
    to_object_id: serde_json::Value,
    #[serde(default)]
    association_types: Vec<AssociationType>,
}

#[derive(Deserialize)]
struct AssociationType {
    label: Option<String>,
}

#[derive(Deserialize)]
struct Total {
    total: u64,
}

/// One walk from a cursor to the end.
struct Walked {
    n_records: u64,
    last_id: Option<u64>,
}

pub fn extractions(objects: &[ObjectRequest], schema: &Schema) -> Vec<Extraction> {
    let mut extractions = Vec::new();
    for request in objects.iter().filter(|request| schema.object(&request.object).is_some()) {
        if request.object == LISTS {
            extractions.push(Extraction {
                name: LISTS.to_owned(),
                object: LISTS.to_owned(),
                tables: list_tables(),
                is_archived: false,
                history_fields: Vec::new(),
                associations: Vec::new(),
            });
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
        let archived_tables = vec![records_table(&request.object, schema)];
        extractions.push(Extraction {
            name: request.object.clone(),
            object: request.object.clone(),
            tables,
            is_archived: false,
            history_fields,
            associations: request.associations.clone(),
        });
        extractions.push(Extraction {
            name: format!("{} (archived)", request.object),
            object: request.object.clone(),
            tables: archived_tables,
            is_archived: true,
            history_fields: Vec::new(),
            associations: Vec::new(),
        });
    }
    extractions
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

pub async fn extract(
    crm: &HubSpot,
    extraction: &Extraction,
    pages: &mpsc::Sender<Page>,
) -> Result<Extracted, CrmError> {
    if extraction.object == LISTS {
        return lists::extract(crm, extraction, pages).await;
    }
    let mut walked = walk(crm, extraction, pages, None).await?;
    if extraction.is_archived {
        return Ok(Extracted { n_records: walked.n_records, vendor_total: None });
    }
    let mut vendor_total = total(crm, &extraction.object).await?;
    for _ in 0..CATCH_UP_MAX {
        let Some(last_id) = walked.last_id.filter(|_| walked.n_records < vendor_total) else {
            break;
        };
        let more = walk(crm, extraction, pages, Some(last_id + 1)).await?;
        walked.n_records += more.n_records;
        walked.last_id = more.last_id.or(walked.last_id);
        vendor_total = total(crm, &extraction.object).await?;
    }
    Ok(Extracted { n_records: walked.n_records, vendor_total: Some(vendor_total) })
}

async fn walk(
    crm: &HubSpot,
    extraction: &Extraction,
    pages: &mpsc::Sender<Page>,
    first_id: Option<u64>,
) -> Result<Walked, CrmError> {
    let Some(records) = extraction.tables.first() else {
        return Err(unexpected(&extraction.name, "the extraction has no table"));
    };
    let operation = format!("{} list", extraction.name);
    let mut walked = Walked { n_records: 0, last_id: None };
    let mut after = first_id.map(|id| id.to_string());
    for _ in 0..PAGES_MAX {
        let list = list_path(&crm.version, extraction, &records.columns, after.as_deref());
        let request = Request::get(&operation, Purpose::Read, list.path);
        let answer = crm.ask(&request).await?;
        let page: ObjectPage = serde_json::from_str(&answer.body)
            .map_err(|error| crate::crm::transport::unexpected(KIND, &operation, &error))?;
        let mut rows: Vec<Row> = page
            .results
            .iter()
            .map(|record| Row {
                values: values_of(record, &records.columns),
                is_archived: record.archived || extraction.is_archived,
            })
            .collect();
        if list.n_columns < records.columns.len() {
            fill_columns(crm, extraction, &page.results, list.n_columns, &mut rows).await?;
        }
        walked.n_records += rows.len() as u64;
        walked.last_id = page.results.last().and_then(|record| record.id.parse().ok());
        send(extraction, pages, 0, rows).await?;
        let mut index = 1;
        if !extraction.history_fields.is_empty() {
            let rows = page.results.iter().flat_map(history_rows).collect();
            send(extraction, pages, index, rows).await?;
            index += 1;
        }
        for to in &extraction.associations {
            let rows = association_rows(crm, extraction, &page.results, to).await?;
            send(extraction, pages, index, rows).await?;
            index += 1;
        }
        match page.paging.and_then(|paging| paging.next) {
            Some(next) if after.as_ref() != Some(&next.after) => after = Some(next.after),
            Some(_) => return Err(unexpected(&operation, "the cursor does not move")),
            None => return Ok(walked),
        }
    }
    Err(unexpected(&operation, "the walk does not end"))
}

pub struct ListPath {
    pub path: String,
    /// Leading columns that the path asks for; the rest is read by a batch read.
    pub n_columns: usize,
}

/// Builds the list's path, with as many columns as fit.
pub fn list_path(
    version: &str,
    extraction: &Extraction,
    columns: &[String],
    after: Option<&str>,
) -> ListPath {
    let limit = if extraction.history_fields.is_empty() {
        RECORDS_PER_PAGE
    } else {
        RECORDS_PER_PAGE_WITH_HISTORY
    };
    let mut path = format!(
        "/crm/objects/{version}/{}?limit={limit}&archived={}",
        encode(&extraction.object),
        extraction.is_archived
    );
    if let Some(after) = after {
        path.push_str("&after=");
        path.push_str(&encode(after));
    }
    for (name, values) in [
        ("propertiesWithHistory", &extraction.history_fields),
        ("associations", &extraction.associations),
    ] {
        if !values.is_empty() {
            let encoded: Vec<String> = values.iter().map(|value| encode(value)).collect();
            path.extend(["&", name, "=", &encoded.join("%2C")]);
        }
    }
    path.push_str("&properties=");
    let mut n_columns = 0;
    for column in columns {
        let separator = if n_columns == 0 { "" } else { "%2C" };
        let encoded = encode(column);
        if path.len() + separator.len() + encoded.len() > PATH_BYTES_MAX {
            break;
        }
        path.push_str(separator);
        path.push_str(&encoded);
        n_columns += 1;
    }
    ListPath { path, n_columns }
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

/// Reads the columns that did not fit into the list's path.
async fn fill_columns(
    crm: &HubSpot,
    extraction: &Extraction,
    records: &[ObjectRecord<'_>],
    n_filled: usize,
    rows: &mut [Row],
) -> Result<(), CrmError> {
    let columns = extraction.tables.first().map_or(&[][..], |table| &table.columns);
    let Some(missing) = columns.get(n_filled..) else { return Ok(()) };
    if records.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = records.iter().map(|record| record.id.clone()).collect();
    let found =
        batch_read(crm, &extraction.object, None, &ids, missing, extraction.is_archived).await?;
    let mut found: HashMap<String, Record> =
        found.into_iter().map(|record| (record.id.clone(), record)).collect();
    for (record, row) in records.iter().zip(rows) {
        // A record that was archived since the list named it keeps what the list told.
        let Some(mut rest) = found.remove(&record.id) else { continue };
        for (column, value) in columns.iter().zip(&mut row.values).skip(n_filled) {
            *value = rest.values.remove(column).flatten();
        }
    }
    Ok(())
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

async fn association_rows(
    crm: &HubSpot,
    extraction: &Extraction,
    records: &[ObjectRecord<'_>],
    to: &str,
) -> Result<Vec<Row>, CrmError> {
    let mut rows = Vec::new();
    let mut open: Vec<(String, String)> = Vec::new();
    for record in records {
        let Some(found) = record.associations.iter().find(|(name, _)| is_same(name, to)) else {
            continue;
        };
        for one in &found.1.results {
            rows.push(association_row(&record.id, &one.id, &one.association_type));
        }
        if let Some(next) = found.1.paging.as_ref().and_then(|paging| paging.next.as_ref()) {
            open.push((record.id.clone(), next.after.clone()));
        }
    }
    // Only records with very many associations are asked for again.
    let operation = format!("{} associations", extraction.name);
    let path = format!(
        "/crm/associations/{}/{}/{}/batch/read",
        crm.version,
        encode(&extraction.object),
        encode(to)
    );
    while !open.is_empty() {
        let batch: Vec<(String, String)> =
            open.drain(..open.len().min(ASSOCIATION_INPUTS_MAX)).collect();
        let inputs: Vec<_> =
            batch.iter().map(|(id, after)| json!({ "id": id, "after": after })).collect();
        let body = json!({ "inputs": inputs }).to_string();
        let request = Request::post_json(&operation, Purpose::Read, &path, body);
        let page: AssociationPage = crm.ask(&request).await?.json(KIND, &operation)?;
        for one in page.results {
            let from_id = id_text(one.from.id);
            for to_one in one.to {
                let to_id = id_text(to_one.to_object_id);
                for association_type in &to_one.association_types {
                    let name = type_name(&extraction.object, to, association_type);
                    rows.push(association_row(&from_id, &to_id, &name));
                }
            }
            if let Some(next) = one.paging.and_then(|paging| paging.next) {
                if batch.contains(&(from_id.clone(), next.after.clone())) {
                    return Err(unexpected(&operation, "the cursor does not move"));
                }
                open.push((from_id, next.after));
            }
        }
    }
    Ok(rows)
}

fn association_row(from_id: &str, to_id: &str, association_type: &str) -> Row {
    Row {
        values: vec![
            Some(from_id.to_owned()),
            Some(to_id.to_owned()),
            Some(association_type.to_owned()),
        ],
        is_archived: false,
    }
}

/// Names a type of the batch read as the inline associations name it: `contact_to_company` for
/// the primary one, with `_unlabeled` for the plain one where both exist.
fn type_name(from: &str, to: &str, association_type: &AssociationType) -> String {
    let pair = format!("{}_to_{}", singular(from), singular(to));
    let has_primary = singular(to) == "company" && matches!(singular(from), "contact" | "deal");
    match association_type.label.as_deref() {
        None if has_primary => format!("{pair}_unlabeled"),
        None | Some("Primary") => pair,
        Some(label) => label.to_lowercase().replace(' ', "_"),
    }
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

fn id_text(id: serde_json::Value) -> String {
    match id {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}

async fn total(crm: &HubSpot, object: &str) -> Result<u64, CrmError> {
    let operation = format!("{object} total");
    let body = json!({ "filterGroups": [], "properties": [ID_PROPERTY], "limit": 1 }).to_string();
    let path = format!("/crm/objects/{}/{}/search", crm.version, encode(object));
    let request = Request::post_json(&operation, Purpose::Fixed, path, body);
    let total: Total = crm.ask(&request).await?.json(KIND, &operation)?;
    Ok(total.total)
}

/// Reads records by id, or by `key_field` where one is given.
pub async fn read_records(
    crm: &HubSpot,
    object: &str,
    key_field: Option<&str>,
    keys: &[String],
    fields: &[String],
) -> Result<Vec<Record>, CrmError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    batch_read(crm, object, key_field, keys, fields, false).await
}

async fn batch_read(
    crm: &HubSpot,
    object: &str,
    key_field: Option<&str>,
    keys: &[String],
    fields: &[String],
    is_archived: bool,
) -> Result<Vec<Record>, CrmError> {
    let operation = format!("{object} batch read");
    let inputs: Vec<_> = keys.iter().map(|key| json!({ "id": key })).collect();
    let mut body = json!({
        "properties": fields, "propertiesWithHistory": [], "inputs": inputs,
    });
    if let (Some(key_field), Some(body)) = (key_field, body.as_object_mut()) {
        body.insert("idProperty".to_owned(), json!(key_field));
    }
    let path = format!(
        "/crm/objects/{}/{}/batch/read?archived={is_archived}",
        crm.version,
        encode(object)
    );
    let request = Request::post_json(&operation, Purpose::Read, path, body.to_string());
    let answer = crm.ask(&request).await?;
    let page: ObjectPage = serde_json::from_str(&answer.body)
        .map_err(|error| crate::crm::transport::unexpected(KIND, &operation, &error))?;
    Ok(page.results.into_iter().map(|record| to_record(&record, fields)).collect())
}

fn to_record(record: &ObjectRecord<'_>, fields: &[String]) -> Record {
    let values: BTreeMap<String, Option<String>> = fields
        .iter()
        .filter_map(|field| {
            let value = record.properties.get(field.as_str())?;
            Some((field.clone(), wire_text(value)))
        })
        .collect();
    Record { id: record.id.clone(), modified_at: record.updated_at.clone(), values }
}

pub async fn send(
    extraction: &Extraction,
    pages: &mpsc::Sender<Page>,
    table: usize,
    rows: Vec<Row>,
) -> Result<(), CrmError> {
    if rows.is_empty() {
        return Ok(());
    }
    pages
        .send(Page { table, rows })
        .await
        .map_err(|_| CrmError::ReceiverGone { extraction: extraction.name.clone() })
}

pub fn unexpected(operation: &str, message: &str) -> CrmError {
    CrmError::Unexpected {
        kind: KIND,
        operation: operation.to_owned(),
        message: message.to_owned(),
    }
}
