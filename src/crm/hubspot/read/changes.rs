//! A search for records that were modified since a time, in windows of 10,000.
//!
//! Sorted by modified date, each window begins at the last date of the one before it; records that
//! come twice are landed once. Where one millisecond fills a window (imports do that), its records
//! are walked by id instead.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::details::Details;
use super::{
    ID_PROPERTY, ObjectPage, PAGES_MAX, Total, not_this_way, place, total, unexpected, values_of,
};
use crate::crm::hubspot::{HubSpot, KIND};
use crate::crm::price::RECORDS_PER_SEARCH_PAGE;
use crate::crm::transport::{self, Purpose, Request};
use crate::crm::url::encode;
use crate::crm::wire::wire_text;
use crate::crm::{CrmError, Extracted, Extraction, Row, Steps};

/// Records that one search shows, whatever its total.
const WINDOW: u64 = 10_000;

/// How far a walk through changes is.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Place {
    /// Epoch milliseconds of the window's beginning.
    floor: i64,
    /// Records of the window that were read.
    offset: u64,
    /// Last id read, while the records of one millisecond are walked by id.
    last_id: Option<u64>,
    n_records: u64,
    is_done: bool,
    histories: Vec<String>,
}

impl Place {
    fn since(since: Timestamp) -> Self {
        Self { floor: since.as_millisecond(), ..Self::default() }
    }
}

pub async fn extract(
    crm: &HubSpot,
    extraction: &Extraction,
    from: Option<&str>,
    steps: Steps<'_>,
) -> Result<Extracted, CrmError> {
    let Some(since) = extraction.since else {
        return Err(not_this_way(extraction, "nothing says since when"));
    };
    let mut place: Place = match from {
        Some(_) => place(from),
        None => Place::since(since),
    };
    let mut details = Details::new(crm, extraction, std::mem::take(&mut place.histories));
    for _ in 0..PAGES_MAX {
        let Some(rows) = next_page(crm, extraction, &mut place).await? else { break };
        for row in &rows {
            details.want_history(id_of(extraction, row).unwrap_or_default(), row);
        }
        steps.rows(0, rows).await?;
        details.read_histories(steps, false).await?;
        place.histories = details.pending_histories();
        steps.reached(&place).await?;
    }
    details.read_histories(steps, true).await?;
    let vendor_total = Some(total(crm, &extraction.object).await?);
    Ok(Extracted { n_records: place.n_records, vendor_total })
}

/// Returns every row that was modified since, for a walk that is short by its nature.
pub async fn rows_since(
    crm: &HubSpot,
    extraction: &Extraction,
    since: Timestamp,
) -> Result<Vec<Row>, CrmError> {
    let mut found = Vec::new();
    let mut place = Place::since(since);
    for _ in 0..PAGES_MAX {
        let Some(rows) = next_page(crm, extraction, &mut place).await? else { break };
        found.extend(rows);
    }
    Ok(found)
}

pub async fn count(
    crm: &HubSpot,
    extraction: &Extraction,
    since: Timestamp,
) -> Result<u64, CrmError> {
    let operation = format!("{} changes", extraction.name);
    let modified_at = modified_column(extraction)?;
    let body = search(&[since_filter(modified_at, since.as_millisecond())], modified_at, &[], 1, 0);
    let request = Request::post_json(&operation, Purpose::Fixed, path(crm, extraction), body);
    let total: Total = crm.ask(&request).await?.json(KIND, &operation)?;
    Ok(total.total)
}

