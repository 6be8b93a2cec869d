//! Shows records the vendor's way (reference section 3).

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{HeaderMap, header};
use rusqlite::params;
use serde::Serialize;

use super::Work;
use super::association_types;
use super::errors::ApiError;
use super::schema::ObjectType;
use super::store::{self, Stored, Version};
use super::time::{epoch_ms, iso};
use super::validate::Warning;
use super::write::{self, Written};

/// What a read asks to see of each record.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// None asked for means the object's default properties.
    pub properties: Vec<String>,
    pub history: Vec<String>,
    /// Objects whose associations are shown inline, by any of their names.
    pub associations: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordView {
    pub id: String,
    pub properties: BTreeMap<String, Option<String>>,
    pub created_at: String,
    pub updated_at: String,
    pub archived: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<String>,
    pub url: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub properties_with_history: BTreeMap<String, Vec<VersionView>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub associations: BTreeMap<String, InlineAssociations>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// Answers of an upsert only.
    #[serde(rename = "new", skip_serializing_if = "Option::is_none")]
    pub is_new: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionView {
    value: String,
    timestamp: String,
    source_type: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    source_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    source_label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_by_user_id: Option<i64>,
}

#[derive(Debug, Serialize)]
pub struct InlineAssociations {
    results: Vec<InlineAssociation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paging: Option<Paging>,
}

#[derive(Debug, Serialize)]
struct InlineAssociation {
    id: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Serialize)]
pub struct Paging {
    pub next: NextPage,
}

