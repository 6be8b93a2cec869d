//! Laws of a generated company, each worked out again from the rows alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;

use serde_json::Value;

use super::super::world::World;
use super::people::{free_phone, n_numbers};
use super::studio::Studio;
use super::{Company, CompanyOptions, Contact, Lead, Mix, Row, Rows, generate};

/// Says whether an instant's local date lies in 2026-Q3.
fn in_period(instant: &str, zone: &str) -> bool {
    let instant: Timestamp = instant.parse().expect("generated instants parse");
    let day = TimeZone::get(zone).expect("bundled zone").to_datetime(instant).date();
    (date(2026, 7, 1)..date(2026, 10, 1)).contains(&day)
}

/// Gives the HubSpot contacts that Marketing's dashboard counts.
fn counted_by_marketing(company: &Company) -> BTreeSet<String> {
    let mut latest: HashMap<String, String> = HashMap::new();
    for row in company.hubspot.contact_history.iter() {
        if row.property == "lifecyclestage" && row.value == "marketingqualifiedlead" {
            let entry = latest.entry(row.id).or_default();
            *entry = std::mem::take(entry).max(row.at);
        }
    }
    let live = company.hubspot.contacts.iter().filter(|row| row.archived == "false");
    live.filter(|row| latest.get(&row.id).is_some_and(|at| in_period(at, "America/New_York")))
        .map(|row| row.id)
        .collect()
}

/// Gives the leads that Sales' dashboard counts.
fn counted_by_sales(company: &Company) -> BTreeSet<String> {
    let users = company.salesforce.users.iter();
    let active: BTreeSet<String> =
        users.filter(|user| user.active == "true").map(|user| user.id).collect();
    let leads = company.salesforce.leads.iter();
    leads
        .filter(|row| {
            row.deleted == "false"
                && row.converted == "false"
                && !row.mql_at.is_empty()
                && in_period(&row.mql_at, "America/Los_Angeles")
                && active.contains(&row.owner)
                && row.status != "Recycled"
                && row.status != "Disqualified"
        })
        .map(|row| row.id)
        .collect()
}

/// Checks both totals, the planted counts, and that nobody else is on one side only.
fn check_claims(company: &Company) {
    let mix = &company.options.mix;
    let marketing = counted_by_marketing(company);
    let sales = counted_by_sales(company);
    assert_eq!(marketing.len(), mix.marketing_total);
    assert_eq!(sales.len(), mix.sales_total());

    let mut planted: BTreeMap<&str, usize> = BTreeMap::new();
    let mut explained: BTreeSet<&str> = BTreeSet::new();
    for row in &company.truth {
        *planted.entry(&row.code).or_default() += 1;
        let counted = if row.source_system == "hubspot" { &marketing } else { &sales };
        assert!(counted.contains(row.record_id.as_str()), "{} is not counted", row.code);
        assert!(explained.insert(&row.record_id), "{} is planted twice", row.record_id);
    }
    let wanted: BTreeMap<&str, usize> =
        mix.counts.iter().filter(|(_, n)| **n > 0).map(|(code, n)| (*code, *n)).collect();
    assert_eq!(planted, wanted);

    for (contact, lead) in both(company, &marketing, &sales, &explained) {
        check_agreement(company, &contact, &lead);
    }
}

/// Pairs the counted rows that are not planted: each contact with the lead linked to it.
fn both(
    company: &Company,
    marketing: &BTreeSet<String>,
    sales: &BTreeSet<String>,
    explained: &BTreeSet<&str>,
) -> Vec<(Contact, Lead)> {
    let mut contacts: HashMap<String, Contact> =
        company.hubspot.contacts.iter().map(|row| (row.id.clone(), row)).collect();
    let mut pairs = Vec::new();
    for lead in company.salesforce.leads.iter() {
        if !sales.contains(&lead.id) || explained.contains(lead.id.as_str()) {
            continue;
        }
        let contact = contacts.remove(&lead.hubspot_id).expect("a contact that no other lead has");
        assert_eq!(contact.lead_id, lead.id);
        assert_eq!(contact.record_id, lead.id);
        assert!(marketing.contains(&contact.id));
        assert!(!explained.contains(contact.id.as_str()));
        pairs.push((contact, lead));
    }
    assert_eq!(pairs.len(), company.options.mix.n_matched());
    let n_free = marketing.iter().filter(|id| !explained.contains(id.as_str())).count();
    assert_eq!(pairs.len(), n_free);
    pairs
}

