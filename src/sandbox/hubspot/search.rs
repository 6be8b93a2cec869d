//! Search: filters, one sort, a total, and a window of 10,000 records (reference section 5).
//!
//! Filters on ids, times and emails go by columns; a search that needs no other filter never reads
//! a record it does not show.

use std::cmp::Ordering;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use rusqlite::types::Value as SqlValue;
use rusqlite::{ToSql, params_from_iter};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::errors::ApiError;
use super::record::{self, Paging, RecordView, Selection};
use super::schema::ObjectType;
use super::store::{self, Stored};
use super::time::epoch_ms;
use super::{Server, Work, parse, reply};

const PAGE_DEFAULT: usize = 10;
const PAGE_MAX: usize = 200;
const WINDOW: usize = 10_000;
const GROUPS_MAX: usize = 5;
const FILTERS_PER_GROUP_MAX: usize = 6;
const FILTERS_MAX: usize = 18;
const QUERY_LENGTH_MAX: usize = 3000;

/// Properties that free text is looked for in.
const SEARCHABLE: [&str; 8] =
    ["email", "firstname", "lastname", "phone", "company", "name", "domain", "dealname"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct SearchRequest {
    filter_groups: Vec<FilterGroup>,
    sorts: Vec<Value>,
    query: Option<String>,
    properties: Vec<String>,
    limit: Option<usize>,
    after: Option<Value>,
}

#[derive(Deserialize)]
struct FilterGroup {
    #[serde(default)]
    filters: Vec<Filter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    property_name: String,
    operator: String,
    #[serde(default)]
    value: Option<Value>,
    #[serde(default)]
    high_value: Option<Value>,
    #[serde(default)]
    values: Vec<Value>,
}

#[derive(Serialize)]
struct SearchView {
    total: usize,
    results: Vec<RecordView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paging: Option<Paging>,
}

struct Sort {
    property: String,
    is_descending: bool,
}

pub async fn search(
    State(server): State<Server>,
    Path(object): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let request: SearchRequest = parse(&body)?;
    let limit = check_shape(&request)?;
    let offset = offset(&request)?;
    if offset + limit > WINDOW {
        return Err(ApiError::invalid(format!(
            "Search results are limited to a window of {WINDOW}: after {offset} with limit {limit}"
        )));
    }
    let view = server.call(move |work| run(work, &object, &request, offset, limit)).await?;
    reply(StatusCode::OK, &view)
}

fn check_shape(request: &SearchRequest) -> Result<usize, ApiError> {
    let limit = request.limit.unwrap_or(PAGE_DEFAULT);
    if limit > PAGE_MAX {
        return Err(ApiError::invalid(format!(
            "Invalid input: limit must not exceed {PAGE_MAX}, got {limit}"
        )));
    }
    let groups = &request.filter_groups;
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
    if request.query.as_ref().is_some_and(|query| query.chars().count() > QUERY_LENGTH_MAX) {
        return Err(ApiError::invalid(format!(
            "Invalid input: query is longer than {QUERY_LENGTH_MAX} characters"
        )));
    }
    if request.sorts.len() > 1 {
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
) -> Result<SearchView, ApiError> {
    let object = work.schema.object(object)?;
    for filter in request.filter_groups.iter().flat_map(|group| &group.filters) {
        if object.property(&filter.property_name).is_none() {
            return Err(ApiError::invalid(format!(
                "Property \"{}\" does not exist",
                filter.property_name
            )));
        }
    }
    let sort = sort(request)?;
    let (condition, values, is_whole) = sql_condition(work, object, request);
    let order = sql_order(object, sort.as_ref());
    let (total, page) = match (is_whole, order) {
        (true, Some(order)) => page_by_sql(work, &condition, &values, &order, offset, limit)?,
        (_, order) => {
            let order = order.unwrap_or_else(|| "id".to_owned());
            let mut found = matching(work, object, request, &condition, &values, &order)?;
            if let Some(sort) = &sort
                && sql_order(object, Some(sort)).is_none()
            {
                found.sort_by(|a, b| compare_by(object, sort, a, b));
            }
            let total = found.len();
            (total, found.into_iter().skip(offset).take(limit).collect())
        }
    };
    let selection = Selection { properties: request.properties.clone(), ..Selection::default() };
    let results = page
        .iter()
        .map(|record| record::view(work, object, record, &selection))
        .collect::<Result<Vec<_>, _>>()?;
    let next = offset + results.len();
    let paging = (next < total && !results.is_empty()).then(|| Paging::after(&next, None));
    Ok(SearchView { total, results, paging })
}

fn sort(request: &SearchRequest) -> Result<Option<Sort>, ApiError> {
    let Some(sort) = request.sorts.first() else { return Ok(None) };
    let sort = match sort {
        Value::String(text) => match text.strip_prefix('-') {
            Some(name) => Sort { property: name.to_owned(), is_descending: true },
            None => Sort { property: text.clone(), is_descending: false },
        },
        Value::Object(keys) => Sort {
            property: keys.get("propertyName").map(text_of).unwrap_or_default(),
            is_descending: keys.get("direction").map(text_of).as_deref() == Some("DESCENDING"),
        },
        _ => return Err(ApiError::invalid("Invalid input: sort is not understood")),
    };
    Ok(Some(sort))
}

/// Returns the column that holds a property, if one does.
fn column(object: &ObjectType, property: &str) -> Option<&'static str> {
    if property == "hs_object_id" {
        Some("id")
    } else if property == object.modified_property() || property == "hs_lastmodifieddate" {
        Some("updated_at")
    } else if property == object.created_property() {
        Some("created_at")
    } else {
        None
    }
}

/// Writes what columns can decide as SQL, and tells whether that is all there is to decide.
fn sql_condition(
    work: &Work<'_>,
    object: &ObjectType,
    request: &SearchRequest,
) -> (String, Vec<SqlValue>, bool) {
    let indexed_until = work.now.saturating_sub(work.settings.search_delay_ms);
    let mut values: Vec<SqlValue> = vec![object.id.clone().into()];
    let mut condition = "object = ?1 and archived = 0".to_owned();
    if work.settings.search_delay_ms > 0 {
        values.push(indexed_until.into());
        condition.push_str(" and updated_at <= ?2");
    }
    let mut is_whole = request.query.as_ref().is_none_or(|query| query.trim().is_empty());
    let groups: Vec<String> = request
        .filter_groups
        .iter()
        .filter(|group| !group.filters.is_empty())
        .map(|group| {
            let mut terms = vec!["1".to_owned()];
            for filter in &group.filters {
                match sql_filter(object, filter, &mut values) {
                    Some(term) => terms.push(term),
                    None => is_whole = false,
                }
            }
            format!("({})", terms.join(" and "))
        })
        .collect();
    if !groups.is_empty() {
        condition.extend([" and (", &groups.join(" or "), ")"]);
    }
    (condition, values, is_whole)
}

fn sql_filter(object: &ObjectType, filter: &Filter, values: &mut Vec<SqlValue>) -> Option<String> {
    let column = column(object, &filter.property_name)?;
    let number = |value: &Option<Value>| value.as_ref().map(text_of).and_then(|one| epoch_ms(&one));
    let mut bind = |value: i64| {
        values.push(value.into());
        format!("?{}", values.len())
    };
    let operator = match filter.operator.as_str() {
        "LT" => "<",
        "LTE" => "<=",
        "GT" => ">",
        "GTE" => ">=",
        "EQ" => "=",
        "NEQ" => "<>",
        "HAS_PROPERTY" => return Some("1".to_owned()),
        "BETWEEN" => {
            let (low, high) = (number(&filter.value)?, number(&filter.high_value)?);
            let (low, high) = (bind(low), bind(high));
            return Some(format!("{column} between {low} and {high}"));
        }
        "IN" => {
            let ids: Option<Vec<i64>> =
                filter.values.iter().map(|one| epoch_ms(&text_of(one))).collect();
            let bound: Vec<String> = ids?.into_iter().map(bind).collect();
            return Some(format!("{column} in ({})", bound.join(", ")));
        }
        _ => return None,
    };
    let value = bind(number(&filter.value)?);
    Some(format!("{column} {operator} {value}"))
}

fn sql_order(object: &ObjectType, sort: Option<&Sort>) -> Option<String> {
    match sort {
        None => Some("id".to_owned()),
        Some(sort) => column(object, &sort.property).map(|column| {
            let direction = if sort.is_descending { "desc" } else { "asc" };
            if column == "id" {
                format!("id {direction}")
            } else {
                format!("{column} {direction}, id {direction}")
            }
        }),
    }
}

fn page_by_sql(
    work: &Work<'_>,
    condition: &str,
    values: &[SqlValue],
    order: &str,
    offset: usize,
    limit: usize,
) -> Result<(usize, Vec<Stored>), ApiError> {
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
            "select id, archived, created_at, updated_at, archived_at, properties from records
             where {condition} order by {order} limit ?{} offset ?{}",
            values.len() + 1,
            values.len() + 2
        ))?
        .query_map(all.as_slice(), store::read_record)?
        .collect::<Result<_, _>>()?;
    Ok((usize::try_from(total).unwrap_or_default(), page))
}

