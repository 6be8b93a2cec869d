//! Full extractions by `queryAll`, and reads by id or key.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::error::refused_part;
use super::{KIND, Salesforce, composite, soql};
use crate::crm::transport::{Answer, Purpose, Request, unexpected};
use crate::crm::url::encode;
use crate::crm::wire::wire_text;
use crate::crm::{CrmError, Extracted, Extraction, ObjectRequest, Page, Record, Row, Table};
use crate::schema::Schema;

const ID: &str = "Id";
const IS_DELETED: &str = "IsDeleted";

/// Moves with every change, the system's own included, and exists on every object.
pub const MODIFIED_AT: &str = "SystemModstamp";

const PAGE_SIZE_HEADER: &str = "Sforce-Query-Options";
const PAGE_SIZE: &str = "batchSize=2000";

/// Longest path sent by GET; the edge refuses an address and headers over 16,384 bytes. Longer
/// queries travel in a composite, as the vendor recommends.
const PATH_BYTES_MAX: usize = 15_000;

/// Pages of one walk, so that a cursor that never ends does.
const PAGES_MAX: usize = 1_000_000;

/// Fields that are read in parts or differ for every reader.
const FIELDS_LEFT_OUT: [&str; 2] = ["LastViewedDate", "LastReferencedDate"];
const TYPES_LEFT_OUT: [&str; 4] = ["address", "location", "base64", "complexvalue"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueryPage<'a> {
    pub total_size: u64,
    pub next_records_url: Option<String>,
    #[serde(borrow)]
    pub records: Vec<HashMap<Cow<'a, str>, &'a RawValue>>,
}