/// Checks every mapped field of a pair that both sides count.
fn check_agreement(company: &Company, contact: &Contact, lead: &Lead) {
    let source = match contact.source.as_str() {
        "organic" => "Organic Search",
        "paid" => "Paid Search",
        "referral" => "Partner Referral",
        "event" => "Trade Show",
        "outbound" => "Outbound",
        other => panic!("`{other}` has no lead source"),
    };
    let segment = match contact.segment.as_str() {
        "smb" => "SMB",
        "mid_market" => "Mid-Market",
        "enterprise" => "Enterprise",
        other => panic!("`{other}` has no segment"),
    };
    let stage = match contact.stage.as_str() {
        "marketingqualifiedlead" => "MQL",
        "salesqualifiedlead" => "SQL",
        other => panic!("`{other}` is not a stage of somebody whom both count"),
    };
    let status = match contact.lead_status.as_str() {
        "NEW" => "Open - Not Contacted",
        "IN_PROGRESS" => "Working - Contacted",
        "CONNECTED" => "Accepted",
        other => panic!("`{other}` is not a status of somebody whom both count"),
    };
    let owners = company.hubspot.owners.iter();
    let owner = owners.filter(|owner| owner.id == contact.owner).find_map(|owner| {
        let email = owner.email.to_lowercase();
        company.salesforce.users.iter().find(|user| user.email == email)
    });
    assert_eq!(owner.map(|user| user.id), Some(lead.owner.clone()));
    let left = [
        &contact.first,
        &contact.last,
        &contact.email,
        &contact.company,
        &contact.title,
        &contact.phone,
        &contact.country,
        &contact.utm_source,
        &contact.utm_campaign,
        &contact.score,
        &contact.mql_at,
    ];
    let right = [
        &lead.first,
        &lead.last,
        &lead.email,
        &lead.company,
        &lead.title,
        &lead.phone,
        &lead.country,
        &lead.utm_source,
        &lead.utm_campaign,
        &lead.score,
        &lead.mql_at,
    ];
    assert_eq!(left, right);
    assert_eq!(
        [source, segment, stage, status],
        [lead.source.as_str(), &lead.segment, &lead.stage, &lead.status]
    );
}

/// Checks that one address never names two people, and one number with one name neither.
fn check_identities(company: &Company) {
    let mut names: HashMap<String, (String, String)> = HashMap::new();
    let contacts = company.hubspot.contacts.iter().map(|r| (r.email, r.first, r.last));
    let leads = company.salesforce.leads.iter().map(|r| (r.email, r.first, r.last));
    let others = company.salesforce.contacts.iter().map(|r| (r.email, r.first, r.last));
    for (email, first, last) in contacts.chain(leads).chain(others) {
        if email.is_empty() {
            continue;
        }
        let name = (first, last);
        assert_eq!(*names.entry(email.to_lowercase()).or_insert(name.clone()), name, "{email}");
    }
    let mut addresses = BTreeSet::new();
    for row in company.hubspot.contacts.iter().filter(|row| !row.email.is_empty()) {
        assert!(addresses.insert(row.email.to_lowercase()), "two contacts have {}", row.email);
    }
}

/// Checks that created, entered, modified and now follow each other.
fn check_dates(company: &Company) {
    let now = company.options.now.to_string();
    let mut current: HashMap<String, (String, String)> = HashMap::new();
    for row in company.hubspot.contact_history.iter().filter(|row| row.property == "lifecyclestage")
    {
        let before = current.insert(row.id.clone(), (row.at.clone(), row.value));
        assert!(before.is_none_or(|(at, _)| at <= row.at), "{} goes back in time", row.id);
    }
    for row in company.hubspot.contacts.iter() {
        assert!(row.created_at <= row.updated_at && row.updated_at <= now, "{}", row.id);
        if let Some((at, stage)) = current.get(&row.id) {
            assert_eq!(*stage, row.stage, "{}", row.id);
            assert!(*at <= row.updated_at, "{}", row.id);
        }
    }
    for row in company.salesforce.leads.iter() {
        assert!(row.created_at <= row.modified_at && row.modified_at <= now, "{}", row.id);
        assert!(row.mql_at <= now);
    }
    for row in company.salesforce.contacts.iter() {
        assert!(row.created_at <= row.modified_at && row.modified_at <= now, "{}", row.id);
    }
    for row in company.salesforce.opportunities.iter() {
        assert!(row.created_at <= row.modified_at && row.modified_at <= now, "{}", row.id);
    }
    for row in company.hubspot.deals.iter() {
        assert!(row.created_at <= row.updated_at && row.updated_at <= now, "{}", row.id);
    }
}

