//! Values that one subrequest takes from the answer of an earlier one.

use std::collections::HashMap;

use serde_json::Value;

use super::super::errors::Fault;
use super::SubRequest;

/// Puts the values of `@{reference.path}` into an address and a body.
pub fn resolve(
    request: &SubRequest,
    known: &HashMap<&str, Value>,
) -> Result<(String, Option<Value>), Fault> {
    let url = fill(&request.url, known)?;
    let body = request.body.as_ref().map(|body| fill_value(body, known)).transpose()?;
    Ok((url, body))
}

fn fill_value(value: &Value, known: &HashMap<&str, Value>) -> Result<Value, Fault> {
    Ok(match value {
        Value::String(text) => Value::String(fill(text, known)?),
        Value::Array(items) => Value::Array(
            items.iter().map(|item| fill_value(item, known)).collect::<Result<_, _>>()?,
        ),
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, value)| Ok((key.clone(), fill_value(value, known)?)))
                .collect::<Result<_, Fault>>()?,
        ),
        other => other.clone(),
    })
}

fn fill(text: &str, known: &HashMap<&str, Value>) -> Result<String, Fault> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("@{") {
        let Some((reference, behind)) = after.split_once('}') else { break };
        out.push_str(before);
        out.push_str(&look_up(reference, known)?);
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

fn look_up(reference: &str, known: &HashMap<&str, Value>) -> Result<String, Fault> {
    let unknown = || {
        let message = format!("Invalid reference specified. No value for {reference} found");
        Fault::new(400, "PROCESSING_HALTED", message)
    };
    let name_end = reference.find(['.', '[']).unwrap_or(reference.len());
    let (name, path) = reference.split_at(name_end);
    let mut value = known.get(name).ok_or_else(unknown)?;
    for part in path.split(['.', '[']).filter(|part| !part.is_empty()) {
        value = match part.strip_suffix(']') {
            Some(index) => value.get(index.parse::<usize>().map_err(|_| unknown())?),
            None => value.get(part),
        }
        .ok_or_else(unknown)?;
    }
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(unknown()),
        other => Ok(other.to_string()),
    }
}

/// Returns the reference ids that a subrequest mentions.
pub fn mentioned(request: &SubRequest) -> Vec<String> {
    let body = request.body.as_ref().map(Value::to_string).unwrap_or_default();
    [request.url.as_str(), body.as_str()]
        .into_iter()
        .flat_map(|text| text.split("@{").skip(1))
        .map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect())
        .collect()
}
