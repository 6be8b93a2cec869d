//! Judges the property values of a write before anything is written (reference sections 6.4, 6.5).

use std::fmt::Write as _;

use rusqlite::OptionalExtension;
use serde::Serialize;
use serde_json::{Map, Value};

use super::errors::{ApiError, PropertyError};
use super::schema::{ObjectType, Property, PropertyOption};
use super::store::{Properties, Stored};
use super::time::{date_ms, epoch_ms, iso, iso_date};
use super::{ApiVersion, Work, rules};

const TEXT_LENGTH_MAX: usize = 65_536;
const DAY_MS: i64 = 86_400_000;

/// Values as they will be stored; an empty one clears.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    pub values: Properties,
    pub warnings: Vec<Warning>,
}

/// A remark beside a record that was written all the same.
#[derive(Clone, Debug, Serialize)]
pub struct Warning {
    pub category: &'static str,
    pub message: String,
    pub context: WarningContext,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WarningContext {
    pub property_name: String,
    pub raw_value: String,
    pub normalized_value: String,
}

/// Checks what was sent for one record: existence, then read-only, then type, for each property.
///
/// The outer error is the database's; the inner one lists every refused property.
pub fn check(
    work: &Work<'_>,
    object: &ObjectType,
    sent: &Map<String, Value>,
    version: ApiVersion,
) -> Result<Result<Checked, Vec<PropertyError>>, ApiError> {
    let mut checked = Checked::default();
    let mut refused = Vec::new();
    for (name, value) in sent {
        let Some(text) = text_of(work, name, value)? else { continue };
        let name = name.to_ascii_lowercase();
        let Some(property) = object.property(&name) else {
            refused.push(PropertyError {
                message: format!("Property \"{name}\" does not exist"),
                code: "PROPERTY_DOESNT_EXIST",
                name,
                value: None,
            });
            continue;
        };
        if let Some(error) = read_only(property) {
            refused.push(error);
            continue;
        }
        if text.is_empty() {
            checked.values.insert(name, text);
            continue;
        }
        let verdict = check_value(work, object, property, &text, version)?;
        if verdict.is_ok()
            && let Some(error) = objection(work, object, property, &text)
        {
            refused.push(error);
            continue;
        }
        match verdict {
            Ok(normal) => {
                if version == ApiVersion::September2026
                    && property.kind == "date"
                    && work.settings.lenient_dates
                    && !is_exact_date(&text)
                {
                    checked.warnings.push(Warning {
                        category: "PROPERTY_VALUE_NORMALIZED",
                        message: format!("{name} was normalized"),
                        context: WarningContext {
                            property_name: name.clone(),
                            raw_value: text,
                            normalized_value: date_ms(&normal).unwrap_or_default().to_string(),
                        },
                    });
                }
                checked.values.insert(name, normal);
            }
            Err((code, message)) => {
                refused.push(PropertyError { name, code, message, value: Some(text) });
            }
        }
    }
    Ok(if refused.is_empty() { Ok(checked) } else { Err(refused) })
}

/// Asks the account's own rules about a value of the right type.
fn objection(
    work: &Work<'_>,
    object: &ObjectType,
    property: &Property,
    text: &str,
) -> Option<PropertyError> {
    let name = &property.name;
    let by_validation = object
        .validations
        .get(name)
        .into_iter()
        .flatten()
        .find_map(|rule| rule.objection(name, text))
        .map(|message| PropertyError {
            name: name.clone(),
            code: "CUSTOM_VALIDATION",
            message,
            value: Some(text.to_owned()),
        });
    by_validation.or_else(|| rules::refusal(work, object, name, text))
}

/// Refuses a change that leaves out what another value makes required.
pub fn missing_on_update(
    work: &Work<'_>,
    object: &ObjectType,
    record: &Stored,
    values: &Properties,
    version: ApiVersion,
) -> Result<(), ApiError> {
    let held = |name: &str| values.get(name).or_else(|| record.properties.get(name));
    missing_conditional(work, object, held, version)
}

fn missing_conditional<'a>(
    work: &Work<'_>,
    object: &ObjectType,
    value: impl Fn(&str) -> Option<&'a String>,
    version: ApiVersion,
) -> Result<(), ApiError> {
    if version != ApiVersion::September2026 {
        return Ok(());
    }
    let filled = |name: &str| value(name).filter(|value| !value.is_empty());
    let missing = work.settings.conditional_required.iter().find(|rule| {
        rule.object == object.name
            && filled(&rule.property).is_none()
            && filled(&rule.based_on)
                .is_some_and(|value| rule.values.is_empty() || rule.values.contains(value))
    });
    match missing {
        Some(rule) => Err(ApiError::missing_conditional(&rule.property, &rule.based_on)),
        None => Ok(()),
    }
}

