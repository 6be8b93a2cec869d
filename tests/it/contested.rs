//! What something in a CRM does to our values: fights over them, reforms them, or writes beside us.

use concord::sandbox::company::CompanyOptions;
use jiff::SignedDuration;

use crate::edits::{Edit, make, make_now};
use crate::support::{Company, Row};

/// A linked lead, its title settled.
fn settled() -> (Company, Vec<Row>) {
    let company = Company::new(&CompanyOptions::small(5));
    company.good(&["run", "--sandbox"]);
    let pairs = company.query(
        "select golden_id, hubspot_id, salesforce_object, salesforce_id from int_pairs \
         where entity = 'person' and hubspot_id is not null and salesforce_object = 'Lead' \
         order by golden_id limit 1",
    );
    assert_eq!(pairs.len(), 1);
    (company, pairs)
}

fn title(company: &Company, pairs: &[Row], in_salesforce: bool, value: &str) {
    let value = value.to_owned();
    let edit = if in_salesforce {
        Edit::Salesforce { pair: 0, field: "Title", value }
    } else {
        Edit::HubSpot { pair: 0, property: "jobtitle", value }
    };
    make(&company.sandbox(), pairs, &[edit]);
}

fn title_changes(company: &Company, pairs: &[Row]) -> Vec<Row> {
    company.query(&format!(
        "select status, reason_code from sync_changes where field = 'job_title' and golden_id = '{}' \
         and (reason_code is distinct from 'not_primary')",
        pairs[0]["golden_id"]
    ))
}

#[test]
fn an_automation_is_not_fought_every_night() {
    let (company, pairs) = settled();
    title(&company, &pairs, false, "Head of Growth");
    for night in 0..2 {
        company.good(&["run", "--sandbox"]);
        title(&company, &pairs, true, &format!("Set by a flow {night}"));
    }
    let alerted = company.good(&["run", "--sandbox"]);
    assert!(alerted.stderr.contains("1 fields are contested"), "{}", alerted.stderr);
    let changes = title_changes(&company, &pairs);
    assert_eq!(changes[0]["reason_code"], "contested", "{changes:?}");
    let listed =
        company.query("select record_id, writer, n_rebuffs from int_contested where is_contested");
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0]["record_id"], pairs[0]["salesforce_id"]);
    assert!(listed[0]["writer"].starts_with("005"), "{listed:?}");

    let quiet = company.good(&["run", "--sandbox"]);
    assert!(quiet.stdout.contains("nothing to do"), "{}", quiet.stdout);
    assert!(!quiet.stderr.contains("contested: something"), "told once: {}", quiet.stderr);
    company.good(&["release", "--sandbox", &pairs[0]["golden_id"], "--field", "job_title"]);
    company.good(&["run", "--sandbox"]);
    assert_eq!(title_changes(&company, &pairs)[0]["status"], "action");
    let again = company.good(&["run", "--sandbox"]);
    assert!(again.stdout.contains("nothing to do"), "{}", again.stdout);
}

#[test]
fn a_form_that_salesforce_gives_a_value_is_learnt_from_the_next_snapshot() {
    let (company, pairs) = settled();
    title(&company, &pairs, false, "Head of Growth");
    company.good(&["run", "--sandbox"]);
    // A trigger runs within the write, so nothing says that anyone wrote since.
    let edit = Edit::Salesforce { pair: 0, field: "Title", value: "HEAD OF GROWTH".to_owned() };
    make_now(&company.sandbox(), &pairs, &[edit]);
    for _ in 0..2 {
        let night = company.good(&["run", "--sandbox"]);
        assert!(night.stdout.contains("nothing to do"), "{}", night.stdout);
    }
    assert!(title_changes(&company, &pairs).is_empty());
    assert_eq!(
        company.count("select count(*) from state.stored_forms where source_system = 'salesforce'"),
        1
    );
    assert_eq!(company.count("select count(*) from int_contested"), 0);
    // Another value is another value.
    title(&company, &pairs, false, "Head of Sales");
    company.good(&["run", "--sandbox"]);
    assert_eq!(title_changes(&company, &pairs)[0]["status"], "action");
}

#[test]
fn beside_a_native_connector_at_work_only_what_was_taken_over_is_written() {
    let (company, pairs) = settled();
    // The connector writes what the API lets nobody write.
    let stamp = |company: &Company| {
        let now = company.sandbox().clock().now() + SignedDuration::from_hours(1);
        let database = company.path(".concord/sandbox/crm/hubspot.sqlite");
        let database = rusqlite::Connection::open(database).expect("the portal's records");
        let stamped = database.execute(
            "update records set properties = json_set(properties, '$.salesforcelastsynctime', ?1) \
             where id = ?2 and object = (select id from objects where name = 'contacts')",
            (now.to_string(), &pairs[0]["hubspot_id"]),
        );
        assert_eq!(stamped.expect("one contact"), 1);
    };
    title(&company, &pairs, false, "Head of Growth");
    stamp(&company);
    let night = company.good(&["run", "--sandbox"]);
    assert!(night.stdout.contains("native_connector_live"), "{}", night.stdout);
    assert_eq!(title_changes(&company, &pairs)[0]["reason_code"], "native_connector_live");

    company.edit("concord.toml", "taken_over = []", "taken_over = [\"person.job_title\"]");
    stamp(&company);
    company.good(&["run", "--sandbox"]);
    assert_eq!(title_changes(&company, &pairs)[0]["status"], "action");
    company.edit("concord.toml", "\"person.job_title\"", "\"person.job_titel\"");
    let wrong = company.concord(&["config", "show"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("did you mean `person.job_title`?"), "{}", wrong.stderr);
}
