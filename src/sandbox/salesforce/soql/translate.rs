//! A query's tree to SQL.
//!
//! A query runs in two steps: one statement finds the row numbers of all results in order, another
//! reads one row. Pages are slices of the row numbers, so that later writes do not shift them.

use std::fmt::Write as _;

use rusqlite::types::Value as Cell;

use super::super::errors::Fault;
use super::super::schema::{Catalog, Field, FieldKind, Object};
use super::ast::{
    Aggregate, Condition, FieldGroup, Function, Operator, OrderItem, OrderKey, Path, Query,
    SelectItem,
};
use super::literal;
use super::names::{Column, Parent, Scope, address_part, own_column};
use super::refusal::{malformed, no_such_object, refuse};

const OFFSET_MAX: u64 = 2_000;
/// Most rows of a query that names its fields by `FIELDS()`.
const FIELDS_LIMIT_MAX: u64 = 200;

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
}

/// Turns a query into SQL.
///
/// # Errors
/// When the query names what the schema lacks or compares what does not compare.
pub fn translate(
    catalog: &Catalog,
    text: &str,
    query: &Query,
    is_deleted_included: bool,
) -> Result<Plan, Fault> {
    let object = catalog
        .object(&query.object.text)
        .ok_or_else(|| no_such_object(text, query.object.position, &query.object.text))?;
    if query.offset.is_some_and(|offset| offset > OFFSET_MAX) {
        let message = "Maximum SOQL offset allowed is 2000";
        return Err(refuse(text, text.len(), "NUMBER_OUTSIDE_VALID_RANGE", message));
    }
    let is_aggregate = !query.group_by.is_empty()
        || query.select.iter().any(|item| matches!(item, SelectItem::Aggregate { .. }));
    let mut finder = Finder {
        scope: Scope::new(text, catalog, object, query.alias.as_deref()),
        parameters: Vec::new(),
    };
    let mut conditions = Vec::new();
    if !is_deleted_included {
        conditions.push("t0.\"IsDeleted\" = 0".to_owned());
    }
    if let Some(condition) = &query.condition {
        conditions.push(finder.condition(condition)?);
    }
    let filter = if conditions.is_empty() {
        String::new()
    } else {
        format!(" where {}", conditions.join(" and "))
    };
    let mut limits = String::new();
    if query.limit.is_some() || query.offset.is_some() {
        let limit = query.limit.map_or_else(|| "-1".to_owned(), |limit| limit.to_string());
        let _ = write!(limits, " limit {limit} offset {}", query.offset.unwrap_or(0));
    }
    let mut plan = Plan {
        object: object.name.clone(),
        shape: Shape::Rows,
        sql: String::new(),
        parameters: Vec::new(),
        row_sql: String::new(),
        outputs: Vec::new(),
    };
    if let [SelectItem::CountRows { .. }] = query.select.as_slice() {
        plan.shape = Shape::Count;
        let from = finder.scope.tables_sql();
        plan.sql = format!("select count(*) from (select 1 {from}{filter}{limits})");
    } else if is_aggregate {
        plan.shape = Shape::Aggregate;
        let (columns, outputs) = finder.aggregates(query)?;
        let groups = query
            .group_by
            .iter()
            .map(|path| finder.scope.column(path).map(|column| column.sql))
            .collect::<Result<Vec<_>, _>>()?;
        let group = if groups.is_empty() {
            String::new()
        } else {
            format!(" group by {}", groups.join(", "))
        };
        let order = finder.order(&query.order_by, &groups)?;
        let from = finder.scope.tables_sql();
        plan.sql = format!("select {columns} {from}{filter}{group}{order}{limits}");
        plan.outputs = outputs;
    } else {
        let order = finder.order(&query.order_by, &["t0.\"Id\"".to_owned()])?;
        let from = finder.scope.tables_sql();
        plan.sql = format!("select t0._row {from}{filter}{order}{limits}");
        let mut reader = Reader {
            scope: Scope::new(text, catalog, object, query.alias.as_deref()),
            columns: Vec::new(),
        };
        plan.outputs = reader.outputs(query)?;
        let columns = reader.columns.join(", ");
        plan.row_sql = format!("select {columns} {} where t0._row = ?1", reader.scope.tables_sql());
    }
    plan.parameters = finder.parameters;
    Ok(plan)
}

/// Builds conditions and order.
struct Finder<'a> {
    scope: Scope<'a>,
    parameters: Vec<Cell>,
}

