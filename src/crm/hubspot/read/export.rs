//! One asynchronous export instead of many pages.
//!
//! An account may start 30 in 24 hours and runs one at a time. The file's moment is not exact, so
//! records modified since the export was begun are read again by a search. Histories and
//! associations are read in batches beside it: an export names associated ids without saying how
//! they are associated. The file's values are proven on a sample before the way counts as gone.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::details::{Details, read_associations};
use super::export_values::rest_form;
use super::{
    ID_PROPERTY, by_id, changes, extraction, not_this_way, place, table, total, unexpected,
};
use crate::crm::csv_rows;
use crate::crm::hubspot::{HubSpot, KIND};
use crate::crm::sample::Sample;
use crate::crm::transport::{Purpose, Request, download, shown_code};
use crate::crm::url::encode;
use crate::crm::{CrmError, Extracted, Extraction, Record, Row, Steps};
use crate::schema::Schema;

/// How the id's column is called where internal names were asked for and not given.
const ID_LABEL: &str = "Record ID";

/// Records from which on an export takes fewer calls than reading them by id.
const LISTED_MIN: usize = 1_000;

/// How far before an export's own beginning changes are looked for: the search's lag.
const OVERLAP: SignedDuration = SignedDuration::from_mins(2);

/// Waits before a file's address is asked for again; it lives five minutes.
const DOWNLOADS_MAX: u32 = 3;

/// How far an export is.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Place {
    id: String,
    /// Rows of the file that were sent.
    n_rows: u64,
    histories: Vec<String>,
}

