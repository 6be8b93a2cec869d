//! What belongs to a record and came without it: histories and associations, read in batches.

use serde::Deserialize;
use serde_json::json;

use super::{ObjectPage, ObjectRecord, history_rows, is_same, not_this_way, singular, unexpected};
use crate::crm::hubspot::schema::Paging;
use crate::crm::hubspot::{HubSpot, KIND};
use crate::crm::price::{ASSOCIATIONS_PER_READ, RECORDS_PER_HISTORY_PAGE};
use crate::crm::transport::{self, Purpose, Request};
use crate::crm::url::encode;
use crate::crm::{CrmError, Extraction, Row, Steps, Way};

const USER_DEFINED: &str = "USER_DEFINED";

#[derive(Deserialize)]
struct AssociationPage {
    results: Vec<AssociationsOfOne>,
}

#[derive(Deserialize)]
struct AssociationsOfOne {
    from: FromId,
    to: Vec<ToId>,
    paging: Option<Paging>,
}

#[derive(Deserialize)]
struct FromId {
    id: serde_json::Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToId {
    /// A number in the vendor's examples, a string in its specification.
    to_object_id: serde_json::Value,
    #[serde(default)]
    association_types: Vec<AssociationType>,
}

#[derive(Deserialize)]
struct AssociationType {
    label: Option<String>,
    category: Option<String>,
}

/// Where a record's associations are to be read from: its id, and a cursor among many.
type Open = (String, Option<String>);

/// Histories that an extraction still owes.
pub struct Details<'a> {
    crm: &'a HubSpot,
    extraction: &'a Extraction,
    histories: Vec<String>,
    /// Position of the modified date in the first table.
    modified_at: Option<usize>,
}

impl<'a> Details<'a> {
    pub fn new(crm: &'a HubSpot, extraction: &'a Extraction, histories: Vec<String>) -> Self {
        let columns = extraction.tables.first().map_or(&[][..], |table| &table.columns);
        let modified_at = extraction.modified_column.as_ref();
        let modified_at =
            modified_at.and_then(|name| columns.iter().position(|column| column == name));
        Self { crm, extraction, histories, modified_at }
    }

    /// Notes a record whose histories are to be read, unless the previous snapshot has them or
    /// the list shows them itself.
    pub fn want_history(&mut self, id: &str, row: &Row) {
        if self.extraction.history_fields.is_empty() {
            return;
        }
        let is_wanted = match &self.extraction.known {
            None => self.extraction.way != Way::List,
            Some(known) => {
                let modified_at = self.modified_at.and_then(|position| row.values.get(position));
                !known.has(id, modified_at.and_then(Option::as_deref))
            }
        };
        if is_wanted {
            self.histories.push(id.to_owned());
        }
    }

    pub fn pending_histories(&self) -> Vec<String> {
        self.histories.clone()
    }

    /// Reads histories while they fill a call, and the rest as well at the end.
    pub async fn read_histories(&mut self, steps: Steps<'_>, is_end: bool) -> Result<(), CrmError> {
        let per_call = usize::try_from(RECORDS_PER_HISTORY_PAGE).unwrap_or(usize::MAX);
        let Some(table) = self.extraction.history_table() else { return Ok(()) };
        while self.histories.len() >= per_call || (is_end && !self.histories.is_empty()) {
            let rest = self.histories.split_off(self.histories.len().min(per_call));
            let ids = std::mem::replace(&mut self.histories, rest);
            let rows = self.histories_of(&ids).await?;
            steps.rows(table, rows).await?;
        }
        Ok(())
    }

    async fn histories_of(&self, ids: &[String]) -> Result<Vec<Row>, CrmError> {
        let operation = format!("{} histories", self.extraction.name);
        let inputs: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
        let body = json!({
            "properties": [],
            "propertiesWithHistory": self.extraction.history_fields,
            "inputs": inputs,
        });
        let (version, object) = (&self.crm.version, encode(&self.extraction.object));
        let path = format!("/crm/objects/{version}/{object}/batch/read?archived=false");
        let request = Request::post_json(&operation, Purpose::Read, path, body.to_string());
        let answer = self.crm.ask(&request).await?;
        let page: ObjectPage = serde_json::from_str(&answer.body)
            .map_err(|error| transport::unexpected(KIND, &operation, &error))?;
        Ok(page.results.iter().flat_map(history_rows).collect())
    }

