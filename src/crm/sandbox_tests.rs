//! Both clients against the sandbox, end to end over HTTP.

use std::path::Path;

use super::transport::TransportOptions;
use super::*;
use crate::sandbox::faults::{Fault, Faults, Kind};
use crate::sandbox::{Running, Sandbox};
use crate::snapshot::{Manifest, NoProgress, PullOptions, pull};
use crate::warehouse::Warehouse;

struct Accounts {
    _running: Running,
    hubspot: hubspot::HubSpot,
    salesforce: salesforce::Salesforce,
    faults: Faults,
}

async fn open() -> Accounts {
    let world = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/demo");
    let sandbox = Sandbox::open(&world, None).expect("the demo world opens");
    let faults = sandbox.faults().clone();
    let running = sandbox.serve().await.expect("the sandbox listens");
    let world = crate::sandbox::World::read(&world).expect("the world is read");
    let mut config = hubspot::Config::new(Sensitive::new(world.hubspot.token.clone()));
    config.base_url.clone_from(&running.hubspot_url);
    let credentials = salesforce::Credentials::Client {
        client_id: Sensitive::new(world.salesforce.client_id.clone()),
        client_secret: Sensitive::new(world.salesforce.client_secret.clone()),
    };
    let hubspot = hubspot::HubSpot::new(config, TransportOptions::default());
    let config = salesforce::Config::new(running.salesforce_url.clone(), credentials);
    let salesforce = salesforce::Salesforce::new(config, TransportOptions::default());
    Accounts {
        _running: running,
        hubspot: hubspot.expect("a client is made"),
        salesforce: salesforce.expect("a client is made"),
        faults,
    }
}

async fn pull_all(
    crm: &dyn Crm,
    requests: &[ObjectRequest],
    directory: &Path,
) -> (Manifest, Warehouse) {
    let warehouse = Warehouse::open("file://./warehouse", directory).expect("a warehouse");
    let options = PullOptions::new("s1", "2026-10-05T06:00:00Z".parse().expect("a timestamp"));
    let manifest =
        pull(crm.kind().as_str(), crm, requests, &warehouse, &options, &NoProgress).await;
    (manifest.unwrap_or_else(|error| panic!("{:#}", anyhow::Error::from(error))), warehouse)
}

fn rows(manifest: &Manifest, table: &str) -> u64 {
    manifest.table(table).unwrap_or_else(|| panic!("no table {table}")).rows
}

#[tokio::test(flavor = "multi_thread")]
async fn salesforce_is_pulled_whole_and_takes_writes() {
    let accounts = open().await;
    let crm = &accounts.salesforce;
    let directory = tempfile::tempdir().expect("a directory");
    let (manifest, warehouse) =
        pull_all(crm, &salesforce::object_requests(), directory.path()).await;
    for table in &manifest.tables {
        assert_eq!(table.vendor_total, Some(table.rows), "{}", table.name);
    }
    assert!(rows(&manifest, "lead") > 0 && rows(&manifest, "opportunity") > 0);
    let schema = manifest.read_schema(&warehouse).await.expect("the metadata is read");
    assert!(schema.users.iter().any(|user| user.user_type == crate::schema::UserType::Queue));
    assert!(schema.stages.iter().any(|stage| stage.object == "Opportunity" && stage.is_won));
    assert_eq!(manifest.calls.retry, 0);

    let create = WriteCall {
        batches: vec![WriteBatch {
            object: "Lead".to_owned(),
            operation: WriteOperation::Create,
            records: [Some("Smith"), None]
                .into_iter()
                .enumerate()
                .map(|(index, name)| WriteRecord {
                    action_id: format!("a{index}"),
                    record_id: None,
                    create_key: Some(("Concord_Key__c".to_owned(), format!("key-{index}"))),
                    values: vec![
                        ("LastName".to_owned(), name.map(str::to_owned)),
                        ("Company".to_owned(), Some("Acme".to_owned())),
                    ],
                    associations: Vec::new(),
                })
                .collect(),
        }],
    };
    let outcomes = crm.write(&create).await.expect("the write ends");
    let [
        WriteOutcome::Accepted { record_id, is_created: true, .. },
        WriteOutcome::Rejected { code, field, .. },
    ] = outcomes.as_slice()
    else {
        panic!("{outcomes:?}")
    };
    assert_eq!(code, "REQUIRED_FIELD_MISSING");
    assert_eq!(field.as_deref(), Some("LastName"));
    let fields = ["Company".to_owned(), "Concord_Key__c".to_owned()];
    let by_key = crm.read_by_key("Lead", "Concord_Key__c", &["key-0".to_owned()], &fields).await;
    let by_id = crm.read_by_id("Lead", std::slice::from_ref(record_id), &fields).await;
    assert_eq!(by_key.expect("a read"), by_id.expect("a read"));
}

