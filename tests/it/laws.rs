//! What must always hold, over generated companies and several nights of edits from both sides.
//!
//! A failing case prints its seed and edits, and proptest replays it. `PROPTEST_CASES` sets the
//! number of companies.

use std::collections::BTreeSet;

use concord::sandbox::company::CompanyOptions;
use proptest::prelude::*;

use crate::edits::{Edit, make, salesforce_calls_left};
use crate::support::{Company, Row};

/// Companies for each law; each takes several runs of the whole program.
const CASES: u32 = 4;

fn edit() -> impl Strategy<Value = Edit> {
    let phone = (1_000_000u32..9_999_999).prop_map(|n| format!("+1 415 {n}"));
    let title = prop_oneof![
        Just("Head of Growth".to_owned()),
        Just("VP Marketing, EMEA \"new\"".to_owned()),
        Just("Équipe Ventes 🚀".to_owned()),
    ];
    let status = prop_oneof![
        Just("Working - Contacted".to_owned()),
        Just("Accepted".to_owned()),
        Just("Disqualified".to_owned()),
    ];
    prop_oneof![
        (any::<prop::sample::Index>(), phone.clone()).prop_map(|(i, value)| Edit::HubSpot {
            pair: i.index(10_000),
            property: "phone",
            value
        }),
        (any::<prop::sample::Index>(), phone).prop_map(|(i, value)| Edit::Salesforce {
            pair: i.index(10_000),
            field: "Phone",
            value
        }),
        (any::<prop::sample::Index>(), title.clone()).prop_map(|(i, value)| Edit::HubSpot {
            pair: i.index(10_000),
            property: "jobtitle",
            value
        }),
        (any::<prop::sample::Index>(), title).prop_map(|(i, value)| Edit::Salesforce {
            pair: i.index(10_000),
            field: "Title",
            value
        }),
        (any::<prop::sample::Index>(), status).prop_map(|(i, value)| Edit::Salesforce {
            pair: i.index(10_000),
            field: "Status",
            value
        }),
        any::<prop::sample::Index>().prop_map(|i| Edit::HubSpot {
            pair: i.index(10_000),
            property: "phone",
            value: String::new()
        }),
        any::<prop::sample::Index>().prop_map(|i| Edit::HubSpot {
            pair: i.index(10_000),
            property: "segment",
            value: "startup".to_owned(),
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: CASES,
        max_shrink_iters: 8,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Laws 1, 2, 6 and 8, night after night.
    #[test]
    fn nights_settle_account_for_everything_and_follow_the_field_map(
        seed in 0u64..1_000_000,
        nights in prop::collection::vec(prop::collection::vec(edit(), 1..12), 2..4),
    ) {
        let company = Company::new(&CompanyOptions::small(seed));
        company.good(&["run", "--sandbox"]);
        settles(&company)?;
        for edits in &nights {
            let pairs = lead_pairs(&company);
            prop_assume!(!pairs.is_empty());
            let held_before = held(&company);
            make(&company.sandbox(), &pairs, edits);
            company.good(&["run", "--sandbox"]);
            accounts_for_every_record(&company)?;
            accounts_for_every_difference(&company)?;
            owes_what_was_held(&company, &held_before, &pairs, edits)?;
            follows_the_field_map(&company)?;
            for by in ["source", "owner", "week"] {
                company.good(&["reconcile", "mql", "--sandbox", "--by", by]);
            }
            settles(&company)?;
        }
    }

    /// Law 2 for work that the budget does not cover: carried with its reason, done when there is
    /// budget, and the reserve is never touched.
    #[test]
    fn what_the_budget_does_not_cover_is_carried_and_done_another_night(
        seed in 0u64..1_000_000,
        spare in 3u64..14,
    ) {
        const DAILY: u64 = 1000;
        let company = Company::new(&CompanyOptions::small(seed));
        company.edit("data/demo/world.toml", "daily_calls_max = 100000", "daily_calls_max = 1000");
        company.good(&["pull", "--sandbox"]);
        let pulled = company.query("select sum(cast(calls as bigint)) as n from ops.stages where stage = 'pull salesforce'");
        let pulled: u64 = pulled[0]["n"].parse().expect("a number");
        #[expect(clippy::cast_precision_loss, reason = "numbers of calls are small")]
        let reserve = (DAILY - pulled - spare) as f64 / DAILY as f64;
        let budget = |share: f64| format!("[budget.salesforce]\ncalls_per_run_max = 10000\nreserve_share = {share}");
        company.edit("concord.toml", &budget(0.5), &budget(reserve));
        // A night later the allowance is whole again.
        let tight = company.good(&["run", "--sandbox"]);
        let people = |sql: &str| -> BTreeSet<(String, String)> {
            let rows = company.query(sql).into_iter();
            rows.map(|row| (row["golden_id"].clone(), row["system"].clone())).collect()
        };
        let owed = people("select golden_id, target_system as system from sync_changes where status = 'action'");
        let planned = people("select golden_id, system from plan.actions");
        let carried = people("select golden_id, system from plan.held where reason_code = 'over_budget'");
        prop_assert_eq!(&owed, &planned.union(&carried).cloned().collect(), "{}", tight.stdout);
        let left = salesforce_calls_left(&company.sandbox());
        #[expect(clippy::cast_precision_loss, reason = "numbers of calls are small")]
        let is_kept = left as f64 >= DAILY as f64 * reserve - 2.0;
        prop_assert!(is_kept, "{} calls left, the reserve is {}", left, reserve);

        company.edit("concord.toml", &budget(reserve), &budget(0.5));
        let held_before = held(&company);
        company.good(&["run", "--sandbox"]);
        owes_what_was_held(&company, &held_before, &[], &[])?;
        settles(&company)?;
    }

    /// Law 3: the order of rows and the number of walks at a time change nothing.
    #[test]
    fn order_and_parallelism_change_nothing(seed in 0u64..1_000_000, turn in 1usize..97) {
        let one = Company::new(&CompanyOptions::small(seed));
        let other = Company::new(&CompanyOptions::small(seed));
        for file in ["hubspot/objects/contacts.csv", "salesforce/objects/Lead.csv", "hubspot/associations.csv"] {
            rotate(&other, file, turn);
        }
        other.edit("concord.toml", "parallel = 4", "parallel = 1");
        for company in [&one, &other] {
            company.good(&["pull", "--sandbox"]);
            company.good(&["build", "--sandbox"]);
        }
        for sql in [
            "select record_key, golden_id, is_live from crosswalk order by record_key",
            "select golden_id, target_system, operation, field, before, after, status, reason_code, rule \
             from sync_changes order by 1, 2, 3, 4",
            "select golden_id, record_id, code, grade, contributing from gap_reasons order by 1, 2, 3",
            "select hs_object_id, _fingerprint from hubspot.contacts order by 1",
        ] {
            prop_assert_eq!(one.query(sql), other.query(sql), "{}", sql);
        }
    }
}

/// Law 1: pull, build and plan again give no actions.
fn settles(company: &Company) -> Result<(), TestCaseError> {
    let rejected = company.count("select count(*) from ops.outcomes where status <> 'accepted'");
    prop_assert_eq!(rejected, 0, "nothing here should be refused");
    let again = company.good(&["run", "--sandbox"]);
    prop_assert!(again.stdout.contains("nothing to do"), "{}", again.stdout);
    Ok(())
}

/// Law 2, first half: every source record is in exactly one cluster.
pub fn accounts_for_every_record(company: &Company) -> Result<(), TestCaseError> {
    let records: u64 = [
        "hubspot.contacts",
        "hubspot.companies",
        "hubspot.deals",
        "salesforce.lead",
        "salesforce.contact",
        "salesforce.account",
        "salesforce.opportunity",
    ]
    .iter()
    .map(|table| company.count(&format!("select count(*) from {table}")))
    .sum();
    prop_assert_eq!(records, company.count("select count(*) from crosswalk"));
    prop_assert_eq!(records, company.count("select count(distinct record_key) from crosswalk"));
    Ok(())
}

/// Law 2, second half: every difference is an action, a no-op or held back, the latter with a reason.
pub fn accounts_for_every_difference(company: &Company) -> Result<(), TestCaseError> {
    let differences = company.count(
        "select (select count(*) from int_field_decisions where not is_agreed) \
             + (select count(*) from sync_warehouse) + (select count(*) from sync_consents)",
    );
    let decided = company.count(
        "select count(*) from sync_changes where operation = 'update' and field not like '(%' and depends_on is null \
         and (reason_code is distinct from 'not_primary') and (status = 'action' or (status in ('noop', 'held') and reason_code is not null))",
    );
    prop_assert_eq!(differences, decided);
    // Beside the primaries: every further live record, field by field, against the golden record.
    let twins = "records.is_candidate and primaries.record_key is null";
    let beside = format!(
        "select count(*) from int_records as records \
         left join int_primaries as primaries on records.record_key = primaries.record_key where {twins}"
    );
    prop_assert_eq!(
        company.count(&beside),
        company
            .count("select count(distinct record_key) from int_twin_values where not is_primary")
    );
    let twin_differences = company.count(
        "select count(*) from int_twin_values as twins left join int_golden_values as golden \
         on twins.golden_id = golden.golden_id and twins.field = golden.field \
         left join project.field_rules as rules on twins.full_name = rules.full_name \
         where not twins.is_primary and rules.restrictive is null and coalesce(field_value(twins.full_name, twins.source_system, twins.raw), '') <> coalesce(golden.typed_value, '')",
    );
    let twin_noops = company.count(
        "select count(*) from sync_changes where reason_code = 'not_primary' and status = 'noop'",
    );
    prop_assert_eq!(twin_differences, twin_noops);
    Ok(())
}

fn held(company: &Company) -> BTreeSet<(String, String, String)> {
    company
        .query("select golden_id, target_system, field from sync_changes where status = 'held'")
        .into_iter()
        .map(|row| (row["golden_id"].clone(), row["target_system"].clone(), row["field"].clone()))
        .collect()
}

/// Law 2, the days after: what was held back is held back or done, for whoever nobody touched.
fn owes_what_was_held(
    company: &Company,
    held_before: &BTreeSet<(String, String, String)>,
    pairs: &[Row],
    edits: &[Edit],
) -> Result<(), TestCaseError> {
    let touched: BTreeSet<&String> = edits
        .iter()
        .map(|edit| match edit {
            Edit::HubSpot { pair, .. } | Edit::Salesforce { pair, .. } => {
                &pairs[pair % pairs.len()]["golden_id"]
            }
        })
        .collect();
    let held_now = held(company);
    for owed in held_before.iter().filter(|(golden_id, _, _)| !touched.contains(golden_id)) {
        prop_assert!(held_now.contains(owed), "{owed:?} was forgotten");
    }
    Ok(())
}

/// Law 6: updates go only to fields that the map lets travel that way.
fn follows_the_field_map(company: &Company) -> Result<(), TestCaseError> {
    let against = company.count(
        "select count(*) from ops.outcomes as outcomes \
         left join project.field_rules as rules on rules.full_name = concat('person.', outcomes.field) \
         where outcomes.operation = 'update' and outcomes.field <> '(link)' \
         and outcomes.object in ('contacts', 'Lead', 'Contact') \
         and (rules.owner is null or rules.owner = 'compare' or rules.write_mode = 'on_create' \
              or (outcomes.source_system = 'hubspot' and rules.owner = 'hubspot') \
              or (outcomes.source_system = 'salesforce' and rules.owner = 'salesforce'))",
    );
    prop_assert_eq!(against, 0);
    Ok(())
}

/// Pairs whose Salesforce side is a lead that may be edited.
pub fn lead_pairs(company: &Company) -> Vec<Row> {
    company.query(
        "select golden_id, hubspot_id, salesforce_object, salesforce_id from int_pairs \
         where entity = 'person' and hubspot_id is not null and salesforce_object = 'Lead' \
         order by golden_id",
    )
}

/// Moves the first `turn` rows of a file behind the others.
fn rotate(company: &Company, file: &str, turn: usize) {
    let path = company.path(&format!("data/demo/{file}"));
    let mut reader = csv::Reader::from_path(&path).expect("the file is there");
    let header = reader.headers().expect("a header").clone();
    let mut rows: Vec<csv::StringRecord> =
        reader.records().map(|row| row.expect("a row")).collect();
    let middle = turn % rows.len().max(1);
    rows.rotate_left(middle);
    let mut writer = csv::Writer::from_path(&path).expect("the file is written");
    writer.write_record(&header).expect("written");
    for row in rows {
        writer.write_record(&row).expect("written");
    }
    writer.flush().expect("written");
}