/// Reads the next page and moves the place behind it; `None` at the end.
async fn next_page(
    crm: &HubSpot,
    extraction: &Extraction,
    place: &mut Place,
) -> Result<Option<Vec<Row>>, CrmError> {
    if place.is_done {
        return Ok(None);
    }
    let Some(records) = extraction.tables.first() else {
        return Err(unexpected(&extraction.name, "the extraction has no table"));
    };
    let operation = format!("{} search", extraction.name);
    let modified_at = modified_column(extraction)?;
    let body = match place.last_id {
        None => {
            let filters = [since_filter(modified_at, place.floor)];
            search(&filters, modified_at, &records.columns, RECORDS_PER_SEARCH_PAGE, place.offset)
        }
        Some(last_id) => {
            let filters = [
                filter(modified_at, "EQ", &place.floor.to_string()),
                filter(ID_PROPERTY, "GT", &last_id.to_string()),
            ];
            search(&filters, ID_PROPERTY, &records.columns, RECORDS_PER_SEARCH_PAGE, 0)
        }
    };
    let request = Request::post_json(&operation, Purpose::Read, path(crm, extraction), body);
    let answer = crm.ask(&request).await?;
    let page: ObjectPage = serde_json::from_str(&answer.body)
        .map_err(|error| transport::unexpected(KIND, &operation, &error))?;
    let last = page.results.last();
    let last_id = last.and_then(|record| record.id.parse::<u64>().ok());
    let last_modified = last
        .and_then(|record| record.properties.get(modified_at))
        .and_then(|value| wire_text(value))
        .and_then(|text| epoch_ms(&text));
    let rows: Vec<Row> = page
        .results
        .iter()
        .map(|record| Row {
            values: values_of(record, &records.columns),
            is_archived: record.archived,
        })
        .collect();
    let n_rows = rows.len() as u64;
    let is_end = n_rows == 0 || page.paging.is_none_or(|paging| paging.next.is_none());
    place.n_records += n_rows;
    place.offset += n_rows;
    match (place.last_id, is_end) {
        (None, true) => place.is_done = true,
        (None, false) if place.offset + RECORDS_PER_SEARCH_PAGE > WINDOW => {
            let Some(last_modified) = last_modified else {
                return Err(unexpected(&operation, "a record has no modified date"));
            };
            if last_modified > place.floor {
                (place.floor, place.offset) = (last_modified, 0);
            } else {
                place.last_id = Some(0);
            }
        }
        (None, false) => {}
        (Some(_), true) => {
            (place.floor, place.offset, place.last_id) = (place.floor + 1, 0, None);
        }
        (Some(_), false) => place.last_id = last_id,
    }
    Ok(Some(rows))
}

fn path(crm: &HubSpot, extraction: &Extraction) -> String {
    format!("/crm/objects/{}/{}/search", crm.version, encode(&extraction.object))
}

fn search(filters: &[Value], sort: &str, properties: &[String], limit: u64, offset: u64) -> String {
    let mut body = json!({
        "filterGroups": [{ "filters": filters }],
        "sorts": [{ "propertyName": sort, "direction": "ASCENDING" }],
        "properties": properties,
        "limit": limit,
    });
    if let (true, Some(body)) = (offset > 0, body.as_object_mut()) {
        body.insert("after".to_owned(), json!(offset.to_string()));
    }
    body.to_string()
}

fn since_filter(modified_at: &str, floor: i64) -> Value {
    filter(modified_at, "GTE", &floor.to_string())
}

fn filter(property: &str, operator: &str, value: &str) -> Value {
    json!({ "propertyName": property, "operator": operator, "value": value })
}

fn modified_column(extraction: &Extraction) -> Result<&str, CrmError> {
    let missing = || not_this_way(extraction, "its modified date is not visible");
    extraction.modified_column.as_deref().ok_or_else(missing)
}

/// Returns the id in a row of the first table.
pub fn id_of<'a>(extraction: &Extraction, row: &'a Row) -> Option<&'a str> {
    let columns = &extraction.tables.first()?.columns;
    let position = columns.iter().position(|column| column == ID_PROPERTY)?;
    row.values.get(position)?.as_deref()
}

fn epoch_ms(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| Some(text.parse::<Timestamp>().ok()?.as_millisecond()))
}