#[derive(Debug, Serialize)]
pub struct NextPage {
    pub after: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

impl Paging {
    pub fn after(after: &impl ToString, link: Option<String>) -> Self {
        Self { next: NextPage { after: after.to_string(), link } }
    }
}

/// Shows a record as a read does.
pub fn view(
    work: &Work<'_>,
    object: &ObjectType,
    record: &Stored,
    selection: &Selection,
) -> Result<RecordView, ApiError> {
    let mut shown = bare(work, object, record);
    if selection.properties.is_empty() {
        for name in object.default_properties() {
            shown.properties.insert((*name).to_owned(), value(object, record, name));
        }
    } else {
        for name in &selection.properties {
            let name = name.to_ascii_lowercase();
            if object.property(&name).is_some() {
                let value = value(object, record, &name);
                shown.properties.insert(name, value);
            }
        }
    }
    for name in &selection.history {
        if object.property(name).is_some() {
            shown
                .properties_with_history
                .insert(name.clone(), history(work, object, record, name)?);
        }
    }
    for asked in &selection.associations {
        let to = work.schema.object(asked)?;
        if let Some(links) = inline(work, object, record, to)? {
            shown.associations.insert(to.name.clone(), links);
        }
    }
    Ok(shown)
}

/// Shows a record as the answer to a write does: what was written and what was computed.
pub fn view_written(work: &Work<'_>, object: &ObjectType, written: Written) -> RecordView {
    let mut shown = bare(work, object, &written.record);
    let computed: BTreeSet<&String> = written.record.properties.keys().collect();
    for name in written.shown {
        if object.property(&name).is_none() && !computed.contains(&name) {
            continue;
        }
        let mut value = value(object, &written.record, &name);
        if name.starts_with("hs_lifecyclestage_") {
            // Answers to writes carry the stage dates as epoch milliseconds.
            value = value.and_then(|text| epoch_ms(&text)).map(|at| at.to_string());
        }
        shown.properties.insert(name, value);
    }
    shown.warnings = written.warnings;
    shown
}

/// Returns the current text of a property, the derived ones included.
pub fn value(object: &ObjectType, record: &Stored, name: &str) -> Option<String> {
    if name == "hs_object_id" {
        return Some(record.id.to_string());
    }
    if name == object.created_property() {
        return Some(iso(record.created_at));
    }
    if is_modified_property(object, name) {
        return Some(iso(record.updated_at));
    }
    record.properties.get(name).cloned()
}

/// Contacts have their modified time under two names.
pub fn is_modified_property(object: &ObjectType, name: &str) -> bool {
    name == "hs_lastmodifieddate" || name == object.modified_property()
}

/// Returns the scheme and host that the caller reached the server by.
pub fn base_url(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    format!("http://{}", host.unwrap_or("localhost"))
}

fn bare(work: &Work<'_>, object: &ObjectType, record: &Stored) -> RecordView {
    let always = ["hs_object_id", object.created_property(), object.modified_property()];
    RecordView {
        id: record.id.to_string(),
        properties: always
            .into_iter()
            .map(|name| (name.to_owned(), value(object, record, name)))
            .collect(),
        created_at: iso(record.created_at),
        updated_at: iso(record.updated_at),
        archived: record.archived,
        archived_at: record.archived_at.map(iso),
        url: format!(
            "https://app.hubspot.com/contacts/{}/record/{}/{}",
            work.portal_id(),
            object.id,
            record.id
        ),
        properties_with_history: BTreeMap::new(),
        associations: BTreeMap::new(),
        warnings: Vec::new(),
        is_new: None,
    }
}

fn history(
    work: &Work<'_>,
    object: &ObjectType,
    record: &Stored,
    name: &str,
) -> Result<Vec<VersionView>, ApiError> {
    let mut versions = store::versions(work.db, &object.id, record.id, name)?;
    if versions.is_empty()
        && let Some(value) = record.properties.get(name)
    {
        versions.push(write::first_version(record, value));
    }
    Ok(versions.into_iter().map(VersionView::from).collect())
}

impl From<Version> for VersionView {
    fn from(version: Version) -> Self {
        Self {
            value: version.value,
            timestamp: iso(version.at),
            source_type: version.source_type,
            source_id: version.source_id,
            source_label: version.source_label,
            updated_by_user_id: version.updated_by_user_id,
        }
    }
}

/// Reads a record's links to one other object; none when there are no links.
fn inline(
    work: &Work<'_>,
    from: &ObjectType,
    record: &Stored,
    to: &ObjectType,
) -> Result<Option<InlineAssociations>, ApiError> {
    let max = work.settings.inline_associations_max;
    let mut links: Vec<(i64, i64, Option<String>)> = work
        .db
        .prepare_cached(
            "select to_id, type_id, label from associations
             where from_object = ?1 and from_id = ?2 and to_object = ?3
             order by to_id, type_id limit ?4",
        )?
        .query_map(params![from.id, record.id, to.id, store::sql_count(max + 1)], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<Result<_, _>>()?;
    if links.is_empty() {
        return Ok(None);
    }
    let paging = if links.len() > max {
        let next = links.last().map(|(id, ..)| *id).unwrap_or_default();
        // A pair with several types is never split over two pages.
        links.retain(|(id, ..)| *id != next);
        Some(Paging::after(&next, None))
    } else {
        None
    };
    let results = links
        .into_iter()
        .map(|(id, type_id, label)| InlineAssociation {
            id: id.to_string(),
            kind: inline_type(from, to, type_id, label.as_deref()),
        })
        .collect();
    Ok(Some(InlineAssociations { results, paging }))
}

/// Names a type the way inline associations do: `contact_to_company` is the primary one where
/// there is a primary one, and then `contact_to_company_unlabeled` the plain one.
pub fn inline_type(
    from: &ObjectType,
    to: &ObjectType,
    type_id: i64,
    label: Option<&str>,
) -> String {
    let pair = format!("{}_to_{}", from.singular(), to.singular());
    let primary = association_types::primary_type(&from.id, &to.id);
    let plain = association_types::plain_type(&from.id, &to.id);
    if primary.is_some_and(|one| one.type_id == type_id) {
        pair
    } else if plain.is_some_and(|one| one.type_id == type_id) {
        if primary.is_some() { format!("{pair}_unlabeled") } else { pair }
    } else {
        match label {
            Some(label) => label.to_lowercase().replace(' ', "_"),
            None => pair,
        }
    }
}
