//! What both CRMs hold, as far as two runs of the same company can be compared by it.

use std::collections::BTreeMap;

use concord::sandbox::Sandbox;
use serde_json::Value;

use super::api;

/// Every record by system, object and identity, with every value that is not blank.
///
/// Left out are times that a vendor sets by itself. A record that Concord made is known by its key,
/// and wherever its id stands as a value, the key stands instead.
pub type EndState = BTreeMap<String, BTreeMap<String, String>>;

const HUBSPOT_OBJECTS: [&str; 3] = ["contacts", "companies", "deals"];
const HUBSPOT_KEY: &str = "concord_key";
const SALESFORCE_OBJECTS: [&str; 4] = ["Lead", "Contact", "Account", "Opportunity"];
const SALESFORCE_KEY: &str = "Concord_Key__c";
const SALESFORCE_DATA: &str = "/services/data/v67.0";

/// Reads both CRMs over their own APIs.
pub fn end_state(sandbox: &Sandbox) -> EndState {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let records = runtime.block_on(async {
        let mut records = Vec::new();
        for object in HUBSPOT_OBJECTS {
            records.extend(hubspot_records(sandbox, object).await);
        }
        let token = api::session(sandbox).await;
        for object in SALESFORCE_OBJECTS {
            records.extend(salesforce_records(sandbox, &token, object).await);
        }
        records
    });
    let made: BTreeMap<String, String> = records
        .iter()
        .filter_map(|record| Some((record.id.clone(), record.key.clone()?)))
        .collect();
    let mut state = EndState::new();
    for mut record in records {
        for (name, value) in &mut record.values {
            if let Some(key) = made.get(value) {
                *value = format!("the record of {key}");
            } else if name.starts_with('(') {
                *value = links_by_key(value, &made);
            }
        }
        let identity = format!("{} {}", record.object, record.key.unwrap_or(record.id));
        let second = state.insert(identity.clone(), record.values);
        assert!(second.is_none(), "there are two of {identity}");
    }
    state
}

/// Writes the key of a record that Concord made in place of its id in a list of links.
fn links_by_key(links: &str, made: &BTreeMap<String, String>) -> String {
    let by_key = |link: &str| match link.split_once(' ') {
        Some((id, kind)) => format!("{} {kind}", made.get(id).map_or(id, String::as_str)),
        None => link.to_owned(),
    };
    let mut links: Vec<String> = links.split(", ").map(by_key).collect();
    links.sort();
    links.join(", ")
}

/// Says where two states differ, in few words; empty when they do not.
pub fn differences(found: &EndState, expected: &EndState) -> Vec<String> {
    let mut differences = Vec::new();
    for (identity, values) in expected {
        match found.get(identity) {
            None => differences.push(format!("{identity} is missing")),
            Some(own) if own == values => {}
            Some(own) => {
                let names = values.keys().chain(own.keys().filter(|n| !values.contains_key(*n)));
                for name in names.filter(|name| own.get(*name) != values.get(*name)) {
                    let (found, expected) = (own.get(name), values.get(name));
                    differences
                        .push(format!("{identity} {name}: {found:?} instead of {expected:?}"));
                }
            }
        }
    }
    let further = found.keys().filter(|identity| !expected.contains_key(*identity));
    differences.extend(further.map(|identity| format!("{identity} is one too many")));
    differences
}

struct Record {
    object: String,
    id: String,
    key: Option<String>,
    values: BTreeMap<String, String>,
}

async fn hubspot_records(sandbox: &Sandbox, object: &str) -> Vec<Record> {
    let token = &sandbox.world().hubspot.token;
    let get = async |path: &str| api::get(sandbox.hubspot_router(), token, path).await;
    let described = get(&format!("/crm/properties/2026-09/{object}")).await;
    let is_comparable = |property: &Value| {
        let is_own_time = property["type"] == "datetime"
            && property["modificationMetadata"]["readOnlyValue"] == true;
        !is_own_time && property["name"] != "createdate" && property["name"] != "hs_object_id"
    };
    let properties: Vec<&str> = described["results"]
        .as_array()
        .expect("properties")
        .iter()
        .filter(|property| is_comparable(property))
        .filter_map(|property| property["name"].as_str())
        .collect();
    let linked: Vec<&str> = HUBSPOT_OBJECTS.into_iter().filter(|other| *other != object).collect();
    let mut records = Vec::new();
    let mut after = String::new();
    loop {
        let page = get(&format!(
            "/crm/objects/2026-09/{object}?limit=100&properties={}&associations={}{after}",
            properties.join(","),
            linked.join(",")
        ))
        .await;
        for result in page["results"].as_array().expect("a page") {
            let mut values = texts(&result["properties"]);
            values.retain(|name, _| properties.contains(&name.as_str()));
            let links = result["associations"].as_object().into_iter().flatten();
            for (other, list) in links {
                let mut ids: Vec<String> = list["results"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|link| {
                        let text = |key: &str| link[key].as_str().unwrap_or_default().to_owned();
                        format!("{} {}", text("id"), text("type"))
                    })
                    .collect();
                ids.sort();
                values.insert(format!("({other})"), ids.join(", "));
            }
            records.push(Record {
                object: format!("hubspot {object}"),
                id: result["id"].as_str().expect("an id").to_owned(),
                key: values.get(HUBSPOT_KEY).cloned(),
                values,
            });
        }
        match page["paging"]["next"]["after"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break records,
        }
    }
}

async fn salesforce_records(sandbox: &Sandbox, token: &str, object: &str) -> Vec<Record> {
    let get = async |path: &str| api::get(sandbox.salesforce_router(), token, path).await;
    let described = get(&format!("{SALESFORCE_DATA}/sobjects/{object}/describe")).await;
    let is_own_time = |field: &Value| field["type"] == "datetime" && field["updateable"] != true;
    let fields: Vec<&str> = described["fields"]
        .as_array()
        .expect("fields")
        .iter()
        .filter(|field| !is_own_time(field))
        .filter_map(|field| field["name"].as_str())
        .collect();
    let mut path = format!("{SALESFORCE_DATA}/query?q=SELECT+{}+FROM+{object}", fields.join(","));
    let mut records = Vec::new();
    loop {
        let page = get(&path).await;
        for record in page["records"].as_array().expect("a page") {
            let mut values = texts(record);
            values.remove("attributes");
            let id = values.remove("Id").expect("an id");
            records.push(Record {
                object: format!("salesforce {object}"),
                id,
                key: values.get(SALESFORCE_KEY).cloned(),
                values,
            });
        }
        match page["nextRecordsUrl"].as_str() {
            Some(next) => next.clone_into(&mut path),
            None => break records,
        }
    }
}

/// Writes an object's values that are not blank as text.
fn texts(object: &Value) -> BTreeMap<String, String> {
    let entries = object.as_object().expect("an object").iter();
    entries
        .filter_map(|(name, value)| match value {
            Value::Null => None,
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some((name.clone(), text.clone())),
            other => Some((name.clone(), other.to_string())),
        })
        .collect()
}
