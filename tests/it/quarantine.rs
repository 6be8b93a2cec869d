//! What a CRM refused is not sent again as it is, night after night, and is never forgotten either.

use concord::sandbox::company::CompanyOptions;
use concord::sandbox::hubspot::Rule;
use serde_json::{Value, json};

use crate::edits::{Edit, make};
use crate::laws;
use crate::support::{Company, Output, Row};

/// A company whose first night is over, and its linked leads.
fn settled() -> (Company, Vec<Row>) {
    let company = Company::new(&CompanyOptions::small(5));
    company.good(&["run", "--sandbox"]);
    let pairs = laws::lead_pairs(&company);
    assert!(pairs.len() > 1);
    (company, pairs)
}

fn in_hubspot(company: &Company, pairs: &[Row], values: &[(&'static str, &str)]) {
    let edit = |(property, value): &(&'static str, &str)| Edit::HubSpot {
        pair: 0,
        property,
        value: (*value).to_owned(),
    };
    make(&company.sandbox(), pairs, &values.iter().map(edit).collect::<Vec<_>>());
}

fn in_salesforce(company: &Company, pairs: &[Row], values: &[(&'static str, &str)]) {
    let edit = |(field, value): &(&'static str, &str)| Edit::Salesforce {
        pair: 0,
        field,
        value: (*value).to_owned(),
    };
    make(&company.sandbox(), pairs, &values.iter().map(edit).collect::<Vec<_>>());
}

/// Sets what HubSpot refuses, which no API tells.
fn hubspot_rules(company: &Company, rules: Value) {
    let rules: Vec<Rule> = serde_json::from_value(rules).expect("rules");
    company.sandbox().hubspot().set_rules(rules).expect("the portal has what they name");
}

/// Sets what Salesforce refuses, from its next start on.
fn salesforce_rules(company: &Company, rules: &Value) {
    let path = company.path("data/demo/salesforce/rules.json");
    std::fs::write(path, rules.to_string()).expect("the rules are written");
}

/// A rule that no title may be this one; it names no field.
fn no_such_title(title: &str) -> Value {
    json!({ "validation": [{
        "object": "Lead",
        "on": ["create", "update"],
        "after": format!("Title = '{title}'"),
        "message": "Ask the sales desk first",
    }] })
}

fn night(company: &Company, code: i32) -> Output {
    let night = company.concord(&["run", "--sandbox"]);
    assert_eq!(night.code, code, "{}{}", night.stdout, night.stderr);
    night
}

/// Law 2: what waits is a difference with its reason like any other.
fn accounts_for_everything(company: &Company) {
    for law in [laws::accounts_for_every_record, laws::accounts_for_every_difference] {
        law(company).unwrap_or_else(|broken| panic!("{broken}"));
    }
}

/// A night in which nothing goes to a CRM, not even a look at what would be written.
fn quiet_night(company: &Company) -> Output {
    let quiet = night(company, 0);
    assert!(quiet.stdout.contains("nothing to do"), "{}", quiet.stdout);
    let calls = company.count(
        "select count(*) from ops.requests where stage = 'apply' \
         and run_id = (select max(run_id) from ops.runs where command = 'run')",
    );
    assert_eq!(calls, 0, "calls of the night's apply");
    quiet
}

/// What the last night sent, as `field status`.
fn sent(company: &Company) -> Vec<String> {
    company
        .query(
            "select field, status from ops.outcomes \
             where run_id = (select max(run_id) from ops.runs where command = 'run') order by field",
        )
        .into_iter()
        .map(|row| format!("{} {}", row["field"], row["status"]))
        .collect()
}

/// What waits because it was refused, as `field code times`.
fn refused(company: &Company) -> Vec<String> {
    company
        .query("select field, code, n_refusals from state_rejections order by golden_id, field")
        .into_iter()
        .map(|row| format!("{} {} {}", row["field"], row["code"], row["n_refusals"]))
        .collect()
}

fn release(company: &Company, pairs: &[Row], field: Option<&str>) {
    let golden_id = pairs[0]["golden_id"].as_str();
    let mut arguments = vec!["release", "--sandbox", golden_id];
    arguments.extend(field.into_iter().flat_map(|field| ["--field", field]));
    company.good(&arguments);
}

#[test]
fn a_field_that_hubspot_names_waits_alone_until_its_value_changes_or_it_is_released() {
    let (company, pairs) = settled();
    hubspot_rules(
        &company,
        json!([{
            "object": "contacts",
            "when": { "property": "phone", "matches": "[5-9]$" },
            "refuse": "Numbers of this kind are kept elsewhere",
        }]),
    );
    in_salesforce(&company, &pairs, &[("Phone", "+1 415 555 0199"), ("Status", "Accepted")]);
    let first = night(&company, 4);
    assert!(first.stdout.contains("CUSTOM_VALIDATION phone"), "{}", first.stdout);
    assert!(sent(&company).contains(&"phone rejected".to_owned()), "{:?}", sent(&company));

    // What was refused with it goes without it.
    let second = night(&company, 0);
    assert!(
        second.stderr.contains("in quarantine, refused by a CRM before: 1 validation_rule"),
        "{}",
        second.stderr
    );
    assert!(second.stdout.contains("refused_there"), "{}", second.stdout);
    let others = sent(&company);
    assert!(!others.is_empty(), "the status was refused for the phone's sake alone");
    assert!(others.iter().all(|one| one.ends_with("accepted")), "{others:?}");
    assert_eq!(refused(&company), ["phone CUSTOM_VALIDATION 1"]);
    accounts_for_everything(&company);
    let waiting = company.query(
        "select record_id, field, refusal_reason, refusal_code, release_condition from held_back \
         where reason_code = 'refused_there'",
    );
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    assert_eq!(waiting[0]["record_id"], pairs[0]["hubspot_id"]);
    assert_eq!(waiting[0]["refusal_reason"], "validation_rule");
    assert!(waiting[0]["release_condition"].contains("another value"), "{waiting:?}");
    let why = company.good(&["why", "--sandbox", &pairs[0]["golden_id"]]);
    assert!(why.stdout.contains("Numbers of this kind are kept elsewhere"), "{}", why.stdout);

    // Another value is another question.
    in_salesforce(&company, &pairs, &[("Phone", "+1 415 555 0188")]);
    night(&company, 4);
    assert_eq!(sent(&company), ["phone rejected"]);
    let quiet = quiet_night(&company);
    assert!(quiet.stderr.contains("in quarantine"), "{}", quiet.stderr);
    assert_eq!(refused(&company), ["phone CUSTOM_VALIDATION 1"]);

    hubspot_rules(&company, json!([]));
    release(&company, &pairs, Some("phone"));
    let released = night(&company, 0);
    assert_eq!(sent(&company), ["phone accepted"]);
    assert!(!released.stderr.contains("in quarantine"), "{}", released.stderr);
    quiet_night(&company);
    assert!(refused(&company).is_empty());

    hubspot_rules(
        &company,
        json!([{ "object": "contacts", "when": { "property": "phone", "is": "+14155550177" }, "refuse": "No" }]),
    );
    in_salesforce(&company, &pairs, &[("Phone", "+1 415 555 0177")]);
    night(&company, 4);
    in_salesforce(&company, &pairs, &[("Phone", "+1 415 555 0121")]);
    night(&company, 0);
    assert_eq!(sent(&company), ["phone accepted"]);
    quiet_night(&company);
    assert!(refused(&company).is_empty());
}

#[test]
fn fields_refused_together_wait_together_and_are_tried_again_after_a_while() {
    let (company, pairs) = settled();
    salesforce_rules(&company, &no_such_title("Head of Growth"));
    in_hubspot(&company, &pairs, &[("jobtitle", "Head of Growth"), ("phone", "+1 415 555 0142")]);
    night(&company, 4);
    assert_eq!(sent(&company), ["job_title rejected", "phone rejected"]);

    // The first wait skips a night, the second one three.
    quiet_night(&company);
    accounts_for_everything(&company);
    let of = |field: &str, n: u32| format!("{field} FIELD_CUSTOM_VALIDATION_EXCEPTION {n}");
    assert_eq!(refused(&company), [of("job_title", 1), of("phone", 1)]);
    night(&company, 4);
    assert_eq!(sent(&company), ["job_title rejected", "phone rejected"]);
    for _ in 0..2 {
        quiet_night(&company);
    }
    assert_eq!(refused(&company), [of("job_title", 2), of("phone", 2)]);
    let counted = |company: &Company| {
        company.query(
            "select golden_id, field, sent, n_refusals, first_refused_at, last_refused_at \
             from int_rejections order by golden_id, field",
        )
    };
    let carried = counted(&company);
    assert!(carried.iter().all(|row| row["n_refusals"] == "2"), "{carried:?}");

    // Law 9: the journals alone say the same as what was carried from night to night.
    let folded = company.copy();
    std::fs::remove_dir_all(folded.path(".concord/sandbox/warehouse/state")).expect("it is gone");
    folded.good(&["build", "--sandbox"]);
    assert_eq!(counted(&folded), carried);

    // What is new goes alone; one of those that wait with another value brings the others along.
    in_hubspot(&company, &pairs, &[("segment", "enterprise")]);
    night(&company, 0);
    assert!(sent(&company).iter().all(|one| one == "segment accepted"), "{:?}", sent(&company));
    in_hubspot(&company, &pairs, &[("phone", "+1 415 555 0143")]);
    night(&company, 4);
    assert_eq!(sent(&company), ["job_title rejected", "phone rejected"]);
    quiet_night(&company);

    // Whoever works on the record there may have cured it.
    in_salesforce(&company, &pairs, &[("City", "Ulm")]);
    night(&company, 4);
    assert_eq!(sent(&company), ["job_title rejected", "phone rejected"]);

    // And what nobody wants any more is over.
    in_hubspot(&company, &pairs, &[("jobtitle", "Head of Sales")]);
    night(&company, 0);
    assert_eq!(sent(&company), ["job_title accepted", "phone accepted"]);
    quiet_night(&company);
    assert!(refused(&company).is_empty());
}

#[test]
fn another_definition_of_the_field_lets_go_what_was_refused_for_it() {
    let (company, pairs) = settled();
    let title_length = |length: u32| {
        let file = company.path("data/demo/salesforce/schema/Lead.json");
        let text = std::fs::read_to_string(&file).expect("the schema is read");
        let mut schema: Value = serde_json::from_str(&text).expect("JSON");
        let fields = schema["fields"].as_array_mut().expect("a list");
        let title = fields.iter_mut().find(|field| field["name"] == "Title").expect("the field");
        let before = title["length"].as_u64().expect("a length");
        title["length"] = json!(length);
        std::fs::write(&file, schema.to_string()).expect("the schema is written");
        u32::try_from(before).expect("a small number")
    };
    in_hubspot(&company, &pairs, &[("jobtitle", "Head of Growth")]);
    company.good(&["pull", "--sandbox"]);
    company.good(&["build", "--sandbox"]);
    let plan = company.good(&["plan", "--sandbox", "--format", "json"]);
    let plan: Value = serde_json::from_str(&plan.stdout).expect("one document");
    let plan = plan["id"].as_str().expect("an id");
    // Shorter than when it was pulled, so that no plan could know.
    let usual = title_length(5);
    let applied = company.concord(&["apply", "--sandbox", plan]);
    assert_eq!(applied.code, 4, "{}{}", applied.stdout, applied.stderr);
    assert!(applied.stdout.contains("STRING_TOO_LONG"), "{}", applied.stdout);

    title_length(usual);
    quiet_night(&company);
    assert_eq!(refused(&company), ["job_title STRING_TOO_LONG 1"]);
    title_length(usual + 1);
    night(&company, 0);
    assert_eq!(sent(&company), ["job_title accepted"]);
    quiet_night(&company);
    assert!(refused(&company).is_empty());
}

#[test]
fn a_lock_is_no_reason_to_wait_longer_than_a_night() {
    let (company, pairs) = settled();
    let lock = json!({ "locks": [{
        "object": "Lead", "ids": [pairs[0]["salesforce_id"]], "on": ["update"], "times": 9,
    }] });
    salesforce_rules(&company, &lock);
    in_hubspot(&company, &pairs, &[("jobtitle", "Head of Growth")]);
    night(&company, 4);
    assert_eq!(sent(&company), ["job_title rejected"]);
    let of_tonight =
        company.query("select field, code from ops.outcomes where status = 'rejected'");
    assert_eq!(of_tonight[0]["code"], "UNABLE_TO_LOCK_ROW", "{of_tonight:?}");
    salesforce_rules(&company, &json!({}));
    let next = night(&company, 0);
    assert_eq!(sent(&company), ["job_title accepted"]);
    assert!(!next.stderr.contains("in quarantine"), "{}", next.stderr);
    quiet_night(&company);
    assert!(refused(&company).is_empty());
}

#[test]
fn a_record_that_salesforce_will_not_make_waits_whole_and_is_told_in_the_gap() {
    let company = Company::new(&CompanyOptions::small(5));
    company.good(&["pull", "--sandbox"]);
    company.good(&["build", "--sandbox"]);
    let made = company.query(
        "select golden_id, after from sync_changes where operation = 'create' \
         and field = 'last_name' order by golden_id limit 1",
    );
    assert_eq!(made.len(), 1);
    let rule = json!({ "validation": [{
        "object": "Lead",
        "on": ["create"],
        "after": format!("LastName = '{}'", made[0]["after"]),
        "message": "Not without a call first",
    }] });
    salesforce_rules(&company, &rule);
    night(&company, 4);
    let golden_id = &made[0]["golden_id"];
    let of_person = |what: &str| {
        format!("select {what} from sync_changes where golden_id = '{golden_id}' order by 1")
    };

    let second = night(&company, 0);
    assert!(second.stderr.contains("in quarantine"), "{}", second.stderr);
    let changes = company.query(&of_person("operation, status, reason_code"));
    let create: Vec<&Row> = changes.iter().filter(|row| row["operation"] == "create").collect();
    assert_eq!(create.len(), 1, "{changes:?}");
    assert_eq!(create[0]["status"], "held");
    assert_eq!(create[0]["reason_code"], "refused_there");
    accounts_for_everything(&company);
    let told = company.query(&format!(
        "select code, grade from gap_reasons where golden_id = '{golden_id}' and code = 'T17'"
    ));
    assert!(told.iter().all(|row| row["grade"] == "A"), "{told:?}");
    company.good(&["reconcile", "mql", "--sandbox"]);
    assert_eq!(
        company.count(&format!(
            "select count(*) from state_rejections where golden_id = '{golden_id}' and field = '(record)' \
             and n_refusals = 1 and is_held"
        )),
        1
    );

    salesforce_rules(&company, &json!({}));
    release(&company, &made, None);
    night(&company, 0);
    assert!(sent(&company).iter().all(|one| one.ends_with("accepted")), "{:?}", sent(&company));
    quiet_night(&company);
    assert!(refused(&company).is_empty());
    assert_eq!(
        company.count(&format!(
            "select count(*) from crosswalk where golden_id = '{golden_id}' and source_system = 'salesforce'"
        )),
        1
    );
}
