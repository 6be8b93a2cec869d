//! Pulls from a CRM that says what a test tells it to.

use std::path::Path;

use std::collections::HashSet;

use async_trait::async_trait;
use datafusion::arrow::array::AsArray;
use tokio::sync::mpsc;

use super::*;
use crate::crm::{
    Account, Allowance, BulkJob, BulkState, CallCounts, Count, Crm, CrmError, CrmKind, Extracted,
    Extraction, ObjectRequest, Record, Row, Standing, Step, Steps, Table, Way, WriteBatch,
    WriteCall, WriteOutcome,
};
use crate::schema::{FieldInfo, ObjectInfo, PicklistValue, Schema, Stage, User, UserType};
use crate::warehouse::Warehouse;

/// Live and archived contacts as (id, name).
struct Told {
    live: Vec<(&'static str, &'static str)>,
    archived: Vec<(&'static str, &'static str)>,
    total: u64,
}

fn schema() -> Schema {
    let field = |field: &str| FieldInfo {
        object: "contacts".to_owned(),
        field: field.to_owned(),
        label: field.to_owned(),
        vendor_type: "string".to_owned(),
        length_max: Some(65_536),
        scale: None,
        is_required: false,
        is_createable: true,
        is_updateable: true,
        is_unique: false,
        is_calculated: false,
        is_restricted: false,
        is_custom: false,
        references: None,
        definition: Some("{}".to_owned()),
    };
    Schema {
        objects: vec![ObjectInfo {
            object: "contacts".to_owned(),
            label: "Contacts".to_owned(),
            can_create: true,
            can_update: true,
            can_delete: false,
            definition: None,
        }],
        fields: vec![field("hs_object_id"), field("name")],
        picklist_values: vec![PicklistValue {
            object: "contacts".to_owned(),
            field: "name".to_owned(),
            value: "a".to_owned(),
            label: "A".to_owned(),
            is_active: true,
            sort_order: 3,
        }],
        stages: vec![Stage {
            object: "deals".to_owned(),
            pipeline: "default".to_owned(),
            stage: "won".to_owned(),
            label: "Won".to_owned(),
            sort_order: 1,
            probability: Some("1.0".to_owned()),
            is_closed: true,
            is_won: true,
            is_active: true,
        }],
        users: vec![User {
            user_id: "1".to_owned(),
            email: None,
            name: "Queue".to_owned(),
            user_type: UserType::Queue,
            is_active: true,
            definition: Some("{\"id\":\"1\"}".to_owned()),
        }],
    }
}

#[async_trait]
impl Crm for Told {
    fn kind(&self) -> CrmKind {
        CrmKind::HubSpot
    }

    async fn account(&self) -> Result<Account, CrmError> {
        Ok(Account {
            id: "1".to_owned(),
            name: "portal 1".to_owned(),
            time_zone: "UTC".to_owned(),
            currency: None,
        })
    }

    async fn allowances(&self) -> Result<Vec<Allowance>, CrmError> {
        Ok(Vec::new())
    }

    async fn schema(&self, _objects: &[String]) -> Result<Schema, CrmError> {
        Ok(schema())
    }

    fn extractions(&self, _objects: &[ObjectRequest], _schema: &Schema) -> Vec<Extraction> {
        let table = Table {
            name: "contacts".to_owned(),
            columns: vec!["hs_object_id".to_owned(), "name".to_owned()],
            key: vec!["hs_object_id".to_owned()],
        };
        [false, true]
            .map(|is_archived| Extraction {
                name: if is_archived { "contacts (archived)" } else { "contacts" }.to_owned(),
                object: "contacts".to_owned(),
                tables: vec![table.clone()],
                is_archived,
                types: vec!["string".to_owned(); 2],
                history_fields: Vec::new(),
                associations: Vec::new(),
                way: Way::List,
                modified_column: None,
                formulas: Vec::new(),
                merged_column: None,
                since: None,
                known: None,
            })
            .into()
    }