#[tokio::test(flavor = "multi_thread")]
async fn hubspot_is_pulled_whole_and_takes_writes() {
    let accounts = open().await;
    let crm = &accounts.hubspot;
    let directory = tempfile::tempdir().expect("a directory");
    let (manifest, warehouse) = pull_all(crm, &hubspot::object_requests(), directory.path()).await;
    for table in ["contacts", "companies", "deals", "contacts_history", "contacts_companies"] {
        assert!(rows(&manifest, table) > 0, "{table}");
    }
    assert!(rows(&manifest, "list_memberships") > 0);
    let schema = manifest.read_schema(&warehouse).await.expect("the metadata is read");
    assert!(schema.stages.iter().any(|stage| stage.object == "deals" && stage.is_won));
    assert_eq!(manifest.calls.retry, 0);

    let record = |key: &str, stage: &str| WriteRecord {
        action_id: key.to_owned(),
        record_id: None,
        create_key: Some(("concord_key".to_owned(), key.to_owned())),
        values: vec![
            ("email".to_owned(), Some(format!("{key}@new.example"))),
            ("lifecyclestage".to_owned(), Some(stage.to_owned())),
        ],
        associations: Vec::new(),
    };
    let call = |operation, records| WriteCall {
        batches: vec![WriteBatch { object: "contacts".to_owned(), operation, records }],
    };
    let create = call(WriteOperation::Create, vec![record("k1", "customer"), record("k2", "nope")]);
    let outcomes = crm.write(&create).await.expect("the write ends");
    let [
        WriteOutcome::Accepted { record_id, is_created: true, .. },
        WriteOutcome::Rejected { code, field, .. },
    ] = outcomes.as_slice()
    else {
        panic!("{outcomes:?}")
    };
    assert_eq!((code.as_str(), field.as_deref()), ("INVALID_OPTION", Some("lifecyclestage")));
    let back = WriteRecord {
        record_id: Some(record_id.clone()),
        create_key: None,
        ..record("k1", "lead")
    };
    let answer = crm.write(&call(WriteOperation::Update, vec![back])).await;
    let outcomes = answer.expect("the write ends");
    let [WriteOutcome::Accepted { stored, .. }] = outcomes.as_slice() else {
        panic!("{outcomes:?}")
    };
    assert_eq!(stored.get("lifecyclestage"), Some(&Some("customer".to_owned())));
    let fields = ["email".to_owned(), "concord_key".to_owned()];
    let by_key = crm.read_by_key("contacts", "concord_key", &["k1".to_owned()], &fields).await;
    let by_id = crm.read_by_id("contacts", std::slice::from_ref(record_id), &fields).await;
    assert_eq!(by_key.expect("a read"), by_id.expect("a read"));
}

