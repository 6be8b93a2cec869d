//! Holds what the build decided against the oracle, field by field.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fmt::Write as _;
use std::path::Path;

use concord::config::{FieldMap, FieldType};
use serde_json::Value;

use super::oracle::{Agreements, Case, Status, Verdict, agrees, decide};
use super::typed::{Facts, FieldFacts, Person, Side, meaning};
use crate::support::{Company, Row};

/// One difference between the build and the oracle.
#[derive(Clone, Debug)]
pub struct Disagreement {
    pub golden_id: String,
    pub hubspot_id: String,
    pub salesforce_id: String,
    pub field: String,
    /// Night of the week, settling nights included.
    pub night: usize,
    pub what: String,
}

/// The oracle over one company's week.
pub struct Judge {
    map: FieldMap,
    pub facts: Facts,
    stages: Vec<String>,
    agreements: Agreements,
    night: usize,
    /// What each side held on each night, newest last.
    histories: BTreeMap<(String, String), Vec<String>>,
    pub n_judged: u64,
    /// Judged fields by status and reason.
    pub counts: BTreeMap<String, u64>,
}

/// The columns that the build's answer is read from.
const DECISIONS: &str = "select golden_id, entity, field, hubspot_id, salesforce_object, salesforce_id, \
    status, source_system, reason_code, image, has_base, is_handed_off, is_agreed, rule, \
    hubspot_raw, salesforce_raw, hubspot_base, salesforce_base from int_field_decisions \
    where hubspot_id is not null and salesforce_id is not null";

impl Judge {
    pub fn new(company: &Company, map: FieldMap, stages: Vec<String>) -> Self {
        Self {
            map,
            facts: facts(&company.path("data/demo")),
            stages,
            agreements: Agreements::default(),
            night: 0,
            histories: BTreeMap::new(),
            n_judged: 0,
            counts: BTreeMap::new(),
        }
    }

    /// Judges the latest build, and notes what is agreed tonight.
    pub fn judge(&mut self, company: &Company) -> Vec<Disagreement> {
        let records = Records::read(company);
        let heirs = records.heirs();
        let bases = self.agreements.of(&heirs);
        let decided: BTreeMap<(String, String), Row> = query(company, DECISIONS)
            .into_iter()
            .map(|row| ((row["golden_id"].clone(), row["field"].clone()), row))
            .collect();
        let pairs = query(
            company,
            "select pairs.*, handoffs.is_open from int_pairs as pairs \
             left join int_handoffs as handoffs on pairs.golden_id = handoffs.golden_id \
             where hubspot_id is not null and salesforce_id is not null",
        );
        let consents: BTreeSet<(String, String)> = query(
            company,
            "select target_id, field from sync_changes where rule = 'most_restrictive'",
        )
        .into_iter()
        .map(|row| (row["target_id"].clone(), row["field"].clone()))
        .collect();
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let mut agreed = Vec::new();
        for pair in &pairs {
            let entity = self.map.entities.iter().find(|own| own.name.as_str() == pair["entity"]);
            let Some(entity) = entity else { continue };
            for field in &entity.fields {
                let object = pair["salesforce_object"].as_str();
                let Some(salesforce_name) = field.salesforce.get(object) else { continue };
                let hubspot_object = pair["hubspot_object"].as_str();
                let (hubspot_id, salesforce_id) = (&pair["hubspot_id"], &pair["salesforce_id"]);
                let hubspot = records.text(hubspot_object, hubspot_id, &field.hubspot);
                let salesforce = records.text(object, salesforce_id, salesforce_name);
                let case = Case {
                    field,
                    hubspot,
                    salesforce,
                    object,
                    hubspot_object,
                    is_handed_off: pair["is_open"] == "true",
                    stages: &self.stages,
                };
                if field.field_type == FieldType::Consent {
                    found.extend(self.judge_consent(&case, pair, &consents));
                    continue;
                }
                let full_name = format!("{}.{}", entity.name, field.name);
                let key = (hubspot_id.clone(), salesforce_id.clone(), full_name.clone());
                let base = bases.get(&key);
                let verdict = decide(&case, base, &self.facts);
                self.n_judged += 1;
                let count = format!("{} {}", verdict.status.word(), verdict.reason.unwrap_or(""));
                *self.counts.entry(count.trim().to_owned()).or_default() += 1;
                let history =
                    self.histories.entry((key.0.clone() + " " + &key.1, full_name)).or_default();
                history.push(format!("{hubspot:?} | {salesforce:?}"));
                let at = (pair["golden_id"].clone(), field.name.clone());
                seen.insert(at.clone());
                let answer = decided.get(&at);
                let what = match answer {
                    None => Some("the build decides nothing".to_owned()),
                    Some(row) => compare(&case, base.is_some(), &verdict, row, &self.facts),
                };
                if let Some(what) = what {
                    let mut text = what;
                    let _ = write!(
                        text,
                        "\n    histories: {}\n    base: {base:?}\n    oracle: {verdict:?}\n    build: {answer:?}",
                        history.join(" → "),
                    );
                    found.push(Disagreement {
                        golden_id: at.0,
                        hubspot_id: hubspot_id.clone(),
                        salesforce_id: salesforce_id.clone(),
                        field: field.name.clone(),
                        night: self.night,
                        what: text,
                    });
                }
                if agrees(&case, &self.facts) {
                    agreed.push((key, hubspot.to_owned(), salesforce.to_owned()));
                }
            }
        }
        for (key, hubspot, salesforce) in agreed {
            let base = super::oracle::Base { hubspot, salesforce, night: self.night };
            self.agreements.0.insert(key, base);
        }
        for ((golden_id, field), row) in &decided {
            if !seen.contains(&(golden_id.clone(), field.clone())) {
                found.push(Disagreement {
                    golden_id: golden_id.clone(),
                    hubspot_id: row["hubspot_id"].clone(),
                    salesforce_id: row["salesforce_id"].clone(),
                    field: field.clone(),
                    night: self.night,
                    what: format!("the build decides what is no field of a pair: {row:?}"),
                });
            }
        }
        self.night += 1;
        found
    }
}

