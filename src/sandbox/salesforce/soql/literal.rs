//! Values in a condition, held against the type of the field they are compared with.

use rusqlite::types::Value as Cell;

use super::super::errors::Fault;
use super::super::schema::FieldKind;
use super::super::{ids, wire};
use super::ast::{Literal, LiteralValue};
use super::names::Column;
use super::refusal::refuse;

/// Returns the stored form of a literal; null for `null` and for an empty text.
///
/// # Errors
/// `INVALID_FIELD` when the literal is of another type than the field.
pub fn cell(text: &str, column: &Column<'_>, literal: &Literal) -> Result<Cell, Fault> {
    use LiteralValue as L;
    let wrong = |expected: &str, quoted: &str| {
        let message = format!(
            "value of filter criterion for field '{}' must be of type {expected} and should {quoted}be enclosed in quotes",
            column.name
        );
        refuse(text, literal.position, "INVALID_FIELD", &message)
    };
    Ok(match (column.kind, &literal.value) {
        (_, L::Null) => Cell::Null,
        (FieldKind::Boolean, L::Boolean(flag)) => Cell::Integer(i64::from(*flag)),
        (FieldKind::Boolean, _) => return Err(wrong("boolean", "not ")),
        (FieldKind::Int | FieldKind::Number, L::Number(number)) => {
            wire::whole(*number).unwrap_or(Cell::Real(*number))
        }
        (FieldKind::Int, _) => return Err(wrong("int", "not ")),
        (FieldKind::Number, _) => return Err(wrong("double", "not ")),
        (FieldKind::Date, L::Date(date)) => Cell::Text(date.clone()),
        (FieldKind::Date, _) => return Err(wrong("date", "not ")),
        (FieldKind::DateTime, L::Moment(moment)) => Cell::Text(moment.clone()),
        (FieldKind::DateTime, _) => return Err(wrong("dateTime", "not ")),
        (FieldKind::Id | FieldKind::Reference, L::Text(id)) if id.is_empty() => Cell::Null,
        (FieldKind::Id | FieldKind::Reference, L::Text(id)) => {
            if let Some(id) = ids::normalize(id) {
                Cell::Text(id)
            } else {
                let message = format!("invalid ID field: {id}");
                return Err(refuse(
                    text,
                    literal.position,
                    "INVALID_QUERY_FILTER_OPERATOR",
                    &message,
                ));
            }
        }
        (_, L::Text(value)) if value.is_empty() => Cell::Null,
        (_, L::Text(value)) => Cell::Text(plain(value)),
        _ => return Err(wrong("string", "")),
    })
}

/// Returns the pattern of `LIKE`, its escapes still in it.
pub fn pattern(text: &str, column: &Column<'_>, literal: &Literal) -> Result<Cell, Fault> {
    match &literal.value {
        LiteralValue::Text(pattern) if column.kind.is_text() => Ok(Cell::Text(pattern.clone())),
        LiteralValue::Text(_) => {
            let message = format!("invalid operator on {} field", column.name);
            Err(refuse(text, literal.position, "INVALID_QUERY_FILTER_OPERATOR", &message))
        }
        _ => cell(text, column, literal),
    }
}

/// Resolves the pairs that the lexer kept for `LIKE`.
fn plain(value: &str) -> String {
    let mut plain = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.extend(characters.next()),
            other => plain.push(other),
        }
    }
    plain
}
