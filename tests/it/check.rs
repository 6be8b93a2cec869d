//! A project judged against the simulated CRMs' metadata, by the real program.

use concord::sandbox::company::CompanyOptions;

use crate::support::{Company, rows};

#[test]
fn the_demo_has_no_error_and_costs_a_dozen_calls() {
    let company = Company::new(&CompanyOptions::small(4));
    let found = company.good(&["check", "--sandbox"]);
    for part in [
        ": person.segment: records are held back",
        "`startup` of `contacts.segment`",
        ": person.last_name: ",
    ] {
        assert!(found.stdout.contains(part), "{part}: {}", found.stdout);
    }
    assert!(!found.stdout.contains("error"), "{}", found.stdout);
    assert!(found.stderr.contains("9 calls to HubSpot, 4 calls to Salesforce"), "{}", found.stderr);
    // Metadata was looked at and nothing else.
    assert!(!company.path(".concord/sandbox/warehouse/snapshots").exists());
    let runs = company.query("select command, status from ops.runs");
    assert_eq!((runs[0]["command"].as_str(), runs[0]["status"].as_str()), ("check", "done"));
}

#[test]
fn what_cannot_work_ends_with_code_2_and_a_place() {
    let company = Company::new(&CompanyOptions::small(4));
    company.edit("field_map.toml", "Lead = \"Segment__c\"", "Lead = \"Segmnt__c\"");
    company.edit("concord.toml", "sql = \"lead_score >= 50\"", "sql = \"lead_scor >= 50\"");
    company.edit("concord.toml", "\"claim_mql__sales\"", "\"claim_mql__sale\"");
    company.edit(
        "field_map.toml",
        "salesforce = \"Concord_Key__c\"",
        "salesforce = \"Concord_Ky__c\"",
    );
    let found = company.concord(&["check", "--sandbox", "--format", "csv"]);
    assert_eq!(found.code, 2, "{}{}", found.stdout, found.stderr);
    let rows = rows(&found);
    let errors: Vec<(&str, &str, &str)> = rows
        .iter()
        .filter(|row| row["severity"] == "error")
        .map(|row| (row["code"].as_str(), row["file"].as_str(), row["name"].as_str()))
        .collect();
    let expected = [
        ("rule_does_not_plan", "concord.toml", "inclusion.rules.score"),
        ("model_missing", "concord.toml", "metrics.mql.claims.sales.model"),
        ("key_missing", "field_map.toml", "person.key"),
        ("field_missing", "field_map.toml", "person.segment"),
    ];
    assert_eq!(errors, expected, "{}", found.stdout);
    let todo = |code: &str| {
        let row = rows.iter().find(|row| row["code"] == code).expect("the code was found");
        format!("{} {}", row["sentence"], row["todo"])
    };
    assert!(todo("field_missing").contains("did you mean `Segment__c`?"));
    assert!(todo("model_missing").contains("did you mean `claim_mql__sales`?"));
    assert!(todo("rule_does_not_plan").contains("lead_scor"), "{}", todo("rule_does_not_plan"));

    let found = company.concord(&["check", "--sandbox", "--format", "jsonl"]);
    let first: serde_json::Value =
        serde_json::from_str(found.stdout.lines().next().expect("a line")).expect("an object");
    assert_eq!(first["severity"], "error");
    assert!(first["line"].is_number());
}