    /// Returns the associations that list pages show inside their records; records with very many
    /// are asked for the rest.
    pub async fn inline_associations(
        &self,
        records: &[ObjectRecord<'_>],
        to: &str,
    ) -> Result<Vec<Row>, CrmError> {
        let mut rows = Vec::new();
        let mut open: Vec<Open> = Vec::new();
        for record in records {
            let Some(found) = record.associations.iter().find(|(name, _)| is_same(name, to)) else {
                continue;
            };
            for one in &found.1.results {
                rows.push(association_row(&record.id, &one.id, &one.association_type));
            }
            if let Some(next) = found.1.paging.as_ref().and_then(|paging| paging.next.as_ref()) {
                open.push((record.id.clone(), Some(next.after.clone())));
            }
        }
        rows.extend(batch_read(self.crm, self.extraction, to, open).await?);
        Ok(rows)
    }
}

/// Reads the associations of records, by table.
pub async fn read_associations(
    crm: &HubSpot,
    extraction: &Extraction,
    ids: &[String],
) -> Result<Vec<(usize, Vec<Row>)>, CrmError> {
    let mut found = Vec::new();
    for (table, to) in extraction.association_tables().zip(&extraction.associations) {
        let open = ids.iter().map(|id| (id.clone(), None)).collect();
        found.push((table, batch_read(crm, extraction, to, open).await?));
    }
    Ok(found)
}

async fn batch_read(
    crm: &HubSpot,
    extraction: &Extraction,
    to: &str,
    mut open: Vec<Open>,
) -> Result<Vec<Row>, CrmError> {
    let per_call = usize::try_from(ASSOCIATIONS_PER_READ).unwrap_or(usize::MAX);
    let operation = format!("{} associations", extraction.name);
    let path = format!(
        "/crm/associations/{}/{}/{}/batch/read",
        crm.version,
        encode(&extraction.object),
        encode(to)
    );
    let mut rows = Vec::new();
    while !open.is_empty() {
        let batch: Vec<Open> = open.drain(..open.len().min(per_call)).collect();
        let inputs: Vec<_> = batch
            .iter()
            .map(|(id, after)| match after {
                Some(after) => json!({ "id": id, "after": after }),
                None => json!({ "id": id }),
            })
            .collect();
        let body = json!({ "inputs": inputs }).to_string();
        let request = Request::post_json(&operation, Purpose::Read, &path, body);
        let page: AssociationPage = crm.ask(&request).await?.json(KIND, &operation)?;
        for one in page.results {
            let from_id = id_text(one.from.id);
            for to_one in one.to {
                let to_id = id_text(to_one.to_object_id);
                for association_type in &to_one.association_types {
                    let name = type_name(extraction, to, association_type)?;
                    rows.push(association_row(&from_id, &to_id, &name));
                }
            }
            if let Some(next) = one.paging.and_then(|paging| paging.next) {
                let next = (from_id, Some(next.after));
                if batch.contains(&next) {
                    return Err(unexpected(&operation, "the cursor does not move"));
                }
                open.push(next);
            }
        }
    }
    Ok(rows)
}

fn association_row(from_id: &str, to_id: &str, association_type: &str) -> Row {
    let values = [from_id, to_id, association_type].map(|text| Some(text.to_owned())).into();
    Row { values, is_archived: false }
}

/// Names a type of the batch read as the inline associations name it: `contact_to_company` for
/// the primary one, with `_unlabeled` for the plain one where both exist.
///
/// # Errors
/// A label of the customer's own is shown inline by a name that the batch read does not tell; only
/// the list is right about it.
fn type_name(
    extraction: &Extraction,
    to: &str,
    association_type: &AssociationType,
) -> Result<String, CrmError> {
    let from = &extraction.object;
    let is_own = association_type.category.as_deref() == Some(USER_DEFINED);
    if is_own && association_type.label.is_some() && extraction.way != Way::List {
        let reason = format!("associations to {to} have labels of their own");
        return Err(not_this_way(extraction, &reason));
    }
    let pair = format!("{}_to_{}", singular(from), singular(to));
    let has_primary = singular(to) == "company" && matches!(singular(from), "contact" | "deal");
    Ok(match association_type.label.as_deref() {
        None if has_primary => format!("{pair}_unlabeled"),
        None | Some("Primary") => pair,
        Some(label) => label.to_lowercase().replace(' ', "_"),
    })
}

fn id_text(id: serde_json::Value) -> String {
    match id {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}
