//! What was pulled, served again and pulled again is the same.

use std::collections::BTreeMap;
use std::path::Path;

use datafusion::arrow::array::AsArray;
use tempfile::TempDir;

use super::*;
use crate::crm::transport::TransportOptions;
use crate::crm::{Crm, ObjectRequest, Sensitive, hubspot, salesforce};
use crate::sandbox::Sandbox;
use crate::sandbox::company::{CompanyOptions, generate};
use crate::snapshot::{NoProgress, PullOptions, pull};

struct Pulled {
    warehouse: Warehouse,
    source: Source,
}

/// Serves a world and pulls both CRMs of it, with the objects that are asked for beside the usual.
async fn pull_world(world_dir: &Path, dir: &Path, extra: [&str; 2]) -> Pulled {
    let sandbox = Sandbox::open(world_dir, None).unwrap_or_else(|error| panic!("{error:#?}"));
    let running = sandbox.serve().await.expect("the sandbox listens");
    let world = sandbox.world();
    let mut config = hubspot::Config::new(Sensitive::new(world.hubspot.token.clone()));
    config.base_url.clone_from(&running.hubspot_url);
    let portal = hubspot::HubSpot::new(config, TransportOptions::default()).expect("a client");
    let credentials = salesforce::Credentials::Client {
        client_id: Sensitive::new(world.salesforce.client_id.clone()),
        client_secret: Sensitive::new(world.salesforce.client_secret.clone()),
    };
    let config = salesforce::Config::new(running.salesforce_url.clone(), credentials);
    let org = salesforce::Salesforce::new(config, TransportOptions::default()).expect("a client");

    let warehouse = Warehouse::open("file://./warehouse", dir).expect("a warehouse");
    let crms: [(&dyn Crm, Vec<ObjectRequest>); 2] =
        [(&portal, hubspot::object_requests()), (&org, salesforce::object_requests())];
    for ((crm, mut requests), extra) in crms.into_iter().zip(extra) {
        requests.push(ObjectRequest {
            object: extra.to_owned(),
            history_fields: Vec::new(),
            associations: Vec::new(),
        });
        let options = PullOptions::new("s1", world.now);
        let name = crm.kind().as_str();
        let pulled = pull(name, crm, &requests, &warehouse, &options, &NoProgress).await;
        pulled.unwrap_or_else(|error| panic!("{:#}", anyhow::Error::from(error)));
    }
    let source = Source::latest(&warehouse).await.expect("both were pulled");
    Pulled { warehouse, source }
}

/// Every row of a table by its key: fingerprint, and whether it is archived.
async fn rows(
    warehouse: &Warehouse,
    manifest: &Manifest,
    table: &str,
) -> BTreeMap<Vec<String>, (String, bool)> {
    let table = manifest.table(table).expect("the table was pulled");
    let mut rows = BTreeMap::new();
    for file in &table.files {
        for batch in warehouse.read_parquet(file).await.expect("the file is read") {
            let text = |column: &str, row: usize| {
                batch.column_by_name(column).expect("a column").as_string::<i32>().value(row)
            };
            for row in 0..batch.num_rows() {
                let key = table.key.iter().map(|key| text(key, row).to_owned()).collect();
                let archived = batch.column_by_name("_archived").expect("a column").as_boolean();
                let value = (text("_fingerprint", row).to_owned(), archived.value(row));
                assert_eq!(rows.insert(key, value), None, "one row a key");
            }
        }
    }
    rows
}

