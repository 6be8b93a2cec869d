//! Query pages, five of them in a composite, which counts as one call: 10,000 rows.
//!
//! The first page of a query says how many rows there are and names a cursor, whose later pages
//! are addressed by offset, so that several of them, and those of several objects, travel together.
//! A cursor is a snapshot of its own and lives two days; its size is the vendor's total of that
//! very snapshot.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    ID, IS_DELETED, PAGE_SIZE, PAGE_SIZE_HEADER, QueryPage, refused_shape, select, text_of,
};
use crate::crm::salesforce::composite::{self, COLLECTIONS_MAX};
use crate::crm::salesforce::error::refused_part;
use crate::crm::salesforce::{KIND, Salesforce, soql};
use crate::crm::transport::{Purpose, unexpected};
use crate::crm::url::encode;
use crate::crm::{Count, CrmError, Extracted, Extraction, Row, Step, Steps, Way};

const INVALID_LOCATOR: &str = "INVALID_QUERY_LOCATOR";

/// Calls of one walk, so that a cursor that never ends does.
const CALLS_MAX: usize = 1_000_000;

/// How far the query of one object is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Place {
    /// Path of the cursor's pages without the offset; `None` before the first page.
    cursor: Option<String>,
    total: u64,
    /// Rows from the first on that were sent.
    n_rows: u64,
    /// Live records, with changes alone: what the vendor counts.
    live_total: Option<u64>,
}

/// One object under way.
struct Query<'a> {
    extraction: &'a Extraction,
    place: Place,
    /// Ranges that were sent and do not begin where the place ends, by their beginning.
    ahead: BTreeMap<u64, u64>,
    /// The first page is there.
    is_begun: bool,
    /// The cursor was refused once, so that the query was begun again.
    is_again: bool,
    is_finished: bool,
}

/// A page to be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    First,
    /// Rows from `start` to below `end`, as far as the server puts them into one page.
    Range {
        start: u64,
        end: u64,
    },
    /// The number of live records.
    Count,
}

pub async fn extract(
    crm: &Salesforce,
    walk: &[Extraction],
    from: &[Option<String>],
    sender: &mpsc::Sender<Step>,
) -> Result<(), CrmError> {
    let mut queries: Vec<Query> = Vec::with_capacity(walk.len());
    let mut asked: VecDeque<(usize, Page)> = VecDeque::new();
    for (index, extraction) in walk.iter().enumerate() {
        let place: Place = from
            .get(index)
            .and_then(Option::as_deref)
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        let is_begun = place.cursor.is_some();
        let place = if is_begun { place } else { Place::default() };
        if !is_begun {
            asked.push_back((index, Page::First));
        } else if place.n_rows < place.total {
            // What a page holds is learned from the first of them.
            let (start, end) = (place.n_rows, place.total);
            asked.push_back((index, Page::Range { start, end }));
        }
        if extraction.way == Way::Changes && place.live_total.is_none() {
            asked.push_back((index, Page::Count));
        }
        let mut query = Query {
            extraction,
            place,
            ahead: BTreeMap::new(),
            is_begun,
            is_again: false,
            is_finished: false,
        };
        query.finish(Steps::new(sender, index, extraction)).await?;
        queries.push(query);
    }
    let operation = match walk {
        [extraction] => format!("{} query", extraction.name),
        _ => "queries".to_owned(),
    };
    for _ in 0..CALLS_MAX {
        if asked.is_empty() {
            break;
        }
        let n_asked = asked.len().min(COLLECTIONS_MAX);
        let together: Vec<(usize, Page)> = asked.drain(..n_asked).collect();
        let mut paths = Vec::with_capacity(together.len());
        for (index, page) in &together {
            let Some(query) = queries.get(*index) else { continue };
            paths.push(query.path(crm, *page)?);
        }
        let subrequests: Vec<Value> =
            paths.iter().enumerate().map(|(n, path)| subrequest(path, n)).collect();
        let answer = composite::read(crm, &operation, Purpose::Read, &subrequests).await?;
        let composite = composite::parse(&answer, &operation)?;
        if composite.composite_response.len() != together.len() {
            return Err(refused_shape(&operation, "the composite lacks an answer"));
        }
        let mut more = Vec::new();
        let answers = composite.composite_response.iter().zip(&paths);
        for ((index, page), (sub, path)) in together.into_iter().zip(answers) {
            let Some(query) = queries.get_mut(index) else { continue };
            let steps = Steps::new(sender, index, query.extraction);
            let next = match sub.http_status_code {
                200 => query.take(page, sub.body.get(), steps, &operation).await?,
                status => {
                    let error = refused_part(&operation, status, path, sub.body.get());
                    query.begin_again(page, error)?
                }
            };
            more.extend(next.into_iter().map(|page| (index, page)));
            query.finish(steps).await?;
        }
        asked.extend(more);
    }
    if asked.is_empty() {
        return Ok(());
    }
    Err(refused_shape(&operation, "the walk does not end"))
}

