//! The reason of every person in the gap against the planted truth.

use std::collections::BTreeMap;

use concord::sandbox::company::CompanyOptions;
use serde_json::Value;

use crate::support::Company;

/// Fresh companies besides the demo; each has other totals and another mix of reasons.
const SEEDS: std::ops::Range<u64> = 100..120;

#[test]
fn every_reason_in_the_demo_is_the_planted_one() {
    let company = Company::new(&CompanyOptions::demo());
    check(&company, "the demo");
    let bridge = bridges(&company, &[]);
    assert_eq!(
        (bridge[0]["start"]["rows"].as_i64(), bridge[0]["end"]["rows"].as_i64()),
        (Some(412), Some(280))
    );
}

#[test]
fn every_reason_in_twenty_fresh_companies_is_the_planted_one() {
    for seed in SEEDS {
        let company = Company::new(&CompanyOptions::random(seed));
        check(&company, &format!("seed {seed}"));
    }
}

fn check(company: &Company, name: &str) {
    company.good(&["pull", "--sandbox"]);
    company.good(&["build", "--sandbox"]);
    let mut truth: Vec<(String, String, String, String)> = Vec::new();
    let mut reader =
        csv::Reader::from_path(company.path("data/demo/truth.csv")).expect("the truth is there");
    for record in reader.records() {
        let record = record.expect("a row");
        let cell = |index: usize| record.get(index).expect("four cells").to_owned();
        truth.push((cell(2), cell(3), cell(1), cell(0)));
    }
    let mut found: Vec<(String, String, String, String)> = company
        .query("select source_system, record_id, code, side from gap_reasons")
        .into_iter()
        .map(|row| {
            (
                row["source_system"].clone(),
                row["record_id"].clone(),
                row["code"].clone(),
                row["side"].clone(),
            )
        })
        .collect();
    truth.sort();
    found.sort();
    let wrong: Vec<_> = found.iter().filter(|row| !truth.contains(row)).collect();
    let missing: Vec<_> = truth.iter().filter(|row| !found.contains(row)).collect();
    assert!(wrong.is_empty() && missing.is_empty(), "{name}: found {wrong:?}, planted {missing:?}");
    adds_up(company, name);
}

/// Law 8, second half: whoever is explained without a kind of evidence is explained with it.
#[test]
fn more_evidence_never_turns_an_explained_person_into_an_unexplained_one() {
    /// Files of a world that hold one kind of evidence each.
    const EVIDENCE: [&[&str]; 4] = [
        &["hubspot/history/contacts.csv"],
        &["salesforce/objects/LeadHistory.csv", "salesforce/objects/ContactHistory.csv"],
        &["salesforce/objects/Task.csv", "salesforce/objects/Event.csv"],
        &["salesforce/objects/CampaignMember.csv", "hubspot/list_memberships.csv"],
    ];
    let options = CompanyOptions::random(100);
    let full = explained(&Company::new(&options));
    assert!(full.values().all(|is_explained| *is_explained));
    for files in EVIDENCE {
        let company = Company::new(&options);
        for file in files {
            let path = company.path(&format!("data/demo/{file}"));
            let text = std::fs::read_to_string(&path).expect("the file is there");
            let header = text.lines().next().expect("a header");
            std::fs::write(&path, format!("{header}\n")).expect("the file is written");
        }
        let less = explained(&company);
        assert!(!less.is_empty(), "{files:?}");
        for (record, is_explained) in &less {
            let with_all = full.get(record).copied().unwrap_or(true);
            assert!(!is_explained || with_all, "{record:?} lost its reason with {files:?}");
        }
    }
}

/// Every row of the gap by side and record, and whether it has a reason.
fn explained(company: &Company) -> BTreeMap<(String, String), bool> {
    company.good(&["pull", "--sandbox"]);
    company.good(&["build", "--sandbox"]);
    adds_up(company, "less evidence");
    company
        .query("select side, record_id, code from gap_reasons")
        .into_iter()
        .map(|row| {
            let is_explained = !row["code"].contains('Z');
            ((row["side"].clone(), row["record_id"].clone()), is_explained)
        })
        .collect()
}

/// Checks that every bridge adds up, and that the groups of a grouping add up to the whole.
fn adds_up(company: &Company, name: &str) {
    let whole = &bridges(company, &[])[0];
    for group in ["source", "owner", "week"] {
        let parts = bridges(company, &["--by", group]);
        let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
        for part in &parts {
            let number = |key: &str| part[key]["rows"].as_i64().expect("a number");
            let steps = |is_exit: bool| -> i64 {
                part["steps"]
                    .as_array()
                    .expect("steps")
                    .iter()
                    .filter(|step| {
                        let kind = step["kind"].as_str().expect("a kind");
                        matches!(kind, "exit" | "extra_marketing") == is_exit
                    })
                    .map(|step| step["rows"].as_i64().expect("rows"))
                    .sum()
            };
            assert_eq!(
                number("start") - steps(true) + steps(false),
                number("end"),
                "{name} by {group}"
            );
            *sums.entry("start").or_default() += number("start");
            *sums.entry("end").or_default() += number("end");
        }
        for key in ["start", "end"] {
            assert_eq!(Some(sums[key]), whole[key]["rows"].as_i64(), "{name} by {group}: {key}");
        }
    }
}

fn bridges(company: &Company, arguments: &[&str]) -> Vec<Value> {
    let mut all = vec!["reconcile", "mql", "--sandbox", "--format", "json"];
    all.extend(arguments);
    let output = company.good(&all);
    serde_json::from_str(&output.stdout).expect("a list of bridges")
}