pub fn extractions(objects: &[ObjectRequest], schema: &Schema) -> Vec<Extraction> {
    objects
        .iter()
        .filter(|request| schema.object(&request.object).is_some())
        .map(|request| {
            let columns: Vec<String> = schema
                .fields_of(&request.object)
                .filter(|field| !TYPES_LEFT_OUT.contains(&field.vendor_type.as_str()))
                .filter(|field| !FIELDS_LEFT_OUT.contains(&field.field.as_str()))
                .map(|field| field.field.clone())
                .collect();
            let name = table_name(&request.object);
            Extraction {
                name: request.object.clone(),
                object: request.object.clone(),
                tables: vec![Table { name, columns, key: vec![ID.to_owned()] }],
                is_archived: false,
                history_fields: Vec::new(),
                associations: Vec::new(),
            }
        })
        .collect()
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

pub async fn extract(
    crm: &Salesforce,
    extraction: &Extraction,
    pages: &mpsc::Sender<Page>,
) -> Result<Extracted, CrmError> {
    let operation = format!("{} query", extraction.name);
    let Some(table) = extraction.tables.first() else {
        return Err(refused_shape(&operation, "the extraction has no table"));
    };
    let soql = format!(
        "SELECT {} FROM {} ORDER BY Id",
        soql::names(&table.columns)?,
        soql::name(&extraction.object)?
    );
    let mut body = query(crm, &operation, Purpose::Read, "/queryAll", &soql).await?;
    let mut vendor_total = None;
    let mut n_records = 0;
    for _ in 0..PAGES_MAX {
        let page: QueryPage =
            serde_json::from_str(&body).map_err(|error| unexpected(KIND, &operation, &error))?;
        // The cursor is a snapshot, and its size is the vendor's total of that very snapshot. A
        // count asked afterwards would also see what was made meanwhile.
        vendor_total.get_or_insert(page.total_size);
        let rows: Vec<Row> = page
            .records
            .iter()
            .map(|record| Row {
                values: table.columns.iter().map(|column| text_of(record, column)).collect(),
                is_archived: text_of(record, IS_DELETED).as_deref() == Some("true"),
            })
            .collect();
        n_records += rows.len() as u64;
        if !rows.is_empty() {
            pages
                .send(Page { table: 0, rows })
                .await
                .map_err(|_| CrmError::ReceiverGone { extraction: extraction.name.clone() })?;
        }
        let Some(next) = page.next_records_url else {
            return Ok(Extracted { n_records, vendor_total });
        };
        let request = next_page(&operation, Purpose::Read, &next)?;
        body = crm.ask(&request).await?.body;
    }
    Err(refused_shape(&operation, "the walk does not end"))
}

/// Sends a query's first page, by GET or, when it is long, inside a composite.
pub async fn query(
    crm: &Salesforce,
    operation: &str,
    purpose: Purpose,
    resource: &str,
    soql: &str,
) -> Result<String, CrmError> {
    let path = format!("{}?q={}", crm.path(resource), encode(soql));
    if path.len() <= PATH_BYTES_MAX {
        let request = Request::get(operation, purpose, path).header(PAGE_SIZE_HEADER, PAGE_SIZE);
        return Ok(crm.ask(&request).await?.body);
    }
    let subrequest = json!({
        "method": "GET",
        "url": &path,
        "referenceId": "query",
        "httpHeaders": { PAGE_SIZE_HEADER: PAGE_SIZE },
    });
    let answer: Answer = composite::read(crm, operation, purpose, &[subrequest]).await?;
    let composite = composite::parse(&answer, operation)?;
    let Some(sub) = composite.composite_response.first() else {
        return Err(refused_shape(operation, "the composite is empty"));
    };
    if sub.http_status_code == 200 {
        return Ok(sub.body.get().to_owned());
    }
    Err(refused_part(operation, sub.http_status_code, &path, sub.body.get()))
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

pub async fn read_by_id(
    crm: &Salesforce,
    object: &str,
    ids: &[String],
    fields: &[String],
) -> Result<Vec<Record>, CrmError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let operation = format!("{object} read");
    let path = crm.path(&format!("/composite/sobjects/{}", soql::name(object)?));
    let body = json!({ "ids": ids, "fields": fields_asked(fields) }).to_string();
    let answer = crm.ask(&Request::post_json(&operation, Purpose::Read, path, body)).await?;
    let records: Vec<Option<HashMap<Cow<str>, &RawValue>>> =
        serde_json::from_str(&answer.body).map_err(|error| unexpected(KIND, &operation, &error))?;
    Ok(records.iter().flatten().filter_map(|record| to_record(record, fields)).collect())
}

pub async fn read_by_key(
    crm: &Salesforce,
    object: &str,
    key_field: &str,
    keys: &[String],
    fields: &[String],
) -> Result<Vec<Record>, CrmError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let operation = format!("{object} read by key");
    let mut fields = fields.to_vec();
    if !fields.iter().any(|field| field == key_field) {
        fields.push(key_field.to_owned());
    }
    let quoted: Vec<String> = keys.iter().map(|key| soql::quote(key)).collect();
    let soql = format!(
        "SELECT {} FROM {} WHERE {} IN ({})",
        soql::names(&fields_asked(&fields))?,
        soql::name(object)?,
        soql::name(key_field)?,
        quoted.join(",")
    );
    let body = query(crm, &operation, Purpose::Read, "/query", &soql).await?;
    let page: QueryPage =
        serde_json::from_str(&body).map_err(|error| unexpected(KIND, &operation, &error))?;
    Ok(page.records.iter().filter_map(|record| to_record(record, &fields)).collect())
}

fn fields_asked(fields: &[String]) -> Vec<String> {
    let mut asked = vec![ID.to_owned(), MODIFIED_AT.to_owned()];
    asked.extend(fields.iter().filter(|field| *field != ID && *field != MODIFIED_AT).cloned());
    asked
}

fn to_record(record: &HashMap<Cow<'_, str>, &RawValue>, fields: &[String]) -> Option<Record> {
    let values: BTreeMap<String, Option<String>> =
        fields.iter().map(|field| (field.clone(), text_of(record, field))).collect();
    Some(Record { id: text_of(record, ID)?, modified_at: text_of(record, MODIFIED_AT), values })
}

fn refused_shape(operation: &str, message: &str) -> CrmError {
    CrmError::Unexpected {
        kind: KIND,
        operation: operation.to_owned(),
        message: message.to_owned(),
    }
}
