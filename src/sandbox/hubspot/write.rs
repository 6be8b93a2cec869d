//! Writes one record: what changes, who may hold a value, what follows by itself.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use rusqlite::params;

use super::errors::{ApiError, PropertyError};
use super::schema::ObjectType;
use super::settings::LifecycleBackward;
use super::store::{self, Properties, Stored, Version};
use super::time::iso;
use super::validate::{Checked, Warning};
use super::{Work, rules};

/// A record after a write, with the names of the properties the answer shows.
#[derive(Clone, Debug)]
pub struct Written {
    pub record: Stored,
    pub shown: BTreeSet<String>,
    pub warnings: Vec<Warning>,
}

/// Properties that an answer to a write shows beside the written ones.
const COMPUTED: [&str; 5] = [
    "hs_object_source",
    "hs_object_source_id",
    "hs_object_source_label",
    "hs_pipeline",
    "lifecyclestage",
];

/// Makes a record.
pub fn create(work: &Work<'_>, object: &ObjectType, checked: Checked) -> Result<Written, ApiError> {
    let Checked { mut values, warnings } = checked;
    let id = store::allocate_id(work.db, &object.id)?;
    let mut shown: BTreeSet<String> = values.keys().cloned().collect();
    if object.is_contacts()
        && work.settings.contacts_start_as_lead
        && values.get("lifecyclestage").is_none_or(String::is_empty)
        && object.lifecycle_position("lead").is_some()
    {
        values.insert("lifecyclestage".to_owned(), "lead".to_owned());
    }
    let mut record = Stored {
        id,
        archived: false,
        created_at: work.now,
        updated_at: work.now,
        archived_at: None,
        properties: Properties::new(),
    };
    for (name, value) in [
        ("hs_object_source", work.source.kind),
        ("hs_object_source_id", work.source.id.as_str()),
        ("hs_object_source_label", work.source.kind),
    ] {
        record.properties.insert(name.to_owned(), value.to_owned());
    }
    if object.is_contacts() {
        let pipeline = "contacts-lifecycle-pipeline";
        record.properties.insert("hs_pipeline".to_owned(), pipeline.to_owned());
    }
    if object.id == "0-3" && !values.contains_key("pipeline") {
        values.insert("pipeline".to_owned(), "default".to_owned());
    }
    let changed = apply(work, object, &mut record, values, work.now)?;
    rules::note(work, object, record.id, &changed);
    store::put(work.db, &object.id, &record)?;
    store::index_unique_values(work.db, object, &record)?;
    shown.extend(changed.into_keys().filter(|name| name.starts_with("hs_lifecyclestage_")));
    shown.extend(COMPUTED.map(str::to_owned));
    Ok(Written { record, shown, warnings })
}

/// Changes a record; a value it already has is no change.
pub fn update(
    work: &Work<'_>,
    object: &ObjectType,
    mut record: Stored,
    checked: Checked,
) -> Result<Written, ApiError> {
    let Checked { values, warnings } = checked;
    let mut shown: BTreeSet<String> = values.keys().cloned().collect();
    // Two changes under a clock that stands still must still be told apart.
    let at = work.now.max(record.updated_at + 1);
    let changed = apply(work, object, &mut record, values, at)?;
    rules::note(work, object, record.id, &changed);
    if !changed.is_empty() || work.settings.identical_write_modifies {
        record.updated_at = at;
        store::put(work.db, &object.id, &record)?;
        store::index_unique_values(work.db, object, &record)?;
    }
    shown.extend(changed.into_keys().filter(|name| name.starts_with("hs_lifecyclestage_")));
    shown.extend(COMPUTED.map(str::to_owned));
    Ok(Written { record, shown, warnings })
}

/// Moves a record to the recycle bin; answers whether it was there.
pub fn archive(work: &Work<'_>, object: &ObjectType, id: i64) -> Result<bool, ApiError> {
    let Some(mut record) = store::find(work.db, &object.id, id)?.filter(|one| !one.archived) else {
        return Ok(false);
    };
    record.archived = true;
    record.archived_at = Some(work.now);
    record.updated_at = work.now.max(record.updated_at + 1);
    store::put(work.db, &object.id, &record)?;
    store::index_unique_values(work.db, object, &record)?;
    unlink(work, object, id)?;
    Ok(true)
}

/// Takes a record out of associations and lists.
pub fn unlink(work: &Work<'_>, object: &ObjectType, id: i64) -> Result<(), ApiError> {
    // Links are kept in both directions, so the record's own rows lead to the reverse ones.
    work.db
        .prepare_cached(
            "delete from associations where (from_object, from_id, to_object, to_id) in (
                select to_object, to_id, from_object, from_id from associations
                where from_object = ?1 and from_id = ?2)",
        )?
        .execute(params![object.id, id])?;
    work.db
        .prepare_cached("delete from associations where from_object = ?1 and from_id = ?2")?
        .execute(params![object.id, id])?;
    work.db
        .prepare_cached(
            "delete from list_memberships where record_id = ?2
             and list_id in (select id from lists where object = ?1)",
        )?
        .execute(params![object.id, id])?;
    Ok(())
}

