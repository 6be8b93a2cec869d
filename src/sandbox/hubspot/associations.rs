//! Links between records, one by one and in batches (reference section 10).

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rusqlite::params;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::association_types::{AssociationType, Link, insert_both_ways, remove_both_ways};
use super::batch::{Id, answer};
use super::errors::{ApiError, ErrorBody};
use super::record::Paging;
use super::routes::{Params, after, limit};
use super::schema::ObjectType;
use super::{ApiVersion, Server, Work, objects, parse, reply, store, write};

pub const WRITES_MAX: usize = 2000;

const PAGE_MAX: usize = 500;
const READS_MAX: usize = 1000;

/// One association of a record that is being created.
#[derive(Clone, Debug, Deserialize)]
pub struct InlineLink {
    to: Reference,
    #[serde(default)]
    types: Vec<TypeInput>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Reference {
    id: Id,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TypeInput {
    pub association_category: String,
    pub association_type_id: i64,
}

#[derive(Deserialize)]
struct Inputs<T> {
    #[serde(default = "Vec::new")]
    inputs: Vec<T>,
}

#[derive(Deserialize)]
struct ReadInput {
    id: Id,
    #[serde(default)]
    after: Option<Id>,
}

#[derive(Deserialize)]
pub struct PairInput {
    from: Reference,
    to: Reference,
    #[serde(default)]
    pub types: Vec<TypeInput>,
}

impl PairInput {
    pub fn ids(&self) -> Result<(i64, i64), ApiError> {
        Ok((objects::numeric(&self.from.id.text())?, objects::numeric(&self.to.id.text())?))
    }
}

#[derive(Deserialize)]
struct ArchiveInput {
    from: Reference,
    to: Vec<Reference>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LinkView {
    to_object_id: Value,
    association_types: Vec<TypeView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TypeView {
    category: String,
    type_id: i64,
    label: Option<String>,
}

pub async fn list(
    State(server): State<Server>,
    Path((object, id, to)): Path<(String, String, String)>,
    params: Params,
) -> Result<Response, ApiError> {
    let limit = limit(&params, PAGE_MAX, PAGE_MAX)?;
    let floor = after(&params)?;
    let view = server
        .read(move |work| {
            let from = work.schema.object(&object)?;
            let to = work.schema.object(&to)?;
            let id = store::resolve_alias(work.db, &from.id, objects::numeric(&id)?)?;
            if store::find(work.db, &from.id, id)?.is_none() {
                return Err(ApiError::no_such_record());
            }
            let (results, next) = links(work, from, id, to, floor, limit)?;
            let mut view = json!({ "results": results });
            if let Some(next) = next {
                view["paging"] = serde_json::to_value(Paging::after(&next, None))?;
            }
            Ok(view)
        })
        .await?;
    reply(StatusCode::OK, &view)
}

pub async fn put(
    State(server): State<Server>,
    Path((object, id, to, to_id)): Path<(String, String, String, String)>,
    Extension(version): Extension<ApiVersion>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let types: Vec<TypeInput> = parse(&body)?;
    let view = server
        .call(move |work| {
            may_edit(work, version)?;
            let from = work.schema.object(&object)?;
            let to = work.schema.object(&to)?;
            let pair = (objects::numeric(&id)?, objects::numeric(&to_id)?);
            link_pair(work, from, to, pair, &types)?;
            Ok(pair_view(work, from, to, pair, &types))
        })
        .await?;
    reply(StatusCode::CREATED, &view)
}

pub async fn put_default(
    State(server): State<Server>,
    Path((object, id, to, to_id)): Path<(String, String, String, String)>,
    Extension(version): Extension<ApiVersion>,
) -> Result<Response, ApiError> {
    server
        .call(move |work| {
            may_edit(work, version)?;
            let from = work.schema.object(&object)?;
            let to = work.schema.object(&to)?;
            let pair = (objects::numeric(&id)?, objects::numeric(&to_id)?);
            let types = default_types(work, from, to)?;
            link_pair(work, from, to, pair, &types)?;
            let results = vec![default_view(pair, &types)];
            answer(work, StatusCode::OK, results, Vec::new())
        })
        .await
}

pub async fn delete(
    State(server): State<Server>,
    Path((object, id, to, to_id)): Path<(String, String, String, String)>,
    Extension(version): Extension<ApiVersion>,
) -> Result<Response, ApiError> {
    server
        .call(move |work| {
            may_edit(work, version)?;
            let from = work.schema.object(&object)?;
            let to = work.schema.object(&to)?;
            unlink_pair(work, from, to, (objects::numeric(&id)?, objects::numeric(&to_id)?))
        })
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn batch_read(
    State(server): State<Server>,
    Path((from, to)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let inputs = parse_inputs::<ReadInput>(&body, READS_MAX)?;
    server
        .read(move |work| {
            let from = work.schema.object(&from)?;
            let to = work.schema.object(&to)?;
            let mut results = Vec::with_capacity(inputs.len());
            let mut errors = Vec::new();
            for input in &inputs {
                let Ok(id) = input.id.text().parse() else { continue };
                let floor = match &input.after {
                    Some(after) => objects::numeric(&after.text())?,
                    None => 0,
                };
                let (links, next) = links(work, from, id, to, floor, PAGE_MAX)?;
                // Records without associations are simply not answered.
                if links.is_empty() {
                    if work.settings.unassociated_is_error {
                        errors.push(not_associated(from, id, to));
                    }
                    continue;
                }
                let mut one = json!({"from": {"id": id.to_string()}, "to": links});
                if let Some(next) = next {
                    one["paging"] = serde_json::to_value(Paging::after(&next, None))?;
                }
                results.push(one);
            }
            answer(work, StatusCode::OK, results, errors)
        })
        .await
}

pub async fn batch_create(
    State(server): State<Server>,
    Path(pair): Path<(String, String)>,
    Extension(version): Extension<ApiVersion>,
    body: Bytes,
) -> Result<Response, ApiError> {
    create_all(server, pair, version, parse_inputs(&body, WRITES_MAX)?, false).await
}

pub async fn batch_create_default(
    State(server): State<Server>,
    Path(pair): Path<(String, String)>,
    Extension(version): Extension<ApiVersion>,
    body: Bytes,
) -> Result<Response, ApiError> {
    create_all(server, pair, version, parse_inputs(&body, WRITES_MAX)?, true).await
}

pub async fn batch_archive(
    State(server): State<Server>,
    Path((from, to)): Path<(String, String)>,
    Extension(version): Extension<ApiVersion>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let inputs = parse_inputs::<ArchiveInput>(&body, WRITES_MAX)?;
    server
        .call(move |work| {
            may_edit(work, version)?;
            let from = work.schema.object(&from)?;
            let to = work.schema.object(&to)?;
            for input in &inputs {
                let from_id = objects::numeric(&input.from.id.text())?;
                for target in &input.to {
                    let to_id = objects::numeric(&target.id.text())?;
                    unlink_pair(work, from, to, (from_id, to_id))?;
                }
            }
            archived(work, version)
        })
        .await
}

/// Refuses a user who may not edit associations, which 2026-09 alone looks at.
pub fn may_edit(work: &Work<'_>, version: ApiVersion) -> Result<(), ApiError> {
    if work.settings.lacks_edit_associations && version == ApiVersion::September2026 {
        return Err(ApiError::invalid("Missing 'Edit Associations' permission."));
    }
    Ok(())
}

/// Answers a removal: with a body on the dated paths, without one on the older path.
pub fn archived(work: &Work<'_>, version: ApiVersion) -> Result<Response, ApiError> {
    if version == ApiVersion::Numbered {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    answer::<Value>(work, StatusCode::OK, Vec::new(), Vec::new())
}

/// Links a record that was just made to those it was made with.
pub fn link_new(
    work: &Work<'_>,
    from: &ObjectType,
    id: i64,
    links: &[InlineLink],
    version: ApiVersion,
) -> Result<(), ApiError> {
    if !links.is_empty() {
        may_edit(work, version)?;
    }
    for link in links {
        let Ok(to_id) = link.to.id.text().parse() else { return Err(invalid_association()) };
        let target = link.types.first().and_then(|first| {
            let is_of_type = |to: &&ObjectType| {
                let types = &work.schema.associations;
                types.find(&from.id, &to.id, first.association_type_id).is_some()
            };
            work.schema.objects.iter().find(is_of_type)
        });
        let Some(to) = target else { return Err(invalid_association()) };
        link_pair(work, from, to, (id, to_id), &link.types).map_err(|_| invalid_association())?;
    }
    Ok(())
}

fn not_associated(from: &ObjectType, id: i64, to: &ObjectType) -> ErrorBody {
    let (from, to) = (from.singular(), to.singular());
    let mut error = ApiError::not_found(format!("No {to} is associated with {from} {id}."))
        .with_context("fromObjectId", vec![id.to_string()]);
    error.body.sub_category = Some("crm.associations.NO_ASSOCIATIONS_FOUND".to_owned());
    error.body
}

fn invalid_association() -> ApiError {
    ApiError::invalid("One or more associations are invalid")
}

async fn create_all(
    server: Server,
    (from, to): (String, String),
    version: ApiVersion,
    inputs: Vec<PairInput>,
    uses_default: bool,
) -> Result<Response, ApiError> {
    server
        .call(move |work| {
            may_edit(work, version)?;
            let from = work.schema.object(&from)?;
            let to = work.schema.object(&to)?;
            let mut results = Vec::with_capacity(inputs.len());
            let mut errors = Vec::new();
            for input in &inputs {
                let made: Result<Value, ApiError> = work.isolated(|| {
                    let pair = input.ids()?;
                    let types = if uses_default {
                        default_types(work, from, to)?
                    } else {
                        input.types.clone()
                    };
                    link_pair(work, from, to, pair, &types)?;
                    Ok(if uses_default {
                        default_view(pair, &types)
                    } else {
                        pair_view(work, from, to, pair, &types)
                    })
                });
                match made {
                    Ok(view) => results.push(view),
                    Err(error) if error.status.is_server_error() => return Err(error),
                    Err(error) => errors.push(error.body),
                }
            }
            let complete = if uses_default { StatusCode::OK } else { StatusCode::CREATED };
            answer(work, complete, results, errors)
        })
        .await
}

pub fn parse_inputs<T: serde::de::DeserializeOwned>(
    body: &Bytes,
    max: usize,
) -> Result<Vec<T>, ApiError> {
    let inputs = parse::<Inputs<T>>(body)?.inputs;
    if inputs.len() > max {
        return Err(ApiError::too_many_inputs(max));
    }
    Ok(inputs)
}

pub fn default_types(
    work: &Work<'_>,
    from: &ObjectType,
    to: &ObjectType,
) -> Result<Vec<TypeInput>, ApiError> {
    let plain = work.schema.associations.plain(&from.id, &to.id).ok_or_else(|| {
        ApiError::invalid(format!("No association is defined from {} to {}", from.id, to.id))
    })?;
    Ok(vec![TypeInput::from(plain)])
}

impl From<&AssociationType> for TypeInput {
    fn from(one: &AssociationType) -> Self {
        Self { association_category: one.category.clone(), association_type_id: one.type_id }
    }
}

/// Gives a pair exactly the types sent, beside the plain one that every linked pair has.
pub fn link_pair(
    work: &Work<'_>,
    from: &ObjectType,
    to: &ObjectType,
    (from_id, to_id): (i64, i64),
    types: &[TypeInput],
) -> Result<(), ApiError> {
    if from.id == to.id && from_id == to_id {
        return Err(ApiError::invalid(format!("Object {from_id} cannot be associated to itself")));
    }
    for (object, id) in [(from, from_id), (to, to_id)] {
        if store::find(work.db, &object.id, id)?.is_none_or(|record| record.archived) {
            return Err(ApiError::not_found(format!(
                "{} {id} does not exist",
                object.legacy_name()
            )));
        }
    }
    let known = &work.schema.associations;
    if types.is_empty() {
        return Err(invalid_association());
    }
    for sent in types {
        if known
            .find(&from.id, &to.id, sent.association_type_id)
            .is_none_or(|one| one.category != sent.association_category)
        {
            return Err(ApiError::invalid(format!(
                "invalid from object type {} for associations to be created. type id: {}",
                from.id, sent.association_type_id
            )));
        }
    }
    let held = types_of(work, from, from_id, to, to_id)?;
    let primary = known.primary(&from.id, &to.id);
    let is_first_company =
        primary.is_some() && held.is_empty() && !has_primary(work, from, from_id, to)?;
    let keeps_primary =
        primary.filter(|primary| held.iter().any(|one| one.type_id == primary.type_id));
    let pair = Link { from_object: &from.id, from_id, to_object: &to.id, to_id, type_id: 0 };
    for one in held.iter().filter(|one| one.label.is_some()) {
        // Other labels give way to what was sent; the primary one only to another primary.
        if keeps_primary.is_none_or(|primary| primary.type_id != one.type_id) {
            let link = Link { type_id: one.type_id, ..pair.clone() };
            remove_both_ways(work.db, known, &link)?;
        }
    }
    let mut wanted: Vec<i64> = types.iter().map(|sent| sent.association_type_id).collect();
    if let Some(primary) = primary {
        if is_first_company {
            wanted.push(primary.type_id);
        } else if wanted.contains(&primary.type_id) {
            work.db
                .prepare_cached(
                    "delete from associations where (from_object = ?1 and from_id = ?2
                     and to_object = ?3 and type_id = ?4) or (from_object = ?3 and to_object = ?1
                     and to_id = ?2 and type_id = ?5 and from_id in (select to_id from associations
                     where from_object = ?1 and from_id = ?2 and to_object = ?3))",
                )?
                .execute(params![
                    from.id,
                    from_id,
                    to.id,
                    primary.type_id,
                    primary.reverse_type_id
                ])?;
        }
    }
    for type_id in wanted {
        insert_both_ways(work.db, known, &Link { type_id, ..pair.clone() })?;
    }
    refresh_derived(work, from, from_id)?;
    refresh_derived(work, to, to_id)
}

fn unlink_pair(
    work: &Work<'_>,
    from: &ObjectType,
    to: &ObjectType,
    (from_id, to_id): (i64, i64),
) -> Result<(), ApiError> {
    let mut remove = work.db.prepare_cached(
        "delete from associations
         where from_object = ?1 and from_id = ?2 and to_object = ?3 and to_id = ?4",
    )?;
    remove.execute(params![from.id, from_id, to.id, to_id])?;
    remove.execute(params![to.id, to_id, from.id, from_id])?;
    refresh_derived(work, from, from_id)?;
    refresh_derived(work, to, to_id)
}

/// Brings a contact's primary company and its count of deals up to date with its links.
pub fn refresh_derived(work: &Work<'_>, object: &ObjectType, id: i64) -> Result<(), ApiError> {
    if !object.is_contacts() {
        return Ok(());
    }
    let (company, deals): (Option<i64>, i64) = work
        .db
        .prepare_cached(
            "select (select to_id from associations where from_object = '0-1' and from_id = ?1
                     and to_object = '0-2' and type_id = 1),
                    (select count(distinct to_id) from associations where from_object = '0-1'
                     and from_id = ?1 and to_object = '0-3')",
        )?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let company = company.map(|id| id.to_string()).unwrap_or_default();
    write::set_derived(work, object, id, "associatedcompanyid", &company)?;
    let deals = if deals == 0 { String::new() } else { deals.to_string() };
    write::set_derived(work, object, id, "num_associated_deals", &deals)
}

fn has_primary(
    work: &Work<'_>,
    from: &ObjectType,
    from_id: i64,
    to: &ObjectType,
) -> Result<bool, ApiError> {
    // From a company the other side has the one primary, not the company.
    if from.id == "0-2" {
        return Ok(true);
    }
    let primary = work.schema.associations.primary(&from.id, &to.id).map_or(0, |one| one.type_id);
    Ok(work
        .db
        .prepare_cached(
            "select exists (select 1 from associations where from_object = ?1 and from_id = ?2
             and to_object = ?3 and type_id = ?4)",
        )?
        .query_row(params![from.id, from_id, to.id, primary], |row| row.get(0))?)
}

fn types_of(
    work: &Work<'_>,
    from: &ObjectType,
    from_id: i64,
    to: &ObjectType,
    to_id: i64,
) -> Result<Vec<TypeView>, ApiError> {
    Ok(work
        .db
        .prepare_cached(
            "select category, type_id, label from associations
             where from_object = ?1 and from_id = ?2 and to_object = ?3 and to_id = ?4",
        )?
        .query_map(params![from.id, from_id, to.id, to_id], |row| {
            Ok(TypeView { category: row.get(0)?, type_id: row.get(1)?, label: row.get(2)? })
        })?
        .collect::<Result<_, _>>()?)
}

/// Reads a page of a record's links, one entry a linked record, and where the next page starts.
fn links(
    work: &Work<'_>,
    from: &ObjectType,
    id: i64,
    to: &ObjectType,
    floor: i64,
    limit: usize,
) -> Result<(Vec<LinkView>, Option<i64>), ApiError> {
    let mut by_target: BTreeMap<i64, Vec<TypeView>> = BTreeMap::new();
    let mut statement = work.db.prepare_cached(
        "select to_id, category, type_id, label from associations
         where from_object = ?1 and from_id = ?2 and to_object = ?3 and to_id >= ?4
         order by to_id, type_id",
    )?;
    let mut rows = statement.query(params![from.id, id, to.id, floor])?;
    let mut next = None;
    while let Some(row) = rows.next()? {
        let target: i64 = row.get(0)?;
        if by_target.len() == limit && !by_target.contains_key(&target) {
            next = Some(target);
            break;
        }
        by_target.entry(target).or_default().push(TypeView {
            category: row.get(1)?,
            type_id: row.get(2)?,
            label: row.get(3)?,
        });
    }
    let links = by_target
        .into_iter()
        .map(|(target, association_types)| LinkView {
            to_object_id: wire_id(work, target),
            association_types,
        })
        .collect();
    Ok((links, next))
}

fn wire_id(work: &Work<'_>, id: i64) -> Value {
    if work.settings.numeric_association_ids { json!(id) } else { json!(id.to_string()) }
}

fn pair_view(
    work: &Work<'_>,
    from: &ObjectType,
    to: &ObjectType,
    (from_id, to_id): (i64, i64),
    types: &[TypeInput],
) -> Value {
    let known = &work.schema.associations;
    let labels: Vec<&str> = types
        .iter()
        .filter_map(|sent| known.find(&from.id, &to.id, sent.association_type_id))
        .filter_map(|one| one.label.as_deref())
        .collect();
    json!({
        "fromObjectTypeId": from.id,
        "fromObjectId": wire_id(work, from_id),
        "toObjectTypeId": to.id,
        "toObjectId": wire_id(work, to_id),
        "labels": labels,
    })
}

fn default_view((from_id, to_id): (i64, i64), types: &[TypeInput]) -> Value {
    json!({
        "from": {"id": from_id.to_string()},
        "to": {"id": to_id.to_string()},
        "associationSpec": types.first().map(|sent| json!({
            "associationCategory": sent.association_category,
            "associationTypeId": sent.association_type_id,
        })),
    })
}
