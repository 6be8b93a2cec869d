//! Lists and their members, which no filter of the object endpoints shows.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use super::read::{table, unexpected};
use super::schema::Paging;
use super::{HubSpot, KIND};
use crate::crm::price::{LISTS_PER_PAGE, MEMBERS_PER_PAGE};
use crate::crm::transport::unexpected as unparsable;
use crate::crm::transport::{Answer, Purpose, Request};
use crate::crm::url::encode;
use crate::crm::wire::wire_text;
use crate::crm::{Count, CrmError, Extracted, Row, Steps, Table};

/// Pages of lists, and pages of one list's members.
const PAGES_MAX: usize = 100_000;

/// Property of a list that says how many members it has.
const SIZE: &str = "hs_list_size";

const LISTS_TABLE: usize = 0;
const MEMBERSHIPS_TABLE: usize = 1;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListPage<'a> {
    #[serde(borrow)]
    lists: Vec<List<'a>>,
    #[serde(default)]
    has_more: bool,
    total: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    #[serde(borrow)]
    list_id: &'a RawValue,
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    object_type_id: Option<&'a RawValue>,
    #[serde(borrow)]
    processing_type: Option<&'a RawValue>,
    #[serde(borrow)]
    additional_properties: Option<HashMap<Cow<'a, str>, &'a RawValue>>,
}

#[derive(Deserialize)]
struct MemberPage<'a> {
    #[serde(borrow)]
    results: Vec<Member<'a>>,
    paging: Option<Paging>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Member<'a> {
    #[serde(borrow)]
    record_id: &'a RawValue,
    #[serde(borrow)]
    membership_timestamp: Option<&'a RawValue>,
}

pub fn list_tables() -> Vec<Table> {
    vec![
        table("lists", &["list_id", "name", "object_type_id", "processing_type"], &["list_id"]),
        table(
            "list_memberships",
            &["list_id", "record_id", "membership_timestamp"],
            &["list_id", "record_id"],
        ),
    ]
}

/// How far the members are read: a list, and a cursor in it. Lists themselves are few and are
/// always asked for from the first.
#[derive(Default, Serialize, Deserialize)]
struct Place {
    list_id: String,
    after: Option<String>,
}

/// Counts lists and their members; a list that does not say its size counts as empty.
pub async fn count(crm: &HubSpot) -> Result<Count, CrmError> {
    let mut count = Count::default();
    for _ in 0..PAGES_MAX {
        let offset = usize::try_from(count.records).unwrap_or(usize::MAX);
        let answer = search(crm, "lists total", Purpose::Fixed, offset).await?;
        let page: ListPage = serde_json::from_str(&answer.body)
            .map_err(|error| unparsable(KIND, "lists total", &error))?;
        let size = |list: &List| -> Option<u64> {
            wire_text(list.additional_properties.as_ref()?.get(SIZE)?)?.parse().ok()
        };
        count.members += page.lists.iter().filter_map(size).sum::<u64>();
        count.records += page.lists.len() as u64;
        if !page.has_more || page.lists.is_empty() {
            break;
        }
    }
    Ok(count)
}

async fn search(
    crm: &HubSpot,
    operation: &str,
    purpose: Purpose,
    offset: usize,
) -> Result<Answer, CrmError> {
    let body = json!({
        "query": "",
        "offset": offset,
        "count": LISTS_PER_PAGE,
        "additionalProperties": [SIZE],
    });
    let path = format!("/crm/lists/{}/search", crm.version);
    crm.ask(&Request::post_json(operation, purpose, path, body.to_string())).await
}

pub async fn extract(
    crm: &HubSpot,
    from: Option<&str>,
    steps: Steps<'_>,
) -> Result<Extracted, CrmError> {
    let place: Option<Place> = from.and_then(|text| serde_json::from_str(text).ok());
    let mut list_ids: Vec<String> = Vec::new();
    let mut vendor_total = None;
    for _ in 0..PAGES_MAX {
        let answer = search(crm, "lists search", Purpose::Read, list_ids.len()).await?;
        let page: ListPage = serde_json::from_str(&answer.body)
            .map_err(|error| unparsable(KIND, "lists search", &error))?;
        let text = |value: Option<&RawValue>| value.and_then(wire_text);
        let mut rows = Vec::new();
        for list in &page.lists {
            let list_id = wire_text(list.list_id);
            list_ids.extend(list_id.clone());
            rows.push(Row {
                values: vec![
                    list_id,
                    text(list.name),
                    text(list.object_type_id),
                    text(list.processing_type),
                ],
                is_archived: false,
            });
        }
        let is_last = !page.has_more || rows.is_empty();
        steps.rows(LISTS_TABLE, rows).await?;
        if is_last {
            vendor_total = page.total;
            break;
        }
    }
    let reached = place.and_then(|place| {
        Some((list_ids.iter().position(|id| *id == place.list_id)?, place.after))
    });
    let (first, mut after) = reached.unwrap_or_default();
    for list_id in list_ids.iter().skip(first) {
        extract_members(crm, list_id, after.take(), steps).await?;
    }
    Ok(Extracted { n_records: list_ids.len() as u64, vendor_total })
}

async fn extract_members(
    crm: &HubSpot,
    list_id: &str,
    after: Option<String>,
    steps: Steps<'_>,
) -> Result<(), CrmError> {
    let operation = "list memberships";
    let mut place = Place { list_id: list_id.to_owned(), after };
    for _ in 0..PAGES_MAX {
        let after = place.after.as_deref().map(|after| format!("&after={}", encode(after)));
        let path = format!(
            "/crm/lists/{}/{}/memberships?limit={MEMBERS_PER_PAGE}{}",
            crm.version,
            encode(list_id),
            after.unwrap_or_default()
        );
        let answer = crm.ask(&Request::get(operation, Purpose::Read, path)).await?;
        let page: MemberPage = serde_json::from_str(&answer.body)
            .map_err(|error| unparsable(KIND, operation, &error))?;
        let rows = page
            .results
            .iter()
            .map(|member| Row {
                values: vec![
                    Some(list_id.to_owned()),
                    wire_text(member.record_id),
                    member.membership_timestamp.and_then(wire_text),
                ],
                is_archived: false,
            })
            .collect();
        steps.rows(MEMBERSHIPS_TABLE, rows).await?;
        match page.paging.and_then(|paging| paging.next) {
            Some(next) => {
                place.after = Some(next.after);
                steps.reached(&place).await?;
            }
            None => return Ok(()),
        }
    }
    Err(unexpected(operation, "the walk does not end"))
}
