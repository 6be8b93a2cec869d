//! Who the account is and what it has left (reference section 13).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::errors::ApiError;
use super::time::iso;
use super::{Server, Work, gate, reply, validate};

const CUSTOM_PROPERTIES_MAX: usize = 1000;
const RECORDS_MAX: u64 = 15_000_000;
const PIPELINES_MAX: usize = 100;
const CUSTOM_OBJECTS_MAX: usize = 10;
const LABELS_MAX: usize = 10;

pub async fn details(State(server): State<Server>) -> Result<Response, ApiError> {
    let details = server
        .read(|work| {
            let account = &work.world.hubspot;
            let now = Timestamp::from_millisecond(work.now).unwrap_or_default();
            let offset = gate::account_zone(work.world).to_offset(now).seconds();
            let sign = if offset < 0 { '-' } else { '+' };
            let (hours, minutes) = (offset.abs() / 3600, offset.abs() % 3600 / 60);
            Ok(json!({
                "portalId": portal_number(work),
                "accountType": "STANDARD",
                "timeZone": account.time_zone,
                "companyCurrency": account.currency,
                "additionalCurrencies": [],
                "utcOffset": format!("{sign}{hours:02}:{minutes:02}"),
                "utcOffsetMilliseconds": i64::from(offset) * 1000,
                "uiDomain": "app.hubspot.com",
                "dataHostingLocation": "na1",
            }))
        })
        .await?;
    reply(StatusCode::OK, &details)
}

pub async fn usage(State(server): State<Server>) -> Result<Response, ApiError> {
    let calls_today = server.shared.usage().calls_on(&gate::today(&server));
    let usage = server
        .read(move |work| {
            let now = Timestamp::from_millisecond(work.now).unwrap_or_default();
            let tomorrow = now
                .to_zoned_datetime(gate::account_zone(work.world))
                .checked_add(1.day())
                .and_then(|tomorrow| tomorrow.start_of_day());
            Ok(json!({"results": [{
                "name": "Private App API Calls Daily",
                "usageLimit": work.world.hubspot.daily_calls_max,
                "currentUsage": calls_today,
                "collectedAt": iso(work.now),
                "fetchStatus": "SUCCESS",
                "resetsAt": tomorrow.ok().map(|at| iso(at.timestamp().as_millisecond())),
            }]}))
        })
        .await?;
    reply(StatusCode::OK, &usage)
}

pub async fn record_limits(State(server): State<Server>) -> Result<Response, ApiError> {
    let limits = server
        .read(|work| {
            let mut rows = Vec::new();
            for object in &work.schema.objects {
                let used: i64 = work.db.query_row(
                    "select count(*) from records where object = ?1 and archived = 0",
                    [&object.id],
                    |row| row.get(0),
                )?;
                rows.push(json!({
                    "objectTypeId": object.id,
                    "limit": RECORDS_MAX,
                    "usage": used,
                    "singularLabel": object.singular(),
                    "pluralLabel": object.name,
                }));
            }
            let (standard, custom): (Vec<Value>, Vec<Value>) = rows.into_iter().partition(|row| {
                row["objectTypeId"].as_str().is_some_and(|id| id.starts_with("0-"))
            });
            Ok(json!({"hubspotDefinedObjectTypes": standard, "customObjectTypes": custom}))
        })
        .await?;
    reply(StatusCode::OK, &limits)
}

pub async fn property_limits(State(server): State<Server>) -> Result<Response, ApiError> {
    let limits = server
        .read(|work| {
            let by_object: Vec<Value> = work
                .schema
                .objects
                .iter()
                .map(|object| {
                    let used =
                        object.properties.values().filter(|one| !one.hubspot_defined).count();
                    json!({
                        "objectTypeId": object.id,
                        "limit": CUSTOM_PROPERTIES_MAX,
                        "usage": used,
                        "percentage": used * 100 / CUSTOM_PROPERTIES_MAX,
                        "singularLabel": object.singular(),
                        "pluralLabel": object.name,
                    })
                })
                .collect();
            Ok(json!({"byObjectType": by_object}))
        })
        .await?;
    reply(StatusCode::OK, &limits)
}

pub async fn pipeline_limits(State(server): State<Server>) -> Result<Response, ApiError> {
    let limits = server
        .read(|work| {
            let mut rows = Vec::new();
            for object in &work.schema.objects {
                let used = validate::pipelines(work, object)?.len();
                if used > 0 {
                    rows.push(json!({
                        "objectTypeId": object.id,
                        "limit": PIPELINES_MAX,
                        "usage": used,
                    }));
                }
            }
            Ok(json!({"hubspotDefinedObjectTypes": rows}))
        })
        .await?;
    reply(StatusCode::OK, &limits)
}

pub async fn calculated_property_limits(
    State(server): State<Server>,
) -> Result<Response, ApiError> {
    let limits = server
        .read(|work| {
            let properties = work.schema.objects.iter().flat_map(|one| one.properties.values());
            let used = properties.filter(|one| one.calculated && !one.hubspot_defined).count();
            Ok(json!({"overall": {"limit": CUSTOM_PROPERTIES_MAX, "usage": used}}))
        })
        .await?;
    reply(StatusCode::OK, &limits)
}

pub async fn custom_object_limits(State(server): State<Server>) -> Result<Response, ApiError> {
    let limits = server
        .read(|work| {
            let objects = work.schema.objects.iter();
            let used = objects.filter(|one| !one.is_standard() && !one.definition.archived).count();
            Ok(json!({"overall": {"limit": CUSTOM_OBJECTS_MAX, "usage": used}}))
        })
        .await?;
    reply(StatusCode::OK, &limits)
}

pub async fn association_label_limits(State(server): State<Server>) -> Result<Response, ApiError> {
    let limits = server
        .read(|work| {
            let objects = &work.schema.objects;
            let mut rows = Vec::new();
            for (from, to) in
                objects.iter().flat_map(|from| objects.iter().map(move |to| (from, to)))
            {
                let known = work.schema.associations.between(&from.id, &to.id);
                let used = known.iter().filter(|one| one.is_own_label()).count();
                if used > 0 {
                    rows.push(json!({
                        "fromObjectTypeId": from.id,
                        "toObjectTypeId": to.id,
                        "limit": LABELS_MAX,
                        "usage": used,
                    }));
                }
            }
            Ok(json!({ "results": rows }))
        })
        .await?;
    reply(StatusCode::OK, &limits)
}

fn portal_number(work: &Work<'_>) -> u64 {
    work.portal_id().parse().unwrap_or_default()
}