impl<'a> Finder<'a> {
    fn condition(&mut self, condition: &Condition) -> Result<String, Fault> {
        match condition {
            Condition::And(parts) => self.joined(parts, " and "),
            Condition::Or(parts) => self.joined(parts, " or "),
            // A comparison with null is false to the vendor, so its negation is true.
            Condition::Not(inner) => Ok(format!("not coalesce({}, 0)", self.condition(inner)?)),
            Condition::Compare { path, operator, value } => {
                let column = self.filter_column(path)?;
                let cell = if *operator == Operator::Like {
                    literal::pattern(self.scope.text, &column, value)?
                } else {
                    literal::cell(self.scope.text, &column, value)?
                };
                Ok(self.comparison(&column.sql, *operator, cell))
            }
            Condition::In { path, is_negated, values } => {
                let column = self.filter_column(path)?;
                let mut marks = Vec::with_capacity(values.len());
                let mut is_null_listed = false;
                for value in values {
                    match literal::cell(self.scope.text, &column, value)? {
                        Cell::Null => is_null_listed = true,
                        cell => marks.push(self.bind(cell)),
                    }
                }
                let sql = &column.sql;
                let list = marks.join(", ");
                Ok(match (is_negated, is_null_listed) {
                    (false, false) => format!("{sql} in ({list})"),
                    (false, true) => format!("({sql} in ({list}) or {sql} is null)"),
                    (true, false) => format!("({sql} not in ({list}) or {sql} is null)"),
                    (true, true) => format!("({sql} not in ({list}) and {sql} is not null)"),
                })
            }
            Condition::Includes { path, is_negated, values } => {
                let column = self.filter_column(path)?;
                if column.kind != FieldKind::MultiPicklist {
                    let message = format!("invalid operator on {} field", column.name);
                    let code = "INVALID_QUERY_FILTER_OPERATOR";
                    return Err(refuse(self.scope.text, path.position, code, &message));
                }
                let mut options = Vec::with_capacity(values.len());
                for value in values {
                    let Cell::Text(wanted) = literal::cell(self.scope.text, &column, value)? else {
                        options.push(format!("{} is null", column.sql));
                        continue;
                    };
                    let all: Vec<String> = wanted
                        .split(';')
                        .map(|one| {
                            let mark = self.bind(Cell::Text(format!(";{};", one.to_lowercase())));
                            format!("instr(';' || lower({}) || ';', {mark}) > 0", column.sql)
                        })
                        .collect();
                    options.push(format!("({})", all.join(" and ")));
                }
                let any = balanced(&options, " or ");
                Ok(if *is_negated {
                    format!("not coalesce({any}, 0)")
                } else {
                    format!("coalesce({any}, 0)")
                })
            }
        }
    }

    fn joined(&mut self, parts: &[Condition], separator: &str) -> Result<String, Fault> {
        let parts = parts.iter().map(|part| self.condition(part)).collect::<Result<Vec<_>, _>>()?;
        Ok(balanced(&parts, separator))
    }

    fn comparison(&mut self, sql: &str, operator: Operator, cell: Cell) -> String {
        if cell == Cell::Null {
            return match operator {
                Operator::NotEqual => format!("{sql} is not null"),
                Operator::Equal | Operator::Like => format!("{sql} is null"),
                _ => "0".to_owned(),
            };
        }
        let mark = self.bind(cell);
        match operator {
            Operator::Equal => format!("{sql} = {mark}"),
            Operator::NotEqual => format!("{sql} is not {mark}"),
            Operator::Less => format!("{sql} < {mark}"),
            Operator::LessOrEqual => format!("{sql} <= {mark}"),
            Operator::Greater => format!("{sql} > {mark}"),
            Operator::GreaterOrEqual => format!("{sql} >= {mark}"),
            Operator::Like => format!("{sql} like {mark} escape '\\'"),
        }
    }

    fn bind(&mut self, cell: Cell) -> String {
        self.parameters.push(cell);
        format!("?{}", self.parameters.len())
    }

