//! Tokens to a tree, by recursive descent.

use super::super::errors::Fault;
use super::ast::{
    Condition, DateFunction, FieldGroup, Function, Literal, LiteralValue, Operand, Operator,
    OrderItem, Path, Query, SelectItem,
};
use super::dates;
use super::lexer::{Token, TokenKind, tokens};
use super::refusal::malformed;

/// Parentheses within parentheses that are followed.
const DEPTH_MAX: usize = 60;

/// Reads a query.
pub fn parse(text: &str) -> Result<Query, Fault> {
    let mut parser = Parser { text, tokens: tokens(text)?, next: 0, depth: 0 };
    let query = parser.query()?;
    match parser.peek() {
        TokenKind::End => Ok(query),
        _ => Err(parser.unexpected()),
    }
}

/// Reads a condition that stands alone, as behind `WHERE`.
pub fn parse_condition(text: &str) -> Result<Condition, Fault> {
    let mut parser = Parser { text, tokens: tokens(text)?, next: 0, depth: 0 };
    let condition = parser.condition()?;
    match parser.peek() {
        TokenKind::End => Ok(condition),
        _ => Err(parser.unexpected()),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

impl Parser<'_> {
    fn query(&mut self) -> Result<Query, Fault> {
        self.keyword("SELECT")?;
        let mut select = vec![self.select_item()?];
        while self.take(&TokenKind::Comma) {
            select.push(self.select_item()?);
        }
        self.keyword("FROM")?;
        let object = self.path()?;
        let _ = self.take_keyword("AS");
        let alias = match self.peek() {
            TokenKind::Word(word) if !is_clause(word) => {
                let alias = word.clone();
                self.next += 1;
                Some(alias)
            }
            _ => None,
        };
        if self.take_keyword("USING") {
            self.keyword("SCOPE")?;
            self.path()?;
        }
        let condition = if self.take_keyword("WHERE") { Some(self.condition()?) } else { None };
        if self.take_keyword("WITH") {
            self.access_mode()?;
        }
        let group_by = if self.take_keyword("GROUP") {
            self.keyword("BY")?;
            let mut operands = vec![self.operand()?];
            while self.take(&TokenKind::Comma) {
                operands.push(self.operand()?);
            }
            operands
        } else {
            Vec::new()
        };
        let having = if self.take_keyword("HAVING") { Some(self.condition()?) } else { None };
        let order_by = if self.take_keyword("ORDER") { self.order_by()? } else { Vec::new() };
        let limit = if self.take_keyword("LIMIT") { Some(self.count()?) } else { None };
        let offset = if self.take_keyword("OFFSET") { Some(self.count()?) } else { None };
        // Locks and views leave no trace here.
        if self.take_keyword("FOR") || self.take_keyword("UPDATE") {
            self.path()?;
        } else if self.take_keyword("ALL") {
            self.keyword("ROWS")?;
        }
        Ok(Query { select, object, alias, condition, group_by, having, order_by, limit, offset })
    }

    fn access_mode(&mut self) -> Result<(), Fault> {
        const MODES: [&str; 3] = ["SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE"];
        if MODES.into_iter().any(|mode| self.take_keyword(mode)) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn select_item(&mut self) -> Result<SelectItem, Fault> {
        if self.take(&TokenKind::Open) {
            let query = self.nested()?;
            self.expect(&TokenKind::Close)?;
            return Ok(SelectItem::Children(Box::new(query)));
        }
        let position = self.position();
        if self.is_call("FIELDS") {
            self.next += 2;
            let group = self.path()?;
            let group = match group.text.to_ascii_uppercase().as_str() {
                "ALL" => FieldGroup::All,
                "STANDARD" => FieldGroup::Standard,
                "CUSTOM" => FieldGroup::Custom,
                _ => return Err(self.unexpected_at(group.position, &group.text)),
            };
            self.expect(&TokenKind::Close)?;
            return Ok(SelectItem::Fields { group, position });
        }
        if self.is_call("COUNT") && self.kind_at(self.next + 2) == &TokenKind::Close {
            self.next += 3;
            return Ok(SelectItem::CountRows { position });
        }
        Ok(SelectItem::Value { operand: self.operand()?, alias: self.alias() })
    }

    /// Reads a field or a function of one.
    fn operand(&mut self) -> Result<Operand, Fault> {
        let name = self.path()?;
        if !self.take(&TokenKind::Open) {
            return Ok(Operand::Field(name));
        }
        let operand = if let Some(function) = function(&name.text) {
            Operand::Aggregate { function, path: self.path()? }
        } else if let Some(function) = date_function(&name.text) {
            Operand::Date { function, path: self.maybe_in_zone()? }
        } else {
            let is_label = match name.text.to_ascii_lowercase().as_str() {
                "tolabel" => true,
                "format" | "convertcurrency" => false,
                _ => return Err(self.unexpected_at(name.position, &name.text)),
            };
            Operand::Shown { is_label, path: self.path()? }
        };
        self.expect(&TokenKind::Close)?;
        Ok(operand)
    }

    /// Reads a field or `convertTimezone(field)`; the org's days are those of UTC either way.
    fn maybe_in_zone(&mut self) -> Result<Path, Fault> {
        if !self.is_call("convertTimezone") {
            return self.path();
        }
        self.next += 2;
        let path = self.path()?;
        self.expect(&TokenKind::Close)?;
        Ok(path)
    }

    fn nested(&mut self) -> Result<Query, Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(too_complicated());
        }
        let query = self.query()?;
        self.depth -= 1;
        Ok(query)
    }

    fn is_call(&self, name: &str) -> bool {
        self.is_keyword(name) && self.kind_at(self.next + 1) == &TokenKind::Open
    }

    fn alias(&mut self) -> Option<String> {
        match self.peek() {
            TokenKind::Word(word) if !is_clause(word) && !word.contains('.') => {
                let alias = word.clone();
                self.next += 1;
                Some(alias)
            }
            _ => None,
        }
    }

    fn condition(&mut self) -> Result<Condition, Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(too_complicated());
        }
        let first = self.negation()?;
        let condition = if self.is_keyword("AND") {
            let mut parts = vec![first];
            while self.take_keyword("AND") {
                parts.push(self.negation()?);
            }
            Condition::And(parts)
        } else if self.is_keyword("OR") {
            let mut parts = vec![first];
            while self.take_keyword("OR") {
                parts.push(self.negation()?);
            }
            Condition::Or(parts)
        } else {
            first
        };
        // The vendor wants parentheses where `and` and `or` meet.
        if self.is_keyword("AND") || self.is_keyword("OR") {
            return Err(self.unexpected());
        }
        self.depth -= 1;
        Ok(condition)
    }

    fn negation(&mut self) -> Result<Condition, Fault> {
        if self.take_keyword("NOT") {
            return Ok(Condition::Not(Box::new(self.comparison()?)));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Condition, Fault> {
        if self.take(&TokenKind::Open) {
            let condition = self.condition()?;
            self.expect(&TokenKind::Close)?;
            return Ok(condition);
        }
        let operand = self.operand()?;
        let operator = match self.peek() {
            TokenKind::Equal => Operator::Equal,
            TokenKind::NotEqual => Operator::NotEqual,
            TokenKind::Less => Operator::Less,
            TokenKind::LessOrEqual => Operator::LessOrEqual,
            TokenKind::Greater => Operator::Greater,
            TokenKind::GreaterOrEqual => Operator::GreaterOrEqual,
            TokenKind::Word(word) => match word.to_ascii_uppercase().as_str() {
                "LIKE" => Operator::Like,
                "IN" => return self.list(operand, false),
                "INCLUDES" => return self.options(operand, false),
                "EXCLUDES" => return self.options(operand, true),
                "NOT" => {
                    self.next += 1;
                    if !self.is_keyword("IN") {
                        return Err(self.unexpected());
                    }
                    return self.list(operand, true);
                }
                _ => return Err(self.unexpected()),
            },
            _ => return Err(self.unexpected()),
        };
        self.next += 1;
        let value = self.literal()?;
        Ok(Condition::Compare { operand, operator, value })
    }

    fn list(&mut self, operand: Operand, is_negated: bool) -> Result<Condition, Fault> {
        self.next += 1;
        self.expect(&TokenKind::Open)?;
        if self.is_keyword("SELECT") {
            let Operand::Field(path) = operand else { return Err(self.unexpected()) };
            let query = Box::new(self.nested()?);
            self.expect(&TokenKind::Close)?;
            return Ok(Condition::InQuery { path, is_negated, query });
        }
        Ok(Condition::In { operand, is_negated, values: self.literals()? })
    }

    fn options(&mut self, operand: Operand, is_negated: bool) -> Result<Condition, Fault> {
        let Operand::Field(path) = operand else { return Err(self.unexpected()) };
        self.next += 1;
        self.expect(&TokenKind::Open)?;
        Ok(Condition::Includes { path, is_negated, values: self.literals()? })
    }

    /// Reads the rest of a list in parentheses.
    fn literals(&mut self) -> Result<Vec<Literal>, Fault> {
        let mut values = vec![self.literal()?];
        while self.take(&TokenKind::Comma) {
            values.push(self.literal()?);
        }
        self.expect(&TokenKind::Close)?;
        Ok(values)
    }

    fn literal(&mut self) -> Result<Literal, Fault> {
        let position = self.position();
        let value = match self.peek() {
            TokenKind::Text(text) => LiteralValue::Text(text.clone()),
            TokenKind::Number(number) => LiteralValue::Number(*number),
            TokenKind::Date(date) => LiteralValue::Date(date.clone()),
            TokenKind::Moment(moment) => LiteralValue::Moment(moment.clone()),
            TokenKind::Word(word) if word.eq_ignore_ascii_case("null") => LiteralValue::Null,
            TokenKind::Word(word) if word.eq_ignore_ascii_case("true") => {
                LiteralValue::Boolean(true)
            }
            TokenKind::Word(word) if word.eq_ignore_ascii_case("false") => {
                LiteralValue::Boolean(false)
            }
            TokenKind::Word(word) => match dates::days(word) {
                Some(days) => LiteralValue::Days(days),
                None => return Err(self.unexpected()),
            },
            _ => return Err(self.unexpected()),
        };
        self.next += 1;
        Ok(Literal { value, position })
    }

    fn order_by(&mut self) -> Result<Vec<OrderItem>, Fault> {
        self.keyword("BY")?;
        let mut items = Vec::new();
        loop {
            let key = self.operand()?;
            let is_descending = self.take_keyword("DESC") || {
                let _ = self.take_keyword("ASC");
                false
            };
            let is_nulls_first = if self.take_keyword("NULLS") {
                let is_first = self.is_keyword("FIRST");
                if !is_first && !self.is_keyword("LAST") {
                    return Err(self.unexpected());
                }
                self.next += 1;
                Some(is_first)
            } else {
                None
            };
            items.push(OrderItem { key, is_descending, is_nulls_first });
            if !self.take(&TokenKind::Comma) {
                return Ok(items);
            }
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "range is checked")]
    fn count(&mut self) -> Result<u64, Fault> {
        match self.peek() {
            TokenKind::Number(number)
                if number.fract() == 0.0 && (0.0..=f64::from(i32::MAX)).contains(number) =>
            {
                let count = *number as u64;
                self.next += 1;
                Ok(count)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn path(&mut self) -> Result<Path, Fault> {
        let position = self.position();
        match self.peek() {
            TokenKind::Word(word) if !is_reserved(word) => {
                let text = word.clone();
                self.next += 1;
                Ok(Path { text, position })
            }
            _ => Err(self.unexpected()),
        }
    }

    fn keyword(&mut self, keyword: &str) -> Result<(), Fault> {
        if self.take_keyword(keyword) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn take_keyword(&mut self, keyword: &str) -> bool {
        let is_there = self.is_keyword(keyword);
        self.next += usize::from(is_there);
        is_there
    }

    fn is_keyword(&self, keyword: &str) -> bool {
        matches!(self.peek(), TokenKind::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    fn expect(&mut self, kind: &TokenKind) -> Result<(), Fault> {
        if self.take(kind) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn take(&mut self, kind: &TokenKind) -> bool {
        let is_there = self.peek() == kind;
        self.next += usize::from(is_there);
        is_there
    }

    fn peek(&self) -> &TokenKind {
        self.kind_at(self.next)
    }

    fn kind_at(&self, index: usize) -> &TokenKind {
        self.tokens.get(index).map_or(&TokenKind::End, |token| &token.kind)
    }

    fn position(&self) -> usize {
        self.tokens.get(self.next).map_or(self.text.len(), |token| token.position)
    }

    fn unexpected(&self) -> Fault {
        let shown = self
            .tokens
            .get(self.next)
            .and_then(|token| self.text.get(token.position..token.end))
            .filter(|shown| !shown.is_empty())
            .unwrap_or("<EOF>");
        self.unexpected_at(self.position(), shown)
    }

    fn unexpected_at(&self, position: usize, shown: &str) -> Fault {
        malformed(self.text, position, &format!("unexpected token: '{shown}'"))
    }
}

fn too_complicated() -> Fault {
    Fault::new(400, "QUERY_TOO_COMPLICATED", "Query is too complicated.")
}

fn date_function(name: &str) -> Option<DateFunction> {
    Some(match name.to_ascii_uppercase().as_str() {
        "CALENDAR_YEAR" | "FISCAL_YEAR" => DateFunction::Year,
        "CALENDAR_QUARTER" | "FISCAL_QUARTER" => DateFunction::Quarter,
        "CALENDAR_MONTH" | "FISCAL_MONTH" => DateFunction::Month,
        "DAY_IN_MONTH" => DateFunction::DayInMonth,
        "DAY_IN_WEEK" => DateFunction::DayInWeek,
        "DAY_IN_YEAR" => DateFunction::DayInYear,
        "DAY_ONLY" => DateFunction::DayOnly,
        "HOUR_IN_DAY" => DateFunction::Hour,
        "WEEK_IN_MONTH" => DateFunction::WeekInMonth,
        "WEEK_IN_YEAR" => DateFunction::WeekInYear,
        _ => return None,
    })
}

fn function(name: &str) -> Option<Function> {
    Some(match name.to_ascii_uppercase().as_str() {
        "COUNT" => Function::Count,
        "COUNT_DISTINCT" => Function::CountDistinct,
        "MIN" => Function::Min,
        "MAX" => Function::Max,
        "SUM" => Function::Sum,
        "AVG" => Function::Avg,
        _ => return None,
    })
}

/// Tells words that begin a clause, and so cannot be an alias.
fn is_clause(word: &str) -> bool {
    const CLAUSES: [&str; 17] = [
        "FROM", "WHERE", "WITH", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FOR", "USING",
        "AND", "OR", "ASC", "DESC", "NULLS", "UPDATE", "ALL",
    ];
    CLAUSES.iter().any(|clause| word.eq_ignore_ascii_case(clause))
}

fn is_reserved(word: &str) -> bool {
    const RESERVED: [&str; 14] = [
        "SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "LIKE", "IN", "INCLUDES", "EXCLUDES",
        "NULL", "LIMIT", "HAVING", "TYPEOF",
    ];
    RESERVED.iter().any(|reserved| word.eq_ignore_ascii_case(reserved))
}