#[test]
fn demo_counts_412_and_280() {
    let company = generate(&CompanyOptions::demo());
    assert_eq!(counted_by_marketing(&company).len(), 412);
    assert_eq!(counted_by_sales(&company).len(), 280);
    check_claims(&company);
    check_identities(&company);
    check_dates(&company);
    let size = company.options.size;
    assert_eq!(company.hubspot.contacts.len(), size.hubspot_contacts);
    assert_eq!(company.hubspot.companies.len(), size.companies);
    assert_eq!(company.hubspot.deals.len(), size.deals);
    assert_eq!(company.salesforce.leads.len(), size.leads);
    assert_eq!(company.salesforce.contacts.len(), size.sf_contacts);
    assert_eq!(company.salesforce.accounts.len(), size.accounts);
    assert_eq!(company.salesforce.opportunities.len(), size.opportunities);
}

#[test]
fn other_seeds_keep_the_laws() {
    for seed in 1..=20 {
        let small = CompanyOptions::small(seed);
        assert!(small.mix.counts.len() >= 12, "seed {seed}");
        let company = generate(&small);
        check_claims(&company);
        check_identities(&company);
        check_dates(&company);
    }
    for seed in 101..=103 {
        let company = generate(&CompanyOptions::random(seed));
        check_claims(&company);
        check_identities(&company);
        check_dates(&company);
    }
}

#[test]
fn a_company_of_any_size_has_the_people_asked_for() {
    for n in [1, 2, 3, 5, 10, 99, 100, 300, 1_000] {
        let company = generate(&CompanyOptions::scaled(7, n, n));
        assert_eq!((company.hubspot.contacts.len(), company.salesforce.leads.len()), (n, n));
        check_claims(&company);
        check_identities(&company);
        check_dates(&company);
    }
}

#[test]
fn a_country_may_run_out_of_telephone_numbers() {
    let mut studio = Studio::new(&CompanyOptions::small(1));
    let ranges = super::names::LOCALES.iter().map(|locale| n_numbers(locale.phones));
    let (range, locale) =
        ranges.enumerate().map(|(locale, range)| (range, locale)).min().expect("a locale");
    let given: Vec<String> = (0..range * 2).map(|_| free_phone(&mut studio, locale)).collect();
    let given: Vec<&String> = given.iter().filter(|number| !number.is_empty()).collect();
    let numbers: BTreeSet<&&String> = given.iter().collect();
    assert_eq!(numbers.len(), given.len());
    assert!(given.len() * 10 > range * 9, "{} of {range} numbers are given", given.len());
}

#[test]
fn scaled_mixes_grow_and_shrink_with_the_company() {
    assert_eq!(Mix::scaled(5_000), Mix::demo());
    let large = Mix::scaled(100_000);
    assert_eq!((large.marketing_total, large.sales_total()), (412 * 20, 280 * 20));
    let small = Mix::scaled(500);
    assert_eq!((small.n_matched(), small.count("T2"), small.count("P7")), (23, 1, 0));
    assert_eq!(Mix::scaled(1).marketing_total, 0);
}

#[test]
fn random_mixes_add_up() {
    for seed in 0..200 {
        let mix = Mix::random(seed);
        assert!(mix.counts.len() >= 12, "seed {seed}");
        assert!(mix.count("U1") <= mix.n_matched() && mix.count("XU") <= mix.n_matched());
    }
    assert_eq!(Mix::demo().n_matched(), 233);
    assert_eq!(Mix::demo().sales_total(), 280);
}

#[test]
fn committed_demo_opens_as_a_world() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/demo");
    let world = World::read(&committed).expect("a world file");
    assert_eq!((world.seed, world.now), (42, CompanyOptions::demo().now));
    assert_eq!(world.salesforce.org_id.len(), 18);
}

