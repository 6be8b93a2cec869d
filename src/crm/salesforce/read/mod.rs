//! Reading: one file a way, and reads by id or key.
//!
//! | File | Way |
//! |---|---|
//! | `pages` | query pages of several objects, five of them in a composite; all rows, or those that changed |
//! | `bulk` | a Bulk 2.0 query job with its result pages, proven on a sample |
//!
//! All ask `queryAll`, which alone shows deleted rows.

mod bulk;
mod bulk_values;
mod by_id;
mod pages;

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{KIND, Salesforce, soql};
use crate::crm::transport::{Purpose, Request};
use crate::crm::url::encode;
use crate::crm::wire::wire_text;
use crate::crm::{Count, CrmError, Extraction, ObjectRequest, Step, Steps, Table, Way};
use crate::schema::Schema;

pub use by_id::{RECORDS_PER_READ, query, read_by_id, read_by_key};

const ID: &str = "Id";
const IS_DELETED: &str = "IsDeleted";

/// Moves with every change, the system's own included.
pub const MODIFIED_AT: &str = "SystemModstamp";

/// The only time of a history entry, which never changes.
const CREATED_AT: &str = "CreatedDate";

const PAGE_SIZE_HEADER: &str = "Sforce-Query-Options";
const PAGE_SIZE: &str = "batchSize=2000";

/// Fields that are read in parts or differ for every reader.
const FIELDS_LEFT_OUT: [&str; 2] = ["LastViewedDate", "LastReferencedDate"];
const TYPES_LEFT_OUT: [&str; 4] = ["address", "location", "base64", "complexvalue"];

/// Objects that bulk jobs do not query, and endings of such.
const NOT_IN_BULK: [&str; 6] = [
    "RecentlyViewed",
    "AttachedContentNote",
    "PartnerRole",
    "TaskPriority",
    "TaskWhoRelation",
    "EventWhoRelation",
];
const ENDINGS_NOT_IN_BULK: [&str; 2] = ["Status", "EventRelation"];

/// Users are read in full, always: they are who owns records.
const OWNERS: &str = "User";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueryPage<'a> {
    pub total_size: u64,
    pub next_records_url: Option<String>,
    #[serde(borrow)]
    pub records: Vec<HashMap<Cow<'a, str>, &'a RawValue>>,
}

/// What the vendor counts without being asked for each object.
#[derive(Deserialize)]
struct RecordCounts {
    #[serde(rename = "sObjects")]
    objects: Vec<RecordCount>,
}

#[derive(Deserialize)]
struct RecordCount {
    name: String,
    count: u64,
}

pub fn extractions(objects: &[ObjectRequest], schema: &Schema) -> Vec<Extraction> {
    objects
        .iter()
        .filter(|request| schema.object(&request.object).is_some())
        .map(|request| {
            let (columns, types): (Vec<String>, Vec<String>) = schema
                .fields_of(&request.object)
                .filter(|field| !TYPES_LEFT_OUT.contains(&field.vendor_type.as_str()))
                .filter(|field| !FIELDS_LEFT_OUT.contains(&field.field.as_str()))
                .map(|field| (field.field.clone(), field.vendor_type.clone()))
                .unzip();
            let name = table_name(&request.object);
            Extraction {
                name: request.object.clone(),
                object: request.object.clone(),
                modified_column: modified_column(&request.object, &columns),
                tables: vec![Table { name, columns, key: vec![ID.to_owned()] }],
                types,
                is_archived: false,
                history_fields: Vec::new(),
                associations: Vec::new(),
                way: Way::Query,
                formulas: schema
                    .fields_of(&request.object)
                    .filter(|field| field.is_calculated)
                    .map(|field| field.field.clone())
                    .collect(),
                merged_column: None,
                since: None,
                known: None,
            }
        })
        .collect()
}

/// Returns what tells a changed row: the system's stamp, or the birth of rows that never change.
fn modified_column(object: &str, columns: &[String]) -> Option<String> {
    let has = |name: &str| columns.iter().any(|column| column == name);
    let is_history = object.ends_with("History");
    [MODIFIED_AT, CREATED_AT]
        .into_iter()
        .find(|name| has(name) && (*name == MODIFIED_AT || is_history))
        .map(str::to_owned)
}

