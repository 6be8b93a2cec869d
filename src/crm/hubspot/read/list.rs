//! The plain way: pages by ascending id, associations inside, histories inside the first time.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::details::Details;
use super::{
    ObjectPage, ObjectRecord, PAGES_MAX, by_id, history_rows, place, total, unexpected, values_of,
};
use crate::crm::hubspot::{HubSpot, KIND};
use crate::crm::price::{RECORDS_PER_HISTORY_PAGE, RECORDS_PER_LIST_PAGE};
use crate::crm::transport::{self, Purpose, Request};
use crate::crm::url::encode;
use crate::crm::{CrmError, Extracted, Extraction, Record, Row, Steps};

/// Longest path that is asked for by GET. Longer ones were answered with 414 from about 8 KB on;
/// properties past it are read by a batch read of the page's ids.
const PATH_BYTES_MAX: usize = 7_000;

/// Walks that are appended when the vendor's total says that records came in behind the walk.
const CATCH_UP_MAX: usize = 3;

/// How far a walk is.
#[derive(Default, Serialize, Deserialize)]
struct Place {
    after: Option<String>,
    n_records: u64,
    last_id: Option<u64>,
    /// Records whose histories are still to be read.
    histories: Vec<String>,
}

pub async fn extract(
    crm: &HubSpot,
    extraction: &Extraction,
    from: Option<&str>,
    steps: Steps<'_>,
) -> Result<Extracted, CrmError> {
    let mut place: Place = place(from);
    let mut details = Details::new(crm, extraction, std::mem::take(&mut place.histories));
    walk(crm, extraction, &mut place, &mut details, steps).await?;
    let mut vendor_total = None;
    if !extraction.is_archived {
        let mut counted = total(crm, &extraction.object).await?;
        for _ in 0..CATCH_UP_MAX {
            if place.n_records >= counted || place.last_id.is_none() {
                break;
            }
            walk(crm, extraction, &mut place, &mut details, steps).await?;
            counted = total(crm, &extraction.object).await?;
        }
        vendor_total = Some(counted);
    }
    details.read_histories(steps, true).await?;
    Ok(Extracted { n_records: place.n_records, vendor_total })
}

/// Walks to the end of what there is now; the place is then behind the last record.
async fn walk(
    crm: &HubSpot,
    extraction: &Extraction,
    place: &mut Place,
    details: &mut Details<'_>,
    steps: Steps<'_>,
) -> Result<(), CrmError> {
    let Some(records) = extraction.tables.first() else {
        return Err(unexpected(&extraction.name, "the extraction has no table"));
    };
    let operation = format!("{} list", extraction.name);
    for _ in 0..PAGES_MAX {
        let list = list_path(&crm.version, extraction, &records.columns, place.after.as_deref());
        let answer = crm.ask(&Request::get(&operation, Purpose::Read, list.path)).await?;
        let page: ObjectPage = serde_json::from_str(&answer.body)
            .map_err(|error| transport::unexpected(KIND, &operation, &error))?;
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
        place.n_records += rows.len() as u64;
        let last_id = page.results.last().and_then(|record| record.id.parse().ok());
        place.last_id = last_id.or(place.last_id);
        for (record, row) in page.results.iter().zip(&rows) {
            details.want_history(&record.id, row);
        }
        steps.rows(0, rows).await?;
        if let Some(table) = extraction.history_table().filter(|_| extraction.known.is_none()) {
            steps.rows(table, page.results.iter().flat_map(history_rows).collect()).await?;
        }
        for (table, to) in extraction.association_tables().zip(&extraction.associations) {
            steps.rows(table, details.inline_associations(&page.results, to).await?).await?;
        }
        details.read_histories(steps, false).await?;
        let next = page.paging.and_then(|paging| paging.next).map(|next| next.after);
        let is_last = next.is_none();
        let next = next.or_else(|| place.last_id.map(|id| (id + 1).to_string()));
        if !is_last && place.after == next {
            return Err(unexpected(&operation, "the cursor does not move"));
        }
        place.after = next;
        place.histories = details.pending_histories();
        steps.reached(place).await?;
        if is_last {
            return Ok(());
        }
    }
    Err(unexpected(&operation, "the walk does not end"))
}

/// Says whether an extraction's properties do not fit into the list's address, so that every page
/// takes a batch read as well.
pub fn takes_two_calls(extraction: &Extraction) -> bool {
    extraction.tables.first().is_some_and(|table| {
        let id = u64::MAX.to_string();
        list_path("0000-00", extraction, &table.columns, Some(&id)).n_columns < table.columns.len()
    })
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
    let history_fields: &[String] =
        if extraction.known.is_none() { &extraction.history_fields } else { &[] };
    let limit =
        if history_fields.is_empty() { RECORDS_PER_LIST_PAGE } else { RECORDS_PER_HISTORY_PAGE };
    let mut path = format!(
        "/crm/objects/{version}/{}?limit={limit}&archived={}",
        encode(&extraction.object),
        extraction.is_archived
    );
    if let Some(after) = after {
        path.push_str("&after=");
        path.push_str(&encode(after));
    }
    for (name, values) in
        [("propertiesWithHistory", history_fields), ("associations", &extraction.associations)]
    {
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
        by_id::batch_read(crm, &extraction.object, None, &ids, missing, extraction.is_archived)
            .await?;
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
