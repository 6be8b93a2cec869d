//! Runs queries and pages through them.

use std::sync::PoisonError;

use rusqlite::types::{Value as Cell, ValueRef};
use rusqlite::{Row, params_from_iter};
use serde_json::{Value, json};

use super::answer::Answer;
use super::call::Call;
use super::cursors::Cursor;
use super::errors::Fault;
use super::ids;
use super::org::Org;
use super::schema::FieldKind;
use super::soql::{self, Output, Plan, Shape};
use super::wire::{write_json, write_text};

const PAGE_SIZE_MIN: usize = 200;
const PAGE_SIZE_MAX: usize = 2_000;
const CURSOR_PREFIX: &str = "01g";

/// Answers `query?q=` and `queryAll?q=`.
///
/// # Errors
/// When the query is wrong or the database fails.
pub fn open(org: &Org<'_>, call: &Call, is_deleted_included: bool) -> Result<Answer, Fault> {
    let text = match call.parameter("q") {
        Some(text) => text.to_owned(),
        None if call.method == "POST" => call
            .json_object()?
            .get("q")
            .and_then(|query| query.as_str().map(str::to_owned))
            .unwrap_or_default(),
        None => {
            return Err(Fault::new(400, "MALFORMED_QUERY", "A query string has to be specified"));
        }
    };
    let query = soql::parse(&text)?;
    let plan = soql::translate(&org.frame(), &text, &query, is_deleted_included)?;
    let mut statement = org.connection.prepare_cached(&plan.sql)?;
    match plan.shape {
        Shape::Count => {
            let count: i64 =
                statement.query_row(params_from_iter(&plan.parameters), |row| row.get(0))?;
            Ok(Answer::text(200, format!("{{\"totalSize\":{count},\"done\":true,\"records\":[]}}")))
        }
        Shape::Aggregate => {
            let mut records = String::new();
            let mut n_records = 0_usize;
            let mut rows = statement.query(params_from_iter(&plan.parameters))?;
            while let Some(row) = rows.next()? {
                if n_records > 0 {
                    records.push(',');
                }
                records.push_str("{\"attributes\":{\"type\":\"AggregateResult\"}");
                write_outputs(org, &mut records, call, row, &plan.outputs)?;
                records.push('}');
                n_records += 1;
            }
            Ok(Answer::text(
                200,
                format!("{{\"totalSize\":{n_records},\"done\":true,\"records\":[{records}]}}"),
            ))
        }
        Shape::Rows => {
            let rows = statement
                .query_map(params_from_iter(&plan.parameters), |row| row.get(0))?
                .collect::<Result<Vec<i64>, _>>()?;
            let page_size = call
                .header_option("sforce-query-options", "batchSize")
                .and_then(|size| size.parse().ok())
                .unwrap_or(PAGE_SIZE_MAX)
                .clamp(PAGE_SIZE_MIN, PAGE_SIZE_MAX);
            let cursor = Cursor { plan, rows, page_size, opened_at: org.now };
            if cursor.rows.len() <= page_size {
                return page(org, call, &cursor, "", 0);
            }
            let id = ids::mint(CURSOR_PREFIX, org.next_number()?);
            let answer = page(org, call, &cursor, &id, 0)?;
            org.cursors.lock().unwrap_or_else(PoisonError::into_inner).open(id, cursor);
            Ok(answer)
        }
    }
}

/// Refuses a query of the tooling API, which has none of its objects here.
pub fn not_in_tooling(call: &Call) -> Fault {
    let text = call.parameter("q").unwrap_or_default();
    match soql::parse(text) {
        Ok(query) => soql::no_such_object(text, query.object.position, &query.object.text),
        Err(fault) => fault,
    }
}

