//! Records by id or by a unique field.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{ID, MODIFIED_AT, PAGE_SIZE, PAGE_SIZE_HEADER, QueryPage, refused_shape, text_of};
use crate::crm::salesforce::error::refused_part;
use crate::crm::salesforce::{KIND, Salesforce, composite, soql};
use crate::crm::transport::{Answer, Purpose, Request, unexpected};
use crate::crm::url::encode;
use crate::crm::{CrmError, Record};

/// Longest path sent by GET; the edge refuses an address and headers over 16,384 bytes. Longer
/// queries travel in a composite, as the vendor recommends.
const PATH_BYTES_MAX: usize = 15_000;

/// Ids that a collection takes.
const IDS_PER_COLLECTION: usize = 2_000;

/// Records that one call reads by id.
pub const RECORDS_PER_READ: usize = composite::COLLECTIONS_MAX * IDS_PER_COLLECTION;

pub async fn read_by_id(
    crm: &Salesforce,
    object: &str,
    ids: &[String],
    fields: &[String],
) -> Result<Vec<Record>, CrmError> {
    read_fields(crm, object, ids, fields, &fields_asked(fields)).await
}

/// Reads records by id, asking for `asked`, of which `fields` are returned.
///
/// What one collection does not hold travels as several in a composite. A collection that the composite
/// does not answer is asked for by itself, and refused or sent again there as any other call.
pub async fn read_fields(
    crm: &Salesforce,
    object: &str,
    ids: &[String],
    fields: &[String],
    asked: &[String],
) -> Result<Vec<Record>, CrmError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let operation = format!("{object} read");
    let path = crm.path(&format!("/composite/sobjects/{}", soql::name(object)?));
    let body = |ids: &[String]| json!({ "ids": ids, "fields": asked });
    let mut alone: Vec<&[String]> = Vec::new();
    let mut records = Vec::with_capacity(ids.len());
    for ids in ids.chunks(RECORDS_PER_READ) {
        let parts: Vec<&[String]> = ids.chunks(IDS_PER_COLLECTION).collect();
        if parts.len() == 1 {
            alone.extend(parts);
            continue;
        }
        let subrequests: Vec<Value> = parts
            .iter()
            .enumerate()
            .map(|(index, ids)| composite::post(&path, &format!("c{index}"), &body(ids)))
            .collect();
        let answer = composite::read(crm, &operation, Purpose::Read, &subrequests).await?;
        let composite = composite::parse(&answer, &operation)?;
        for (index, ids) in parts.into_iter().enumerate() {
            let reference_id = format!("c{index}");
            let mut subs = composite.composite_response.iter();
            let sub = subs.find(|sub| sub.reference_id == reference_id);
            match sub.filter(|sub| sub.http_status_code == 200) {
                Some(sub) => records.extend(collection(sub.body.get(), &operation, fields)?),
                None => alone.push(ids),
            }
        }
    }
    for ids in alone {
        let request =
            Request::post_json(&operation, Purpose::Read, path.as_str(), body(ids).to_string());
        let answer = crm.ask(&request).await?;
        records.extend(collection(&answer.body, &operation, fields)?);
    }
    Ok(records)
}

/// Reads a collection's answer: one record for each id, null for one that is gone.
fn collection(body: &str, operation: &str, fields: &[String]) -> Result<Vec<Record>, CrmError> {
    let records: Vec<Option<HashMap<Cow<str>, &RawValue>>> =
        serde_json::from_str(body).map_err(|error| unexpected(KIND, operation, &error))?;
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
