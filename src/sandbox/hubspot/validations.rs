//! Rules that an admin sets on a property's values (reference section 6.3).
//!
//! Durations relative to today are kept and shown but judge nothing: what their arguments mean is
//! not documented.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rusqlite::params;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::errors::ApiError;
use super::schema::ObjectType;
use super::time::{date_ms, epoch_ms};
use super::{Server, Work, parse, reply, rules};

const RULE_TYPES: [&str; 27] = [
    "FORMAT",
    "ALPHANUMERIC",
    "SPECIAL_CHARACTERS",
    "MAX_LENGTH",
    "MIN_LENGTH",
    "REGEX",
    "MIN_NUMBER",
    "MAX_NUMBER",
    "DECIMAL",
    "WHITESPACE",
    "EMAIL",
    "EMAIL_ALLOWED_DOMAINS",
    "EMAIL_BLOCKED_DOMAINS",
    "URL",
    "URL_ALLOWED_DOMAINS",
    "URL_BLOCKED_DOMAINS",
    "DOMAIN",
    "PHONE_NUMBER_WITH_EXPLICIT_COUNTRY_CODE",
    "START_DATE",
    "END_DATE",
    "START_DATETIME",
    "END_DATETIME",
    "BEFORE_DURATION",
    "AFTER_DURATION",
    "BEFORE_DATETIME_DURATION",
    "AFTER_DATETIME_DURATION",
    "DAYS_OF_WEEK",
];

/// One rule of a property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidationRule {
    pub rule_type: String,
    #[serde(default)]
    pub rule_arguments: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleInput {
    #[serde(default)]
    rule_arguments: Vec<String>,
    #[serde(default)]
    should_apply_normalization: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PropertyRules<'a> {
    property_name: &'a str,
    property_validation_rules: &'a [ValidationRule],
}

impl ValidationRule {
    /// Returns what is wrong with a value, none when the rule has nothing against it.
    pub fn objection(&self, name: &str, value: &str) -> Option<String> {
        let first = self.rule_arguments.first().map_or("", String::as_str);
        let length = value.chars().count();
        let number = || value.parse::<f64>().ok();
        let is_fine = match self.rule_type.as_str() {
            "MAX_LENGTH" => first.parse().is_ok_and(|max: usize| length <= max),
            "MIN_LENGTH" => first.parse().is_ok_and(|min: usize| length >= min),
            "MAX_NUMBER" => number().zip(first.parse().ok()).is_some_and(|(n, max)| n <= max),
            "MIN_NUMBER" => number().zip(first.parse().ok()).is_some_and(|(n, min)| n >= min),
            "DECIMAL" => {
                let n_decimals = value.split_once('.').map_or(0, |(_, decimals)| decimals.len());
                first.parse().is_ok_and(|max: usize| n_decimals <= max)
            }
            "REGEX" | "FORMAT" => rules::is_match(first, value),
            "ALPHANUMERIC" => value.chars().all(char::is_alphanumeric),
            "SPECIAL_CHARACTERS" => value.chars().all(|c| c.is_alphanumeric() || c == ' '),
            "WHITESPACE" => !value.chars().any(char::is_whitespace),
            "EMAIL" => value.split_once('@').is_some_and(|(_, host)| host.contains('.')),
            "URL" => value.starts_with("http://") || value.starts_with("https://"),
            "DOMAIN" => value.contains('.') && !value.contains(['/', ' ', '@']),
            "EMAIL_ALLOWED_DOMAINS" | "URL_ALLOWED_DOMAINS" => self.names(host(value)),
            "EMAIL_BLOCKED_DOMAINS" | "URL_BLOCKED_DOMAINS" => !self.names(host(value)),
            "PHONE_NUMBER_WITH_EXPLICIT_COUNTRY_CODE" => {
                value.starts_with('+') && value.chars().filter(char::is_ascii_digit).count() >= 7
            }
            "START_DATE" | "START_DATETIME" => at(value) >= at(first),
            "END_DATE" | "END_DATETIME" => at(value) <= at(first),
            "DAYS_OF_WEEK" => weekday(value).is_some_and(|day| self.names(&day)),
            _ => true,
        };
        (!is_fine).then(|| {
            format!("{value} does not satisfy the rule {} of the property {name}", self.rule_type)
        })
    }

    fn names(&self, text: &str) -> bool {
        self.rule_arguments.iter().any(|one| one.eq_ignore_ascii_case(text))
    }
}

