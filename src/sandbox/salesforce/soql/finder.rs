//! Conditions, order and grouping of a query as SQL.

use std::fmt::Write as _;

use jiff::civil::Date;
use rusqlite::types::Value as Cell;

use super::super::errors::Fault;
use super::super::schema::{Field, FieldKind};
use super::super::wire;
use super::ast::{
    Condition, DateFunction, Days, Function, LiteralValue, Operand, Operator, OrderItem, Query,
    SelectItem,
};
use super::names::{Column, Scope};
use super::refusal::{malformed, no_such_object, refuse};
use super::translate::Output;
use super::{dates, literal};

/// Builds conditions and order.
pub struct Finder<'a> {
    pub scope: Scope<'a>,
    pub parameters: Vec<Cell>,
}

impl<'a> Finder<'a> {
    pub fn condition(&mut self, condition: &Condition) -> Result<String, Fault> {
        match condition {
            Condition::And(parts) => self.joined(parts, " and "),
            Condition::Or(parts) => self.joined(parts, " or "),
            // A comparison with null is false to the vendor, so its negation is true.
            Condition::Not(inner) => Ok(format!("not coalesce({}, 0)", self.condition(inner)?)),
            Condition::Compare { operand, operator, value } => {
                let column = self.filter_column(operand)?;
                if let LiteralValue::Days(days) = value.value {
                    return self.in_days(&column, *operator, days, value.position);
                }
                let cell = if *operator == Operator::Like {
                    literal::pattern(self.scope.text, &column, value)?
                } else {
                    literal::cell(self.scope.text, &column, value)?
                };
                Ok(self.comparison(&column.sql, *operator, cell))
            }
            Condition::In { operand, is_negated, values } => {
                let column = self.filter_column(operand)?;
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
            Condition::InQuery { path, is_negated, query } => {
                let column = self.filter_column(&Operand::Field(path.clone()))?;
                let list = self.semi_join(query, path.position)?;
                let sql = &column.sql;
                Ok(if *is_negated {
                    format!("({sql} is null or {sql} not in ({list}))")
                } else {
                    format!("{sql} in ({list})")
                })
            }
            Condition::Includes { path, is_negated, values } => {
                let column = self.filter_column(&Operand::Field(path.clone()))?;
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

    /// Compares a column with a span of days.
    fn in_days(
        &mut self,
        column: &Column<'_>,
        operator: Operator,
        days: Days,
        position: usize,
    ) -> Result<String, Fault> {
        let frame = self.scope.frame;
        let is_moment = match column.kind {
            FieldKind::Date => false,
            FieldKind::DateTime => true,
            _ => {
                let message =
                    format!("value of filter criterion for field '{}' is no date", column.name);
                return Err(refuse(self.scope.text, position, "INVALID_FIELD", &message));
            }
        };
        let cell = |day: Date| {
            Some(Cell::Text(if is_moment {
                wire::moment(dates::midnight(day, &frame.zone)?)
            } else {
                day.to_string()
            }))
        };
        let bounds = dates::bounds(days, frame.now, &frame.zone)
            .and_then(|(first, end)| Some((cell(first)?, cell(end)?)));
        let Some((first, end)) = bounds else {
            return Err(malformed(self.scope.text, position, "date literal is out of range"));
        };
        let sql = &column.sql;
        Ok(match operator {
            Operator::Equal | Operator::Like => {
                format!("({sql} >= {} and {sql} < {})", self.bind(first), self.bind(end))
            }
            Operator::NotEqual => format!(
                "({sql} is null or {sql} < {} or {sql} >= {})",
                self.bind(first),
                self.bind(end)
            ),
            Operator::Less => format!("{sql} < {}", self.bind(first)),
            Operator::GreaterOrEqual => format!("{sql} >= {}", self.bind(first)),
            Operator::LessOrEqual => format!("{sql} < {}", self.bind(end)),
            Operator::Greater => format!("{sql} >= {}", self.bind(end)),
        })
    }

    /// Returns the SQL of a query whose one column is the list of `IN`.
    fn semi_join(&mut self, query: &Query, position: usize) -> Result<String, Fault> {
        let text = self.scope.text;
        let [SelectItem::Value { operand: Operand::Field(path), .. }] = query.select.as_slice()
        else {
            return Err(malformed(text, position, "a query in IN selects exactly one field"));
        };
        let name = &query.object;
        let object = self
            .scope
            .frame
            .catalog
            .object(&name.text)
            .ok_or_else(|| no_such_object(text, name.position, &name.text))?;
        let mut inner = Finder {
            scope: Scope::new(text, self.scope.frame, object, query.alias.as_deref()),
            parameters: std::mem::take(&mut self.parameters),
        };
        let column = inner.scope.column(path)?;
        let filter = inner.filter(query.condition.as_ref(), false)?;
        let sql = format!("select {} {}{filter}", column.sql, inner.scope.tables_sql());
        self.parameters = inner.parameters;
        // A null in the list would make every `not in` unknown.
        let and = if filter.is_empty() { "where" } else { "and" };
        Ok(format!("{sql} {and} {} is not null", column.sql))
    }

    /// Returns `where …` of a query: what it says, what is deleted, what the user may not see.
    pub fn filter(
        &mut self,
        condition: Option<&Condition>,
        is_deleted_included: bool,
    ) -> Result<String, Fault> {
        let mut conditions = Vec::new();
        if !is_deleted_included {
            conditions.push("t0.\"IsDeleted\" = 0".to_owned());
        }
        if let Some(condition) = condition {
            conditions.push(self.condition(condition)?);
        }
        let (frame, object) = (self.scope.frame, self.scope.object);
        for rule in frame.sharing.iter().filter(|rule| !rule.is_readable) {
            if rule.object.eq_ignore_ascii_case(&object.name) {
                let hidden = self.condition(&rule.when.condition)?;
                conditions.push(format!("not coalesce({hidden}, 0)"));
            }
        }
        Ok(if conditions.is_empty() {
            String::new()
        } else {
            format!(" where {}", conditions.join(" and "))
        })
    }

    /// Finds what an operand is in SQL.
    pub fn operand(&mut self, operand: &Operand) -> Result<Column<'a>, Fault> {
        let mut column = self.scope.column(operand.path())?;
        let text = self.scope.text;
        let position = operand.path().position;
        if let Some(field) = column.field.filter(|field| !field.is_stored()) {
            if !matches!(operand, Operand::Field(_)) {
                let message = format!("field {} does not support functions", field.name);
                return Err(malformed(text, position, &message));
            }
            return Ok(column);
        }
        let sql = &column.sql;
        match operand {
            Operand::Field(_) => {}
            Operand::Aggregate { function, .. } => {
                let is_numeric = matches!(column.kind, FieldKind::Int | FieldKind::Number);
                let needs_number = matches!(function, Function::Sum | Function::Avg);
                if needs_number && !is_numeric {
                    let message =
                        format!("field {} does not support aggregate operator", column.name);
                    return Err(malformed(text, position, &message));
                }
                let (sql, kind) = match function {
                    Function::Count => (format!("count({sql})"), FieldKind::Int),
                    Function::CountDistinct => (format!("count(distinct {sql})"), FieldKind::Int),
                    Function::Min => (format!("min({sql})"), column.kind),
                    Function::Max => (format!("max({sql})"), column.kind),
                    Function::Sum => (format!("sum({sql})"), FieldKind::Number),
                    Function::Avg => (format!("avg({sql})"), FieldKind::Number),
                };
                (column.sql, column.kind, column.field) = (sql, kind, None);
            }
            Operand::Date { function, .. } => {
                if !matches!(column.kind, FieldKind::Date | FieldKind::DateTime) {
                    let message = format!("field {} is no date", column.name);
                    return Err(malformed(text, position, &message));
                }
                column.sql = dates::part_sql(*function, sql);
                column.kind = match function {
                    DateFunction::DayOnly => FieldKind::Date,
                    _ => FieldKind::Int,
                };
                column.field = None;
            }
            Operand::Shown { is_label, .. } => {
                if let (true, Some(field)) = (*is_label, column.field) {
                    column.sql = label_sql(field, sql);
                }
                column.field = None;
                if !is_label && !column.kind.is_text() {
                    column.kind = FieldKind::Text;
                }
            }
        }
        Ok(column)
    }

    fn filter_column(&mut self, operand: &Operand) -> Result<Column<'a>, Fault> {
        let column = self.operand(operand)?;
        if column.field.is_some_and(|field| !field.is_filterable || !field.is_stored()) {
            let message = format!("field '{}' can not be filtered in a query call", column.name);
            let position = operand.path().position;
            return Err(refuse(self.scope.text, position, "INVALID_FIELD", &message));
        }
        Ok(column)
    }

    /// Returns `order by`, ended by columns that make the order complete.
    pub fn order(&mut self, items: &[OrderItem], last: &[String]) -> Result<String, Fault> {
        let mut keys = Vec::new();
        let mut is_complete = false;
        for item in items {
            let column = self.operand(&item.key)?;
            if column.field.is_some_and(|field| !field.is_sortable || !field.is_stored()) {
                let name = &column.name;
                let message = format!("field '{name}' can not be sorted in a query call");
                let position = item.key.path().position;
                return Err(refuse(self.scope.text, position, "INVALID_FIELD", &message));
            }
            is_complete |= column.sql == "t0.\"Id\"";
            let (sql, field) = (column.sql, column.field);
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

    pub fn aggregates(&mut self, query: &Query) -> Result<(String, Vec<Output>), Fault> {
        let text = self.scope.text;
        let mut columns = Vec::new();
        let mut outputs = Vec::new();
        let mut n_unnamed = 0;
        for item in &query.select {
            let (operand, alias) = match item {
                SelectItem::Value { operand, alias } => (operand, alias),
                SelectItem::CountRows { position } | SelectItem::Fields { position, .. } => {
                    let message = "Grouped query cannot use COUNT() or FIELDS()";
                    return Err(malformed(text, *position, message));
                }
                SelectItem::Children(inner) => {
                    let message = "Grouped query cannot use child relationships in the SELECT list";
                    return Err(malformed(text, inner.object.position, message));
                }
            };
            let is_grouped = query.group_by.iter().any(|group| group.is_same(operand));
            if !is_grouped && !matches!(operand, Operand::Aggregate { .. }) {
                let path = operand.path();
                let message = format!("Field must be grouped or aggregated: {}", path.text);
                return Err(malformed(text, path.position, &message));
            }
            let column = self.operand(operand)?;
            let name = match (alias, operand) {
                (Some(alias), _) => alias.clone(),
                (None, Operand::Field(_)) => column.name,
                (None, _) => {
                    n_unnamed += 1;
                    format!("expr{}", n_unnamed - 1)
                }
            };
            outputs.push(Output::Field { name, column: columns.len(), kind: column.kind });
            columns.push(column.sql);
        }
        Ok((columns.join(", "), outputs))
    }
}

/// Returns SQL for the label of a picklist's value; other values stand for themselves.
fn label_sql(field: &Field, column: &str) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let relabelled = field.picklist.iter().filter(|item| item.label != item.value);
    let cases = relabelled.fold(String::new(), |mut cases, item| {
        let _ = write!(cases, " when {} then {}", quoted(&item.value), quoted(&item.label));
        cases
    });
    if cases.is_empty() {
        column.to_owned()
    } else {
        format!("case {column}{cases} else {column} end")
    }
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
