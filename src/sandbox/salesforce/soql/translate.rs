//! A query's tree to SQL.
//!
//! A query runs in two steps: one statement finds the row numbers of all results in order, another
//! reads one row. Pages are slices of the row numbers, so that later writes do not shift them.

use std::fmt::Write as _;

use rusqlite::types::Value as Cell;

use super::super::errors::Fault;
use super::super::schema::{Children, FieldKind, Object};
use super::Frame;
use super::ast::{Condition, Operand, Query, SelectItem};
use super::finder::Finder;
use super::names::Scope;
use super::reader::Reader;
use super::refusal::{malformed, no_such_object, refuse};

const OFFSET_MAX: u64 = 2_000;

/// SQL of one query and how its answer looks.
#[derive(Debug)]
pub struct Plan {
    pub object: String,
    pub shape: Shape,
    /// Row numbers in order; the count; or the aggregated rows.
    pub sql: String,
    pub parameters: Vec<Cell>,
    /// Reads the row with number `?1`; empty unless the shape is rows.
    pub row_sql: String,
    pub outputs: Vec<Output>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Rows,
    Count,
    Aggregate,
}

/// One key of a record in the answer.
#[derive(Debug)]
pub enum Output {
    Field {
        name: String,
        column: usize,
        kind: FieldKind,
    },
    Address {
        name: String,
        parts: Vec<(&'static str, usize, FieldKind)>,
    },
    Parent {
        name: String,
        id_column: usize,
        object_column: usize,
        /// Shows `Name` as its type, as parents of several possible objects do.
        is_polymorphic: bool,
        outputs: Vec<Output>,
    },
    /// Records that point to this one; the first parameter of their query is this one's id.
    Children {
        name: String,
        plan: Box<Plan>,
    },
}

/// Turns a query into SQL.
///
/// # Errors
/// When the query names what the schema lacks or compares what does not compare.
pub fn translate(
    frame: &Frame<'_>,
    text: &str,
    query: &Query,
    is_deleted_included: bool,
) -> Result<Plan, Fault> {
    let name = &query.object;
    let object = frame
        .catalog
        .object(&name.text)
        .ok_or_else(|| no_such_object(text, name.position, &name.text))?;
    if query.offset.is_some_and(|offset| offset > OFFSET_MAX) {
        let message = "Maximum SOQL offset allowed is 2000";
        return Err(refuse(text, text.len(), "NUMBER_OUTSIDE_VALID_RANGE", message));
    }
    let is_aggregate = !query.group_by.is_empty()
        || query.select.iter().any(|item| {
            matches!(item, SelectItem::Value { operand: Operand::Aggregate { .. }, .. })
        });
    let mut finder = finder(frame, text, query, object);
    if let [SelectItem::CountRows { .. }] = query.select.as_slice() {
        let filter = finder.filter(query.condition.as_ref(), is_deleted_included)?;
        let from = finder.scope.tables_sql();
        let sql = format!("select count(*) from (select 1 {from}{filter}{})", limits(query));
        return Ok(Plan {
            object: object.name.clone(),
            shape: Shape::Count,
            sql,
            parameters: finder.parameters,
            row_sql: String::new(),
            outputs: Vec::new(),
        });
    }
    if is_aggregate {
        return aggregate(finder, query, is_deleted_included);
    }
    if let Some(having) = &query.having {
        let position = position_of(having);
        return Err(malformed(text, position, "having clause without group by clause"));
    }
    let filter = finder.filter(query.condition.as_ref(), is_deleted_included)?;
    rows(finder, query, &filter)
}

/// Turns a query over the children of one record into SQL whose first parameter is its id.
pub fn translate_children(
    frame: &Frame<'_>,
    text: &str,
    query: &Query,
    children: &Children<'_>,
) -> Result<Plan, Fault> {
    let mut finder = finder(frame, text, query, children.object);
    finder.parameters.push(Cell::Null);
    let filter = finder.filter(query.condition.as_ref(), false)?;
    let filter = format!("{filter} and t0.{} = ?1", children.field.column());
    rows(finder, query, &filter)
}

/// Returns SQL that finds a record, by its row number as the last parameter, if it meets a
/// condition.
///
/// # Errors
/// As [`translate`].
pub fn meets_sql(
    frame: &Frame<'_>,
    object: &Object,
    text: &str,
    condition: &Condition,
) -> Result<(String, Vec<Cell>), Fault> {
    let scope = Scope::new(text, frame, object, None);
    let mut finder = Finder { scope, parameters: Vec::new() };
    let condition = finder.condition(condition)?;
    let from = finder.scope.tables_sql();
    let row = finder.parameters.len() + 1;
    let sql = format!("select 1 {from} where t0._row = ?{row} and {condition}");
    Ok((sql, finder.parameters))
}

fn finder<'a>(
    frame: &'a Frame<'a>,
    text: &'a str,
    query: &'a Query,
    object: &'a Object,
) -> Finder<'a> {
    let scope = Scope::new(text, frame, object, query.alias.as_deref());
    Finder { scope, parameters: Vec::new() }
}

