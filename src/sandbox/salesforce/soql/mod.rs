//! SOQL: text to tokens, tokens to a tree, the tree to SQL.
//!
//! Covered: field lists with parents, aggregates with grouping, `FIELDS()`, conditions, order,
//! limit and offset. Left out, and refused as malformed: child subqueries, `TYPEOF`, `HAVING`,
//! date literals and functions.

mod ast;
mod lexer;
mod literal;
mod names;
mod parser;
mod refusal;
mod translate;

#[cfg(test)]
mod tests;

pub use translate::{Output, Plan, Shape, translate};

use super::errors::Fault;

/// Longest query that is read.
const LENGTH_MAX: usize = 100_000;

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
