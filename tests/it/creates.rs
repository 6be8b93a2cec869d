//! People whom Sales found first: made in HubSpot once, with their company, and taken back.

use std::collections::BTreeSet;

use concord::sandbox::company::CompanyOptions;

use crate::support::end_state::{differences, end_state};
use crate::support::hosted::{Hosted, Point};
use crate::support::prepared::plan_named;
use crate::support::{Company, Row};

/// Lets HubSpot get to know whoever the inclusion rules of that way let across.
pub fn let_cross_to_hubspot(company: &Company) {
    let from = "hubspot = \"never\", as_object";
    company.edit("field_map.toml", from, &from.replace("never", "included"));
}

fn born_in_salesforce(seed: u64) -> Company {
    let company = Company::new(&CompanyOptions::small(seed));
    let_cross_to_hubspot(&company);
    company
}

const MADE: &str = "select distinct golden_id, record_id from ops.outcomes \
     where operation = 'create' and source_system = 'hubspot' and status = 'accepted' order by 1";

#[test]
fn people_born_in_salesforce_are_made_in_hubspot_once_with_link_and_company() {
    let company = born_in_salesforce(5);
    company.good(&["pull", "--sandbox"]);
    company.good(&["build", "--sandbox"]);
    let owed = company.query(
        "select distinct golden_id, source_id from sync_creates \
         where target_system = 'hubspot' and held_code is null order by 1",
    );
    assert!(owed.len() >= 5, "{owed:?}");
    let excluded = company.count(
        "select count(*) from int_person_inclusion_to_hubspot where not is_included and sentence is null",
    );
    assert_eq!(excluded, 0, "whoever does not cross is told why");
    company.good(&["run", "--sandbox"]);

    let made = company.query(MADE);
    let golden_ids = |rows: &[Row]| -> BTreeSet<String> {
        rows.iter().map(|row| row["golden_id"].clone()).collect()
    };
    assert_eq!(golden_ids(&made), golden_ids(&owed));

    let night = company.good(&["run", "--sandbox"]);
    assert!(night.stdout.contains("nothing to do"), "{}", night.stdout);
    let pairs = "from int_pairs as pairs \
         inner join stg_hubspot__contacts as contacts on pairs.hubspot_id = contacts.contact_id \
         inner join int_person_values_paired as paired on pairs.golden_id = paired.golden_id \
         where contacts.concord_key is not null";
    let linked = company.query(&format!(
        "select pairs.golden_id, pairs.hubspot_id, pairs.salesforce_id, paired.hubspot_link, \
         paired.salesforce_link, contacts.email {pairs} order by 1"
    ));
    assert_eq!(
        golden_ids(&linked),
        golden_ids(&owed),
        "each is one person with the record it came from"
    );
    for (row, owed) in linked.iter().zip(&owed) {
        assert_eq!(row["salesforce_id"], owed["source_id"]);
        assert_eq!(row["hubspot_link"], row["salesforce_id"]);
        assert_eq!(row["salesforce_link"], row["hubspot_id"]);
        assert!(row["email"].contains('@'), "{row:?}");
    }
    // Of those that have an account which HubSpot knows, each has its company.
    let with_account = "select contacts.contact_id, contacts.company_id, accounts.hubspot_id \
         from stg_hubspot__contacts as contacts \
         inner join int_pairs as pairs on pairs.hubspot_id = contacts.contact_id \
         inner join stg_salesforce__contacts as people on pairs.salesforce_id = people.contact_id \
         inner join int_pairs as accounts on accounts.salesforce_id = people.account_id \
         where contacts.concord_key is not null and accounts.hubspot_id is not null";
    let with_account = company.query(with_account);
    assert!(!with_account.is_empty());
    for row in &with_account {
        assert_eq!(row["company_id"], row["hubspot_id"], "{row:?}");
    }
}