/// Adds what no generated company has: objects, fields and a label of the customer's own.
fn customize(world: &Path) {
    let put = |path: &str, text: &str| std::fs::write(world.join(path), text).expect("written");
    put(
        "hubspot/schema/rockets.json",
        r#"{"object": "rockets", "objectTypeId": "2-4711", "properties": [
            {"name": "rocket_name", "label": "Name", "hasUniqueValue": true},
            {"name": "archived", "label": "Scrapped by", "type": "string"},
            {"name": "stages", "label": "Stages", "type": "enumeration", "fieldType": "checkbox",
             "options": [{"label": "One", "value": "1"}, {"label": "Two", "value": "2", "hidden": true}]}]}"#,
    );
    put(
        "hubspot/objects/rockets.csv",
        "id,created_at,updated_at,archived,archived_at,rocket_name,archived,stages\n\
         71,2025-01-01T00:00:00Z,2025-01-02T00:00:00.250Z,false,,\"Big, \"\"red\"\"\nrocket\",,1;2\n\
         72,2025-01-01T00:00:00Z,2025-03-02T00:00:00Z,true,2025-03-02T00:00:00Z,Small,Ana,\n",
    );
    put(
        "salesforce/schema/Rocket__c.json",
        r#"{"name": "Rocket__c", "label": "Rocket", "keyPrefix": "a0R", "custom": true,
            "recordTypeInfos": [{"active": true, "name": "Orbital", "developerName": "Orbital", "master": false,
             "recordTypeId": "0125g000000Rock", "available": true, "defaultRecordTypeMapping": false}],
            "fields": [{"name": "Name", "type": "string", "length": 80},
            {"name": "Serial__c", "type": "string", "length": 20, "externalId": true, "caseSensitive": true},
            {"name": "Thrust__c", "type": "double", "precision": 6, "scale": 2},
            {"name": "Fuel__c", "type": "picklist", "picklistValues":
             [{"value": "RP-1", "label": "Kerosene", "active": false}, {"value": "LH2", "defaultValue": true}]},
            {"name": "Account__c", "type": "reference", "referenceTo": ["Account"]}]}"#,
    );
    put(
        "salesforce/objects/Rocket__c.csv",
        "Id,IsDeleted,Name,Serial__c,Thrust__c,Fuel__c,CreatedDate,CreatedById\n\
         a0R5g000000aaaa,false,Big,s-1,12.5,RP-1,2025-01-01T00:00:00Z,0055g00000syKWFAA2\n\
         a0R5g000000aaab,true,Small,s-2,,Hydrazine,2025-01-01T00:00:00Z,0055g00000syKWFAA2\n",
    );
    let path = world.join("hubspot/associations.csv");
    let mut links = std::fs::read_to_string(&path).expect("the links are read");
    let contact = std::fs::read_to_string(world.join("hubspot/objects/contacts.csv"));
    let contact = contact.expect("the contacts are read");
    let contact =
        contact.lines().nth(1).and_then(|line| line.split(',').next()).expect("a contact");
    let company = links.lines().find(|line| line.starts_with("deals")).expect("a link");
    let company = company.split(',').nth(3).expect("a company").to_owned();
    links.extend([
        "contacts,",
        contact,
        ",companies,",
        &company,
        ",USER_DEFINED,77,Decision maker\n",
    ]);
    std::fs::write(path, links).expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_pulled_again_has_the_same_rows_and_metadata() {
    let dir = TempDir::new().expect("a directory");
    let world = dir.path().join("world");
    generate(&CompanyOptions::small(11)).write(&world).expect("the world is written");
    customize(&world);
    let extra = ["2-4711", "Rocket__c"];
    let first = pull_world(&world, &dir.path().join("first"), extra).await;

    let mirror = dir.path().join("mirror");
    write_world(&first.warehouse, &first.source, &Rules::default(), &mirror)
        .await
        .expect("the mirror is written");
    let second = pull_world(&mirror, &dir.path().join("second"), extra).await;

    for (one, other) in [
        (&first.source.hubspot, &second.source.hubspot),
        (&first.source.salesforce, &second.source.salesforce),
    ] {
        assert_eq!(one.pulled_at, other.pulled_at);
        assert_eq!(one.account.id, other.account.id);
        assert_eq!(one.account.time_zone, other.account.time_zone);
        let schema = one.read_schema(&first.warehouse).await.expect("metadata");
        assert!(!schema.fields.is_empty() && !schema.users.is_empty() && !schema.stages.is_empty());
        let mirrored = other.read_schema(&second.warehouse).await.expect("metadata");
        for (field, again) in schema.fields.iter().zip(&mirrored.fields) {
            assert_eq!(field, again);
        }
        assert_eq!(schema, mirrored);
        for table in &one.tables {
            let rows_of_one = rows(&first.warehouse, one, &table.name).await;
            let again = rows(&second.warehouse, other, &table.name).await;
            assert_eq!(rows_of_one, again, "{}", table.name);
            let columns = &other.table(&table.name).expect("the table").columns;
            assert_eq!(&table.columns, columns, "{}", table.name);
        }
        assert_eq!(one.tables.len(), other.tables.len());
    }
    let labels = rows(&second.warehouse, &second.source.hubspot, "contacts_companies").await;
    assert!(labels.keys().any(|key| key.last().is_some_and(|label| label == "decision_maker")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warehouse_without_snapshots_says_so() {
    let dir = TempDir::new().expect("a directory");
    let warehouse = Warehouse::open("file://./warehouse", dir.path()).expect("a warehouse");
    let error = Source::latest(&warehouse).await.expect_err("nothing was pulled");
    assert!(matches!(error, MirrorError::NoSnapshot { kind: CrmKind::HubSpot }), "{error}");
    assert!(error.hint().is_some());
}