/// Answers `query?q=…&columns=true`, which the vendor's own command line asks after each query.
///
/// # Errors
/// When the query is wrong.
pub fn columns(org: &Org<'_>, call: &Call) -> Result<Answer, Fault> {
    let text = call.parameter("q").unwrap_or_default();
    let query = soql::parse(text)?;
    let plan = soql::translate(&org.frame(), text, &query, true)?;
    let columns: Vec<Value> = plan.outputs.iter().map(|output| column(&plan, output)).collect();
    let prefix = org.catalog.object(&plan.object).map(|object| object.key_prefix.clone());
    Ok(Answer::json(
        200,
        &json!({
            "columnMetadata": columns,
            "entityName": plan.object,
            "groupBy": plan.shape == Shape::Aggregate,
            "idSelected": text.to_lowercase().contains("id"),
            "keyPrefix": prefix,
        }),
    ))
}

fn column(plan: &Plan, output: &Output) -> Value {
    let (name, kind, parents): (&str, FieldKind, Vec<Value>) = match output {
        Output::Field { name, kind, .. } => (name, *kind, Vec::new()),
        Output::Address { name, .. } => (name, FieldKind::Compound, Vec::new()),
        Output::Parent { name, outputs, .. } => {
            let inner = outputs.iter().map(|output| column(plan, output)).collect();
            (name, FieldKind::Reference, inner)
        }
        Output::Children { name, plan } => {
            let inner = plan.outputs.iter().map(|output| column(plan, output)).collect();
            (name, FieldKind::Reference, inner)
        }
    };
    let is_number = matches!(kind, FieldKind::Int | FieldKind::Number);
    json!({
        "aggregate": plan.shape == Shape::Aggregate || matches!(output, Output::Children { .. }),
        "apexType": null,
        "booleanType": kind == FieldKind::Boolean,
        "columnName": name,
        "custom": name.ends_with("__c"),
        "displayName": name,
        "foreignKeyName": null,
        "insertable": true,
        "joinColumns": parents,
        "numberType": is_number,
        "textType": !is_number && kind != FieldKind::Boolean,
        "updatable": true,
    })
}

/// Answers `query/<locator>`.
///
/// # Errors
/// `INVALID_QUERY_LOCATOR` for a locator that is unknown, expired or past the end.
pub fn more(org: &Org<'_>, call: &Call, locator: &str) -> Result<Answer, Fault> {
    let invalid = || Fault::new(400, "INVALID_QUERY_LOCATOR", "invalid query locator");
    let (id, offset) = locator.rsplit_once('-').ok_or_else(invalid)?;
    let offset: usize = offset.parse().map_err(|_| invalid())?;
    let cursor = org
        .cursors
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(id, org.now)
        .filter(|cursor| offset < cursor.rows.len())
        .ok_or_else(invalid)?;
    page(org, call, &cursor, id, offset)
}

fn page(
    org: &Org<'_>,
    call: &Call,
    cursor: &Cursor,
    id: &str,
    offset: usize,
) -> Result<Answer, Fault> {
    let end = cursor.rows.len().min(offset + cursor.page_size);
    let rows = cursor.rows.get(offset..end).unwrap_or_default();
    let mut out = String::with_capacity(rows.len() * 512 + 128);
    let is_done = end == cursor.rows.len();
    out.extend(["{\"totalSize\":", &cursor.rows.len().to_string(), ",\"done\":"]);
    out.push_str(if is_done { "true," } else { "false," });
    if !is_done {
        out.push_str("\"nextRecordsUrl\":");
        write_text(&mut out, &call.url(&format!("query/{id}-{end}")));
        out.push(',');
    }
    out.push_str("\"records\":[");
    let mut is_first = true;
    for_each_row(org, &cursor.plan, rows, |row| {
        if !is_first {
            out.push(',');
        }
        is_first = false;
        write_record(org, &mut out, call, row, &cursor.plan)
    })?;
    out.push_str("]}");
    Ok(Answer::text(200, out))
}