/// Returns the host of an address of either kind.
fn host(value: &str) -> &str {
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

fn at(text: &str) -> Option<i64> {
    date_ms(text).or_else(|| epoch_ms(text))
}

fn weekday(text: &str) -> Option<String> {
    let at = jiff::Timestamp::from_millisecond(at(text)?).ok()?;
    let day = at.to_zoned_datetime(jiff::tz::TimeZone::UTC).strftime("%A").to_string();
    Some(day.to_uppercase())
}

pub async fn list(
    State(server): State<Server>,
    Path(object): Path<String>,
) -> Result<Response, ApiError> {
    let view = server
        .read(move |work| {
            let object = work.schema.object(&object)?;
            let results: Vec<PropertyRules<'_>> = object
                .validations
                .iter()
                .map(|(name, rules)| PropertyRules {
                    property_name: name,
                    property_validation_rules: rules,
                })
                .collect();
            Ok(json!({ "results": results }))
        })
        .await?;
    reply(StatusCode::OK, &view)
}

pub async fn read(
    State(server): State<Server>,
    Path((object, property)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let view = server
        .read(move |work| {
            let rules = of_property(work.schema.object(&object)?, &property)?;
            Ok(json!({"propertyName": property, "propertyValidationRules": rules}))
        })
        .await?;
    reply(StatusCode::OK, &view)
}

pub async fn read_rule(
    State(server): State<Server>,
    Path((object, property, rule_type)): Path<(String, String, String)>,
) -> Result<Response, ApiError> {
    let view: Value = server
        .read(move |work| {
            let rules = of_property(work.schema.object(&object)?, &property)?;
            let rule = rules
                .iter()
                .find(|rule| rule.rule_type == rule_type)
                .ok_or_else(ApiError::no_such_record)?;
            Ok(serde_json::to_value(rule)?)
        })
        .await?;
    reply(StatusCode::OK, &view)
}

pub async fn put(
    State(server): State<Server>,
    Path((object, property, rule_type)): Path<(String, String, String)>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let input: RuleInput = parse(&body)?;
    if !RULE_TYPES.contains(&rule_type.as_str()) {
        return Err(ApiError::invalid(format!("Invalid input: no such rule type: {rule_type}")));
    }
    server
        .call(move |work| {
            let object = work.schema.object(&object)?;
            of_property(object, &property)?;
            save(work, object, &property, &rule_type, &input)
        })
        .await?;
    server.reload_schema().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn of_property<'a>(
    object: &'a ObjectType,
    property: &str,
) -> Result<&'a [ValidationRule], ApiError> {
    if object.property(property).is_none() {
        return Err(ApiError::not_found(format!("Property \"{property}\" does not exist")));
    }
    Ok(object.validations.get(property).map_or(&[], Vec::as_slice))
}

fn save(
    work: &Work<'_>,
    object: &ObjectType,
    property: &str,
    rule_type: &str,
    input: &RuleInput,
) -> Result<(), ApiError> {
    work.db.execute(
        "insert or replace into property_validations
         (object, property, rule_type, arguments, normalizes) values (?1, ?2, ?3, ?4, ?5)",
        params![
            object.id,
            property,
            rule_type,
            serde_json::to_string(&input.rule_arguments)?,
            input.should_apply_normalization
        ],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_object_to_what_they_name() {
        let objects = |rule_type: &str, argument: &str, value: &str| {
            let rule = ValidationRule {
                rule_type: rule_type.to_owned(),
                rule_arguments: vec![argument.to_owned()],
            };
            rule.objection("p", value).is_some()
        };
        assert!(objects("MAX_LENGTH", "3", "four"));
        assert!(!objects("MAX_LENGTH", "4", "four"));
        assert!(objects("MIN_NUMBER", "10", "9.5"));
        assert!(objects("DECIMAL", "2", "1.234"));
        assert!(objects("REGEX", "^[A-Z]{2}-\\d+$", "ab-1"));
        assert!(!objects("REGEX", "^[A-Z]{2}-\\d+$", "AB-17"));
        assert!(objects("EMAIL_BLOCKED_DOMAINS", "gmail.com", "a@gmail.com"));
        assert!(objects("START_DATE", "2026-01-01", "2025-12-31"));
        assert!(!objects("DAYS_OF_WEEK", "MONDAY", "2026-11-23"));
        assert!(objects("PHONE_NUMBER_WITH_EXPLICIT_COUNTRY_CODE", "", "0301234567"));
        assert!(!objects("BEFORE_DURATION", "P1D", "anything"));
    }
}
