//! Packs many worlds into one company: a project directory with both CRMs' files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use concord::config::{FieldMap, Overrides, load};
use serde_json::Value;

use super::schema::{add_fields, add_properties};
use super::values::Staff;
use super::world::{Kind, Record, World};
use crate::support::Company;

const FIELD_MAP: &str = include_str!("field_map.toml");

/// What is not the usual way of doing it: files in another order, pulled and written another way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Otherwise {
    /// Rows are written from the last to the first.
    pub is_reversed: bool,
    /// Exports, bulk queries, bulk jobs, one walk at a time.
    pub by_jobs: bool,
}

/// The demo's files, of which staff, statuses and metadata are taken.
fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/demo")
}

/// Makes a project with the field map of the worlds and no world yet.
pub fn empty() -> Company {
    let company = Company::empty();
    std::fs::write(company.path("field_map.toml"), FIELD_MAP).expect("the map is written");
    let edit = |from: &str, to: &str| company.edit("concord.toml", from, to);
    // Lists are no matter here.
    edit("array_has(list_names, 'Sales handoff')", "true");
    for share in ["updates_share_max = 0.2", "creates_share_max = 0.1", "clears_share_max = 0.02"] {
        let name = share.split(' ').next().expect("a name");
        edit(share, &format!("{name} = 1.0"));
    }
    edit("min_rows_share = 0.5", "min_rows_share = 0.0");
    company
}

pub fn field_map(company: &Company) -> FieldMap {
    let directory = company.path("concord.toml");
    let directory = directory.parent().expect("a directory");
    load(directory, &Overrides::default()).expect("the project is sound").field_map
}

/// Reads who works here: users of both CRMs by their address, and queues.
pub fn staff() -> Vec<Staff> {
    let owners = table(&demo().join("hubspot/owners.csv"));
    let users = table(&demo().join("salesforce/objects/User.csv"));
    let queues = table(&demo().join("salesforce/objects/Group.csv"));
    let mut staff = Vec::new();
    for user in &users {
        let email = user["Email"].to_lowercase();
        let owner = owners.iter().find(|owner| owner["email"].to_lowercase() == email);
        let is_known = owner.is_some();
        let is_active =
            user["IsActive"] == "true" && owner.is_some_and(|owner| owner["archived"] == "false");
        if is_known || user["IsActive"] == "true" {
            staff.push(Staff {
                hubspot: owner.map(|owner| owner["id"].clone()).unwrap_or_default(),
                salesforce: user["Id"].clone(),
                is_active,
            });
        }
    }
    staff.extend(queues.into_iter().map(|queue| Staff {
        hubspot: String::new(),
        salesforce: queue["Id"].clone(),
        is_active: false,
    }));
    staff
}

/// Writes the worlds where the project looks for the simulated CRMs' files.
pub fn write(company: &Company, worlds: &[World], otherwise: Otherwise) {
    let root = company.path("data/demo");
    copy_metadata(&root);
    let kinds =
        [Kind::HubSpotContact, Kind::HubSpotCompany, Kind::Lead, Kind::Contact, Kind::Account];
    for kind in kinds {
        let mut rows: Vec<BTreeMap<String, String>> = worlds
            .iter()
            .flat_map(|world| &world.records)
            .filter(|record| record.kind == kind)
            .map(row)
            .collect();
        if otherwise.is_reversed {
            rows.reverse();
        }
        let path = if kind.is_hubspot() {
            root.join(format!("hubspot/objects/{}.csv", kind.object()))
        } else {
            root.join(format!("salesforce/objects/{}.csv", kind.object()))
        };
        write_table(&path, &rows);
    }
    let mut links = Vec::new();
    for world in worlds {
        for (contact, company) in &world.associations {
            let link = [
                ("from_object", "contacts"),
                ("from_id", world.records[*contact].id.as_str()),
                ("to_object", "companies"),
                ("to_id", world.records[*company].id.as_str()),
                ("category", "HUBSPOT_DEFINED"),
                ("type_id", "1"),
                ("label", ""),
            ];
            links.push(
                link.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect(),
            );
        }
    }
    if otherwise.is_reversed {
        links.reverse();
    }
    write_table(&root.join("hubspot/associations.csv"), &links);
    if otherwise.by_jobs {
        company.edit("concord.toml", "parallel = 4", "parallel = 1");
        let ways = "min_rows_share = 0.0\nways = { contacts = \"export\", Lead = \"bulk\", Contact = \"bulk\" }";
        company.edit("concord.toml", "min_rows_share = 0.0", ways);
        company.edit("concord.toml", "[apply]\n", "[apply]\nroute = \"bulk\"\n");
    }
}

fn copy_metadata(root: &Path) {
    for folder in ["hubspot/objects", "hubspot/schema", "salesforce/objects", "salesforce/schema"] {
        std::fs::create_dir_all(root.join(folder)).expect("a directory");
    }
    for file in [
        "world.toml",
        "hubspot/pipelines.json",
        "hubspot/owners.csv",
        "hubspot/lists.csv",
        "salesforce/objects/User.csv",
        "salesforce/objects/Group.csv",
        "salesforce/objects/Organization.csv",
        "salesforce/objects/LeadStatus.csv",
        "salesforce/objects/OpportunityStage.csv",
    ] {
        std::fs::copy(demo().join(file), root.join(file)).expect("the file is copied");
    }
    for folder in ["hubspot/schema", "salesforce/schema"] {
        for entry in std::fs::read_dir(demo().join(folder)).expect("a directory") {
            let path = entry.expect("an entry").path();
            let text = std::fs::read_to_string(&path).expect("the file is read");
            let mut schema: Value = serde_json::from_str(&text).expect("JSON");
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            match name.as_str() {
                "contacts.json" => add_properties(&mut schema),
                "Lead.json" | "Contact.json" => add_fields(&mut schema),
                _ => {}
            }
            std::fs::write(root.join(folder).join(name), schema.to_string()).expect("written");
        }
    }
}

fn row(record: &Record) -> BTreeMap<String, String> {
    let mut row = record.values.clone();
    let mut put = |name: &str, text: &str| row.insert(name.to_owned(), text.to_owned());
    if record.kind.is_hubspot() {
        put("id", &record.id);
        put("created_at", &record.created_at);
        put("updated_at", &record.updated_at);
        put("archived", if record.is_gone { "true" } else { "false" });
        put("archived_at", if record.is_gone { "2026-09-29T12:00:00Z" } else { "" });
    } else {
        put("Id", &record.id);
        put("CreatedDate", &record.created_at);
        put("LastModifiedDate", &record.updated_at);
        put("IsDeleted", if record.is_gone { "true" } else { "false" });
    }
    row
}

fn write_table(path: &Path, rows: &[BTreeMap<String, String>]) {
    let columns: BTreeSet<&String> = rows.iter().flat_map(BTreeMap::keys).collect();
    if columns.is_empty() {
        return;
    }
    let mut writer = csv::Writer::from_path(path).expect("the file is written");
    writer.write_record(columns.iter().map(|name| name.as_bytes())).expect("written");
    for row in rows {
        let cells = columns.iter().map(|name| row.get(*name).map_or("", String::as_str));
        writer.write_record(cells).expect("written");
    }
    writer.flush().expect("written");
}

/// Reads a CSV file, a row a map.
fn table(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).expect("the file is there");
    let header = reader.headers().expect("a header").clone();
    reader
        .records()
        .map(|row| {
            let row = row.expect("a row");
            header.iter().map(str::to_owned).zip(row.iter().map(str::to_owned)).collect()
        })
        .collect()
}