/// Reads every record that passes, in the order of the columns.
fn matching(
    work: &Work<'_>,
    object: &ObjectType,
    request: &SearchRequest,
    condition: &str,
    values: &[SqlValue],
    order: &str,
) -> Result<Vec<Stored>, ApiError> {
    let words: Vec<String> = request
        .query
        .iter()
        .flat_map(|query| query.split_whitespace())
        .map(str::to_lowercase)
        .collect();
    let mut statement = work.db.prepare_cached(&format!(
        "select id, archived, created_at, updated_at, archived_at, properties from records
         where {condition} order by {order}"
    ))?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let record = store::read_record(row)?;
        let passes_filters = request.filter_groups.is_empty()
            || request
                .filter_groups
                .iter()
                .any(|group| group.filters.iter().all(|one| passes(object, &record, one)));
        let has_words = words.iter().all(|word| {
            SEARCHABLE.iter().any(|name| {
                record.properties.get(*name).is_some_and(|text| text.to_lowercase().contains(word))
            })
        });
        if passes_filters && has_words {
            found.push(record);
        }
    }
    Ok(found)
}

fn passes(object: &ObjectType, record: &Stored, filter: &Filter) -> bool {
    let held = record::value(object, record, &filter.property_name);
    let kind = object.property(&filter.property_name).map_or("string", |one| one.kind.as_str());
    let sent = filter.value.as_ref().map(text_of).unwrap_or_default();
    let order = |sent: &str| held.as_deref().map(|held| compare(kind, held, sent));
    let is_in = || {
        filter.values.iter().map(text_of).any(|one| match (kind, held.as_deref()) {
            // Text values of a list must be sent in lower case to match.
            ("string", Some(held)) => held.to_lowercase() == one,
            (_, Some(held)) => compare(kind, held, &one) == Ordering::Equal,
            (_, None) => false,
        })
    };
    match filter.operator.as_str() {
        "HAS_PROPERTY" => held.is_some(),
        "NOT_HAS_PROPERTY" => held.is_none(),
        "EQ" => order(&sent) == Some(Ordering::Equal),
        "NEQ" => order(&sent) != Some(Ordering::Equal),
        "LT" => order(&sent) == Some(Ordering::Less),
        "LTE" => order(&sent).is_some_and(Ordering::is_le),
        "GT" => order(&sent) == Some(Ordering::Greater),
        "GTE" => order(&sent).is_some_and(Ordering::is_ge),
        "BETWEEN" => {
            let high = filter.high_value.as_ref().map(text_of).unwrap_or_default();
            order(&sent).is_some_and(Ordering::is_ge) && order(&high).is_some_and(Ordering::is_le)
        }
        "IN" => is_in(),
        "NOT_IN" => !is_in(),
        "CONTAINS_TOKEN" => held.is_some_and(|held| contains_token(&held, &sent)),
        "NOT_CONTAINS_TOKEN" => !held.is_some_and(|held| contains_token(&held, &sent)),
        _ => false,
    }
}

