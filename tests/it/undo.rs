//! Taking back what a run wrote, and what the nights after make of it.

use std::collections::{BTreeMap, BTreeSet};

use concord::sandbox::company::CompanyOptions;
use proptest::prelude::*;

use crate::edits::{Edit, make};
use crate::support::{Company, Output, Row};

/// Companies for the law; each takes several runs of the whole program.
const CASES: u32 = 3;

/// `(record id, field)` → value of everything that people see on both sides.
type Values = BTreeMap<(String, String), String>;

#[test]
fn a_run_is_taken_back_where_nobody_changed_it_and_stays_so_until_it_is_released() {
    let company = Company::new(&CompanyOptions::small(5));
    company.good(&["pull", "--sandbox"]);
    let before = values(&company);
    company.good(&["build", "--sandbox"]);
    company.good(&["run", "--sandbox"]);
    let run = last_run(&company);

    let undone = company.good(&["undo", "--sandbox", &run]);
    assert!(undone.stdout.starts_with(&format!("undo of run {run}\n")), "{}", undone.stdout);
    assert!(undone.stderr.contains("concord apply"), "only looked at: {}", undone.stderr);
    assert_eq!(company.count("select count(*) from ops.outcomes where rule like 'undo %'"), 0);
    let undone = company.good(&["undo", "--sandbox", &run, "--creates", "--yes"]);
    assert!(undone.stdout.contains("delete"), "{}", undone.stdout);
    assert!(undone.stdout.contains("new records ran assignment rules"), "{}", undone.stdout);
    company.good(&["pull", "--sandbox"]);
    assert_eq!(values(&company), before, "both CRMs hold what they held before the run");

    let night = company.good(&["run", "--sandbox"]);
    assert!(night.stdout.contains("nothing to do"), "{}", night.stdout);
    let held = company.query(
        "select golden_id, operation from held_back where reason_code = 'undone' order by 1",
    );
    assert!(held.iter().any(|row| row["operation"] == "create"), "{held:?}");
    let updated = held.iter().find(|row| row["operation"] == "update").expect("an update");
    let why = company.good(&["why", "--sandbox", &updated["golden_id"]]);
    assert!(why.stdout.contains("taken back by an undo"), "{}", why.stdout);

    company.good(&["release", "--sandbox", &updated["golden_id"]]);
    let night = company.good(&["run", "--sandbox"]);
    assert!(!night.stdout.contains("nothing to do"), "{}", night.stdout);
    let again = company.query("select distinct golden_id from plan.actions");
    assert_eq!(again.len(), 1, "{again:?}");
    assert_eq!(again[0]["golden_id"], updated["golden_id"]);
    let redone = company.query(
        "select distinct record_id, target_field from ops.outcomes \
         where run_id = (select max(run_id) from ops.runs) and status = 'accepted'",
    );
    for row in redone {
        let writes = company.count(&format!(
            "select count(distinct sent) from ops.outcomes where record_id = '{}' and target_field = '{}' \
             and rule not like 'undo %'",
            row["record_id"], row["target_field"]
        ));
        assert_eq!(writes, 1, "what is done again is what was done before: {row:?}");
    }
}