/// Returns what must be there for a record to be made and is not.
pub fn missing_on_create(
    work: &Work<'_>,
    object: &ObjectType,
    values: &Properties,
    version: ApiVersion,
) -> Result<(), ApiError> {
    let has = |name: &str| values.get(name).is_some_and(|value| !value.is_empty());
    let mut missing: Vec<&str> = match object.id.as_str() {
        "0-1" if !["email", "firstname", "lastname"].into_iter().any(has) => vec!["email"],
        "0-2" if !["name", "domain"].into_iter().any(has) => vec!["name"],
        "0-3" => {
            let mut needed = vec!["dealname", "dealstage"];
            if pipelines(work, object)?.len() > 1 {
                needed.push("pipeline");
            }
            needed.retain(|name| !has(name));
            needed
        }
        _ => Vec::new(),
    };
    if version == ApiVersion::September2026
        && let Some(required) = work.settings.required_on_create.get(&object.name)
    {
        missing.extend(required.iter().map(String::as_str).filter(|name| !has(name)));
    }
    missing.extend(
        object.definition.required_properties.iter().map(String::as_str).filter(|name| !has(name)),
    );
    if missing.is_empty() {
        return missing_conditional(work, object, |name| values.get(name), version);
    }
    let code = if version == ApiVersion::September2026 {
        "MISSING_REQUIRED_PROPERTY"
    } else {
        "REQUIRED_FIELD"
    };
    Err(ApiError::missing_required(code, &missing))
}

/// Reads the wire text of a value; none when the value changes nothing.
fn text_of(work: &Work<'_>, name: &str, value: &Value) -> Result<Option<String>, ApiError> {
    match value {
        Value::String(text) => Ok(Some(text.clone())),
        Value::Null => Ok(work.settings.null_clears.then(String::new)),
        Value::Number(_) | Value::Bool(_) if work.settings.coerces_json_values => {
            Ok(Some(value.to_string()))
        }
        _ => Err(ApiError::invalid(format!("Invalid input JSON: value of {name} is no string"))),
    }
}

fn read_only(property: &Property) -> Option<PropertyError> {
    let name = &property.name;
    let kind = if property.calculated {
        "calculated"
    } else if property.modification_metadata.read_only_value
        || ["json", "object_coordinates"].contains(&property.kind.as_str())
    {
        "read only"
    } else {
        return None;
    };
    Some(PropertyError {
        name: name.clone(),
        code: "READ_ONLY_VALUE",
        message: format!("\"{name}\" is a {kind} property; its value cannot be set."),
        value: None,
    })
}

type Verdict = Result<String, (&'static str, String)>;

fn check_value(
    work: &Work<'_>,
    object: &ObjectType,
    property: &Property,
    text: &str,
    version: ApiVersion,
) -> Result<Verdict, ApiError> {
    if object.is_contacts() && property.name == "email" {
        return Ok(check_email(text));
    }
    if property.is_owner_reference() {
        return check_owner(work, text);
    }
    if object.id == "0-3" && ["pipeline", "dealstage"].contains(&property.name.as_str()) {
        return check_pipeline(work, object, property, text);
    }
    Ok(match property.kind.as_str() {
        "number" => check_number(text),
        "bool" => check_bool(property, text),
        "date" => {
            let is_lenient = version == ApiVersion::September2026 && work.settings.lenient_dates;
            check_date(text, is_lenient)
        }
        "datetime" => match epoch_ms(text) {
            Some(at) => Ok(iso(at)),
            None => Err(("INVALID_DATE", format!("{text} was not a valid date"))),
        },
        "enumeration" if property.external_options && property.options.is_empty() => {
            Ok(text.to_owned())
        }
        "enumeration" => check_options(work, property, text),
        _ if object.id == "0-2" && property.name == "domain" => Ok(bare_domain(text)),
        _ if text.chars().count() > TEXT_LENGTH_MAX => Err((
            "INVALID_LENGTH",
            format!("{} is longer than {TEXT_LENGTH_MAX} characters", property.name),
        )),
        _ if work.settings.trims_strings => Ok(text.trim().to_owned()),
        _ => Ok(text.to_owned()),
    })
}

fn check_email(text: &str) -> Verdict {
    let email = text.trim().to_lowercase();
    let is_valid = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !domain.contains('@')
            && domain.contains('.')
            && domain.split('.').all(|label| !label.is_empty())
    }) && !email.chars().any(|c| c.is_whitespace() || ",;<>()".contains(c));
    if is_valid {
        Ok(email)
    } else {
        Err(("INVALID_EMAIL", format!("Email address {text} is invalid")))
    }
}

fn check_number(text: &str) -> Verdict {
    let is_plain = text.chars().all(|c| c.is_ascii_digit() || ".+-eE".contains(c));
    match text.parse::<f64>() {
        Ok(number) if is_plain && number.is_finite() => Ok(text.to_owned()),
        _ => Err(("INVALID_LONG", format!("{text} was not a valid long."))),
    }
}

fn check_bool(property: &Property, text: &str) -> Verdict {
    match text {
        "true" | "false" => Ok(text.to_owned()),
        _ if property.options.is_empty() => Err((
            "INVALID_OPTION",
            format!("{text} was not one of the allowed options: [true, false]"),
        )),
        _ => Err(("INVALID_OPTION", not_an_option(text, &property.options))),
    }
}

