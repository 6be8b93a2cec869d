//! Shows records the vendor's way (reference section 3).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use axum::http::{HeaderMap, header};
use rusqlite::params;
use serde::{Serialize, Serializer};

use super::Work;
use super::association_types::AssociationTypes;
use super::errors::ApiError;
use super::schema::ObjectType;
use super::store::{self, Head, RawRecord, Stored, Version};
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

/// A selection looked up in the definitions, once for all records that are shown.
pub struct Shape<'a> {
    object: &'a ObjectType,
    /// Properties shown, by name.
    names: Vec<&'a str>,
    cells_by_name: HashMap<&'a str, usize>,
    history: Vec<&'a str>,
    associations: Vec<&'a ObjectType>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordView<'a> {
    pub id: String,
    /// By name; what is empty is null.
    #[serde(serialize_with = "as_map")]
    pub properties: Vec<(Cow<'a, str>, Option<Cow<'a, str>>)>,
    pub created_at: String,
    pub updated_at: String,
    pub archived: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<String>,
    pub url: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub properties_with_history: BTreeMap<&'a str, Vec<VersionView>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub associations: BTreeMap<&'a str, InlineAssociations>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_write_trace_id: Option<String>,
    /// Answers of an upsert only.
    #[serde(rename = "new", skip_serializing_if = "Option::is_none")]
    pub is_new: Option<bool>,
}

