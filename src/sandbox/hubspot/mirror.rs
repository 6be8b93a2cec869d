//! Writes the HubSpot half of a world from a landed snapshot (see [`crate::sandbox::mirror`]).

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::association_types::{AssociationTypes, HUBSPOT_DEFINED, USER_DEFINED};
use super::record::inline_type;
use super::schema::ObjectType;
use super::time::iso;
use crate::sandbox::mirror::{CsvFile, Landed, MirrorError, write_text};
use crate::schema::UserType;
use crate::snapshot::TableManifest;

/// Name under which lists stand among the objects of a snapshot.
const LISTS: &str = "lists";

/// Ids of the vendor's own object types (reference section 3).
const STANDARD_TYPES: [(&str, &str); 14] = [
    ("contacts", "0-1"),
    ("companies", "0-2"),
    ("deals", "0-3"),
    ("tickets", "0-5"),
    ("products", "0-7"),
    ("line_items", "0-8"),
    ("quotes", "0-14"),
    ("tasks", "0-27"),
    ("notes", "0-46"),
    ("meetings", "0-47"),
    ("calls", "0-48"),
    ("emails", "0-49"),
    ("users", "0-115"),
    ("leads", "0-136"),
];

/// First id of association labels and custom object types, whose own no snapshot tells.
const CUSTOM_ID_FIRST: usize = 100_001;

const ASSOCIATION_COLUMNS: [&str; 3] = ["from_id", "to_id", "type"];
const MERGED_IDS: &str = "hs_merged_object_ids";

#[derive(Deserialize)]
struct ObjectDefinition<'a> {
    #[serde(borrow)]
    pipelines: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Owner {
    user_id: Option<i64>,
    user_id_including_inactive: Option<i64>,
    first_name: Option<String>,
    last_name: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
}

/// Writes every file of `<world>/hubspot` into `dir`.
pub async fn write(landed: &Landed<'_>, dir: &Path, now: Timestamp) -> Result<(), MirrorError> {
    let objects = object_types(landed);
    write_pipelines(landed, &objects, dir)?;
    write_owners(landed, dir)?;
    let columns = ["object", "old_id", "record_id"];
    let mut aliases = CsvFile::create(&dir.join("aliases.csv"), columns)?;
    for object in &objects {
        write_schema(landed, object, dir)?;
        write_records(landed, object, dir, &mut aliases, now).await?;
        write_history(landed, object, dir).await?;
    }
    aliases.finish()?;
    write_associations(landed, &objects, dir).await?;
    write_lists(landed, dir, now).await
}

fn object_types(landed: &Landed<'_>) -> Vec<ObjectType> {
    let names = landed.schema.objects.iter().map(|info| &info.object).filter(|name| *name != LISTS);
    names
        .enumerate()
        .map(|(place, name)| {
            let standard = STANDARD_TYPES.iter().find(|(own, _)| own == name);
            let is_id = name.strip_prefix("2-").is_some_and(|rest| rest.parse::<u64>().is_ok());
            let id = match standard {
                Some((_, id)) => (*id).to_owned(),
                None if is_id => name.clone(),
                None => format!("2-{}", CUSTOM_ID_FIRST + place),
            };
            ObjectType { id, name: name.clone(), ..ObjectType::default() }
        })
        .collect()
}

fn write_schema(landed: &Landed<'_>, object: &ObjectType, dir: &Path) -> Result<(), MirrorError> {
    let mut definitions = Vec::new();
    for field in landed.schema.fields_of(&object.name) {
        let name = format!("{}.{}", field.object, field.field);
        definitions.push(landed.definition(&name, field.definition.as_ref())?);
    }
    let head = json!({ "object": object.name, "objectTypeId": object.id }).to_string();
    let head = head.trim_end_matches('}');
    let text = format!("{head},\"properties\":[\n{}\n]}}\n", definitions.join(",\n"));
    write_text(&dir.join("schema").join(format!("{}.json", object.name)), &text)
}