impl Judge {
    /// Of two primary records of which one says no, the other is owed it.
    fn judge_consent(
        &self,
        case: &Case<'_>,
        pair: &Row,
        consents: &BTreeSet<(String, String)>,
    ) -> Option<Disagreement> {
        let is_no =
            |side, text| meaning(case.field, side, text, &self.facts).known() == Some("true");
        let (hubspot, salesforce) =
            (is_no(Side::HubSpot, case.hubspot), is_no(Side::Salesforce, case.salesforce));
        let owed = match (hubspot, salesforce) {
            (true, false) => &pair["salesforce_id"],
            (false, true) => &pair["hubspot_id"],
            _ => return None,
        };
        let is_owed = consents.contains(&(owed.clone(), case.field.name.clone()));
        (!is_owed).then(|| Disagreement {
            golden_id: pair["golden_id"].clone(),
            hubspot_id: pair["hubspot_id"].clone(),
            salesforce_id: pair["salesforce_id"].clone(),
            field: case.field.name.clone(),
            night: self.night,
            what: format!("a no is not owed: {:?} | {:?}", case.hubspot, case.salesforce),
        })
    }
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { golden_id, hubspot_id, salesforce_id, field, night, what, .. } = self;
        write!(f, "night {night}, {golden_id} ({hubspot_id}, {salesforce_id}), {field}: {what}")
    }
}

/// Says in what the build's answer differs.
fn compare(
    case: &Case<'_>,
    has_base: bool,
    verdict: &Verdict,
    row: &Row,
    facts: &Facts,
) -> Option<String> {
    if row["hubspot_raw"] != case.hubspot || row["salesforce_raw"] != case.salesforce {
        return Some("other values".to_owned());
    }
    if row["status"] != verdict.status.word() {
        return Some("status".to_owned());
    }
    if (row["has_base"] == "true") != has_base {
        return Some("base".to_owned());
    }
    if verdict.status == Status::Agree {
        return None;
    }
    let source = verdict.source.map_or("", Side::word);
    if verdict.source.is_some() && row["source_system"] != source {
        return Some("source".to_owned());
    }
    let reason = verdict.reason.unwrap_or_default();
    if !reason.is_empty() && row["reason_code"] != reason {
        return Some("reason".to_owned());
    }
    let (Some(after), Some(source)) = (&verdict.after, verdict.source) else { return None };
    let written = &row["image"];
    if let Some(text) = &verdict.after_text
        && written.trim() != text
    {
        return Some("text".to_owned());
    }
    let meant = meaning(case.field, source.other(), written, facts);
    let is_blank_enough = after.is_blank() && written.is_empty();
    if !is_blank_enough && meant != *after {
        // A user is meant by an address, and there are several ids for some.
        return Some(format!("after: {meant:?}"));
    }
    None
}

