//! Refusals of a query, with the vendor's picture of the place.

use super::super::errors::Fault;

/// Characters of the query shown before and behind the place.
const CONTEXT: usize = 60;

/// Refuses a query at a byte position of its text.
pub fn refuse(text: &str, position: usize, code: &'static str, message: &str) -> Fault {
    let position = position.min(text.len());
    let before = text.get(..position).unwrap_or(text);
    let after = text.get(position..).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |index| index + 1);
    let row = before.matches('\n').count() + 1;
    let in_line = before.get(line_start..).unwrap_or_default();
    let column = in_line.chars().count() + 1;
    let shown_before: String = in_line.chars().skip((column - 1).saturating_sub(CONTEXT)).collect();
    let shown_after: String =
        after.lines().next().unwrap_or_default().chars().take(CONTEXT).collect();
    let caret = " ".repeat(shown_before.chars().count());
    Fault::new(
        400,
        code,
        format!(
            "\n{shown_before}{shown_after}\n{caret}^\nERROR at Row:{row}:Column:{column}\n{message}"
        ),
    )
}

pub fn malformed(text: &str, position: usize, message: &str) -> Fault {
    refuse(text, position, "MALFORMED_QUERY", message)
}

pub fn no_such_column(text: &str, position: usize, column: &str, entity: &str) -> Fault {
    let message = format!(
        "No such column '{column}' on entity '{entity}'. If you are attempting to use a custom \
         field, be sure to append the '__c' after the custom field name. Please reference your \
         WSDL or the describe call for the appropriate names."
    );
    refuse(text, position, "INVALID_FIELD", &message)
}

pub fn no_such_relationship(text: &str, position: usize, relationship: &str) -> Fault {
    let message = format!(
        "Didn't understand relationship '{relationship}' in field path. If you are attempting to \
         use a custom relationship, be sure to append the '__r' after the custom relationship \
         name. Please reference your WSDL or the describe call for the appropriate names."
    );
    refuse(text, position, "INVALID_FIELD", &message)
}

pub fn no_such_children(text: &str, position: usize, relationship: &str) -> Fault {
    let message = format!(
        "Didn't understand relationship '{relationship}' in FROM part of query call. If you are \
         attempting to use a custom relationship, be sure to append the '__r' after the custom \
         relationship name. Please reference your WSDL or the describe call for the appropriate \
         names."
    );
    refuse(text, position, "INVALID_TYPE", &message)
}

pub fn no_such_object(text: &str, position: usize, object: &str) -> Fault {
    let message = format!(
        "sObject type '{object}' is not supported. If you are attempting to use a custom object, \
         be sure to append the '__c' after the entity name. Please reference your WSDL or the \
         describe call for the appropriate names."
    );
    refuse(text, position, "INVALID_TYPE", &message)
}