/// Writes an object's name in lower snake case: `OpportunityContactRole` is
/// `opportunity_contact_role`.
pub fn table_name(object: &str) -> String {
    let mut name = String::with_capacity(object.len() + 4);
    let mut was_lower = false;
    for character in object.chars() {
        if character.is_ascii_uppercase() && was_lower {
            name.push('_');
        }
        was_lower = character.is_ascii_lowercase() || character.is_ascii_digit();
        name.push(character.to_ascii_lowercase());
    }
    name
}

pub fn ways(extraction: &Extraction) -> Vec<(Way, Option<String>)> {
    let object = extraction.object.as_str();
    let is_not_in_bulk = NOT_IN_BULK.contains(&object)
        || ENDINGS_NOT_IN_BULK.iter().any(|ending| object.ends_with(ending));
    let bulk = is_not_in_bulk.then(|| "bulk jobs do not query it".to_owned());
    let changes = if object == OWNERS {
        Some("owners are always read in full".to_owned())
    } else if extraction.modified_column.is_none() {
        Some("it has no field that moves with every change".to_owned())
    } else {
        None
    };
    vec![(Way::Query, None), (Way::Bulk, bulk), (Way::Changes, changes)]
}

pub async fn count(
    crm: &Salesforce,
    extractions: &[Extraction],
) -> Result<Vec<Option<Count>>, CrmError> {
    if extractions.iter().any(|extraction| extraction.since.is_some()) {
        return pages::count_changes(crm, extractions).await;
    }
    let operation = "record counts";
    let names: Vec<String> = extractions.iter().map(|one| encode(&one.object)).collect();
    let path = crm.path(&format!("/limits/recordCount?sObjects={}", names.join(",")));
    let answer = crm.ask(&Request::get(operation, Purpose::Fixed, path)).await?;
    let counts: RecordCounts = answer.json(KIND, operation)?;
    let counts: HashMap<&str, u64> =
        counts.objects.iter().map(|one| (one.name.as_str(), one.count)).collect();
    // Objects without records are left out of the answer.
    let count = |one: &Extraction| counts.get(one.object.as_str()).copied().unwrap_or_default();
    Ok(extractions.iter().map(|one| Some(Count::records(count(one)))).collect())
}

pub async fn extract(
    crm: &Salesforce,
    walk: &[Extraction],
    from: &[Option<String>],
    steps: tokio::sync::mpsc::Sender<Step>,
) -> Result<(), CrmError> {
    match walk {
        [extraction] if extraction.way == Way::Bulk => {
            let from = from.first().and_then(Option::as_deref);
            let steps = Steps::new(&steps, 0, extraction);
            let extracted = bulk::extract(crm, extraction, from, steps).await?;
            steps.finished(extracted).await
        }
        walk => pages::extract(crm, walk, from, &steps).await,
    }
}

/// Writes the query of an extraction, without order: `Id, Name FROM Lead`.
fn select(extraction: &Extraction) -> Result<String, CrmError> {
    let Some(table) = extraction.tables.first() else {
        return Err(refused_shape(&extraction.name, "the extraction has no table"));
    };
    let (columns, object) = (soql::names(&table.columns)?, soql::name(&extraction.object)?);
    Ok(format!("SELECT {columns} FROM {object}"))
}

/// Asks for the next page of a cursor.
///
/// # Errors
/// When the answer named anything but a path of the data API, where our token would go.
pub fn next_page(operation: &str, purpose: Purpose, path: &str) -> Result<Request, CrmError> {
    if !path.starts_with("/services/data/") {
        return Err(refused_shape(operation, "the next page lies outside the data API"));
    }
    Ok(Request::get(operation, purpose, path).header(PAGE_SIZE_HEADER, PAGE_SIZE))
}

pub fn text_of(record: &HashMap<Cow<'_, str>, &RawValue>, field: &str) -> Option<String> {
    record.get(field).and_then(|raw| wire_text(raw))
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

fn refused_shape(operation: &str, message: &str) -> CrmError {
    CrmError::Unexpected {
        kind: KIND,
        operation: operation.to_owned(),
        message: message.to_owned(),
    }
}