fn rows(mut finder: Finder<'_>, query: &Query, filter: &str) -> Result<Plan, Fault> {
    let order = finder.order(&query.order_by, &["t0.\"Id\"".to_owned()])?;
    let Scope { text, frame, object, alias, .. } = finder.scope;
    let from = finder.scope.tables_sql();
    let scope = Scope::new(text, frame, object, alias);
    let mut reader =
        Reader { finder: Finder { scope, parameters: Vec::new() }, columns: Vec::new() };
    let outputs = reader.outputs(query)?;
    let columns = reader.columns.join(", ");
    let tables = reader.finder.scope.tables_sql();
    Ok(Plan {
        object: object.name.clone(),
        shape: Shape::Rows,
        sql: format!("select t0._row {from}{filter}{order}{}", limits(query)),
        parameters: finder.parameters,
        row_sql: format!("select {columns} {tables} where t0._row = ?1"),
        outputs,
    })
}

fn aggregate(
    mut finder: Finder<'_>,
    query: &Query,
    is_deleted_included: bool,
) -> Result<Plan, Fault> {
    let filter = finder.filter(query.condition.as_ref(), is_deleted_included)?;
    let (columns, outputs) = finder.aggregates(query)?;
    let groups = query
        .group_by
        .iter()
        .map(|operand| finder.operand(operand).map(|column| column.sql))
        .collect::<Result<Vec<_>, _>>()?;
    let mut grouping = String::new();
    if !groups.is_empty() {
        let _ = write!(grouping, " group by {}", groups.join(", "));
    }
    if let Some(having) = &query.having {
        let _ = write!(grouping, " having {}", finder.condition(having)?);
    }
    let order = finder.order(&query.order_by, &groups)?;
    let from = finder.scope.tables_sql();
    Ok(Plan {
        object: finder.scope.object.name.clone(),
        shape: Shape::Aggregate,
        sql: format!("select {columns} {from}{filter}{grouping}{order}{}", limits(query)),
        parameters: finder.parameters,
        row_sql: String::new(),
        outputs,
    })
}

fn limits(query: &Query) -> String {
    if query.limit.is_none() && query.offset.is_none() {
        return String::new();
    }
    let limit = query.limit.map_or_else(|| "-1".to_owned(), |limit| limit.to_string());
    format!(" limit {limit} offset {}", query.offset.unwrap_or(0))
}

fn position_of(condition: &Condition) -> usize {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => parts.first().map_or(0, position_of),
        Condition::Not(inner) => position_of(inner),
        Condition::Compare { operand, .. } | Condition::In { operand, .. } => {
            operand.path().position
        }
        Condition::InQuery { path, .. } | Condition::Includes { path, .. } => path.position,
    }
}