#[test]
fn committed_demo_is_what_the_seed_gives() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/demo");
    let fresh = tempfile::tempdir().expect("a temporary directory");
    generate(&CompanyOptions::demo()).write(fresh.path()).expect("a writable directory");
    let (left, right) = (files(&committed), files(fresh.path()));
    assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>());
    for (path, text) in &left {
        assert!(right[path] == *text, "data/demo/{path} is not what seed 42 gives");
    }
}

/// Reads every file below a directory by its path there.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).expect("below the root").display().to_string();
                found.insert(name, fs::read(&path).expect("a readable file"));
            }
        }
    }
    found
}

/// Checks columns and picklist values of one Salesforce object against its definition.
fn check_salesforce<R: Row>(schema: &str, rows: &Rows<R>) {
    let object: Value = serde_json::from_str(schema).expect("a definition is JSON");
    let fields: HashMap<&str, &Value> = object["fields"]
        .as_array()
        .expect("fields")
        .iter()
        .map(|field| (field["name"].as_str().expect("a name"), field))
        .collect();
    for (position, column) in R::COLUMNS.iter().enumerate() {
        let field = fields.get(column).unwrap_or_else(|| panic!("{column} is not defined"));
        let restricted = field["restrictedPicklist"].as_bool() == Some(true);
        let length = field["length"].as_u64().unwrap_or(0);
        let length = usize::try_from(length).expect("a short field");
        for row in rows.iter() {
            let cell = row.cells()[position];
            if restricted && !cell.is_empty() {
                let values = field["picklistValues"].as_array().expect("values");
                assert!(values.iter().any(|value| value["value"] == cell), "{column}: {cell}");
            }
            assert!(length == 0 || cell.chars().count() <= length, "{column}: {cell}");
        }
    }
}

/// Checks columns and option values of one HubSpot object against its definition.
fn check_hubspot<R: Row>(schema: &str, rows: &Rows<R>) {
    let object: Value = serde_json::from_str(schema).expect("a definition is JSON");
    let properties = object["properties"].as_array().expect("properties");
    for (position, column) in R::COLUMNS.iter().enumerate().skip(5) {
        let property = properties
            .iter()
            .find(|property| property["name"] == *column)
            .unwrap_or_else(|| panic!("{column} is not defined"));
        let closed = property["type"] == "enumeration" && property["externalOptions"] == false;
        for row in rows.iter() {
            let cell = row.cells()[position];
            if cell.is_empty() {
                continue;
            }
            let options = property["options"].as_array().expect("options");
            assert!(
                !closed || options.iter().any(|option| option["value"] == cell),
                "{column}: {cell}"
            );
        }
    }
}

#[test]
fn rows_fit_their_definitions() {
    let company = generate(&CompanyOptions::demo());
    let texts: HashMap<&str, &str> = super::schema::SCHEMAS.iter().copied().collect();
    let hubspot = |name: &str| texts[format!("hubspot/schema/{name}.json").as_str()];
    check_hubspot(hubspot("contacts"), &company.hubspot.contacts);
    check_hubspot(hubspot("companies"), &company.hubspot.companies);
    check_hubspot(hubspot("deals"), &company.hubspot.deals);
    let salesforce = |name: &str| texts[format!("salesforce/schema/{name}.json").as_str()];
    let rows = &company.salesforce;
    check_salesforce(salesforce("Lead"), &rows.leads);
    check_salesforce(salesforce("Contact"), &rows.contacts);
    check_salesforce(salesforce("Account"), &rows.accounts);
    check_salesforce(salesforce("Opportunity"), &rows.opportunities);
    check_salesforce(salesforce("OpportunityContactRole"), &rows.contact_roles);
    check_salesforce(salesforce("Campaign"), &rows.campaigns);
    check_salesforce(salesforce("CampaignMember"), &rows.campaign_members);
    check_salesforce(salesforce("Task"), &rows.tasks);
    check_salesforce(salesforce("Event"), &rows.events);
    check_salesforce(salesforce("LeadHistory"), &rows.lead_history);
    check_salesforce(salesforce("ContactHistory"), &rows.contact_history);
    check_salesforce(salesforce("OpportunityFieldHistory"), &rows.opportunity_field_history);
    check_salesforce(salesforce("OpportunityHistory"), &rows.opportunity_history);
    check_salesforce(salesforce("User"), &rows.users);
    check_salesforce(salesforce("Group"), &rows.queues);
}