fn compare(kind: &str, held: &str, sent: &str) -> Ordering {
    match kind {
        "number" => match (held.parse::<f64>(), sent.parse::<f64>()) {
            (Ok(held), Ok(sent)) => held.total_cmp(&sent),
            _ => held.cmp(sent),
        },
        "date" | "datetime" => super::time::date_ms(held).cmp(&super::time::date_ms(sent)),
        "enumeration" => held.cmp(sent),
        _ => held.to_lowercase().cmp(&sent.to_lowercase()),
    }
}

fn compare_by(object: &ObjectType, sort: &Sort, a: &Stored, b: &Stored) -> Ordering {
    let kind = object.property(&sort.property).map_or("string", |one| one.kind.as_str());
    let (left, right) =
        (record::value(object, a, &sort.property), record::value(object, b, &sort.property));
    let by_value = match (left, right) {
        (Some(left), Some(right)) if sort.is_descending => compare(kind, &left, &right).reverse(),
        (Some(left), Some(right)) => compare(kind, &left, &right),
        // Records without the value come last either way.
        (left, right) => right.is_some().cmp(&left.is_some()),
    };
    by_value.then(a.id.cmp(&b.id))
}

/// Looks for a word; `*` at either end stands for anything.
fn contains_token(held: &str, sent: &str) -> bool {
    let (held, sent) = (held.to_lowercase(), sent.to_lowercase());
    let core = sent.trim_matches('*');
    held.split(|c: char| c.is_whitespace() || c == '@' || c == ',').chain([held.as_str()]).any(
        |word| match (sent.starts_with('*'), sent.ends_with('*')) {
            (true, true) => word.contains(core),
            (true, false) => word.ends_with(core),
            (false, true) => word.starts_with(core),
            (false, false) => word == core,
        },
    )
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