/// Asks what ties a record, removes it twice with the same words, and finds it gone.
async fn remove(crm: &dyn Crm, object: &str, id: &str, field: &str) {
    let ids = [id.to_owned()];
    let standings = crm.standings(object, &ids).await.expect("a look");
    assert_eq!(standings.len(), 1);
    assert_eq!(standings[0].ties, []);
    let fields = [standings[0].stamp_field.clone()];
    let read = crm.read_by_id(object, &ids, &fields).await.expect("a read");
    assert_eq!(read[0].values[&fields[0]], standings[0].stamp, "the stamp is of one form");

    let record = WriteRecord {
        action_id: "a1".to_owned(),
        record_id: Some(id.to_owned()),
        create_key: None,
        values: Vec::new(),
        associations: Vec::new(),
    };
    let delete = WriteCall {
        batches: vec![WriteBatch {
            object: object.to_owned(),
            operation: WriteOperation::Delete,
            records: vec![record],
        }],
    };
    for _ in 0..2 {
        let outcomes = crm.write(&delete).await.expect("the write ends");
        let [WriteOutcome::Accepted { record_id, is_created: false, .. }] = outcomes.as_slice()
        else {
            panic!("{outcomes:?}")
        };
        assert_eq!(record_id, id);
    }
    let read = crm.read_by_id(object, &ids, &[field.to_owned()]).await.expect("a read");
    assert_eq!(read, []);
    assert_eq!(crm.standings(object, &ids).await.expect("a look"), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_just_made_is_removed_and_what_people_work_on_has_ties() {
    let accounts = open().await;
    let create = |object: &str, key_field: &str, values: &[(&str, &str)]| WriteCall {
        batches: vec![WriteBatch {
            object: object.to_owned(),
            operation: WriteOperation::Create,
            records: vec![WriteRecord {
                action_id: "a1".to_owned(),
                record_id: None,
                create_key: Some((key_field.to_owned(), "key-r".to_owned())),
                values: values
                    .iter()
                    .map(|(field, value)| ((*field).to_owned(), Some((*value).to_owned())))
                    .collect(),
                associations: Vec::new(),
            }],
        }],
    };
    let lead = create("Lead", "Concord_Key__c", &[("LastName", "Ruiz"), ("Company", "Acme")]);
    let contact = create("contacts", "concord_key", &[("email", "ruiz@new.example")]);
    let made = |outcomes: Vec<WriteOutcome>| match outcomes.into_iter().next() {
        Some(WriteOutcome::Accepted { record_id, .. }) => record_id,
        other => panic!("{other:?}"),
    };
    let id = made(accounts.salesforce.write(&lead).await.expect("the write ends"));
    remove(&accounts.salesforce, "Lead", &id, "LastName").await;
    let id = made(accounts.hubspot.write(&contact).await.expect("the write ends"));
    remove(&accounts.hubspot, "contacts", &id, "email").await;

    let directory = tempfile::tempdir().expect("a directory");
    let requests = salesforce::object_requests();
    let (manifest, warehouse) = pull_all(&accounts.salesforce, &requests, directory.path()).await;
    let member = manifest.table("campaign_member").expect("a table");
    let batches = warehouse.read_parquet(&member.files[0]).await.expect("the file is read");
    let leads = batches[0].column_by_name("LeadId").expect("a column");
    let leads = datafusion::arrow::array::AsArray::as_string::<i32>(leads);
    let on_campaign = leads.iter().flatten().next().expect("a lead on a campaign").to_owned();
    let standings = accounts.salesforce.standings("Lead", &[on_campaign]).await.expect("a look");
    assert!(standings[0].ties.contains(&Tie::Attached("CampaignMember".to_owned())));
}

/// Two companies of the demo, and a contact that has another one.
async fn two_companies_and_a_contact(crm: &hubspot::HubSpot) -> ([String; 2], String) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/demo/hubspot/objects");
    let ids = |name: &str| -> Vec<String> {
        let mut reader = csv::Reader::from_path(file.join(name)).expect("the file is there");
        let row = |row: Result<csv::StringRecord, csv::Error>| row.expect("a row")[0].to_owned();
        reader.records().take(100).map(row).collect()
    };
    let companies = ids("companies.csv");
    let property = ["associatedcompanyid".to_owned()];
    let contacts = crm.read_by_id("contacts", &ids("contacts.csv"), &property).await;
    let contact = contacts.expect("a read").into_iter().find(|contact| {
        let company = contact.values["associatedcompanyid"].as_ref();
        company.is_some_and(|company| !companies[..2].contains(company))
    });
    let [first, second, ..] = companies.as_slice() else { panic!("{companies:?}") };
    ([first.clone(), second.clone()], contact.expect("one with a company").id)
}

fn contacts(operation: WriteOperation, records: Vec<WriteRecord>) -> WriteCall {
    WriteCall { batches: vec![WriteBatch { object: "contacts".to_owned(), operation, records }] }
}

fn company(id: &str) -> Vec<Association> {
    vec![Association { object: "companies".to_owned(), record_id: id.to_owned() }]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_is_made_with_its_company_once_whatever_becomes_of_the_answer() {
    let accounts = open().await;
    let crm = &accounts.hubspot;
    let ([first, _], _) = two_companies_and_a_contact(crm).await;
    let record = |key: &str, email: &str, company_id: &str| WriteRecord {
        action_id: key.to_owned(),
        record_id: None,
        create_key: Some(("concord_key".to_owned(), key.to_owned())),
        values: vec![("email".to_owned(), Some(email.to_owned()))],
        associations: company(company_id),
    };
    // A company that is not there, and an address that is taken in the same call, cost the others
    // nothing.
    let records = vec![
        record("k1", "one@new.example", &first),
        record("k2", "two@new.example", "999999999"),
        record("k3", "ONE@new.example", &first),
        record("k4", "four@new.example", &first),
    ];
    let create = contacts(WriteOperation::Create, records);
    let outcomes = crm.write(&create).await.expect("the write ends");
    let [
        WriteOutcome::Accepted { record_id: one, is_created: true, .. },
        WriteOutcome::Rejected { .. },
        WriteOutcome::Rejected { code, message, .. },
        WriteOutcome::Accepted { is_created: true, .. },
    ] = outcomes.as_slice()
    else {
        panic!("{outcomes:?}")
    };
    assert_eq!(code, "CONFLICT");
    assert!(message.contains(one.as_str()), "the holder is named: {message}");
    let fields = ["associatedcompanyid".to_owned(), "concord_key".to_owned()];
    let keys = ["k1", "k2", "k3", "k4", "k5"].map(str::to_owned);
    let read = async || crm.read_by_key("contacts", "concord_key", &keys, &fields).await;
    let made = read().await.expect("a read");
    assert_eq!(made.len(), 2);
    assert!(made.iter().all(|made| made.values["associatedcompanyid"].as_ref() == Some(&first)));

    // The answer is lost, the call was not; sent again it is refused by the one who holds the key.
    let again = contacts(WriteOperation::Create, vec![record("k5", "five@new.example", &first)]);
    accounts.faults.add(Fault {
        path_prefix: Some("/crm/objects/2026-09/contacts/batch/create".to_owned()),
        ..Fault::next(Kind::NoAnswerAfter)
    });
    let outcomes = crm.write(&again).await.expect("the write ends");
    assert!(matches!(outcomes.as_slice(), [WriteOutcome::Unknown { .. }]), "{outcomes:?}");
    let made = read().await.expect("a read");
    assert_eq!(made.len(), 3);
    let five = made.iter().find(|made| made.values["concord_key"].as_deref() == Some("k5"));
    let five = &five.expect("it was made").id;
    let another = contacts(WriteOperation::Create, vec![record("k5", "5@new.example", &first)]);
    for call in [&again, &another] {
        let outcomes = crm.write(call).await.expect("the write ends");
        let [WriteOutcome::Rejected { message, .. }] = outcomes.as_slice() else {
            panic!("{outcomes:?}")
        };
        assert!(message.contains(five.as_str()), "the holder is named: {message}");
    }
    assert_eq!(read().await.expect("a read").len(), 3, "and there is no second one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_is_associated_with_its_primary_company_among_pairs_that_are_refused() {
    let accounts = open().await;
    let crm = &accounts.hubspot;
    let ([first, second], contact) = two_companies_and_a_contact(crm).await;
    let record = |from: &str, to: &str| WriteRecord {
        action_id: from.to_owned(),
        record_id: Some(from.to_owned()),
        create_key: None,
        values: Vec::new(),
        associations: company(to),
    };
    let fields = ["associatedcompanyid".to_owned()];
    let primary = async || {
        let ids = std::slice::from_ref(&contact);
        let read = crm.read_by_id("contacts", ids, &fields).await.expect("a read");
        read[0].values["associatedcompanyid"].clone()
    };
    let pairs =
        vec![record("999999999", &first), record(&contact, &first), record("999999998", &first)];
    let outcomes = crm.write(&contacts(WriteOperation::Associate, pairs)).await;
    let outcomes = outcomes.expect("the write ends");
    let [
        WriteOutcome::RefusedTogether { .. },
        WriteOutcome::Accepted { record_id, is_created: false, .. },
        WriteOutcome::RefusedTogether { .. },
    ] = outcomes.as_slice()
    else {
        panic!("{outcomes:?}")
    };
    assert_eq!(record_id, &contact);
    assert_eq!(primary().await.as_ref(), Some(&first), "it gave way as the primary one");

    // Done again, or done by a call whose answer is lost, it is as good.
    let moved = contacts(WriteOperation::Associate, vec![record(&contact, &second)]);
    accounts.faults.add(Fault {
        path_prefix: Some("/crm/associations/".to_owned()),
        ..Fault::next(Kind::NoAnswerAfter)
    });
    let outcomes = crm.write(&moved).await.expect("the write ends");
    assert!(matches!(outcomes.as_slice(), [WriteOutcome::Unknown { .. }]), "{outcomes:?}");
    assert_eq!(primary().await.as_ref(), Some(&second));
    let outcomes = crm.write(&moved).await.expect("the write ends");
    assert!(matches!(outcomes.as_slice(), [WriteOutcome::Accepted { .. }]), "{outcomes:?}");
    assert_eq!(primary().await.as_ref(), Some(&second));
}
