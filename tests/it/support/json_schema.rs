//! Says where a value breaks a JSON Schema, by the few keywords that ours use.
//!
//! Chosen: these lines. Instead of: a validator from a crate. Because: the light ones switch on
//! features of crates that DataFusion stands on, so that tests would build all of it a second time. A
//! keyword that is not known here fails the test instead of being passed over.

use serde_json::Value;

/// Keywords that say nothing about a value.
const WORDS_ONLY: [&str; 4] = ["$schema", "$id", "title", "description"];

/// Lists what is wrong, each with its dotted place.
pub fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    check(schema, value, "", &mut faults);
    faults
}

fn check(schema: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
    let keywords = schema.as_object().expect("a schema is an object");
    let count = || value.as_object().map_or(0, serde_json::Map::len);
    for (keyword, rule) in keywords {
        let fault = match keyword.as_str() {
            word if WORDS_ONLY.contains(&word) => None,
            "type" => {
                let types = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
                let is_one = types.iter().any(|name| is_type(name, value));
                (!is_one).then(|| format!("not {}", rule.as_str().unwrap_or("of the types")))
            }
            "enum" => {
                let words = rule.as_array().expect("a list of words");
                (!words.contains(value)).then(|| "none of the words".to_owned())
            }
            "const" => (rule != value).then(|| "not the word".to_owned()),
            "pattern" => value
                .as_str()
                .filter(|text| !is_match(rule.as_str().expect("a pattern"), text))
                .map(|_| format!("does not match {rule}")),
            "minLength" => value
                .as_str()
                .filter(|text| (text.chars().count() as u64) < number(rule))
                .map(|_| "blank".to_owned()),
            "minimum" => {
                value.as_f64().filter(|n| Some(*n) < rule.as_f64()).map(|_| format!("below {rule}"))
            }
            "maximum" => {
                value.as_f64().filter(|n| Some(*n) > rule.as_f64()).map(|_| format!("above {rule}"))
            }
            "minItems" => value
                .as_array()
                .filter(|items| (items.len() as u64) < number(rule))
                .map(|_| format!("fewer than {rule} items")),
            "minProperties" => (value.is_object() && (count() as u64) < number(rule))
                .then(|| format!("fewer than {rule} keys")),
            "maxProperties" => {
                ((count() as u64) > number(rule)).then(|| format!("more than {rule} keys"))
            }
            "required" => {
                let missing = rule.as_array().expect("a list of keys").iter();
                let mut missing = missing
                    .filter(|key| value.is_object() && value[key.as_str().unwrap_or("")].is_null());
                missing.next().map(|key| format!("missing `{}`", key.as_str().unwrap_or("")))
            }
            "properties" => {
                for (key, inner) in rule.as_object().expect("keys") {
                    if let Some(value) = value.get(key) {
                        check(inner, value, &below(place, key), faults);
                    }
                }
                None
            }
            "additionalProperties" => {
                for (key, value) in value.as_object().into_iter().flatten() {
                    if keywords.get("properties").is_some_and(|known| known.get(key).is_some()) {
                        continue;
                    }
                    if rule == &Value::Bool(false) {
                        faults.push(format!("{place}: unknown key `{key}`"));
                    } else {
                        check(rule, value, &below(place, key), faults);
                    }
                }
                None
            }
            "propertyNames" => {
                for key in value.as_object().into_iter().flat_map(serde_json::Map::keys) {
                    check(rule, &Value::String(key.clone()), &below(place, key), faults);
                }
                None
            }
            "items" => {
                for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(rule, item, &below(place, &n.to_string()), faults);
                }
                None
            }
            "anyOf" => {
                let schemas = rule.as_array().expect("a list of schemas");
                let is_one = schemas.iter().any(|schema| self::faults(schema, value).is_empty());
                (!is_one).then(|| "fits none of the ways".to_owned())
            }
            "if" => {
                if self::faults(rule, value).is_empty() {
                    check(&keywords["then"], value, place, faults);
                }
                None
            }
            "then" => None,
            _ => panic!("the checker does not know this keyword: {keyword}"),
        };
        faults.extend(fault.map(|fault| format!("{place}: {fault}")));
    }
}

fn below(place: &str, key: &str) -> String {
    if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") }
}

fn number(rule: &Value) -> u64 {
    rule.as_u64().expect("a whole number")
}

fn is_type(name: &Value, value: &Value) -> bool {
    match name.as_str().expect("a type's name") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("the checker does not know this type: {other}"),
    }
}

fn is_match(pattern: &str, text: &str) -> bool {
    let batch = datafusion::arrow::array::StringArray::from(vec![text]);
    let found = datafusion::arrow::compute::regexp_is_match_scalar(&batch, pattern, None);
    found.expect("a pattern").value(0)
}