impl Query<'_> {
    fn path(&self, crm: &Salesforce, page: Page) -> Result<String, CrmError> {
        let path =
            |resource: &str, soql: &str| format!("{}?q={}", crm.path(resource), encode(soql));
        match page {
            Page::First => {
                let select = select(self.extraction)?;
                let condition = match self.extraction.since {
                    Some(since) => changed(self.extraction, since)?,
                    None => String::new(),
                };
                Ok(path("/queryAll", &format!("{select}{condition} ORDER BY {ID}")))
            }
            Page::Range { start, .. } => {
                let cursor = self.place.cursor.as_deref().unwrap_or_default();
                // The path came out of an answer; our token goes to no other place.
                if !cursor.starts_with("/services/data/") {
                    let message = "the next page lies outside the data API";
                    return Err(refused_shape(&self.extraction.name, message));
                }
                Ok(format!("{cursor}-{start}"))
            }
            Page::Count => {
                let object = soql::name(&self.extraction.object)?;
                Ok(path("/query", &format!("SELECT COUNT() FROM {object}")))
            }
        }
    }

    /// Sends a page's rows and returns which pages are to be asked for on its account.
    async fn take(
        &mut self,
        page: Page,
        body: &str,
        steps: Steps<'_>,
        operation: &str,
    ) -> Result<Vec<Page>, CrmError> {
        let answer: QueryPage =
            serde_json::from_str(body).map_err(|error| unexpected(KIND, operation, &error))?;
        if page == Page::Count {
            self.place.live_total = Some(answer.total_size);
            return Ok(Vec::new());
        }
        let columns = self.extraction.tables.first().map_or(&[][..], |table| &table.columns);
        let rows: Vec<Row> = answer
            .records
            .iter()
            .map(|record| Row {
                values: columns.iter().map(|column| text_of(record, column)).collect(),
                is_archived: text_of(record, IS_DELETED).as_deref() == Some("true"),
            })
            .collect();
        let n_rows = rows.len() as u64;
        steps.rows(0, rows).await?;
        let (start, end) = match page {
            Page::Range { start, end } => (start, end),
            Page::First | Page::Count => {
                self.is_begun = true;
                self.place.total = answer.total_size;
                self.place.cursor = answer.next_records_url.as_deref().and_then(cursor_of);
                if answer.next_records_url.is_some() && self.place.cursor.is_none() {
                    return Err(refused_shape(operation, "the cursor has another shape"));
                }
                (0, answer.total_size)
            }
        };
        if n_rows == 0 && start < end {
            return Err(refused_shape(operation, "a page before the last is empty"));
        }
        self.ahead.insert(start, start + n_rows);
        while let Some(reached) = self.ahead.remove(&self.place.n_rows) {
            self.place.n_rows = reached;
            if self.place.n_rows >= self.place.total {
                break;
            }
        }
        steps.reached(&self.place).await?;
        // The rest of the range, cut into pages as long as this one turned out.
        let mut pages = Vec::new();
        let mut next = start + n_rows;
        while next < end {
            let page_end = end.min(next + n_rows);
            pages.push(Page::Range { start: next, end: page_end });
            next = page_end;
        }
        Ok(pages)
    }

    /// Begins a query again whose cursor the vendor does not know any more, once; rows that were
    /// sent already come a second time and are landed once.
    fn begin_again(&mut self, page: Page, error: CrmError) -> Result<Vec<Page>, CrmError> {
        let is_lost = matches!(&error, CrmError::Refused { code, .. } if code == INVALID_LOCATOR);
        match page {
            Page::Range { .. } if is_lost && !self.is_again => {
                (self.is_again, self.is_begun) = (true, false);
                self.ahead.clear();
                self.place = Place { live_total: self.place.live_total, ..Place::default() };
                Ok(vec![Page::First])
            }
            // The other pages of the lost cursor were on their way already.
            Page::Range { .. } if is_lost && !self.is_begun => Ok(Vec::new()),
            _ => Err(error),
        }
    }

    /// Tells when everything is there, once.
    async fn finish(&mut self, steps: Steps<'_>) -> Result<(), CrmError> {
        let is_counted = self.extraction.way != Way::Changes || self.place.live_total.is_some();
        let is_whole = self.is_begun && self.place.n_rows >= self.place.total;
        if self.is_finished || !is_counted || !is_whole {
            return Ok(());
        }
        self.is_finished = true;
        let vendor_total = match self.extraction.way {
            Way::Changes => self.place.live_total,
            _ => Some(self.place.total),
        };
        steps.finished(Extracted { n_records: self.place.n_rows, vendor_total }).await
    }
}