async fn write_records(
    landed: &Landed<'_>,
    object: &ObjectType,
    dir: &Path,
    aliases: &mut CsvFile,
    now: Timestamp,
) -> Result<(), MirrorError> {
    let Some(table) = landed.manifest.table(&object.name) else { return Ok(()) };
    let derived = ["hs_object_id", object.created_property(), object.modified_property()];
    let place = |name: &str| table.columns.iter().position(|column| column == name);
    let [id_at, created_at, modified_at] = derived.map(place);
    let merged_at = place(MERGED_IDS);
    let kept: Vec<usize> = (0..table.columns.len())
        .filter(|index| ![id_at, created_at, modified_at].contains(&Some(*index)))
        .collect();
    let own = ["id", "created_at", "updated_at", "archived", "archived_at"];
    let properties = kept.iter().filter_map(|index| table.columns.get(*index));
    let header = own.into_iter().chain(properties.map(String::as_str));
    let path = dir.join("objects").join(format!("{}.csv", object.name));
    let mut file = CsvFile::create(&path, header)?;
    let now = iso(now.as_millisecond());
    landed
        .each_row(table, &table.columns, |values, is_archived| {
            let text = |at: Option<usize>| at.and_then(|at| values.get(at).copied().flatten());
            let id = text(id_at).unwrap_or_default();
            let created = text(created_at).unwrap_or(&now);
            let modified = text(modified_at).unwrap_or(created);
            let (archived, archived_at) =
                if is_archived { ("true", modified) } else { ("false", "") };
            let own = [id, created, modified, archived, archived_at];
            let cells = kept.iter().map(|index| text(Some(*index)).unwrap_or_default());
            file.write(own.into_iter().chain(cells))?;
            let merged = text(merged_at).unwrap_or_default();
            for old in merged.split(';').filter(|old| !old.is_empty()) {
                aliases.write([object.name.as_str(), old, id])?;
            }
            Ok(())
        })
        .await?;
    file.finish()
}

/// Writes a history oldest value first, which is how the server tells values of one moment apart.
async fn write_history(
    landed: &Landed<'_>,
    object: &ObjectType,
    dir: &Path,
) -> Result<(), MirrorError> {
    let Some(table) = landed.manifest.table(&format!("{}_history", object.name)) else {
        return Ok(());
    };
    let path = dir.join("history").join(format!("{}.csv", object.name));
    let mut file = CsvFile::create(&path, &table.columns)?;
    // Values of one record and property, as the vendor lists them: newest first.
    let mut group: Vec<Vec<String>> = Vec::new();
    landed
        .each_row(table, &table.columns, |values, _| {
            let row: Vec<String> =
                values.iter().map(|value| value.unwrap_or_default().to_owned()).collect();
            if group.last().is_some_and(|last| last.get(..2) != row.get(..2)) {
                write_reversed(&mut file, &mut group)?;
            }
            group.push(row);
            Ok(())
        })
        .await?;
    write_reversed(&mut file, &mut group)?;
    file.finish()
}

fn write_reversed(file: &mut CsvFile, group: &mut Vec<Vec<String>>) -> Result<(), MirrorError> {
    while let Some(row) = group.pop() {
        file.write(&row)?;
    }
    Ok(())
}

fn write_pipelines(
    landed: &Landed<'_>,
    objects: &[ObjectType],
    dir: &Path,
) -> Result<(), MirrorError> {
    let mut pipelines: BTreeMap<&str, &RawValue> = BTreeMap::new();
    for object in objects {
        let info = landed.schema.object(&object.name);
        let Some(definition) = info.and_then(|info| info.definition.as_ref()) else { continue };
        let parsed: ObjectDefinition<'_> = serde_json::from_str(definition)
            .map_err(|source| MirrorError::Definition { name: object.name.clone(), source })?;
        pipelines.insert(&object.name, parsed.pipelines);
    }
    let text = serde_json::to_string(&pipelines)
        .map_err(|source| MirrorError::Definition { name: "pipelines".to_owned(), source })?;
    write_text(&dir.join("pipelines.json"), &text)
}

