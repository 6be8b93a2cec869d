//! Tokens to a tree, by recursive descent.

use super::super::errors::Fault;
use super::ast::{
    Aggregate, Condition, FieldGroup, Function, Literal, LiteralValue, Operator, OrderItem,
    OrderKey, Path, Query, SelectItem,
};
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
        let condition = if self.take_keyword("WHERE") { Some(self.condition()?) } else { None };
        let group_by = if self.take_keyword("GROUP") {
            self.keyword("BY")?;
            let mut paths = vec![self.path()?];
            while self.take(&TokenKind::Comma) {
                paths.push(self.path()?);
            }
            paths
        } else {
            Vec::new()
        };
        let order_by = if self.take_keyword("ORDER") { self.order_by()? } else { Vec::new() };
        let limit = if self.take_keyword("LIMIT") { Some(self.count()?) } else { None };
        let offset = if self.take_keyword("OFFSET") { Some(self.count()?) } else { None };
        Ok(Query { select, object, alias, condition, group_by, order_by, limit, offset })
    }

    fn select_item(&mut self) -> Result<SelectItem, Fault> {
        let position = self.position();
        let path = self.path()?;
        if !self.take(&TokenKind::Open) {
            return Ok(SelectItem::Field { path, alias: self.alias() });
        }
        if path.text.eq_ignore_ascii_case("FIELDS") {
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
        let function =
            function(&path.text).ok_or_else(|| self.unexpected_at(path.position, &path.text))?;
        if function == Function::Count && self.take(&TokenKind::Close) {
            return Ok(SelectItem::CountRows { position });
        }
        let argument = self.path()?;
        self.expect(&TokenKind::Close)?;
        let call = Aggregate { function, path: argument };
        Ok(SelectItem::Aggregate { call, alias: self.alias() })
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
            return Err(Fault::new(400, "QUERY_TOO_COMPLICATED", "Query is too complicated."));
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
            return Ok(Condition::Not(Box::new(self.operand()?)));
        }
        self.operand()
    }

    fn operand(&mut self) -> Result<Condition, Fault> {
        if self.take(&TokenKind::Open) {
            let condition = self.condition()?;
            self.expect(&TokenKind::Close)?;
            return Ok(condition);
        }
        let path = self.path()?;
        let operator = match self.peek() {
            TokenKind::Equal => Operator::Equal,
            TokenKind::NotEqual => Operator::NotEqual,
            TokenKind::Less => Operator::Less,
            TokenKind::LessOrEqual => Operator::LessOrEqual,
            TokenKind::Greater => Operator::Greater,
            TokenKind::GreaterOrEqual => Operator::GreaterOrEqual,
            TokenKind::Word(word) => match word.to_ascii_uppercase().as_str() {
                "LIKE" => Operator::Like,
                "IN" => return self.list(path, false, false),
                "INCLUDES" => return self.list(path, true, false),
                "EXCLUDES" => return self.list(path, true, true),
                "NOT" => {
                    self.next += 1;
                    if !self.is_keyword("IN") {
                        return Err(self.unexpected());
                    }
                    return self.list(path, false, true);
                }
                _ => return Err(self.unexpected()),
            },
            _ => return Err(self.unexpected()),
        };
        self.next += 1;
        let value = self.literal()?;
        Ok(Condition::Compare { path, operator, value })
    }

    fn list(
        &mut self,
        path: Path,
        is_multiple: bool,
        is_negated: bool,
    ) -> Result<Condition, Fault> {
        self.next += 1;
        self.expect(&TokenKind::Open)?;
        let mut values = vec![self.literal()?];
        while self.take(&TokenKind::Comma) {
            values.push(self.literal()?);
        }
        self.expect(&TokenKind::Close)?;
        Ok(if is_multiple {
            Condition::Includes { path, is_negated, values }
        } else {
            Condition::In { path, is_negated, values }
        })
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
            _ => return Err(self.unexpected()),
        };
        self.next += 1;
        Ok(Literal { value, position })
    }

    fn order_by(&mut self) -> Result<Vec<OrderItem>, Fault> {
        self.keyword("BY")?;
        let mut items = Vec::new();
        loop {
            let path = self.path()?;
            let key = if self.take(&TokenKind::Open) {
                let function = function(&path.text)
                    .ok_or_else(|| self.unexpected_at(path.position, &path.text))?;
                let argument = self.path()?;
                self.expect(&TokenKind::Close)?;
                OrderKey::Aggregate(Aggregate { function, path: argument })
            } else {
                OrderKey::Field(path)
            };
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
        self.tokens.get(self.next).map_or(&TokenKind::End, |token| &token.kind)
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
    const CLAUSES: [&str; 15] = [
        "FROM", "WHERE", "WITH", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FOR", "USING",
        "AND", "OR", "ASC", "DESC", "NULLS",
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
