//! A condition on a record, written as behind `WHERE` in a query.

use serde::{Deserialize, Serialize};

use super::super::errors::Fault;
use super::super::soql;

/// A condition's text, already read.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct When {
    pub text: String,
    pub condition: soql::Condition,
}

impl TryFrom<String> for When {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let condition = soql::parse_condition(&text).map_err(|Fault { message, .. }| message)?;
        Ok(Self { text, condition })
    }
}

impl From<When> for String {
    fn from(when: When) -> Self {
        when.text
    }
}
