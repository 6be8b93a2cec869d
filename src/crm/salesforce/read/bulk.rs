//! A Bulk 2.0 query job: its result pages are files, downloaded side by side and read in order.
//!
//! The job is a snapshot of its own and keeps its results for seven days, so that a broken walk
//! picks it up by its id.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::bulk_values::rest_form;
use super::by_id::read_fields;
use super::{ID, IS_DELETED, not_this_way, place, refused_shape, select};
use crate::crm::csv_rows;
use crate::crm::salesforce::{KIND, Salesforce};
use crate::crm::sample::Sample;
use crate::crm::transport::{Purpose, Request, Spool};
use crate::crm::url::encode;
use crate::crm::{CrmError, Extracted, Extraction, Row, Steps};

/// Result files fetched at the same time.
const DOWNLOADS_MAX: usize = 3;

/// Lists of result pages, so that a locator that never ends does.
const LISTS_MAX: usize = 100_000;

/// How far a job is.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Place {
    job_id: String,
    /// The list of result pages that is read now; `None` for the first.
    list: Option<String>,
    /// Pages of that list that were sent.
    n_pages: usize,
    n_rows: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Job {
    id: String,
    state: String,
    #[serde(default)]
    number_records_processed: u64,
}

/// The vendor's example and its own table spell the next list differently.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResultPages {
    result_pages: Vec<ResultPage>,
    #[serde(alias = "nextRecordUrl")]
    next_records_url: Option<String>,
    #[serde(default)]
    done: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResultPage {
    #[serde(alias = "resultLink")]
    result_url: String,
}

pub async fn extract(
    crm: &Salesforce,
    extraction: &Extraction,
    from: Option<&str>,
    steps: Steps<'_>,
) -> Result<Extracted, CrmError> {
    let mut place: Place = place(from);
    let begun = match place.job_id.as_str() {
        "" => None,
        job_id => wait(crm, extraction, job_id).await?,
    };
    let job = if let Some(job) = begun {
        job
    } else {
        place = Place { job_id: start(crm, extraction).await?, ..Place::default() };
        steps.reached(&place).await?;
        let job = wait(crm, extraction, &place.job_id).await?;
        job.ok_or_else(|| not_this_way(extraction, "the job is gone"))?
    };
    let mut sample = Sample::default();
    read_lists(crm, extraction, &job, &mut place, &mut sample, steps).await?;
    prove(crm, extraction, &sample).await?;
    Ok(Extracted { n_records: place.n_rows, vendor_total: Some(job.number_records_processed) })
}

async fn start(crm: &Salesforce, extraction: &Extraction) -> Result<String, CrmError> {
    let operation = format!("{} bulk query", extraction.object);
    // Without an order, so that the vendor may cut the work into parts.
    let body = json!({
        "operation": "queryAll",
        "query": select(extraction)?,
        "contentType": "CSV",
        "columnDelimiter": "COMMA",
        "lineEnding": "LF",
    });
    let request =
        Request::post_json(&operation, Purpose::Read, crm.path("/jobs/query"), body.to_string());
    match crm.ask(&request).await {
        Ok(answer) => Ok(answer.json::<Job>(KIND, &operation)?.id),
        Err(
            error @ (CrmError::Forbidden { .. } | CrmError::Refused { .. } | CrmError::Busy { .. }),
        ) => Err(not_this_way(extraction, &error.to_string())),
        Err(error) => Err(error),
    }
}

/// Asks until the job is over; `None` when the vendor does not know it any more.
async fn wait(
    crm: &Salesforce,
    extraction: &Extraction,
    job_id: &str,
) -> Result<Option<Job>, CrmError> {
    let operation = format!("{} bulk query status", extraction.object);
    let path = crm.path(&format!("/jobs/query/{}", encode(job_id)));
    for n in 0.. {
        let job: Job = match crm.ask(&Request::get(&operation, Purpose::Fixed, &path)).await {
            Ok(answer) => answer.json(KIND, &operation)?,
            Err(CrmError::Refused { code, .. }) if code == "NOT_FOUND" => return Ok(None),
            Err(error) => return Err(error),
        };
        match job.state.as_str() {
            "JobComplete" => return Ok(Some(job)),
            "UploadComplete" | "InProgress" | "Open" => {}
            // Its message may quote the query; the job can be looked up by its id.
            state => {
                let ended = ["Failed", "Aborted"].into_iter().find(|known| *known == state);
                let ended = ended.unwrap_or("something that is not known");
                let reason = format!("the job `{job_id}` ended as {ended}");
                return Err(not_this_way(extraction, &reason));
            }
        }
        let Some(wait) = crm.transport.job_wait(n) else { break };
        tokio::time::sleep(wait).await;
    }
    Err(not_this_way(extraction, "the job does not end"))
}

