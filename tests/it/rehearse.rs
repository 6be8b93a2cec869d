//! Rehearsals: what a copy of the CRMs foretells, against what the CRMs then do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use concord::sandbox::company::CompanyOptions;
use serde_json::{Value, json};

use crate::support::{Company, Output, Row};

/// Codes of what rules refuse that no API tells.
const RULES: [&str; 3] =
    ["CUSTOM_VALIDATION", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "DUPLICATES_DETECTED"];

/// Refused actions, each with the vendor's code.
type Codes = BTreeMap<String, String>;

#[test]
fn a_plan_is_rehearsed_without_a_trace_and_says_what_would_be_refused() {
    let company = Company::new(&CompanyOptions::small(5));
    plant(&company, 5);
    company.good(&["pull", "--sandbox"]);
    company.good(&["build", "--sandbox"]);
    company.good(&["plan", "--sandbox"]);
    let before = files_of(&company);
    let rehearsed = company.concord(&["rehearse", "--sandbox"]);
    assert_eq!(rehearsed.code, 4, "{}{}", rehearsed.stdout, rehearsed.stderr);
    assert_eq!(before, files_of(&company), "a rehearsal leaves no trace");
    assert!(!company.path(".concord/scratch/rehearsal").exists());

    let json = company.concord(&["rehearse", "--sandbox", "--format", "json"]);
    let document: Value = serde_json::from_str(&json.stdout).expect("one document");
    let digest = document["digest"].as_str().expect("a digest");
    insta::assert_snapshot!("rehearsal", rehearsed.stdout.replace(digest, "[digest]"));
    let calls = document["calls"].as_array().expect("a list");
    for line in calls {
        assert_eq!(line["data"], line["data_planned"], "one bad record splits no call: {line}");
    }
    let csv = company.concord(&["rehearse", "--sandbox", "--format", "csv"]);
    assert_eq!(csv.code, 2, "{}", csv.stderr);
}

#[test]
fn without_a_plan_there_is_nothing_to_rehearse() {
    let company = Company::new(&CompanyOptions::small(3));
    let none = company.concord(&["rehearse", "--sandbox"]);
    assert_eq!(none.code, 2, "{}", none.stderr);
    assert!(none.stderr.contains("there is no plan yet"), "{}", none.stderr);
    let unknown = company.concord(&["rehearse", "p-none", "--sandbox"]);
    assert_eq!(unknown.code, 2, "{}", unknown.stderr);
}

#[test]
fn everything_foretold_happens_and_nothing_foretellable_is_missed() {
    let mut table = String::from(
        "seed  actions  foretold  happened  precision  foretellable  found  recall  refused  unforeseen  share\n",
    );
    let mut met = BTreeSet::new();
    for seed in [1, 2, 3] {
        let company = Company::new(&CompanyOptions::random(seed));
        plant(&company, usize::try_from(seed).expect("a small number"));
        let write = |file: &str, rules: &Value| {
            std::fs::write(company.path(file), rules.to_string()).expect("the rules are written");
        };
        write("data/demo/hubspot/rules.json", &hubspot_rules());
        write("data/demo/salesforce/rules.json", &salesforce_rules());
        company.good(&["pull", "--sandbox"]);
        company.good(&["build", "--sandbox"]);
        let plan = company.good(&["plan", "--sandbox", "--format", "json"]);
        let plan: Value = serde_json::from_str(&plan.stdout).expect("one document");
        let plan = plan["id"].as_str().expect("an id").to_owned();
        let foretold = foretold(&company, &plan);
        hide(&company);
        let applied = company.concord(&["apply", "--sandbox", &plan]);
        assert_eq!(applied.code, 4, "{}{}", applied.stdout, applied.stderr);
        let refused = refused(&company);

        let n_happened = foretold.keys().filter(|action| refused.contains_key(*action)).count();
        let foretellable: Codes =
            refused.clone().into_iter().filter(|(_, code)| !is_hidden(code)).collect();
        let n_found = foretellable.iter().filter(|one| foretold.get(one.0) == Some(one.1)).count();
        let n_unforeseen = refused.keys().filter(|action| !foretold.contains_key(*action)).count();
        assert_eq!(n_happened, foretold.len(), "seed {seed}: {foretold:?} {refused:?}");
        assert_eq!(n_found, foretellable.len(), "seed {seed}: {foretold:?} {foretellable:?}");
        assert!(n_found > 0 && n_unforeseen > 0, "seed {seed}: {refused:?}");

        // Written down, the rules are foretold as well.
        let rules = json!({ "hubspot": hubspot_rules(), "salesforce": salesforce_rules() });
        write("rules.json", &rules);
        let told = ["rehearse", &plan, "--sandbox", "--rules", "rules.json", "--format", "jsonl"];
        let told = refusals(&company.concord(&told));
        let by_rule: Codes = refused
            .clone()
            .into_iter()
            .filter(|(_, code)| RULES.contains(&code.as_str()))
            .collect();
        assert!(by_rule.iter().all(|one| told.get(one.0) == Some(one.1)), "{told:?} {by_rule:?}");
        met.extend(by_rule.into_values());
        let actions = company.count("select count(distinct action_id) from ops.outcomes");
        let _ = writeln!(
            table,
            "{seed:>4}  {actions:>7}  {:>8}  {n_happened:>8}  {:>9}  {:>12}  {n_found:>5}  {:>6}  {:>7}  {n_unforeseen:>10}  {:>5}",
            foretold.len(),
            percent(n_happened, foretold.len()),
            foretellable.len(),
            percent(n_found, foretellable.len()),
            refused.len(),
            percent(n_unforeseen, refused.len()),
        );
    }
    assert!(RULES.iter().all(|code| met.contains(*code)), "{met:?}");
    insta::assert_snapshot!("foretold", table);
}