#[derive(Deserialize)]
struct Started {
    id: serde_json::Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    status: String,
    result: Option<String>,
    started_at: Option<Timestamp>,
    requested_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counted {
    record_count: Option<u64>,
}

/// A finished export.
struct Finished {
    url: String,
    began_at: Timestamp,
}

pub async fn extract(
    crm: &HubSpot,
    extraction: &Extraction,
    from: Option<&str>,
    steps: Steps<'_>,
) -> Result<Extracted, CrmError> {
    let mut place: Place = place(from);
    let finished = {
        let _turn = crm.exporting.lock().await;
        if place.id.is_empty() {
            place.id = start(crm, extraction).await?;
            steps.reached(&place).await?;
        }
        wait(crm, extraction, &place.id).await?
    };
    let began_at = finished.began_at;
    check_count(crm, extraction, &place.id).await?;
    let mut sample = Sample::default();
    let mut details = Details::new(crm, extraction, std::mem::take(&mut place.histories));
    read_file(crm, extraction, finished, &mut place, &mut details, &mut sample, steps).await?;

    let newer = changes::rows_since(crm, extraction, began_at - OVERLAP).await?;
    let ids = |rows: &[Row]| -> Vec<String> {
        rows.iter().filter_map(|row| changes::id_of(extraction, row)).map(str::to_owned).collect()
    };
    let newer_ids = ids(&newer);
    for row in &newer {
        details.want_history(changes::id_of(extraction, row).unwrap_or_default(), row);
    }
    if !newer.is_empty() {
        for (table, rows) in read_associations(crm, extraction, &newer_ids).await? {
            steps.rows(table, rows).await?;
        }
        steps.rows(0, newer).await?;
    }
    details.read_histories(steps, true).await?;
    prove(crm, extraction, &sample, &newer_ids.iter().map(String::as_str).collect()).await?;
    let vendor_total = Some(total(crm, &extraction.object).await?);
    // Records made meanwhile are in the total and, once each, among the newer rows.
    Ok(Extracted { n_records: place.n_rows + newer_ids.len() as u64, vendor_total })
}

/// Reads fields of the records of `ids` from an export; empty where reading by id takes no more calls
/// or no export can be had.
pub async fn list_lagging(
    crm: &HubSpot,
    object: &str,
    ids: &HashSet<String>,
    fields: &[String],
) -> Result<Vec<Record>, CrmError> {
    if ids.len() < LISTED_MIN {
        return Ok(Vec::new());
    }
    let columns: Vec<&str> =
        std::iter::once(ID_PROPERTY).chain(fields.iter().map(String::as_str)).collect();
    let extraction =
        extraction(object, vec![table(object, &columns, &[ID_PROPERTY])], &Schema::default());
    match list(crm, &extraction, ids).await {
        Err(CrmError::NotThisWay { reason, .. }) => {
            tracing::warn!(object, reason, "no export shows what was written");
            Ok(Vec::new())
        }
        listed => listed,
    }
}

async fn list(
    crm: &HubSpot,
    extraction: &Extraction,
    ids: &HashSet<String>,
) -> Result<Vec<Record>, CrmError> {
    let finished = {
        let _turn = crm.exporting.lock().await;
        let id = start(crm, extraction).await?;
        wait(crm, extraction, &id).await?
    };
    let operation = format!("{} export file", extraction.object);
    let spool = download(KIND, &operation, &finished.url)
        .await
        .map_err(|error| not_this_way(extraction, &error.to_string()))?;
    let names = extraction.tables.first().map_or(&[][..], |table| &table.columns);
    let mut chunks = csv_rows::read(spool);
    let mut positions: Option<Vec<usize>> = None;
    let mut records = Vec::new();
    while let Some(chunk) = chunks.recv().await {
        let chunk = chunk.map_err(|message| not_this_way(extraction, &message))?;
        let Some(positions) = &positions else {
            positions = chunk.first().map(|header| columns(extraction, header)).transpose()?;
            continue;
        };
        for row in &chunk {
            let values: BTreeMap<String, Option<String>> = names
                .iter()
                .zip(positions)
                .map(|(name, position)| {
                    let cell = row.get(*position).filter(|cell| !cell.is_empty());
                    (name.clone(), cell.map(str::to_owned))
                })
                .collect();
            let id = values.get(ID_PROPERTY).cloned().flatten().unwrap_or_default();
            if ids.contains(&id) {
                records.push(Record { id, modified_at: None, values });
            }
        }
    }
    Ok(records)
}

/// Starts the export and returns its id.
async fn start(crm: &HubSpot, extraction: &Extraction) -> Result<String, CrmError> {
    let columns = extraction.tables.first().map_or(&[][..], |table| &table.columns);
    let body = json!({
        "exportType": "VIEW",
        "exportName": format!("concord {}", extraction.object),
        "format": "CSV",
        "language": "EN",
        "objectType": export_type(&extraction.object),
        "objectProperties": columns,
        "exportInternalValuesOptions": ["NAMES", "VALUES"],
        "publicCrmSearchRequest": {
            "filterGroups": [],
            "sorts": [{ "propertyName": ID_PROPERTY, "order": "ASC" }],
            "query": "",
        },
    });
    let operation = format!("{} export", extraction.object);
    let path = format!("/crm/exports/{}/export/async", crm.version);
    // Started again after a lost answer, it takes a second of the 30 and no more.
    let request = Request::post_json(&operation, Purpose::Read, path, body.to_string());
    match crm.ask(&request).await {
        Ok(answer) => {
            let started: Started = answer.json(KIND, &operation)?;
            Ok(match started.id {
                serde_json::Value::String(id) => id,
                id => id.to_string(),
            })
        }
        Err(
            error @ (CrmError::Forbidden { .. }
            | CrmError::Refused { .. }
            | CrmError::Busy { .. }
            | CrmError::Unexpected { .. }),
        ) => Err(not_this_way(extraction, &error.to_string())),
        Err(error) => Err(error),
    }
}

/// Names an object as exports do: in capitals and singular, or by its type id.
fn export_type(object: &str) -> String {
    match object {
        "contacts" => "CONTACT".to_owned(),
        "companies" => "COMPANY".to_owned(),
        "deals" => "DEAL".to_owned(),
        "tickets" => "TICKET".to_owned(),
        other => other.to_owned(),
    }
}

/// Asks until the export is there.
async fn wait(crm: &HubSpot, extraction: &Extraction, id: &str) -> Result<Finished, CrmError> {
    let operation = format!("{} export status", extraction.object);
    let path = format!("/crm/exports/{}/export/async/tasks/{}/status", crm.version, encode(id));
    for n in 0.. {
        let status = match crm.ask(&Request::get(&operation, Purpose::Fixed, &path)).await {
            Ok(answer) => answer.json::<Status>(KIND, &operation)?,
            Err(error @ CrmError::Refused { .. }) => {
                return Err(not_this_way(extraction, &error.to_string()));
            }
            Err(error) => return Err(error),
        };
        match (status.status.as_str(), status.result) {
            ("COMPLETE", Some(url)) => {
                let began_at = status.started_at.or(status.requested_at).ok_or_else(|| {
                    not_this_way(extraction, "the export does not say when it began")
                })?;
                return Ok(Finished { url, began_at });
            }
            ("PENDING" | "PROCESSING", _) => {}
            (other, _) => {
                let ended = shown_code(other).unwrap_or("something that is no code");
                return Err(not_this_way(extraction, &format!("the export ended as {ended}")));
            }
        }
        let Some(wait) = crm.transport.job_wait(n) else { break };
        tokio::time::sleep(wait).await;
    }
    Err(not_this_way(extraction, "the export does not end"))
}

/// Compares the export's own count with the live records. More are archived ones among them, which
/// a row does not tell; their associations and histories would land with the rest.
async fn check_count(crm: &HubSpot, extraction: &Extraction, id: &str) -> Result<(), CrmError> {
    let operation = format!("{} export count", extraction.object);
    let path = format!("/crm/exports/{}/export/{}", crm.version, encode(id));
    let answer = crm.ask(&Request::get(&operation, Purpose::Fixed, path)).await?;
    let counted: Counted = answer.json(KIND, &operation)?;
    let live = total(crm, &extraction.object).await?;
    match counted.record_count {
        Some(count) if count > live => {
            let reason = format!("it holds {count} records where {live} are live");
            Err(not_this_way(extraction, &reason))
        }
        _ => Ok(()),
    }
}

/// Sends the file's rows from where the place is, with their associations and histories.
async fn read_file(
    crm: &HubSpot,
    extraction: &Extraction,
    mut finished: Finished,
    place: &mut Place,
    details: &mut Details<'_>,
    sample: &mut Sample,
    steps: Steps<'_>,
) -> Result<(), CrmError> {
    let operation = format!("{} export file", extraction.object);
    let mut n_tries = 1;
    let spool = loop {
        match download(KIND, &operation, &finished.url).await {
            Ok(spool) => break spool,
            Err(error) if n_tries >= DOWNLOADS_MAX => {
                return Err(not_this_way(extraction, &error.to_string()));
            }
            Err(_) => {
                tokio::time::sleep(Duration::from_secs(u64::from(n_tries))).await;
                n_tries += 1;
                finished = wait(crm, extraction, &place.id).await?;
            }
        }
    };
    let mut chunks = csv_rows::read(spool);
    let mut positions: Option<Vec<usize>> = None;
    let mut n_seen = 0;
    while let Some(chunk) = chunks.recv().await {
        let chunk = chunk.map_err(|message| not_this_way(extraction, &message))?;
        let Some(positions) = &positions else {
            positions = chunk.first().map(|header| columns(extraction, header)).transpose()?;
            continue;
        };
        let mut rows: Vec<Row> = Vec::with_capacity(chunk.len());
        for record in &chunk {
            let cells = positions.iter().zip(&extraction.types).map(|(position, vendor_type)| {
                rest_form(vendor_type, record.get(*position).unwrap_or_default())
            });
            let row = Row { values: cells.collect(), is_archived: false };
            let id = changes::id_of(extraction, &row)
                .ok_or_else(|| unexpected(&operation, "a row has no id"))?;
            sample.offer(id, &row);
            n_seen += 1;
            // Rows before the place are known from a former walk.
            if n_seen > place.n_rows {
                rows.push(row);
            }
        }
        if rows.is_empty() {
            continue;
        }
        let ids: Vec<String> = rows
            .iter()
            .filter_map(|row| changes::id_of(extraction, row))
            .map(str::to_owned)
            .collect();
        for (id, row) in ids.iter().zip(&rows) {
            details.want_history(id, row);
        }
        for (table, rows) in read_associations(crm, extraction, &ids).await? {
            steps.rows(table, rows).await?;
        }
        steps.rows(0, rows).await?;
        details.read_histories(steps, false).await?;
        place.n_rows = n_seen;
        place.histories = details.pending_histories();
        steps.reached(place).await?;
    }
    if positions.is_none() {
        return Err(not_this_way(extraction, "the file has no header"));
    }
    Ok(())
}

/// Finds each column of the table in the file.
fn columns(extraction: &Extraction, header: &csv::StringRecord) -> Result<Vec<usize>, CrmError> {
    let wanted = extraction.tables.first().map_or(&[][..], |table| &table.columns);
    wanted
        .iter()
        .map(|column| {
            let is_column = |name: &str| {
                name == column || (column == ID_PROPERTY && name.eq_ignore_ascii_case(ID_LABEL))
            };
            header
                .iter()
                .position(|name| is_column(name.trim_start_matches('\u{feff}')))
                .ok_or_else(|| not_this_way(extraction, &format!("the file lacks `{column}`")))
        })
        .collect()
}

/// Reads a sample of the rows by id and compares.
async fn prove(
    crm: &HubSpot,
    extraction: &Extraction,
    sample: &Sample,
    newer: &HashSet<&str>,
) -> Result<(), CrmError> {
    let columns = extraction.tables.first().map_or(&[][..], |table| &table.columns);
    let ids = sample.ids();
    if ids.is_empty() {
        return Ok(());
    }
    let records = by_id::batch_read(crm, &extraction.object, None, &ids, columns, false).await?;
    match sample.difference(columns, &records, |id| newer.contains(id)) {
        None => Ok(()),
        Some(column) => {
            let reason = format!("`{column}` differs from what the records themselves say");
            Err(not_this_way(extraction, &reason))
        }
    }
}