#[test]
fn a_part_of_a_run_is_chosen_and_an_undo_is_undone() {
    let company = Company::new(&CompanyOptions::small(5));
    company.good(&["run", "--sandbox"]);
    let run = last_run(&company);
    let written = company.query(&format!(
        "select field, rule, record_id from ops.outcomes where run_id = '{run}' and operation = 'update' \
         and field not like '(%' and rule <> 'create_default' order by field, record_id"
    ));
    let first = written.first().expect("an update");
    let planned = |arguments: &[&str]| {
        company.good(&[&["undo", "--sandbox", run.as_str()], arguments].concat());
        company.query("select field, rule, record_id from plan.actions order by field, record_id")
    };
    let of = |column: &str| {
        let same = written.iter().filter(|row| row[column] == first[column]);
        same.map(|row| (row["field"].clone(), row["record_id"].clone())).collect::<BTreeSet<_>>()
    };
    let places = |rows: Vec<Row>| {
        rows.into_iter()
            .map(|row| (row["field"].clone(), row["record_id"].clone()))
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(places(planned(&["--field", &first["field"]])), of("field"));
    assert_eq!(places(planned(&["--rule", &first["rule"]])), of("rule"));
    let of_record = planned(&["--record", &first["record_id"]]);
    assert!(of_record.iter().any(|row| row["record_id"] == first["record_id"]), "{of_record:?}");
    let unknown = company.concord(&["undo", "--sandbox", &run, "--field", "nickname"]);
    assert_eq!(unknown.code, 2, "{}", unknown.stderr);
    let unknown = company.concord(&["undo", "--sandbox", "20200101T000000Z"]);
    assert_eq!(unknown.code, 2, "{}", unknown.stderr);

    // What an undo took back is done again by its own undo, and the field map holds as before.
    company.good(&["undo", "--sandbox", &run, "--field", &first["field"], "--yes"]);
    let undo = last_run(&company);
    company.good(&["undo", "--sandbox", &undo, "--yes"]);
    let night = company.good(&["run", "--sandbox"]);
    assert!(night.stdout.contains("nothing to do"), "{}", night.stdout);
    assert_eq!(company.count("select count(*) from int_undone"), 0);
}

#[test]
fn what_hangs_on_people_stays_whatever_the_undo_says() {
    let company = Company::new(&CompanyOptions::small(5));
    company.good(&["run", "--sandbox"]);
    let run = last_run(&company);
    let made = company.query(&format!(
        "select distinct golden_id, record_id as salesforce_id, object as salesforce_object \
         from ops.outcomes where run_id = '{run}' and operation = 'create' order by 2"
    ));
    assert!(made.len() >= 2, "{made:?}");
    let edit = Edit::Salesforce { pair: 0, field: "Title", value: "Head of Growth".to_owned() };
    make(&company.sandbox(), &made, &[edit]);
    let undone = company.good(&["undo", "--sandbox", &run, "--creates"]);
    assert!(undone.stdout.contains("written_since"), "{}", undone.stdout);
    let held =
        company.query("select record_id, reason_code from plan.held where operation = 'delete'");
    assert_eq!(held.len(), 1, "{held:?}");
    assert_eq!(held[0]["record_id"], made[0]["salesforce_id"]);
    // Its link in HubSpot stays with it.
    let kept = company.query("select golden_id from plan.noops where reason_code = 'made_by_run'");
    assert!(kept.iter().all(|row| row["golden_id"] == made[0]["golden_id"]), "{kept:?}");

    // Whoever works on one between the plan and its application keeps it.
    let edit = Edit::Salesforce { pair: 1, field: "Title", value: "Head of Growth".to_owned() };
    make(&company.sandbox(), &made, &[edit]);
    company.good(&["apply", "--sandbox", &last_plan(&company)]);
    let drifted = company.query(
        "select record_id from ops.outcomes where operation = 'delete' and status = 'drift'",
    );
    assert_eq!(drifted.len(), 1, "{drifted:?}");
    assert_eq!(drifted[0]["record_id"], made[1]["salesforce_id"]);
    let removed = company.count(
        "select count(*) from ops.outcomes where operation = 'delete' and status = 'accepted'",
    );
    assert_eq!(removed, made.len() as u64 - 2);
}

fn edit() -> impl Strategy<Value = (prop::sample::Index, bool, String)> {
    let title = prop_oneof![
        Just("Head of Growth".to_owned()),
        Just("Équipe Ventes 🚀".to_owned()),
        Just(String::new()),
    ];
    (any::<prop::sample::Index>(), any::<bool>(), title)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: CASES,
        max_shrink_iters: 4,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Law 7: an undo restores every value that nobody changed since and that the vendor lets us
    /// restore; what people changed stays theirs; and no later night plans it again.
    #[test]
    fn an_undo_restores_what_nobody_changed_since(
        seed in 0u64..1_000_000,
        nights in prop::collection::vec(prop::collection::vec(edit(), 1..6), 1..3),
        meddling in prop::collection::vec(edit(), 0..4),
        is_with_creates in any::<bool>(),
    ) {
        let company = Company::new(&CompanyOptions::small(seed));
        for edits in &nights {
            company.good(&["run", "--sandbox"]);
            let pairs = pairs(&company);
            prop_assume!(!pairs.is_empty());
            make(&company.sandbox(), &pairs, &edits_of(edits));
        }
        company.good(&["pull", "--sandbox"]);
        let before = values(&company);
        company.good(&["run", "--sandbox"]);
        let run = last_run(&company);
        // What the run wrote that the vendor keeps: HubSpot lets no stage go back.
        let kept = places(&company, &format!(
            "select record_id, target_field from ops.outcomes where run_id = '{run}' and source_system = 'hubspot' \
             and target_field = 'lifecyclestage' and before is not null and status = 'accepted'"
        ));
        let pairs = pairs(&company);
        make(&company.sandbox(), &pairs, &edits_of(&meddling));
        company.good(&["pull", "--sandbox"]);
        let after = values(&company);
        let written = places(&company, &format!(
            "select record_id, target_field from ops.outcomes where run_id = '{run}' and status = 'accepted'"
        ));

        let mut arguments = vec!["undo", "--sandbox", run.as_str(), "--yes"];
        if is_with_creates {
            arguments.push("--creates");
        }
        company.good(&arguments);
        company.good(&["pull", "--sandbox"]);
        let now = values(&company);
        let sent = places(&company, &format!(
            "select record_id, target_field from ops.outcomes where run_id = '{run}' and operation = 'create'"
        ));
        let sent: BTreeSet<&String> = sent.iter().map(|(record, _)| record).collect();
        let with_creates = places(&company, &format!(
            "select u.record_id, u.target_field from ops.outcomes as u inner join ops.outcomes as c \
             on u.golden_id = c.golden_id and c.operation = 'create' and c.run_id = u.run_id \
             where u.run_id = '{run}' and u.operation = 'update'"
        ));
        let changed = changed_since(&company, &run, &after);
        for place in before.keys().chain(now.keys()).collect::<BTreeSet<_>>() {
            let of_create = sent.contains(&place.0) || with_creates.contains(place);
            let is_restored = written.contains(place)
                && !changed.contains(place)
                && !kept.contains(place)
                && (!of_create || is_with_creates);
            let expected = if is_restored { before.get(place) } else { after.get(place) };
            if of_create {
                // A record that somebody worked on stays, with its link.
                let either = [before.get(place), after.get(place)];
                prop_assert!(either.contains(&now.get(place)), "{place:?}");
            } else {
                prop_assert_eq!(now.get(place), expected, "{:?}", place);
            }
        }
        // A value that people gave since is another decision; what was taken back is never done again.
        let touched: BTreeSet<&str> = meddling
            .iter()
            .map(|(pair, ..)| pairs[pair.index(10_000) % pairs.len()]["golden_id"].as_str())
            .collect();
        let undone = company.query(
            "select record_id, target_field, before from ops.outcomes where rule like 'undo %' and status = 'accepted'",
        );
        for _ in 0..2 {
            company.good(&["run", "--sandbox"]);
            let planned = company.query("select golden_id, record_id, target_field, after from plan.actions");
            for (action, undone) in planned.iter().flat_map(|action| undone.iter().map(move |undone| (action, undone))) {
                let is_there = ["record_id", "target_field"].iter().all(|place| action[*place] == undone[*place]);
                let is_the_same = bare(&action["after"]) == bare(&undone["before"]);
                prop_assert!(
                    !is_there || (touched.contains(action["golden_id"].as_str()) && !is_the_same),
                    "planned again: {action:?}, undone: {undone:?}"
                );
            }
        }
    }
}

fn edits_of(edits: &[(prop::sample::Index, bool, String)]) -> Vec<Edit> {
    let edit = |(pair, is_hubspot, value): &(prop::sample::Index, bool, String)| {
        let (pair, value) = (pair.index(10_000), value.clone());
        if *is_hubspot {
            Edit::HubSpot { pair, property: "jobtitle", value }
        } else {
            Edit::Salesforce { pair, field: "Title", value }
        }
    };
    edits.iter().map(edit).collect()
}

/// Places that no longer hold what the run sent there.
fn changed_since(company: &Company, run: &str, after: &Values) -> BTreeSet<(String, String)> {
    company
        .query(&format!(
            "select record_id, target_field, sent from ops.outcomes where run_id = '{run}' and status = 'accepted'"
        ))
        .into_iter()
        .filter_map(|row| {
            let place = (row["record_id"].clone(), row["target_field"].clone());
            (bare(after.get(&place)?) != bare(&row["sent"])).then_some(place)
        })
        .collect()
}

/// A value without what a CRM may write another way when it stores it, such as a phone's brackets.
fn bare(value: &str) -> String {
    value.chars().filter(char::is_ascii_alphanumeric).collect()
}

fn places(company: &Company, sql: &str) -> BTreeSet<(String, String)> {
    company
        .query(sql)
        .into_iter()
        .map(|row| (row["record_id"].clone(), row["target_field"].clone()))
        .collect()
}

/// What both CRMs hold in the fields that Concord writes, of records that are there.
fn values(company: &Company) -> Values {
    let hubspot = ["phone", "jobtitle", "salesforce_record_id", "hs_lead_status", "lifecyclestage"];
    let salesforce =
        ["Phone", "Title", "Company", "Segment__c", "LeadSource", "HubSpot_Id__c", "Country"];
    let mut values = Values::new();
    let mut read = |table: &str, id: &str, is_there: &str, fields: &[&str]| {
        let quoted: Vec<String> = fields.iter().map(|field| format!("\"{field}\"")).collect();
        let sql =
            format!("select \"{id}\" as id, {} from {table} where {is_there}", quoted.join(", "));
        for row in company.query(&sql) {
            for field in fields {
                values.insert((row["id"].clone(), (*field).to_owned()), row[*field].clone());
            }
        }
    };
    read("hubspot.contacts", "hs_object_id", "not _archived", &hubspot);
    read("salesforce.lead", "Id", "\"IsDeleted\" = 'false'", &salesforce);
    values
}

fn pairs(company: &Company) -> Vec<Row> {
    company.query(
        "select golden_id, hubspot_id, salesforce_object, salesforce_id from int_pairs \
         where entity = 'person' and hubspot_id is not null and salesforce_object = 'Lead' \
         order by golden_id",
    )
}

fn last_run(company: &Company) -> String {
    company.query("select max(run_id) as run from ops.runs where plan_id is not null")[0]["run"]
        .clone()
}

fn last_plan(company: &Company) -> String {
    company.query("select max(plan_id) as plan from ops.runs")[0]["plan"].clone()
}

#[test]
fn the_help_of_undo_says_what_it_holds() {
    let company = Company::empty();
    let Output { stdout, .. } = company.good(&["undo", "--help"]);
    assert!(stdout.contains("--creates") && stdout.contains("on hold"), "{stdout}");
}