fn percent(part: usize, whole: usize) -> String {
    format!("{}%", part * 100 / whole.max(1))
}

/// What a rehearsal of the plan foretells.
fn foretold(company: &Company, plan: &str) -> Codes {
    refusals(&company.concord(&["rehearse", plan, "--sandbox", "--format", "jsonl"]))
}

fn refusals(rehearsed: &Output) -> Codes {
    assert_eq!(rehearsed.code, 4, "{}{}", rehearsed.stdout, rehearsed.stderr);
    let text = |value: &Value, key: &str| value[key].as_str().expect("a text").to_owned();
    rehearsed
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .map(|reject: Value| (text(&reject, "action_id"), text(&reject, "code")))
        .collect()
}

/// What the CRMs refused.
fn refused(company: &Company) -> Codes {
    company
        .query("select distinct action_id, code from ops.outcomes where status = 'rejected'")
        .into_iter()
        .map(|row| (row["action_id"].clone(), row["code"].clone()))
        .collect()
}

/// What HubSpot refuses and no API tells: a rule of its own.
fn hubspot_rules() -> Value {
    json!([{
        "object": "contacts",
        "when": { "property": "phone", "matches": "[5-9]$" },
        "refuse": "Numbers of this kind are kept elsewhere",
    }])
}

/// What Salesforce refuses and no API tells: a formula that an admin wrote, and a duplicate rule that
/// finds names alike.
fn salesforce_rules() -> Value {
    json!({
        "validation": [{
            "object": "Lead",
            "after": "Title LIKE '%Manager'",
            "message": "Managers go through the partner desk",
        }],
        "duplicates": [{
            "name": "Same source, names alike",
            "object": "Lead",
            "on": ["create"],
            "exact": ["LeadSource"],
            "fuzzy": ["FirstName"],
            "action": "block",
        }],
    })
}

/// Sets limits in Salesforce that were not there when it was pulled.
fn hide(company: &Company) {
    let lead = "data/demo/salesforce/schema/Lead.json";
    define(company, lead, "FirstName", &json!({ "length": 6 }));
    define(company, lead, "LastName", &json!({ "length": 8 }));
}

/// Says whether a refusal comes from what no snapshot shows, or hangs on it: which of several records
/// gets a unique value depends on who else is refused.
fn is_hidden(code: &str) -> bool {
    let hangs_on_it = ["STRING_TOO_LONG", "DUPLICATE_VALUE", "CONFLICTING_UNIQUE_VALUE"];
    RULES.contains(&code) || hangs_on_it.contains(&code)
}