    fn filter_column(&mut self, path: &Path) -> Result<Column<'a>, Fault> {
        let column = self.scope.column(path)?;
        if column.field.is_some_and(|field| !field.is_filterable || !field.is_stored()) {
            let message = format!("field '{}' can not be filtered in a query call", column.name);
            return Err(refuse(self.scope.text, path.position, "INVALID_FIELD", &message));
        }
        Ok(column)
    }

    /// Returns `order by`, ended by columns that make the order complete.
    fn order(&mut self, items: &[OrderItem], last: &[String]) -> Result<String, Fault> {
        let mut keys = Vec::new();
        let mut is_complete = false;
        for item in items {
            let (sql, field) = match &item.key {
                OrderKey::Aggregate(call) => (self.aggregate(call)?.0, None),
                OrderKey::Field(path) => {
                    let column = self.scope.column(path)?;
                    if column.field.is_some_and(|field| !field.is_sortable || !field.is_stored()) {
                        let name = &column.name;
                        let message = format!("field '{name}' can not be sorted in a query call");
                        let position = path.position;
                        let code = "INVALID_FIELD";
                        return Err(refuse(self.scope.text, position, code, &message));
                    }
                    is_complete |= column.sql == "t0.\"Id\"";
                    (column.sql, column.field)
                }
            };
            let direction = if item.is_descending { " desc" } else { "" };
            // Without the clause an index can serve the order.
            let nulls = match item.is_nulls_first.unwrap_or(true) {
                _ if field.is_some_and(|field| !field.is_nillable) => "",
                true => " nulls first",
                false => " nulls last",
            };
            keys.push(format!("{sql}{direction}{nulls}"));
        }
        if !is_complete {
            keys.extend_from_slice(last);
        }
        if keys.is_empty() {
            return Ok(String::new());
        }
        Ok(format!(" order by {}", keys.join(", ")))
    }

    fn aggregate(&mut self, call: &Aggregate) -> Result<(String, FieldKind), Fault> {
        let column = self.scope.column(&call.path)?;
        let is_numeric = matches!(column.kind, FieldKind::Int | FieldKind::Number);
        let needs_number = matches!(call.function, Function::Sum | Function::Avg);
        if !column.field.is_none_or(Field::is_stored) || (needs_number && !is_numeric) {
            let message = format!("field {} does not support aggregate operator", column.name);
            return Err(malformed(self.scope.text, call.path.position, &message));
        }
        let sql = column.sql;
        Ok(match call.function {
            Function::Count => (format!("count({sql})"), FieldKind::Int),
            Function::CountDistinct => (format!("count(distinct {sql})"), FieldKind::Int),
            Function::Min => (format!("min({sql})"), column.kind),
            Function::Max => (format!("max({sql})"), column.kind),
            Function::Sum => (format!("sum({sql})"), FieldKind::Number),
            Function::Avg => (format!("avg({sql})"), FieldKind::Number),
        })
    }

    fn aggregates(&mut self, query: &Query) -> Result<(String, Vec<Output>), Fault> {
        let mut columns = Vec::new();
        let mut outputs = Vec::new();
        let mut n_unnamed = 0;
        for item in &query.select {
            let (sql, kind, name) = match item {
                SelectItem::Aggregate { call, alias } => {
                    let (sql, kind) = self.aggregate(call)?;
                    let name = alias.clone().unwrap_or_else(|| {
                        n_unnamed += 1;
                        format!("expr{}", n_unnamed - 1)
                    });
                    (sql, kind, name)
                }
                SelectItem::Field { path, alias } => {
                    let is_grouped = query
                        .group_by
                        .iter()
                        .any(|group| group.text.eq_ignore_ascii_case(&path.text));
                    if !is_grouped {
                        let message = format!("Field must be grouped or aggregated: {}", path.text);
                        return Err(malformed(self.scope.text, path.position, &message));
                    }
                    let column = self.scope.column(path)?;
                    (column.sql, column.kind, alias.clone().unwrap_or(column.name))
                }
                SelectItem::CountRows { position } | SelectItem::Fields { position, .. } => {
                    let message = "Grouped query cannot use COUNT() or FIELDS()";
                    return Err(malformed(self.scope.text, *position, message));
                }
            };
            outputs.push(Output::Field { name, column: columns.len(), kind });
            columns.push(sql);
        }
        Ok((columns.join(", "), outputs))
    }
}

/// Builds the columns of one row and where they go.
struct Reader<'a> {
    scope: Scope<'a>,
    columns: Vec<String>,
}