    fn ways(&self, _extraction: &Extraction) -> Vec<(Way, Option<String>)> {
        vec![(Way::List, None)]
    }

    async fn count(&self, extractions: &[Extraction]) -> Result<Vec<Option<Count>>, CrmError> {
        Ok(vec![None; extractions.len()])
    }

    async fn read_associations(
        &self,
        _extraction: &Extraction,
        _ids: &[String],
    ) -> Result<Vec<(usize, Vec<Row>)>, CrmError> {
        Ok(Vec::new())
    }

    async fn extract(
        &self,
        walk: &[Extraction],
        _from: &[Option<String>],
        steps: mpsc::Sender<Step>,
    ) -> Result<(), CrmError> {
        let [extraction] = walk else { panic!("one at a time") };
        let steps = Steps::new(&steps, 0, extraction);
        let is_archived = extraction.is_archived;
        let told = if is_archived { &self.archived } else { &self.live };
        for (id, name) in told {
            let values = vec![Some((*id).to_owned()), Some((*name).to_owned())];
            steps.rows(0, vec![Row { values, is_archived }]).await?;
        }
        let vendor_total = (!is_archived).then_some(self.total);
        steps.finished(Extracted { n_records: told.len() as u64, vendor_total }).await
    }

    async fn read_by_id(
        &self,
        _object: &str,
        _ids: &[String],
        _fields: &[String],
    ) -> Result<Vec<Record>, CrmError> {
        Ok(Vec::new())
    }

    async fn list_lagging(
        &self,
        _object: &str,
        _ids: &HashSet<String>,
        _fields: &[String],
    ) -> Result<Vec<Record>, CrmError> {
        Ok(Vec::new())
    }

    async fn read_by_key(
        &self,
        _object: &str,
        _key_field: &str,
        _keys: &[String],
        _fields: &[String],
    ) -> Result<Vec<Record>, CrmError> {
        Ok(Vec::new())
    }

    async fn standings(&self, _object: &str, _ids: &[String]) -> Result<Vec<Standing>, CrmError> {
        Ok(Vec::new())
    }

    async fn write(&self, _call: &WriteCall) -> Result<Vec<WriteOutcome>, CrmError> {
        Ok(Vec::new())
    }

    async fn bulk_open(&self, _name: &str, _batch: &WriteBatch) -> Result<BulkJob, CrmError> {
        unreachable!("a pull does not write")
    }

    async fn bulk_start(&self, _job: &BulkJob, _batch: &WriteBatch) -> Result<(), CrmError> {
        unreachable!("a pull does not write")
    }

    async fn bulk_state(&self, _job: &BulkJob, _batch: &WriteBatch) -> Result<BulkState, CrmError> {
        unreachable!("a pull does not write")
    }

    async fn bulk_abort(&self, _job: &BulkJob) -> Result<(), CrmError> {
        unreachable!("a pull does not write")
    }

    fn calls(&self) -> CallCounts {
        CallCounts::default()
    }

    fn calls_left(&self) -> u64 {
        u64::MAX
    }
}

fn warehouse(directory: &Path) -> Warehouse {
    Warehouse::open("file://./warehouse", directory).expect("the warehouse opens")
}

async fn pull_as(id: &str, crm: &Told, warehouse: &Warehouse) -> Result<Manifest, PullError> {
    let pulled_at = "2026-10-05T06:00:00Z".parse().expect("a timestamp");
    let options = PullOptions::new(id, pulled_at);
    let request = ObjectRequest {
        object: "contacts".to_owned(),
        history_fields: Vec::new(),
        associations: Vec::new(),
    };
    pull("hubspot", crm, &[request], warehouse, &options, &NoProgress).await
}