/// Reads rows by number, in the order given.
pub fn for_each_row(
    org: &Org<'_>,
    plan: &Plan,
    numbers: &[i64],
    mut take: impl FnMut(&Row<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut statement = org.connection.prepare_cached(&plan.row_sql)?;
    for number in numbers {
        let mut found = statement.query([number])?;
        if let Some(row) = found.next()? {
            take(row)?;
        }
    }
    Ok(())
}

/// Appends one record with its attributes.
pub fn write_record(
    org: &Org<'_>,
    out: &mut String,
    call: &Call,
    row: &Row<'_>,
    plan: &Plan,
) -> Result<(), Fault> {
    let id = text(row, 0)?;
    out.push('{');
    write_attributes(out, call, &plan.object, &plan.object, &id);
    write_outputs(org, out, call, row, &plan.outputs)?;
    out.push('}');
    Ok(())
}

fn write_outputs(
    org: &Org<'_>,
    out: &mut String,
    call: &Call,
    row: &Row<'_>,
    outputs: &[Output],
) -> Result<(), Fault> {
    for output in outputs {
        out.push(',');
        match output {
            Output::Field { name, column, kind } => {
                write_key(out, name);
                write_json(out, *kind, row.get_ref(*column)?);
            }
            Output::Address { name, parts } => {
                write_key(out, name);
                write_address(out, row, parts)?;
            }
            Output::Parent { name, id_column, object_column, is_polymorphic, outputs } => {
                write_key(out, name);
                if row.get_ref(*id_column)? == ValueRef::Null {
                    out.push_str("null");
                    continue;
                }
                let object = text(row, *object_column)?;
                let shown = if *is_polymorphic { "Name" } else { &object };
                out.push('{');
                write_attributes(out, call, shown, &object, &text(row, *id_column)?);
                write_outputs(org, out, call, row, outputs)?;
                out.push('}');
            }
            Output::Children { name, plan } => {
                write_key(out, name);
                write_children(org, out, call, row, plan)?;
            }
        }
    }
    Ok(())
}

/// Appends the records that point to the one at hand, null where there are none.
fn write_children(
    org: &Org<'_>,
    out: &mut String,
    call: &Call,
    row: &Row<'_>,
    plan: &Plan,
) -> Result<(), Fault> {
    let mut parameters = plan.parameters.clone();
    if let Some(parent) = parameters.first_mut() {
        *parent = Cell::Text(text(row, 0)?);
    }
    let mut statement = org.connection.prepare_cached(&plan.sql)?;
    let rows = statement
        .query_map(params_from_iter(&parameters), |row| row.get(0))?
        .collect::<Result<Vec<i64>, _>>()?;
    if rows.is_empty() {
        out.push_str("null");
        return Ok(());
    }
    let n_rows = rows.len().to_string();
    out.extend(["{\"totalSize\":", &n_rows, ",\"done\":true,\"records\":["]);
    let mut is_first = true;
    for_each_row(org, plan, &rows, |row| {
        if !is_first {
            out.push(',');
        }
        is_first = false;
        write_record(org, out, call, row, plan)
    })?;
    out.push_str("]}");
    Ok(())
}

fn write_address(
    out: &mut String,
    row: &Row<'_>,
    parts: &[(&str, usize, FieldKind)],
) -> Result<(), Fault> {
    let cells = parts
        .iter()
        .map(|(key, column, kind)| Ok((key, kind, row.get_ref(*column)?)))
        .collect::<rusqlite::Result<Vec<_>>>()?;
    if cells.iter().all(|(_, _, cell)| *cell == ValueRef::Null) {
        out.push_str("null");
        return Ok(());
    }
    let mut separator = '{';
    for (key, kind, cell) in cells {
        out.push(separator);
        write_key(out, key);
        write_json(out, *kind, cell);
        separator = ',';
    }
    out.push('}');
    Ok(())
}

fn write_attributes(out: &mut String, call: &Call, shown: &str, object: &str, id: &str) {
    out.push_str("\"attributes\":{\"type\":");
    write_text(out, shown);
    out.push_str(",\"url\":");
    write_text(out, &call.url(&format!("sobjects/{object}/{id}")));
    out.push('}');
}

fn write_key(out: &mut String, name: &str) {
    write_text(out, name);
    out.push(':');
}

fn text(row: &Row<'_>, column: usize) -> Result<String, Fault> {
    Ok(row.get::<_, Option<String>>(column)?.unwrap_or_default())
}