/// Plants what a CRM refuses and its metadata tells, but no plan holds back: numbers past their
/// digits, addresses that only HubSpot takes, and values that must be unique and are not.
fn plant(company: &Company, seed: usize) {
    let lead = "data/demo/salesforce/schema/Lead.json";
    define(company, lead, "Lead_Score__c", &json!({ "precision": 6 }));
    define(company, lead, "UTM_Source__c", &json!({ "unique": true }));
    let contact = "data/demo/hubspot/schema/contacts.json";
    define(company, contact, "phone", &json!({ "hasUniqueValue": true }));
    let mut contacts = Table::read(&company.path("data/demo/hubspot/objects/contacts.csv"));
    let mut leads = Table::read(&company.path("data/demo/salesforce/objects/Lead.csv"));
    let is_open = |lead: &Row| lead["IsConverted"] != "true" && lead["IsDeleted"] != "true";
    let of_contact: BTreeMap<String, usize> = leads
        .rows
        .iter()
        .enumerate()
        .filter(|(_, lead)| is_open(lead) && !lead["HubSpot_Id__c"].is_empty())
        .map(|(place, lead)| (lead["HubSpot_Id__c"].clone(), place))
        .collect();
    let known: BTreeSet<String> =
        leads.rows.iter().map(|lead| lead["Email"].to_lowercase()).collect();
    let places = 0..contacts.rows.len();
    let linked: Vec<usize> = places
        .clone()
        .filter(|&place| of_contact.contains_key(&contacts.rows[place]["id"]))
        .collect();
    let strangers: Vec<usize> = places
        .filter(|&place| !known.contains(&contacts.rows[place]["email"].to_lowercase()))
        .filter(|&place| contacts.rows[place]["email"].contains('@'))
        .collect();
    let holder = &mut leads.rows[of_contact[&contacts.rows[linked[seed]]["id"]]];
    holder.insert("UTM_Source__c".to_owned(), "the-one-campaign".to_owned());
    let holder = &mut contacts.rows[linked[seed]];
    holder.insert("utm_source".to_owned(), "the-one-campaign".to_owned());
    holder.insert("phone".to_owned(), "+14155550123".to_owned());
    for (turn, &place) in linked.iter().skip(seed + 1).step_by(3).take(12).enumerate() {
        let contact = &mut contacts.rows[place];
        let lead = &mut leads.rows[of_contact[&contact["id"]]];
        match turn % 3 {
            0 => contact.insert("lead_score".to_owned(), format!("{}", 1_000_000 + turn)),
            1 => contact.insert("utm_source".to_owned(), "the-one-campaign".to_owned()),
            _ => {
                contact.insert("phone".to_owned(), String::new());
                lead.insert("Phone".to_owned(), "+1 415 555 0123".to_owned())
            }
        };
    }
    for &place in strangers.iter().skip(seed % 3).step_by(3) {
        let contact = &mut contacts.rows[place];
        let email = contact["email"].replacen('@', ".@", 1);
        contact.insert("email".to_owned(), email);
    }
    contacts.write();
    leads.write();
}

/// Changes a field's definition in a schema file.
fn define(company: &Company, file: &str, field: &str, definition: &Value) {
    let path = company.path(file);
    let text = std::fs::read_to_string(&path).expect("the schema is read");
    let mut schema: Value = serde_json::from_str(&text).expect("JSON");
    let key = if schema.get("fields").is_some() { "fields" } else { "properties" };
    let fields = schema[key].as_array_mut().expect("a list");
    let found = fields.iter_mut().find(|own| own["name"] == field).expect("the field");
    let found = found.as_object_mut().expect("a definition");
    found.extend(definition.as_object().expect("attributes").clone());
    std::fs::write(&path, schema.to_string()).expect("the schema is written");
}

/// Every file of the project with its bytes, apart from locks.
fn files_of(company: &Company) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![company.path("")];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_none_or(|extension| extension != "lock") {
                let bytes = std::fs::read(&path).expect("the file is read");
                files.insert(path.display().to_string(), bytes);
            }
        }
    }
    files
}

/// A CSV file of a world.
struct Table {
    path: PathBuf,
    header: csv::StringRecord,
    rows: Vec<Row>,
}

impl Table {
    fn read(path: &Path) -> Self {
        let mut reader = csv::Reader::from_path(path).expect("the file is there");
        let header = reader.headers().expect("a header").clone();
        let rows = reader.deserialize().map(|row| row.expect("a row")).collect();
        Self { path: path.to_path_buf(), header, rows }
    }

    fn write(&self) {
        let mut writer = csv::Writer::from_path(&self.path).expect("the file is written");
        writer.write_record(&self.header).expect("written");
        for row in &self.rows {
            writer.write_record(self.header.iter().map(|column| &row[column])).expect("written");
        }
        writer.flush().expect("written");
    }
}
