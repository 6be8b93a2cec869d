//! Search: filters, one sort, a total, and a window of 10,000 records (reference section 5).
//!
//! Filters on ids, times and emails go by columns; a search that needs no other filter never reads
//! a record it does not show.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use rusqlite::{ToSql, params_from_iter};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::errors::ApiError;
use super::filter::{Criteria, Question, text_of};
use super::record::{self, Paging, RecordView, Selection, Shape};
use super::schema::ObjectType;
use super::store::{self, RECORD_COLUMNS, RawRecord};
use super::{Server, Work, parse, reply};

const PAGE_DEFAULT: usize = 10;
const PAGE_MAX: usize = 200;
const WINDOW: usize = 10_000;
const GROUPS_MAX: usize = 5;
const FILTERS_PER_GROUP_MAX: usize = 6;
const FILTERS_MAX: usize = 18;
const QUERY_LENGTH_MAX: usize = 3000;

#[derive(Default, Deserialize)]
#[serde(default)]
struct SearchRequest {
    #[serde(flatten)]
    criteria: Criteria,
    properties: Vec<String>,
    limit: Option<usize>,
    after: Option<Value>,
}

#[derive(Serialize)]
struct SearchView<'a> {
    total: usize,
    results: Vec<RecordView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paging: Option<Paging>,
}

pub async fn search(
    State(server): State<Server>,
    Path(object): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    if server.shared.settings().search_bytes_max.is_some_and(|max| body.len() > max) {
        return Err(ApiError::invalid("Invalid input: the request body is too large"));
    }
    let request: SearchRequest = parse(&body)?;
    let limit = check_shape(&request)?;
    let offset = offset(&request)?;
    if offset + limit > WINDOW {
        return Err(ApiError::invalid(format!(
            "Search results are limited to a window of {WINDOW}: after {offset} with limit {limit}"
        )));
    }
    server.read(move |work| run(work, &object, &request, offset, limit)).await
}

fn check_shape(request: &SearchRequest) -> Result<usize, ApiError> {
    let limit = request.limit.unwrap_or(PAGE_DEFAULT);
    if limit > PAGE_MAX {
        return Err(ApiError::invalid(format!(
            "Invalid input: limit must not exceed {PAGE_MAX}, got {limit}"
        )));
    }
    let Criteria { filter_groups: groups, query, sorts, .. } = &request.criteria;
    let total: usize = groups.iter().map(|group| group.filters.len()).sum();
    if groups.len() > GROUPS_MAX
        || groups.iter().any(|group| group.filters.len() > FILTERS_PER_GROUP_MAX)
        || total > FILTERS_MAX
    {
        return Err(ApiError::invalid(format!(
            "Too many filters: at most {GROUPS_MAX} groups of {FILTERS_PER_GROUP_MAX} filters and \
             {FILTERS_MAX} in all"
        )));
    }
    if query.as_ref().is_some_and(|query| query.chars().count() > QUERY_LENGTH_MAX) {
        return Err(ApiError::invalid(format!(
            "Invalid input: query is longer than {QUERY_LENGTH_MAX} characters"
        )));
    }
    if sorts.len() > 1 {
        return Err(ApiError::invalid("Invalid input: only one sort is supported"));
    }
    Ok(limit)
}

fn offset(request: &SearchRequest) -> Result<usize, ApiError> {
    match &request.after {
        None | Some(Value::Null) => Ok(0),
        Some(after) => {
            let text = text_of(after);
            if text.is_empty() {
                return Ok(0);
            }
            text.parse().map_err(|_| {
                ApiError::invalid(format!("Invalid input: after is not valid: {text}"))
            })
        }
    }
}

fn run(
    work: &Work<'_>,
    object: &str,
    request: &SearchRequest,
    offset: usize,
    limit: usize,
) -> Result<Response, ApiError> {
    let object = work.schema.object(object)?;
    let question = request.criteria.question(work, object)?;
    let (total, page) = if question.is_whole {
        page_by_sql(work, &question, offset, limit)?
    } else {
        page_by_record(work, object, &request.criteria, &question, offset, limit)?
    };
    let selection = Selection { properties: request.properties.clone(), ..Selection::default() };
    let shape = Shape::of(work, object, &selection)?;
    let results = page
        .iter()
        .map(|record| record::view(work, &shape, record))
        .collect::<Result<Vec<_>, _>>()?;
    let next = offset + results.len();
    let paging = (next < total && !results.is_empty()).then(|| Paging::after(&next, None));
    reply(StatusCode::OK, &SearchView { total, results, paging })
}

fn page_by_sql(
    work: &Work<'_>,
    question: &Question,
    offset: usize,
    limit: usize,
) -> Result<(usize, Vec<RawRecord>), ApiError> {
    let Question { condition, values, order, .. } = question;
    let total: i64 = work
        .db
        .prepare_cached(&format!("select count(*) from records where {condition}"))?
        .query_row(params_from_iter(values), |row| row.get(0))?;
    let mut all: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
    let (take, skip) = (store::sql_count(limit), store::sql_count(offset));
    all.extend([&take as &dyn ToSql, &skip]);
    let page = work
        .db
        .prepare_cached(&format!(
            "select {RECORD_COLUMNS} from records where {condition} order by {order}
             limit ?{} offset ?{}",
            values.len() + 1,
            values.len() + 2
        ))?
        .query_map(all.as_slice(), store::read_raw)?
        .collect::<Result<_, _>>()?;
    Ok((usize::try_from(total).unwrap_or_default(), page))
}

/// Counts every record that passes and keeps those of the page.
fn page_by_record(
    work: &Work<'_>,
    object: &ObjectType,
    criteria: &Criteria,
    question: &Question,
    offset: usize,
    limit: usize,
) -> Result<(usize, Vec<RawRecord>), ApiError> {
    let Question { condition, values, order, .. } = question;
    let mut statement = work.db.prepare_cached(&format!(
        "select {RECORD_COLUMNS} from records where {condition} order by {order}"
    ))?;
    let mut rows = statement.query(params_from_iter(values))?;
    let (mut total, mut page) = (0, Vec::new());
    while let Some(row) = rows.next()? {
        if criteria.holds(object, &store::read_record(row)?) {
            if (offset..offset + limit).contains(&total) {
                page.push(store::read_raw(row)?);
            }
            total += 1;
        }
    }
    Ok((total, page))
}