impl<'a> Reader<'a> {
    fn outputs(&mut self, query: &Query) -> Result<Vec<Output>, Fault> {
        let id = self.add("t0.\"Id\"".to_owned());
        let mut outputs = Vec::new();
        debug_assert_eq!(id, 0, "the record's own id is the first column");
        for item in &query.select {
            match item {
                SelectItem::Field { path, alias: None } => {
                    let column = self.scope.column(path)?;
                    self.place(path, column, &mut outputs)?;
                }
                SelectItem::Field { path, alias: Some(_) } => {
                    let message = "only aggregate expressions use field aliasing";
                    return Err(malformed(self.scope.text, path.position, message));
                }
                SelectItem::Fields { group, position } => {
                    if query.limit.is_none_or(|limit| limit > FIELDS_LIMIT_MAX) {
                        let message = "The SOQL FIELDS function must have a LIMIT of at most 200";
                        return Err(malformed(self.scope.text, *position, message));
                    }
                    let object = self.scope.object;
                    for field in object.visible_fields() {
                        let is_wanted = match group {
                            FieldGroup::All => true,
                            FieldGroup::Standard => !field.is_custom,
                            FieldGroup::Custom => field.is_custom,
                        };
                        if is_wanted {
                            let output = self.own(object, field);
                            outputs.push(output);
                        }
                    }
                }
                SelectItem::CountRows { position } => {
                    return Err(malformed(self.scope.text, *position, "unexpected token: 'COUNT'"));
                }
                SelectItem::Aggregate { call, .. } => {
                    let message = "unexpected aggregate";
                    return Err(malformed(self.scope.text, call.path.position, message));
                }
            }
        }
        Ok(outputs)
    }

    fn place(
        &mut self,
        path: &Path,
        column: Column<'a>,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Fault> {
        let Column { sql, kind, field, name, parents } = column;
        let mut here = outputs;
        for parent in &parents {
            here = self.parent(parent, here);
        }
        let is_there = here.iter().any(|output| match output {
            Output::Field { name: own, .. }
            | Output::Address { name: own, .. }
            | Output::Parent { name: own, .. } => *own == name,
        });
        if is_there {
            let message = format!("duplicate field selected: {name}");
            return Err(refuse(self.scope.text, path.position, "INVALID_FIELD", &message));
        }
        let output = match field.filter(|field| !field.is_stored()) {
            Some(address) if parents.is_empty() => self.own(self.scope.object, address),
            Some(_) => {
                let entity = parents.last().map_or("Name", |parent| parent.name.as_str());
                return Err(names_missing(self.scope.text, path, &name, entity));
            }
            None => Output::Field { name, column: self.add(sql), kind },
        };
        here.push(output);
        Ok(())
    }

    fn own(&mut self, object: &Object, field: &Field) -> Output {
        const PARTS: [(&str, &str); 8] = [
            ("city", "City"),
            ("country", "Country"),
            ("geocodeAccuracy", "GeocodeAccuracy"),
            ("latitude", "Latitude"),
            ("longitude", "Longitude"),
            ("postalCode", "PostalCode"),
            ("state", "State"),
            ("street", "Street"),
        ];
        if field.is_stored() {
            let column = self.add(own_column(field));
            return Output::Field { name: field.name.clone(), column, kind: field.kind };
        }
        let parts = PARTS
            .iter()
            .map(|&(key, part)| match address_part(object, field, part) {
                Some(part) => (key, self.add(own_column(part)), part.kind),
                None => (key, self.add("null".to_owned()), FieldKind::Text),
            })
            .collect();
        Output::Address { name: field.name.clone(), parts }
    }

    fn parent<'o>(
        &mut self,
        parent: &Parent<'a>,
        outputs: &'o mut Vec<Output>,
    ) -> &'o mut Vec<Output> {
        let found = outputs.iter().position(
            |output| matches!(output, Output::Parent { name, .. } if *name == parent.name),
        );
        let index = found.unwrap_or_else(|| {
            outputs.push(Output::Parent {
                name: parent.name.clone(),
                id_column: self.add(parent.id_sql()),
                object_column: self.add(parent.object_sql()),
                is_polymorphic: parent.targets.len() > 1,
                outputs: Vec::new(),
            });
            outputs.len() - 1
        });
        match outputs.get_mut(index) {
            Some(Output::Parent { outputs, .. }) => outputs,
            _ => unreachable!("the index was just found or made for a parent"),
        }
    }

    fn add(&mut self, sql: String) -> usize {
        self.columns.push(sql);
        self.columns.len() - 1
    }
}

fn names_missing(text: &str, path: &Path, column: &str, entity: &str) -> Fault {
    super::refusal::no_such_column(text, path.position, column, entity)
}

/// Joins conditions as a balanced tree, since SQLite bounds how deep an expression may be.
fn balanced(parts: &[String], separator: &str) -> String {
    match parts {
        [] => "1".to_owned(),
        [only] => only.clone(),
        _ => {
            let (left, right) = parts.split_at(parts.len() / 2);
            format!("({}{separator}{})", balanced(left, separator), balanced(right, separator))
        }
    }
}