fn check_date(text: &str, is_lenient: bool) -> Verdict {
    match date_ms(text) {
        Some(at) if is_lenient || is_exact_date(text) => Ok(iso_date(at)),
        _ => Err(("INVALID_DATE", format!("{text} was not a valid date"))),
    }
}

/// Tells whether a text is a date or the epoch milliseconds of a midnight in UTC.
fn is_exact_date(text: &str) -> bool {
    match text.parse::<i64>() {
        Ok(at) => at % DAY_MS == 0,
        Err(_) => text.len() == 10 && date_ms(text).is_some(),
    }
}

fn check_options(work: &Work<'_>, property: &Property, text: &str) -> Verdict {
    let takes_hidden = !work.settings.refuses_hidden_options;
    let is_option = |value: &str| {
        property.options.iter().any(|one| one.value == value && (takes_hidden || !one.hidden))
    };
    let unknown = if property.is_multiple() {
        text.split(';').filter(|value| !value.is_empty()).find(|value| !is_option(value))
    } else {
        Some(text).filter(|value| !is_option(value))
    };
    match unknown {
        None => Ok(text.to_owned()),
        Some(value) => Err(("INVALID_OPTION", not_an_option(value, &property.options))),
    }
}

fn not_an_option(value: &str, options: &[PropertyOption]) -> String {
    let mut message = format!("{value} was not one of the allowed options: [");
    for (position, option) in options.iter().enumerate() {
        if position > 0 {
            message.push_str(", ");
        }
        // Writing to a string cannot fail.
        let _ = write!(
            message,
            "label: \"{}\"\nvalue: \"{}\"\ndisplay_order: {}\nhidden: {}\nread_only: false\n",
            option.label, option.value, option.display_order, option.hidden
        );
    }
    message.push(']');
    message
}

fn check_owner(work: &Work<'_>, text: &str) -> Result<Verdict, ApiError> {
    let is_archived: Option<bool> = match text.parse::<i64>() {
        Ok(id) => work
            .db
            .prepare_cached("select archived from owners where id = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?,
        Err(_) => None,
    };
    Ok(match is_archived {
        Some(archived) if !archived || work.settings.accepts_archived_owners => Ok(text.to_owned()),
        _ => Err((
            "INVALID_OPTION",
            format!("{text} was not one of the allowed options: [the ids of active owners]"),
        )),
    })
}

fn check_pipeline(
    work: &Work<'_>,
    object: &ObjectType,
    property: &Property,
    text: &str,
) -> Result<Verdict, ApiError> {
    let pipelines = pipelines(work, object)?;
    if pipelines.is_empty() {
        return Ok(check_options(work, property, text));
    }
    let ids: Vec<&str> = if property.name == "pipeline" {
        pipelines.iter().filter_map(|one| one["id"].as_str()).collect()
    } else {
        pipelines
            .iter()
            .filter_map(|one| one["stages"].as_array())
            .flatten()
            .filter_map(|stage| stage["id"].as_str())
            .collect()
    };
    Ok(if ids.contains(&text) {
        Ok(text.to_owned())
    } else {
        Err((
            "INVALID_OPTION",
            format!("{text} was not one of the allowed options: [{}]", ids.join(", ")),
        ))
    })
}

/// Reads the pipelines of an object as the vendor's JSON; none when it has no pipelines.
pub fn pipelines(work: &Work<'_>, object: &ObjectType) -> Result<Vec<Value>, ApiError> {
    let text: Option<String> = work
        .db
        .prepare_cached("select definition from pipelines where object = ?1")?
        .query_row([&object.name], |row| row.get(0))
        .optional()?;
    Ok(match text {
        Some(text) => serde_json::from_str(&text)?,
        None => Vec::new(),
    })
}

/// Strips scheme, `www.`, path and case from a company's domain.
pub fn bare_domain(text: &str) -> String {
    let lower = text.trim().to_lowercase();
    let rest = lower.split_once("://").map_or(lower.as_str(), |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    host.strip_prefix("www.").unwrap_or(host).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judges_values_by_their_form() {
        assert_eq!(check_email(" Ana@Example.COM "), Ok("ana@example.com".to_owned()));
        assert_eq!(check_email("foo").map_err(|(code, _)| code), Err("INVALID_EMAIL"));
        assert!(check_number("1,000").is_err());
        assert!(check_number("1.2.3").is_err());
        assert!(check_number("inf").is_err());
        assert!(check_number("12.50").is_ok());
        assert_eq!(check_date("1582416000000", false), Ok("2020-02-23".to_owned()));
        assert!(check_date("1582416000001", false).is_err());
        assert_eq!(check_date("1582416000001", true), Ok("2020-02-23".to_owned()));
        assert_eq!(bare_domain("https://www.Example.com/about"), "example.com");
    }
}