async fn read_lists(
    crm: &Salesforce,
    extraction: &Extraction,
    job: &Job,
    place: &mut Place,
    sample: &mut Sample,
    steps: Steps<'_>,
) -> Result<(), CrmError> {
    let operation = format!("{} bulk result pages", extraction.object);
    for _ in 0..LISTS_MAX {
        let first = || crm.path(&format!("/jobs/query/{}/resultPages", encode(&job.id)));
        let path = place.list.clone().unwrap_or_else(first);
        let answer = crm.ask(&Request::get(&operation, Purpose::Read, path)).await?;
        let list: ResultPages = answer.json(KIND, &operation)?;
        let paths: Vec<String> = list
            .result_pages
            .iter()
            .skip(place.n_pages)
            .map(|page| data_path(&operation, &page.result_url))
            .collect::<Result<_, _>>()?;
        let mut files = futures::stream::iter(paths)
            .map(|path| fetch(crm, extraction, path))
            .buffered(DOWNLOADS_MAX);
        while let Some(file) = files.try_next().await? {
            place.n_rows += read_file(extraction, file, sample, steps).await?;
            place.n_pages += 1;
            steps.reached(place).await?;
        }
        let next = list.next_records_url.filter(|_| !list.done);
        let Some(next) = next else { return Ok(()) };
        let next = data_path(&operation, &next)?;
        if place.list.as_ref() == Some(&next) {
            return Err(refused_shape(&operation, "the locator does not move"));
        }
        (place.list, place.n_pages) = (Some(next), 0);
        steps.reached(place).await?;
    }
    Err(refused_shape(&operation, "the result pages do not end"))
}

/// Returns the path of an address that an answer named.
///
/// # Errors
/// When it is anything but a path of the data API, where our token would go.
fn data_path(operation: &str, url: &str) -> Result<String, CrmError> {
    let path = if url.starts_with("/services/data/") {
        url.to_owned()
    } else if let Some(rest) = url.strip_prefix("services/data/") {
        format!("/services/data/{rest}")
    } else {
        return Err(refused_shape(operation, "a result page lies outside the data API"));
    };
    Ok(path)
}

async fn fetch(crm: &Salesforce, extraction: &Extraction, path: String) -> Result<Spool, CrmError> {
    let operation = format!("{} bulk result", extraction.object);
    let spool = Spool::new()
        .map_err(|error| refused_shape(&operation, &error.to_string()))
        .map(Arc::new)?;
    let request = Request::get(&operation, Purpose::Read, path)
        .header("accept", "text/csv")
        .into_spool(&spool);
    crm.ask(&request).await?;
    drop(request);
    Arc::into_inner(spool).ok_or_else(|| refused_shape(&operation, "the file is still in use"))
}

/// Sends a file's rows and returns how many there were.
async fn read_file(
    extraction: &Extraction,
    file: Spool,
    sample: &mut Sample,
    steps: Steps<'_>,
) -> Result<u64, CrmError> {
    let columns = extraction.tables.first().map_or(&[][..], |table| &table.columns);
    let mut chunks = csv_rows::read(file);
    let mut layout: Option<Vec<usize>> = None;
    let id = columns.iter().position(|column| column == ID);
    let is_deleted = columns.iter().position(|column| column == IS_DELETED);
    let mut n_rows = 0;
    while let Some(chunk) = chunks.recv().await {
        let chunk = chunk.map_err(|message| not_this_way(extraction, &message))?;
        let Some(positions) = &layout else {
            layout = chunk.first().map(|header| positions(extraction, header)).transpose()?;
            continue;
        };
        let mut rows = Vec::with_capacity(chunk.len());
        for record in &chunk {
            let cells = positions.iter().zip(&extraction.types).map(|(position, vendor_type)| {
                rest_form(vendor_type, record.get(*position).unwrap_or_default())
            });
            let values: Vec<Option<String>> = cells.collect();
            let value = |position: Option<usize>| {
                position.and_then(|position| values.get(position)).and_then(Option::as_deref)
            };
            let is_archived = value(is_deleted) == Some("true");
            let id = value(id).map(str::to_owned);
            let row = Row { values, is_archived };
            // A deleted record cannot be read by id.
            if let Some(id) = id.filter(|_| !is_archived) {
                sample.offer(&id, &row);
            }
            rows.push(row);
        }
        n_rows += rows.len() as u64;
        steps.rows(0, rows).await?;
    }
    Ok(n_rows)
}

/// Finds each column of the table in a file.
fn positions(extraction: &Extraction, header: &csv::StringRecord) -> Result<Vec<usize>, CrmError> {
    let wanted = extraction.tables.first().map_or(&[][..], |table| &table.columns);
    wanted
        .iter()
        .map(|column| {
            header
                .iter()
                .position(|name| name.eq_ignore_ascii_case(column))
                .ok_or_else(|| not_this_way(extraction, &format!("the file lacks `{column}`")))
        })
        .collect()
}

/// Reads a sample of the rows by id and compares. Rows that moved since the job was begun say
/// nothing, and their stamp tells.
async fn prove(crm: &Salesforce, extraction: &Extraction, sample: &Sample) -> Result<(), CrmError> {
    let ids = sample.ids();
    if ids.is_empty() {
        return Ok(());
    }
    let columns = extraction.tables.first().map_or(&[][..], |table| &table.columns);
    let records = read_fields(crm, &extraction.object, &ids, columns, columns).await?;
    let modified_at = extraction.modified_column.as_deref();
    let stamps = sample.values_of(columns, modified_at);
    let is_newer = |id: &str| {
        let now = records.iter().find(|record| record.id == id);
        let stamp = modified_at.and_then(|column| now?.values.get(column)?.as_deref());
        modified_at.is_some() && stamps.get(id).copied().flatten() != stamp
    };
    match sample.difference(columns, &records, is_newer) {
        None => Ok(()),
        Some(column) => {
            let reason = format!("`{column}` differs from what the records themselves say");
            Err(not_this_way(extraction, &reason))
        }
    }
}