/// Raw records of both CRMs, as the latest snapshot has them.
pub struct Records {
    by_id: BTreeMap<(String, String), Row>,
}

impl Records {
    pub fn read(company: &Company) -> Self {
        let mut by_id = BTreeMap::new();
        for (table, object, id) in [
            ("hubspot.contacts", "contacts", "hs_object_id"),
            ("hubspot.companies", "companies", "hs_object_id"),
            ("salesforce.lead", "Lead", "Id"),
            ("salesforce.contact", "Contact", "Id"),
            ("salesforce.account", "Account", "Id"),
        ] {
            for row in query(company, &format!("select * from {table}")) {
                by_id.insert((object.to_owned(), row[id].clone()), row);
            }
        }
        Self { by_id }
    }

    pub fn text(&self, object: &str, id: &str, name: &str) -> &str {
        self.by_id
            .get(&(object.to_owned(), id.to_owned()))
            .and_then(|row| row.get(name))
            .map_or("", String::as_str)
    }

    /// Which record took the place of which, by merges and conversions.
    fn heirs(&self) -> BTreeMap<String, String> {
        let mut heirs = BTreeMap::new();
        for ((_, id), row) in &self.by_id {
            let text = |name: &str| row.get(name).map_or("", String::as_str);
            for old in text("hs_merged_object_ids").split(';').filter(|old| !old.is_empty()) {
                heirs.insert(old.to_owned(), id.clone());
            }
            for name in ["MasterRecordId", "ConvertedContactId"] {
                if !text(name).is_empty() {
                    heirs.insert(id.clone(), text(name).to_owned());
                }
            }
        }
        heirs
    }
}

/// Reads what the world's files say of fields and staff.
fn facts(world: &Path) -> Facts {
    let mut facts = Facts::default();
    let json = |path: &str| -> Value {
        let text = std::fs::read_to_string(world.join(path)).expect("the file is there");
        serde_json::from_str(&text).expect("JSON")
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for object in ["contacts", "companies"] {
        let file = json(&format!("hubspot/schema/{object}.json"));
        for property in file["properties"].as_array().expect("properties") {
            let options = property["options"].as_array().into_iter().flatten();
            let values =
                options.map(|option| (text(&option["value"]), option["hidden"] != true)).collect();
            let own = FieldFacts {
                is_restricted: property["type"] == "enumeration",
                values,
                ..FieldFacts::default()
            };
            facts.fields.insert(format!("{object}.{}", text(&property["name"])), own);
        }
    }
    for object in ["Lead", "Contact", "Account"] {
        let file = json(&format!("salesforce/schema/{object}.json"));
        for field in file["fields"].as_array().expect("fields") {
            let items = field["picklistValues"].as_array().into_iter().flatten();
            let values = items.map(|item| (text(&item["value"]), item["active"] == true)).collect();
            let own = FieldFacts {
                length: field["length"].as_u64().and_then(|n| n.try_into().ok()).unwrap_or(0),
                is_required: field["nillable"] != true,
                is_restricted: field["restrictedPicklist"] == true,
                values,
            };
            facts.fields.insert(format!("{object}.{}", text(&field["name"])), own);
        }
    }
    for (path, id, is_hubspot) in
        [("hubspot/owners.csv", "id", true), ("salesforce/objects/User.csv", "Id", false)]
    {
        let mut reader = csv::Reader::from_path(world.join(path)).expect("the file is there");
        let header = reader.headers().expect("a header").clone();
        for row in reader.records() {
            let row = row.expect("a row");
            let row: BTreeMap<&str, &str> = header.iter().zip(row.iter()).collect();
            let email = row.get("email").or_else(|| row.get("Email")).copied().unwrap_or_default();
            let is_active =
                row.get("archived") == Some(&"false") || row.get("IsActive") == Some(&"true");
            let person = Person { email: email.trim().to_lowercase(), is_active, is_hubspot };
            facts.people.insert(row[id].to_owned(), person);
        }
    }
    facts
}

/// Asks the project's tables. JSON keeps values as they are, where CSV defuses what could be a formula.
pub fn query(company: &Company, sql: &str) -> Vec<Row> {
    let output = company.good(&["query", "--sandbox", "--format", "jsonl", sql]);
    let text = |value: Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    };
    let row = |line: &str| -> Row {
        let row: BTreeMap<String, Value> = serde_json::from_str(line).expect("a row");
        row.into_iter().map(|(name, value)| (name, text(value))).collect()
    };
    output.stdout.lines().map(row).collect()
}