fn as_map<S: Serializer>(
    properties: &[(Cow<'_, str>, Option<Cow<'_, str>>)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(properties.iter().map(|(name, value)| (name, value)))
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

impl<'a> Shape<'a> {
    /// Looks a selection up; undefined properties are left out.
    ///
    /// # Errors
    /// 400 when associations to an unknown object are asked for.
    pub fn of(
        work: &'a Work<'_>,
        object: &'a ObjectType,
        selection: &Selection,
    ) -> Result<Self, ApiError> {
        let always = ["hs_object_id", object.created_property(), object.modified_property()];
        let defined = |name: &str| object.properties.get_key_value(&name.to_ascii_lowercase());
        let asked = selection.properties.iter().filter_map(|name| {
            defined(name).filter(|(_, property)| !property.archived).map(|(name, _)| name.as_str())
        });
        let mut names: Vec<&str> = always.into_iter().chain(asked).collect();
        if selection.properties.is_empty() {
            names.extend(object.default_properties());
        }
        names.sort_unstable();
        names.dedup();
        Ok(Self {
            object,
            cells_by_name: names.iter().enumerate().map(|(at, name)| (*name, at)).collect(),
            names,
            history: selection
                .history
                .iter()
                .filter_map(|name| object.property(name).map(|property| property.name.as_str()))
                .collect(),
            associations: selection
                .associations
                .iter()
                .map(|asked| work.schema.object(asked))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// Shows a record as a read does.
pub fn view<'a>(
    work: &Work<'_>,
    shape: &Shape<'a>,
    record: &'a RawRecord,
) -> Result<RecordView<'a>, ApiError> {
    let object = shape.object;
    let mut cells = vec![Cow::Borrowed(""); shape.names.len()];
    store::pick(&record.properties, &shape.cells_by_name, &mut cells)?;
    let mut shown = bare(work, object, &record.head);
    shown.properties = shape
        .names
        .iter()
        .zip(cells)
        .map(|(name, cell)| {
            let held = Some(cell).filter(|cell| !cell.is_empty());
            (Cow::Borrowed(*name), derived(object, &record.head, name).map(Cow::Owned).or(held))
        })
        .collect();
    for name in &shape.history {
        let versions = history(work, object, record, name)?;
        shown.properties_with_history.insert(name, versions);
    }
    for to in &shape.associations {
        if let Some(links) = inline(work, object, record.head.id, to)? {
            shown.associations.insert(&to.name, links);
        }
    }
    Ok(shown)
}

/// Shows a record as the answer to a write does: what was written and what was computed.
pub fn view_written(work: &Work<'_>, object: &ObjectType, written: Written) -> RecordView<'static> {
    let record = &written.record;
    let mut shown = bare(work, object, &record.head());
    let always = ["hs_object_id", object.created_property(), object.modified_property()];
    let names: BTreeSet<String> =
        written.shown.into_iter().chain(always.map(str::to_owned)).collect();
    for name in names {
        if object.property(&name).is_none() && !record.properties.contains_key(&name) {
            continue;
        }
        let mut value = value(object, record, &name);
        if name.starts_with("hs_lifecyclestage_") {
            // Answers to writes carry the stage dates as epoch milliseconds.
            value = value.and_then(|text| epoch_ms(&text)).map(|at| at.to_string());
        }
        shown.properties.push((Cow::Owned(name), value.map(Cow::Owned)));
    }
    shown.warnings = written.warnings;
    shown
}

/// Returns the current text of a property, the derived ones included.
pub fn value(object: &ObjectType, record: &Stored, name: &str) -> Option<String> {
    derived(object, &record.head(), name).or_else(|| record.properties.get(name).cloned())
}

/// Returns the text of a property that is not kept as one.
pub fn derived(object: &ObjectType, head: &Head, name: &str) -> Option<String> {
    if name == "hs_object_id" {
        Some(head.id.to_string())
    } else if name == object.created_property() {
        Some(iso(head.created_at))
    } else if is_modified_property(object, name) {
        Some(iso(head.updated_at))
    } else {
        None
    }
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

fn bare(work: &Work<'_>, object: &ObjectType, head: &Head) -> RecordView<'static> {
    RecordView {
        id: head.id.to_string(),
        properties: Vec::new(),
        created_at: iso(head.created_at),
        updated_at: iso(head.updated_at),
        archived: head.archived,
        archived_at: head.archived_at.map(iso),
        url: format!(
            "https://app.hubspot.com/contacts/{}/record/{}/{}",
            work.portal_id(),
            object.id,
            head.id
        ),
        properties_with_history: BTreeMap::new(),
        associations: BTreeMap::new(),
        warnings: Vec::new(),
        object_write_trace_id: None,
        is_new: None,
    }
}

fn history(
    work: &Work<'_>,
    object: &ObjectType,
    record: &RawRecord,
    name: &str,
) -> Result<Vec<VersionView>, ApiError> {
    let mut versions = store::versions(work.db, &object.id, record.head.id, name)?;
    if versions.is_empty() {
        let record = record.parsed()?;
        if let Some(value) = record.properties.get(name) {
            versions.push(write::first_version(&record, value));
        }
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
    id: i64,
    to: &ObjectType,
) -> Result<Option<InlineAssociations>, ApiError> {
    let max = work.settings.inline_associations_max;
    let mut links: Vec<(i64, i64, Option<String>)> = work
        .db
        .prepare_cached(
            "select to_id, type_id, label from associations
             where from_object = ?1 and from_id = ?2 and to_object = ?3
             order by to_id, category, type_id limit ?4",
        )?
        .query_map(params![from.id, id, to.id, store::sql_count(max + 1)], |row| {
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
            kind: inline_type(&work.schema.associations, from, to, type_id, label.as_deref()),
        })
        .collect();
    Ok(Some(InlineAssociations { results, paging }))
}

/// Names a type the way inline associations do: `contact_to_company` is the primary one where
/// there is a primary one, and then `contact_to_company_unlabeled` the plain one.
pub fn inline_type(
    types: &AssociationTypes,
    from: &ObjectType,
    to: &ObjectType,
    type_id: i64,
    label: Option<&str>,
) -> String {
    let pair = format!("{}_to_{}", from.singular(), to.singular());
    let primary = types.primary(&from.id, &to.id);
    let plain = types.plain(&from.id, &to.id);
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