#[test]
fn contacts_that_a_run_made_are_taken_back_with_their_links_and_stay_away() {
    let company = born_in_salesforce(5);
    company.good(&["run", "--sandbox"]);
    let made = company.query(MADE);
    let run = company.query("select max(run_id) as run from ops.outcomes").remove(0);
    let undone = company.good(&["undo", "--sandbox", &run["run"], "--creates", "--yes"]);
    assert!(undone.stdout.contains("contacts"), "{}", undone.stdout);

    let night = company.good(&["run", "--sandbox"]);
    assert!(night.stdout.contains("nothing to do"), "{}", night.stdout);
    let left = "select count(*) from stg_hubspot__contacts \
         where concord_key is not null and not is_archived";
    assert_eq!(company.count(left), 0);
    let held = company.query(
        "select golden_id from held_back where target_system = 'hubspot' and operation = 'create' \
         and reason_code = 'undone' order by 1",
    );
    let ids = |rows: &[Row]| rows.iter().map(|row| row["golden_id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&held), ids(&made));
    for (table, id) in [("lead", "lead_id"), ("contact", "contact_id")] {
        let links = company.count(&format!(
            "select count(*) from stg_salesforce__{table}s as records inner join ops.outcomes as outcomes \
             on records.hubspot_id = outcomes.record_id and outcomes.operation = 'create' \
             and outcomes.source_system = 'hubspot' where records.{id} is not null"
        ));
        assert_eq!(links, 0, "no {table} names a contact that is gone");
    }

    // A release lets one of them come back, as a record of its own.
    company.good(&["release", "--sandbox", &made[0]["golden_id"]]);
    company.good(&["run", "--sandbox"]);
    let again = company.query(&format!(
        "select distinct record_id from ops.outcomes where operation = 'create' \
         and golden_id = '{}' and status = 'accepted'",
        made[0]["golden_id"]
    ));
    assert_eq!(again.len(), 2, "{again:?}");
}

#[test]
fn a_crash_around_the_call_that_creates_makes_nobody_twice() {
    let hosted = Hosted::new(born_in_salesforce(5));
    for stage in ["pull", "build"] {
        hosted.good(&[stage, "--sandbox"]);
    }
    let planned = hosted.good(&["plan", "--sandbox"]);
    let apply = ["apply", "--sandbox", &plan_named(&planned.stdout)];
    let company = hosted.company.copy();
    let n_before = hosted.bodies().len();
    let (_, extent) = hosted.measure(&apply);
    let end = end_state(&hosted.sandbox);
    let is_create =
        |body: &String| body.contains("concord_key") && body.contains("objectWriteTraceId");
    let n_creates = hosted.bodies()[n_before..].iter().filter(|body| is_create(body)).count();
    assert!(n_creates > 0, "somebody is created");

    let mut n_around = 0;
    for n in 1..=extent.n_calls {
        for is_handled in [false, true] {
            let hosted = Hosted::new(company.copy());
            assert!(hosted.kill(&apply, Point::Call { n, is_handled }));
            if !hosted.bodies().last().is_some_and(is_create) {
                break;
            }
            n_around += 1;
            hosted.good(&apply);
            let differences = differences(&end_state(&hosted.sandbox), &end);
            assert!(differences.is_empty(), "call {n}, handled: {is_handled}: {differences:#?}");
        }
    }
    assert!(n_around >= 2 * n_creates);
}

#[test]
fn a_contact_follows_the_account_where_the_field_map_says_so() {
    let company = Company::new(&CompanyOptions::small(5));
    company.edit(
        "field_map.toml",
        "[person]\n",
        "[person]\nassociations = { company = \"salesforce\" }\n",
    );
    company.good(&["pull", "--sandbox"]);
    company.good(&["build", "--sandbox"]);
    let owed = company.query(
        "select hubspot_id, company_id from sync_associations \
         where hubspot_id is not null and held_code is null order by 1",
    );
    assert!(!owed.is_empty());
    company.good(&["run", "--sandbox"]);
    let sent = company.query(
        "select record_id, sent, before from ops.outcomes \
         where operation = 'associate' and status = 'accepted' order by 1",
    );
    let places = |rows: &[Row], id: &str, to: &str| -> Vec<(String, String)> {
        rows.iter().map(|row| (row[id].clone(), row[to].clone())).collect()
    };
    assert_eq!(places(&sent, "record_id", "sent"), places(&owed, "hubspot_id", "company_id"));
    let night = company.good(&["run", "--sandbox"]);
    assert!(night.stdout.contains("nothing to do"), "{}", night.stdout);
    let primary = "select contact_id, company_id from stg_hubspot__contacts \
         where contact_id in (select record_id from ops.outcomes where operation = 'associate') order by 1";
    let now = company.query(primary);
    assert_eq!(places(&now, "contact_id", "company_id"), places(&owed, "hubspot_id", "company_id"));

    // Whoever had another company gets it back; no write takes one away from whoever had none.
    let run = company.query("select min(run_id) as run from ops.outcomes").remove(0);
    let undone = company.good(&["undo", "--sandbox", &run["run"], "--yes"]);
    assert!(undone.stdout.contains("keep the companies with which the run"), "{}", undone.stdout);
    let night = company.good(&["run", "--sandbox"]);
    assert!(night.stdout.contains("nothing to do"), "{}", night.stdout);
    let now = company.query(primary);
    let expected: Vec<(String, String)> = sent
        .iter()
        .map(|row| {
            let before = if row["before"].is_empty() { &row["sent"] } else { &row["before"] };
            (row["record_id"].clone(), before.clone())
        })
        .collect();
    assert_eq!(places(&now, "contact_id", "company_id"), expected);
}
