//! SOQL: text to tokens, tokens to a tree, the tree to SQL.
//!
//! Covered: field lists with parents and children, aggregates with grouping, `FIELDS()`,
//! conditions with lists, queries in lists and date literals, functions of dates, order, limit and
//! offset. Left out, and refused as malformed: `TYPEOF`, `GROUP BY ROLLUP` and `CUBE`, distances.

mod ast;
mod dates;
mod finder;
mod lexer;
mod literal;
mod names;
mod parser;
mod reader;
mod refusal;
mod translate;

#[cfg(test)]
mod tests;

pub use ast::Condition;
pub use refusal::no_such_object;
pub use translate::{Output, Plan, Shape, meets_sql, translate};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::errors::Fault;
use super::rules::SharingRule;
use super::schema::Catalog;

/// Longest query that is read.
const LENGTH_MAX: usize = 100_000;

/// What a query is read against.
#[derive(Debug)]
pub struct Frame<'a> {
    pub catalog: &'a Catalog,
    pub now: Timestamp,
    /// Where the days of date literals begin and end.
    pub zone: TimeZone,
    /// Records that the user does not see.
    pub sharing: &'a [SharingRule],
}

impl<'a> Frame<'a> {
    /// Returns a frame in which everything is seen, to check names in.
    pub fn system(catalog: &'a Catalog) -> Self {
        Self { catalog, now: Timestamp::UNIX_EPOCH, zone: TimeZone::UTC, sharing: &[] }
    }
}

/// Reads a condition that stands alone, as behind `WHERE`.
///
/// # Errors
/// `MALFORMED_QUERY` with a picture of where.
pub fn parse_condition(text: &str) -> Result<Condition, Fault> {
    parser::parse_condition(text)
}

/// Reads a query.
///
/// # Errors
/// `MALFORMED_QUERY` with a picture of where.
pub fn parse(text: &str) -> Result<ast::Query, Fault> {
    if text.chars().count() > LENGTH_MAX {
        return Err(Fault::new(
            400,
            "MALFORMED_QUERY",
            format!("SOQL statements cannot be longer than {LENGTH_MAX} characters."),
        ));
    }
    parser::parse(text)
}
