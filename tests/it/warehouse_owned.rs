//! What a project brings along: files from elsewhere, models of its own, fields that a model owns, and a
//! no that goes to every record of a person.

use std::fs;

use concord::sandbox::company::CompanyOptions;

use crate::edits::{Edit, make};
use crate::support::{Company, Row};

const FIELDS: &str = r#"
[person.fields.city]
type = "text"
hubspot = "city"
salesforce = { Lead = "City", Contact = "MailingCity" }
owner = "warehouse"
from = { model = "home_cities", column = "city" }

[person.fields.opted_out]
type = "consent"
hubspot = "hs_email_optout"
salesforce = { Lead = "HasOptedOutOfEmail", Contact = "HasOptedOutOfEmail" }
owner = "two_way"
because = { hubspot = "the link in every letter", salesforce = "told a rep" }
"#;

const MODEL: &str = "\
-- home_cities: where people live, as the shop knows it.
-- grain: one row per golden_id
with final as (

    select
        pairs.golden_id,
        home.city
    from sources.home as home
    inner join int_pairs as pairs
        on home.contact_id = pairs.hubspot_id

)

select * from final
";

fn append(company: &Company, file: &str, text: &str) {
    let whole = fs::read_to_string(company.path(file)).expect("the file is there") + text;
    fs::write(company.path(file), whole).expect("the file is written");
}

fn pairs(company: &Company) -> Vec<Row> {
    company.query(
        "select hubspot_id, salesforce_object, salesforce_id from int_pairs where entity = 'person' \
         and hubspot_id is not null and salesforce_object = 'Lead' order by hubspot_id limit 3",
    )
}

#[test]
fn what_a_model_owns_reaches_both_crms_once_and_a_no_reaches_every_record() {
    let company = Company::new(&CompanyOptions::small(6));
    company.good(&["run", "--sandbox"]);
    let known = pairs(&company);
    append(&company, "field_map.toml", FIELDS);
    append(&company, "concord.toml", "\n[sources.home]\nurl = \"data/home.csv\"\n");
    fs::create_dir_all(company.path("models/3_marts")).expect("a directory");
    fs::write(company.path("models/3_marts/home_cities.sql"), MODEL).expect("written");
    let sidecar =
        "description = \"where people live, as the shop knows it.\"\ngrain = [\"golden_id\"]\n";
    fs::write(company.path("models/3_marts/home_cities.toml"), sidecar).expect("written");
    // A number stays the text that it is, and a blank takes nothing away.
    let cities = ["Turin", "007", ""];
    let rows =
        known.iter().zip(cities).map(|(pair, city)| format!("{},{city}\n", pair["hubspot_id"]));
    let csv = format!("contact_id,city\n{}", rows.collect::<String>());
    fs::write(company.path("data/home.csv"), csv).expect("written");

    let before = |id: &str| {
        company.query(&format!(
            "select coalesce(city, '') as city from stg_hubspot__contacts where contact_id = '{id}'"
        ))[0]["city"]
            .clone()
    };
    // Somebody told a rep, and somebody used the link: HubSpot's own flag is not for us to write.
    let no = |pair: usize| Edit::Salesforce {
        pair,
        field: "HasOptedOutOfEmail",
        value: "true".to_owned(),
    };
    make(&company.sandbox(), &known, &[no(0)]);
    let untouched = before(&known[2]["hubspot_id"]);
    company.good(&["run", "--sandbox"]);
    company.good(&["run", "--sandbox"]);

    for (pair, city) in known.iter().zip(["Turin", "007"]) {
        let (contact, lead) = (&pair["hubspot_id"], &pair["salesforce_id"]);
        let found = company.query(&format!(
            "select contacts.city as ours, leads.city as theirs from stg_hubspot__contacts as contacts \
             cross join stg_salesforce__leads as leads \
             where contacts.contact_id = '{contact}' and leads.lead_id = '{lead}'"
        ));
        assert_eq!((found[0]["ours"].as_str(), found[0]["theirs"].as_str()), (city, city));
    }
    assert_eq!(before(&known[2]["hubspot_id"]), untouched);
    let left = "select count(*) from sync_changes where field in ('city', 'opted_out') and status = 'action'";
    assert_eq!(company.count(left), 0);

    // Whoever said no in HubSpot has said it in Salesforce; HubSpot's own flag nobody may write.
    let waits = format!(
        "select count(*) from held_back where field = 'opted_out' and reason_code = 'not_writable' \
         and record_id = '{}'",
        known[0]["hubspot_id"]
    );
    assert_eq!(company.count(&waits), 1);
    let yes_left = company.count(
        "select count(*) from int_pairs as pairs \
         inner join stg_hubspot__contacts as contacts on pairs.hubspot_id = contacts.contact_id \
         inner join stg_salesforce__leads as leads on pairs.salesforce_id = leads.lead_id \
         where contacts.is_opted_out and not leads.is_opted_out",
    );
    assert_eq!(yes_left, 0);
    let refused =
        "select count(*) from sync_consents where target_system = 'hubspot' and status <> 'held'";
    assert_eq!(company.count(refused), 0);
}

#[test]
fn a_source_that_is_not_there_is_named() {
    let company = Company::new(&CompanyOptions::small(6));
    append(&company, "concord.toml", "\n[sources.home]\nurl = \"data/home.csv\"\n");
    let found = company.concord(&["run", "--sandbox"]);
    assert_eq!(found.code, 1, "{}{}", found.stdout, found.stderr);
    assert!(found.stderr.contains("source `sources.home`"), "{}", found.stderr);
    assert!(found.stderr.contains("`data/home.csv`"), "{}", found.stderr);
}
