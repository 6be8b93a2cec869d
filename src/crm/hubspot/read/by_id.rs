//! Records by id or by a unique property.

use std::collections::BTreeMap;

use serde_json::json;

use super::{ObjectPage, ObjectRecord};
use crate::crm::hubspot::{HubSpot, KIND};
use crate::crm::transport::{Purpose, Request, unexpected};
use crate::crm::url::encode;
use crate::crm::wire::wire_text;
use crate::crm::{CrmError, Record};

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

pub async fn batch_read(
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
    let page: ObjectPage =
        serde_json::from_str(&answer.body).map_err(|error| unexpected(KIND, &operation, &error))?;
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