/// Sets a value that the vendor derives, as a change of the record.
pub fn set_derived(
    work: &Work<'_>,
    object: &ObjectType,
    id: i64,
    name: &str,
    value: &str,
) -> Result<(), ApiError> {
    if object.property(name).is_none() {
        return Ok(());
    }
    let Some(mut record) = store::find(work.db, &object.id, id)? else { return Ok(()) };
    if record.properties.get(name).map_or("", String::as_str) == value {
        return Ok(());
    }
    if value.is_empty() {
        record.properties.remove(name);
    } else {
        record.properties.insert(name.to_owned(), value.to_owned());
    }
    record.updated_at = work.now.max(record.updated_at + 1);
    store::put(work.db, &object.id, &record)?;
    Ok(())
}

/// Puts values into a record and its history, returning those that changed.
fn apply(
    work: &Work<'_>,
    object: &ObjectType,
    record: &mut Stored,
    values: Properties,
    at: i64,
) -> Result<Properties, ApiError> {
    let mut changes = Properties::new();
    for (name, value) in values {
        let held = record.properties.get(&name).map_or("", String::as_str);
        if name == "lifecyclestage" && is_backward(object, held, &value) {
            match work.settings.lifecycle_backward {
                LifecycleBackward::Silent => continue,
                LifecycleBackward::Refused => return Err(refuse_backward(work, &value)),
            }
        }
        let value = appended(held, value);
        if value == held {
            continue;
        }
        if !value.is_empty() && object.is_key(&name) {
            check_holder(work, object, record.id, &name, &value)?;
        }
        changes.insert(name, value);
    }
    if let Some(stage) = changes.get("lifecyclestage").filter(|stage| !stage.is_empty()).cloned() {
        let entered = iso(at);
        for name in
            [format!("hs_lifecyclestage_{stage}_date"), format!("hs_v2_date_entered_{stage}")]
        {
            if object.property(&name).is_some() {
                changes.insert(name, entered.clone());
            }
        }
    }
    for (name, value) in &changes {
        note_version(work, object, record, name, value, at)?;
    }
    for (name, value) in &changes {
        if value.is_empty() {
            record.properties.remove(name);
        } else {
            record.properties.insert(name.clone(), value.clone());
        }
    }
    Ok(changes)
}

/// Resolves a leading `;`, which appends to a multiple-choice value.
fn appended(held: &str, value: String) -> String {
    match value.strip_prefix(';') {
        Some(added) if !added.is_empty() => {
            let mut all: Vec<&str> = held.split(';').filter(|one| !one.is_empty()).collect();
            for one in added.split(';') {
                if !all.contains(&one) {
                    all.push(one);
                }
            }
            all.join(";")
        }
        _ => value,
    }
}

fn is_backward(object: &ObjectType, held: &str, value: &str) -> bool {
    match (object.lifecycle_position(held), object.lifecycle_position(value)) {
        (Some(held), Some(wanted)) => wanted < held,
        _ => false,
    }
}

fn refuse_backward(work: &Work<'_>, value: &str) -> ApiError {
    ApiError::invalid_properties(
        work.portal_id(),
        &[PropertyError {
            name: "lifecyclestage".to_owned(),
            code: "INVALID_OPTION",
            message: format!("lifecyclestage cannot be moved back to {value}"),
            value: Some(value.to_owned()),
        }],
    )
}

fn check_holder(
    work: &Work<'_>,
    object: &ObjectType,
    id: i64,
    name: &str,
    value: &str,
) -> Result<(), ApiError> {
    match store::holder(work.db, &object.id, name, value)? {
        None => Ok(()),
        Some(holder) if holder.id == id && !holder.is_secondary => Ok(()),
        Some(holder)
            if object.is_contacts()
                && name == "email"
                && !holder.is_secondary
                && !work.settings.email_clash_is_invalid =>
        {
            Err(ApiError::contact_exists(holder.id))
        }
        Some(holder) => {
            let mut error = ApiError::unique_value_taken(
                work.portal_id(),
                &object.legacy_name(),
                name,
                value,
                id,
                holder.id,
            );
            if work.settings.unique_clash_is_conflict {
                error.status = StatusCode::CONFLICT;
                error.body.category = Some("CONFLICT");
            }
            Err(error)
        }
    }
}

fn note_version(
    work: &Work<'_>,
    object: &ObjectType,
    record: &Stored,
    name: &str,
    value: &str,
    at: i64,
) -> Result<(), ApiError> {
    if let Some(first) = record.properties.get(name)
        && store::versions(work.db, &object.id, record.id, name)?.is_empty()
    {
        let first = first_version(record, first);
        store::add_version(work.db, &object.id, record.id, name, &first)?;
    }
    let version = Version {
        value: value.to_owned(),
        at,
        source_type: work.source.kind.to_owned(),
        source_id: work.source.id.clone(),
        source_label: work.source.label.to_owned(),
        updated_by_user_id: None,
    };
    store::add_version(work.db, &object.id, record.id, name, &version)?;
    Ok(())
}

/// Returns the version that a value without history stands for: there since the record was made.
pub fn first_version(record: &Stored, value: &str) -> Version {
    let made_by = |name: &str| record.properties.get(name).cloned().unwrap_or_default();
    let source_type = made_by("hs_object_source");
    Version {
        value: value.to_owned(),
        at: record.created_at,
        source_type: if source_type.is_empty() { "CRM_UI".to_owned() } else { source_type },
        source_id: made_by("hs_object_source_id"),
        source_label: made_by("hs_object_source_label"),
        updated_by_user_id: None,
    }
}