fn write_owners(landed: &Landed<'_>, dir: &Path) -> Result<(), MirrorError> {
    let columns = [
        "id",
        "email",
        "first_name",
        "last_name",
        "user_id",
        "type",
        "archived",
        "created_at",
        "updated_at",
    ];
    let mut file = CsvFile::create(&dir.join("owners.csv"), columns)?;
    for user in &landed.schema.users {
        let name = format!("owner {}", user.user_id);
        let definition = landed.definition(&name, user.definition.as_ref())?;
        let owner: Owner = serde_json::from_str(definition)
            .map_err(|source| MirrorError::Definition { name, source })?;
        let user_id = owner.user_id.or(owner.user_id_including_inactive);
        file.write([
            user.user_id.as_str(),
            user.email.as_deref().unwrap_or_default(),
            owner.first_name.as_deref().unwrap_or_default(),
            owner.last_name.as_deref().unwrap_or_default(),
            &user_id.map(|id| id.to_string()).unwrap_or_default(),
            if user.user_type == UserType::Queue { "QUEUE" } else { "PERSON" },
            if user.is_active { "false" } else { "true" },
            &owner.created_at.unwrap_or_default(),
            &owner.updated_at.unwrap_or_default(),
        ])?;
    }
    file.finish()
}

/// Writes links with the type that each has by its inline name. A name that is none of the
/// vendor's own is a label of the account, whose id no snapshot tells.
async fn write_associations(
    landed: &Landed<'_>,
    objects: &[ObjectType],
    dir: &Path,
) -> Result<(), MirrorError> {
    let columns = ["from_object", "from_id", "to_object", "to_id", "category", "type_id", "label"];
    let mut file = CsvFile::create(&dir.join("associations.csv"), columns)?;
    let types = AssociationTypes::standard();
    let mut labels: BTreeMap<String, usize> = BTreeMap::new();
    let pairs = objects.iter().flat_map(|from| objects.iter().map(move |to| (from, to)));
    for (from, to) in pairs {
        let Some(table) = association_table(landed, from, to) else { continue };
        let known: BTreeMap<String, i64> = types
            .between(&from.id, &to.id)
            .iter()
            .map(|one| {
                (inline_type(&types, from, to, one.type_id, one.label.as_deref()), one.type_id)
            })
            .collect();
        let plain = inline_type(&types, from, to, 0, None);
        landed
            .each_row(table, &table.columns, |values, _| {
                let text = |at: usize| values.get(at).copied().flatten().unwrap_or_default();
                let name = text(2);
                let (category, type_id, label) = if let Some(type_id) = known.get(name) {
                    (HUBSPOT_DEFINED, type_id.to_string(), "")
                } else {
                    let next = CUSTOM_ID_FIRST + labels.len();
                    let type_id = *labels.entry(name.to_owned()).or_insert(next);
                    // A pair that the vendor does not define has a plain type of the account's.
                    let label = if name == plain { "" } else { name };
                    (USER_DEFINED, type_id.to_string(), label)
                };
                let link = [&from.name, text(0), &to.name, text(1), category, &type_id, label];
                file.write(link)
            })
            .await?;
    }
    file.finish()
}

fn association_table<'a>(
    landed: &'a Landed<'_>,
    from: &ObjectType,
    to: &ObjectType,
) -> Option<&'a TableManifest> {
    let table = landed.manifest.table(&format!("{}_{}", from.name, to.name))?;
    (table.columns == ASSOCIATION_COLUMNS).then_some(table)
}

async fn write_lists(landed: &Landed<'_>, dir: &Path, now: Timestamp) -> Result<(), MirrorError> {
    let now = iso(now.as_millisecond());
    if let Some(table) = landed.manifest.table(LISTS) {
        let own = table.columns.iter().map(String::as_str).chain(["created_at", "updated_at"]);
        let mut file = CsvFile::create(&dir.join("lists.csv"), own)?;
        landed
            .each_row(table, &table.columns, |values, _| {
                let cells = values.iter().map(|value| value.unwrap_or_default());
                file.write(cells.chain([now.as_str(), now.as_str()]))
            })
            .await?;
        file.finish()?;
    }
    if let Some(table) = landed.manifest.table("list_memberships") {
        let mut file = CsvFile::create(&dir.join("list_memberships.csv"), &table.columns)?;
        landed
            .each_row(table, &table.columns, |values, _| {
                file.write(values.iter().map(|value| value.unwrap_or_default()))
            })
            .await?;
        file.finish()?;
    }
    Ok(())
}
