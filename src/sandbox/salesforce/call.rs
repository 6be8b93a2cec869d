//! One call on the data API, whether it came over HTTP or inside a composite.

use serde_json::{Map, Value};

use super::errors::Fault;

/// Oldest and newest API version that answer.
pub const VERSIONS: std::ops::RangeInclusive<u32> = 50..=68;

/// A request taken apart.
#[derive(Clone, Debug)]
pub struct Call {
    /// In capitals.
    pub method: String,
    /// Such as `v68.0`; empty for paths outside a version.
    pub version: String,
    /// Decoded path segments behind the version.
    pub path: Vec<String>,
    pub query: Vec<(String, String)>,
    /// Headers by name in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Second part of a multipart body, whose first is then `body`.
    pub content: Option<Vec<u8>>,
    /// An enclosing composite rolls everything back together.
    pub is_all_or_none_forced: bool,
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// `/services/data`, the list of versions.
    Versions,
    /// Something under `/services/data/vXX.0`.
    Data { version: String, path: Vec<String> },
    /// Anything else, as decoded segments.
    Other(Vec<String>),
}

impl Call {
    /// Takes a method and an address without scheme and host apart.
    pub fn new(method: &str, address: &str) -> (Self, Place) {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let place = place(path);
        let (version, segments) = match &place {
            Place::Data { version, path } => (version.clone(), path.clone()),
            Place::Versions => (String::new(), Vec::new()),
            Place::Other(path) => (String::new(), path.clone()),
        };
        let call = Self {
            method: method.to_ascii_uppercase(),
            version,
            path: segments,
            query: parse_form(query),
            headers: Vec::new(),
            body: Vec::new(),
            content: None,
            is_all_or_none_forced: false,
        };
        (call, place)
    }

    /// Returns the first query parameter of that name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns a header by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns one option of a header such as `Sforce-Query-Options: batchSize=200`.
    pub fn header_option(&self, header: &str, option: &str) -> Option<&str> {
        self.header(header)?.split([',', ';']).find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            name.trim().eq_ignore_ascii_case(option).then(|| value.trim())
        })
    }

    /// Returns the body as a JSON object.
    ///
    /// # Errors
    /// `JSON_PARSER_ERROR` when it is anything else.
    pub fn json_object(&self) -> Result<Map<String, Value>, Fault> {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(map)) => Ok(map),
            Ok(Value::Array(_)) => Err(Fault::json(
                "Cannot deserialize instance of object from START_ARRAY value [ or request may be missing a required field at [line:1, column:1]",
            )),
            Ok(_) => Err(Fault::json(
                "The HTTP entity body is required, but this request has no object in it.",
            )),
            Err(error) => Err(Fault::json(format!(
                "Unexpected character at [line:{}, column:{}]",
                error.line(),
                error.column()
            ))),
        }
    }

    /// Returns the path of a resource in this call's version.
    pub fn url(&self, rest: &str) -> String {
        format!("/services/data/{}/{rest}", self.version)
    }
}

/// Decodes `a=b&c=d` with `+` as a space.
pub fn parse_form(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key, true), decode(value, true))
        })
        .collect()
}

fn place(path: &str) -> Place {
    // Clients that were given an address with a trailing slash send `//services/data`.
    let segments: Vec<String> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| decode(segment, false))
        .collect();
    match segments.as_slice() {
        [services, data] if services == "services" && data == "data" => Place::Versions,
        [services, data, version, rest @ ..]
            if services == "services" && data == "data" && is_version(version) =>
        {
            Place::Data { version: version.clone(), path: rest.to_vec() }
        }
        _ => Place::Other(segments),
    }
}

fn is_version(text: &str) -> bool {
    text.strip_prefix('v')
        .and_then(|number| number.strip_suffix(".0"))
        .and_then(|number| number.parse::<u32>().ok())
        .is_some_and(|number| VERSIONS.contains(&number))
}

fn decode(text: &str, is_plus_space: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let mut ahead = rest.clone();
                let digits = [ahead.next(), ahead.next()]
                    .map(|digit| digit.and_then(|digit| char::from(digit).to_digit(16)));
                if let [Some(high), Some(low)] = digits {
                    bytes.extend(u8::try_from(high * 16 + low));
                    rest = ahead;
                } else {
                    bytes.push(b'%');
                }
            }
            b'+' if is_plus_space => bytes.push(b' '),
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_addresses_apart() {
        let (call, place) = Call::new("get", "//services/data/v68.0/query/?q=SELECT+Id%2CName");
        assert_eq!(call.path, ["query"]);
        assert_eq!(call.parameter("q"), Some("SELECT Id,Name"));
        assert!(matches!(place, Place::Data { .. }));
        let (mut call, _) =
            Call::new("PATCH", "/services/data/v60.0/sobjects/Lead/Key__c/a%2Fb+c%");
        assert_eq!(call.path[3], "a/b+c%");
        assert!(matches!(Call::new("GET", "/services/data/").1, Place::Versions));
        assert!(matches!(Call::new("GET", "/services/data/v69.0/limits").1, Place::Other(_)));
        call.headers.push(("sforce-query-options".to_owned(), "batchSize = 250".to_owned()));
        assert_eq!(call.header_option("sforce-query-options", "BatchSize"), Some("250"));
    }
}