/// Counts the rows that each extraction would read on account of its changes.
pub async fn count_changes(
    crm: &Salesforce,
    extractions: &[Extraction],
) -> Result<Vec<Option<Count>>, CrmError> {
    let operation = "changes";
    let mut counts = Vec::with_capacity(extractions.len());
    for together in extractions.chunks(COLLECTIONS_MAX) {
        let mut paths = Vec::with_capacity(together.len());
        for extraction in together {
            let condition = match extraction.since {
                Some(since) => changed(extraction, since)?,
                None => String::new(),
            };
            let object = soql::name(&extraction.object)?;
            let soql = format!("SELECT COUNT() FROM {object}{condition}");
            paths.push(format!("{}?q={}", crm.path("/queryAll"), encode(&soql)));
        }
        let subrequests: Vec<Value> =
            paths.iter().enumerate().map(|(n, path)| subrequest(path, n)).collect();
        let answer = composite::read(crm, operation, Purpose::Fixed, &subrequests).await?;
        for (sub, path) in
            composite::parse(&answer, operation)?.composite_response.iter().zip(&paths)
        {
            if sub.http_status_code != 200 {
                return Err(refused_part(operation, sub.http_status_code, path, sub.body.get()));
            }
            let page: QueryPage = serde_json::from_str(sub.body.get())
                .map_err(|error| unexpected(KIND, operation, &error))?;
            counts.push(Some(Count::records(page.total_size)));
        }
    }
    Ok(counts)
}

/// Writes the condition for what changed. Deleted rows are all read again: the recycle bin forgets
/// them without a trace.
fn changed(extraction: &Extraction, since: Timestamp) -> Result<String, CrmError> {
    let modified_at = extraction.modified_column.as_deref().unwrap_or_default();
    let since = since.strftime("%Y-%m-%dT%H:%M:%SZ");
    Ok(format!(" WHERE {} >= {since} OR {IS_DELETED} = true", soql::name(modified_at)?))
}

fn subrequest(path: &str, n: usize) -> Value {
    json!({
        "method": "GET",
        "url": path,
        "referenceId": format!("r{n}"),
        "httpHeaders": { PAGE_SIZE_HEADER: PAGE_SIZE },
    })
}

/// Takes the offset off a cursor's path.
fn cursor_of(next: &str) -> Option<String> {
    let (cursor, offset) = next.rsplit_once('-')?;
    offset.parse::<u64>().ok().map(|_| cursor.to_owned())
}
