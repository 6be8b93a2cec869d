//! Queries built from validated names and escaped values only.

use super::KIND;
use crate::crm::CrmError;

/// Takes a name into a query.
///
/// # Errors
/// When it holds anything but letters, digits and underscores.
pub fn name(name: &str) -> Result<&str, CrmError> {
    let is_name =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_name {
        return Ok(name);
    }
    Err(CrmError::Unexpected {
        kind: KIND,
        operation: "query".to_owned(),
        message: format!("not an API name: `{name}`"),
    })
}

/// Quotes a text value.
pub fn quote(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('\'');
    for character in value.chars() {
        match character {
            '\\' => quoted.push_str("\\\\"),
            '\'' => quoted.push_str("\\'"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            other => quoted.push(other),
        }
    }
    quoted.push('\'');
    quoted
}

/// Lists names for a select, checked.
///
/// # Errors
/// When one of them is no API name.
pub fn names(fields: &[String]) -> Result<String, CrmError> {
    let checked: Vec<&str> = fields.iter().map(|field| name(field)).collect::<Result<_, _>>()?;
    Ok(checked.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_cannot_end_the_value() {
        assert_eq!(quote(r"O'Brien \' OR Id != '"), r"'O\'Brien \\\' OR Id != \''");
    }

    #[test]
    fn a_name_cannot_carry_syntax() {
        assert!(name("Concord_Key__c").is_ok());
        assert!(name("Id FROM User").is_err());
        assert!(name("").is_err());
    }
}
