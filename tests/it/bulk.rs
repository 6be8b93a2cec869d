//! Writes that go as jobs: the same end as by batches, whatever becomes of a job.

use std::collections::{BTreeMap, BTreeSet};

use concord::sandbox::company::CompanyOptions;
use concord::sandbox::hubspot::{Rule, Settings};
use serde_json::json;

use crate::edits::{Edit, make};
use crate::laws;
use crate::support::Company;
use crate::support::hosted::Hosted;

/// A company whose plan sends by jobs whatever a job can carry.
fn by_jobs() -> Company {
    let company = Company::new(&CompanyOptions::small(5));
    company.edit("concord.toml", "[apply]\n", "[apply]\nroute = \"bulk\"\n");
    company
}

#[test]
fn a_night_by_jobs_ends_as_one_by_batches() {
    let by_batches = Company::new(&CompanyOptions::small(5));
    by_batches.good(&["run", "--sandbox"]);
    by_batches.good(&["run", "--sandbox"]);

    let company = by_jobs();
    company.good(&["run", "--sandbox"]);
    let carried = company.count("select count(*) from plan.actions where api = 'bulk'");
    assert!(carried > 0, "some records go by a job");
    let states = "select count(*) from ops.requests where family = 'bulk ingest state'";
    assert!(company.count(states) > 0, "the job was asked about");
    let statuses = company.query("select distinct status from ops.outcomes");
    assert!(statuses.iter().all(|row| row["status"] != "unknown"), "{statuses:?}");
    company.good(&["run", "--sandbox"]);
    assert_eq!(company.count("select count(*) from plan.actions"), 0, "nothing is left to do");
    assert_eq!(golden(&company), golden(&by_batches));
}

#[test]
fn a_batch_refused_whole_is_not_halved_where_the_import_before_it_named_whom_it_refused() {
    let hosted = Hosted::new(by_jobs());
    hosted.good(&["run", "--sandbox"]);
    let hubspot = hosted.sandbox.hubspot();
    hubspot.set_settings(Settings { update_traceid_partial: false, ..hubspot.settings() });
    let rule = json!([{
        "object": "contacts",
        "when": { "property": "phone", "matches": "[5-9]$" },
        "refuse": "Numbers of this kind are kept elsewhere",
    }]);
    let rules: Vec<Rule> = serde_json::from_value(rule).expect("rules");
    hubspot.set_rules(rules).expect("the portal has what they name");
    let pairs = laws::lead_pairs(&hosted.company);
    assert!(pairs.len() >= 10, "{} pairs", pairs.len());
    let edits: Vec<Edit> = (0..10)
        .map(|pair| Edit::Salesforce {
            pair,
            field: "Phone",
            value: format!("+1 415 555 019{pair}"),
        })
        .collect();
    make(&hosted.sandbox, &pairs, &edits);
    let night = hosted.concord(&["run", "--sandbox"]);
    assert_eq!(night.code, 4, "{}{}", night.stdout, night.stderr);

    let last = "run_id = (select max(run_id) from ops.runs where command = 'run')";
    let outcomes = |status: &str| {
        hosted.company.count(&format!(
            "select count(*) from ops.outcomes where {last} and field = 'phone' and status = '{status}'"
        ))
    };
    assert_eq!((outcomes("accepted"), outcomes("rejected")), (5, 5));
    let codes = hosted.company.query(&format!(
        "select distinct code from ops.outcomes where {last} and status = 'rejected'"
    ));
    assert_eq!(codes.len(), 1, "{codes:?}");
    assert_eq!(codes[0]["code"], "INVALID_CUSTOM_PROPERTY_VALIDATION");
    let calls = |family: &str| {
        hosted.company.count(&format!(
            "select count(*) from ops.requests where {last} and family = '{family}'"
        ))
    };
    assert_eq!((calls("contacts batch update"), calls("import errors")), (1, 1));
}

#[test]
fn contacts_of_one_account_stand_together_in_the_file_of_a_job() {
    let hosted = Hosted::new(by_jobs());
    hosted.good(&["run", "--sandbox"]);
    let pairs = hosted.company.query(
        "select golden_id, hubspot_id, salesforce_object, salesforce_id from int_pairs \
         where hubspot_id is not null and salesforce_object = 'Contact' order by golden_id",
    );
    let edits: Vec<Edit> = (0..pairs.len())
        .map(|pair| Edit::HubSpot { pair, property: "utm_source", value: format!("fair {pair}") })
        .collect();
    make(&hosted.sandbox, &pairs, &edits);
    hosted.good(&["run", "--sandbox"]);
    let accounts: BTreeMap<String, String> = hosted
        .company
        .query("select contact_id, account_id from stg_salesforce__contacts where account_id is not null")
        .into_iter()
        .map(|row| (row["contact_id"].clone(), row["account_id"].clone()))
        .collect();

    let bodies = hosted.bodies();
    let file = bodies.iter().find(|body| body.starts_with("\"Id\",") && body.contains("\"003"));
    let mut reader = csv::Reader::from_reader(file.expect("contacts go by a job").as_bytes());
    let rows = reader.records().map(|row| row.expect("a row")[0].to_owned());
    let mut order: Vec<String> = rows.filter_map(|id| accounts.get(&id).cloned()).collect();
    let n_contacts = order.len();
    order.dedup();
    let distinct: BTreeSet<&String> = order.iter().collect();
    assert_eq!(order.len(), distinct.len(), "no account comes twice");
    assert!(order.len() < n_contacts, "some account has several contacts");
}

/// What both CRMs hold of every person's fields, and how many records of each there are.
fn golden(company: &Company) -> Vec<crate::support::Row> {
    company.query(
        "select people.golden_id, people.display_name, provenance.field, provenance.winning_raw, \
             provenance.losing_raw, people.n_hubspot_records, people.n_salesforce_records \
         from people inner join provenance on people.golden_id = provenance.golden_id \
         order by people.golden_id, provenance.field",
    )
}