/// Reads the snapshot's contacts as (id, name, archived), sorted.
async fn contacts(manifest: &Manifest, warehouse: &Warehouse) -> Vec<(String, String, bool)> {
    let mut found = Vec::new();
    for file in &manifest.table("contacts").expect("the table is there").files {
        for batch in warehouse.read_parquet(file).await.expect("the file is read") {
            let text =
                |name: &str| batch.column_by_name(name).expect(name).as_string::<i32>().clone();
            let (ids, names) = (text("hs_object_id"), text("name"));
            let archived = batch.column_by_name("_archived").expect("column").as_boolean().clone();
            for row in 0..batch.num_rows() {
                found.push((ids.value(row).into(), names.value(row).into(), archived.value(row)));
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn one_row_a_record_is_kept_whatever_comes_twice() {
    let directory = tempfile::tempdir().expect("a directory");
    let warehouse = warehouse(directory.path());
    let crm = Told {
        live: vec![("1", "a"), ("2", "b"), ("2", "b"), ("3", "c"), ("3", "new"), ("4", "d")],
        archived: vec![("4", "d"), ("5", "e")],
        total: 4,
    };
    let manifest = pull_as("s1", &crm, &warehouse).await.expect("the pull ends");
    let row = |id: &str, name: &str, archived| (id.to_owned(), name.to_owned(), archived);
    assert_eq!(
        contacts(&manifest, &warehouse).await,
        [
            row("1", "a", false),
            row("2", "b", false),
            row("3", "new", false),
            row("4", "d", true),
            row("5", "e", true),
        ]
    );
    let table = manifest.table("contacts").expect("the table is there");
    assert_eq!((table.rows, table.duplicates), (5, 1));
    assert_eq!(table.changed, ["3", "4"]);
    assert_eq!(table.vendor_total, Some(4));
    assert_eq!(
        Manifest::latest(&warehouse, "hubspot").await.expect("a list"),
        Some(manifest.clone())
    );
    assert_eq!(manifest.read_schema(&warehouse).await.expect("a schema"), schema());
}

#[tokio::test]
async fn too_few_rows_leave_the_previous_snapshot_as_the_latest() {
    let directory = tempfile::tempdir().expect("a directory");
    let warehouse = warehouse(directory.path());
    let mut crm = Told { live: vec![("1", "a"), ("2", "b")], archived: vec![], total: 2 };
    pull_as("s1", &crm, &warehouse).await.expect("the pull ends");
    crm.total = 3;
    let error = pull_as("s2", &crm, &warehouse).await.expect_err("a record is missing");
    assert!(matches!(error, PullError::BelowTotal { rows: 2, total: 3, .. }), "{error}");
    crm.live.pop();
    crm.total = 1;
    let error = pull_as("s3", &crm, &warehouse).await.expect_err("half of the records are gone");
    assert_eq!(error.to_string(), "read 1 rows where snapshot s1 has 2: `contacts`");
    assert!(error.hint().is_some());
    let listed = Manifest::list(&warehouse, "hubspot").await.expect("a list");
    assert_eq!(listed.len(), 1);
}

#[tokio::test]
async fn a_cancelled_pull_leaves_no_snapshot() {
    let directory = tempfile::tempdir().expect("a directory");
    let warehouse = warehouse(directory.path());
    let crm = Told { live: vec![("1", "a")], archived: vec![], total: 1 };
    let pulled_at = "2026-10-05T06:00:00Z".parse().expect("a timestamp");
    let options = PullOptions::new("s1", pulled_at);
    options.cancel.store(true, std::sync::atomic::Ordering::Relaxed);
    let request = ObjectRequest {
        object: "contacts".to_owned(),
        history_fields: Vec::new(),
        associations: Vec::new(),
    };
    let error = pull("hubspot", &crm, &[request], &warehouse, &options, &NoProgress).await;
    assert!(matches!(error, Err(PullError::Cancelled)));
    assert_eq!(Manifest::latest(&warehouse, "hubspot").await.expect("a list"), None);
}
