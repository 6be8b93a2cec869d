//! The org, its limits and its metadata.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::composite::{self, SUBREQUESTS_MAX};
use super::error::refused_part;
use super::read::{QueryPage, next_page, text_of};
use super::{KIND, Salesforce};
use crate::crm::transport::{Purpose, Request, unexpected};
use crate::crm::url::encode;
use crate::crm::{Account, Allowance, CrmError};
use crate::schema::{FieldInfo, ObjectInfo, PicklistValue, Schema, Stage, User, UserType};

/// Pipeline under which statuses and stages are listed; Salesforce has one of each.
const PIPELINE: &str = "default";

/// Name of the limit that every call draws on.
const DAILY_CALLS: &str = "DailyApiRequests";

const ORGANIZATION: &str = "SELECT Id, Name, TimeZoneSidKey FROM Organization";
const USERS: &str = "SELECT Id, Name, Email, IsActive FROM User ORDER BY Id";
const QUEUES: &str = "SELECT Id, Name, Email FROM Group WHERE Type = 'Queue' ORDER BY Id";
const LEAD_STATUSES: &str =
    "SELECT Id, ApiName, MasterLabel, SortOrder, IsConverted FROM LeadStatus ORDER BY SortOrder";
const OPPORTUNITY_STAGES: &str = "SELECT Id, ApiName, MasterLabel, SortOrder, IsActive, IsClosed, \
                                  IsWon, DefaultProbability FROM OpportunityStage ORDER BY \
                                  SortOrder";

#[derive(Deserialize)]
struct Limit {
    #[serde(rename = "Max")]
    max: i64,
    #[serde(rename = "Remaining")]
    remaining: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Describe<'a> {
    name: String,
    label: String,
    #[serde(default)]
    createable: bool,
    #[serde(default)]
    updateable: bool,
    #[serde(default)]
    deletable: bool,
    #[serde(borrow)]
    fields: Vec<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "the vendor's own flags")]
struct Field {
    name: String,
    label: String,
    #[serde(rename = "type")]
    vendor_type: String,
    length: i64,
    scale: i64,
    createable: bool,
    updateable: bool,
    nillable: bool,
    defaulted_on_create: bool,
    unique: bool,
    calculated: bool,
    restricted_picklist: bool,
    custom: bool,
    reference_to: Vec<String>,
    picklist_values: Vec<Value>,
}

#[derive(Deserialize)]
struct Value {
    value: String,
    label: Option<String>,
    #[serde(default)]
    active: bool,
}

type Row<'a> = HashMap<Cow<'a, str>, &'a RawValue>;

pub async fn account(crm: &Salesforce) -> Result<Account, CrmError> {
    let operation = "organization";
    let path = format!("{}?q={}", crm.path("/query"), encode(ORGANIZATION));
    let answer = crm.ask(&Request::get(operation, Purpose::Fixed, path)).await?;
    let page: QueryPage =
        serde_json::from_str(&answer.body).map_err(|error| unexpected(KIND, operation, &error))?;
    let row = page.records.first();
    let text = |field: &str| row.and_then(|row| text_of(row, field));
    match (text("Id"), text("Name"), text("TimeZoneSidKey")) {
        (Some(id), Some(name), Some(time_zone)) => {
            // The org's own currency is no field of Organization in a single-currency org.
            Ok(Account { id, name, time_zone, currency: None })
        }
        _ => Err(CrmError::Unexpected {
            kind: KIND,
            operation: operation.to_owned(),
            message: "the org does not say who it is".to_owned(),
        }),
    }
}

pub async fn allowances(crm: &Salesforce) -> Result<Vec<Allowance>, CrmError> {
    let request = Request::get("limits", Purpose::Fixed, crm.path("/limits"));
    let limits: BTreeMap<String, Limit> = crm.ask(&request).await?.json(KIND, "limits")?;
    let allowance = |name: String, limit: &Limit| Allowance {
        name,
        max: u64::try_from(limit.max).unwrap_or(0),
        remaining: u64::try_from(limit.remaining).unwrap_or(0),
    };
    let daily = limits.get(DAILY_CALLS).map(|limit| allowance(Allowance::DAILY.to_owned(), limit));
    let others = limits.iter().filter(|(name, _)| *name != DAILY_CALLS);
    Ok(daily
        .into_iter()
        .chain(others.map(|(name, limit)| allowance(name.clone(), limit)))
        .collect())
}

pub async fn schema(crm: &Salesforce, objects: &[String]) -> Result<Schema, CrmError> {
    let mut schema = Schema::default();
    for objects in objects.chunks(SUBREQUESTS_MAX) {
        add_describes(crm, &mut schema, objects).await?;
    }
    add_people_and_stages(crm, &mut schema).await?;
    Ok(schema)
}

async fn add_describes(
    crm: &Salesforce,
    schema: &mut Schema,
    objects: &[String],
) -> Result<(), CrmError> {
    let operation = "describe";
    let subrequests: Vec<serde_json::Value> = objects
        .iter()
        .enumerate()
        .map(|(index, object)| {
            let path = crm.path(&format!("/sobjects/{}/describe", encode(object)));
            composite::get(&path, &format!("d{index}"))
        })
        .collect();
    let answer = composite::read(crm, operation, Purpose::Fixed, &subrequests).await?;
    for sub in composite::parse(&answer, operation)?.composite_response {
        match sub.http_status_code {
            200 => {}
            // The connection cannot see the object.
            403 | 404 => continue,
            status => return Err(refused_part(operation, status, "", sub.body.get())),
        }
        let failed = |error| unexpected(KIND, operation, &error);
        let describe: Describe = serde_json::from_str(sub.body.get()).map_err(failed)?;
        schema.objects.push(ObjectInfo {
            object: describe.name.clone(),
            label: describe.label,
            can_create: describe.createable,
            can_update: describe.updateable,
            can_delete: describe.deletable,
            definition: Some(without_parts(sub.body).map_err(failed)?),
        });
        for raw in describe.fields {
            let field = serde_json::from_str(raw.get()).map_err(failed)?;
            add_field(schema, &describe.name, field, raw.get());
        }
    }
    Ok(())
}

/// Takes out of a describe what has rows of its own, and what tells of other objects.
fn without_parts(describe: &RawValue) -> serde_json::Result<String> {
    let mut parts: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(describe.get())?;
    for key in ["fields", "childRelationships", "urls"] {
        parts.remove(key);
    }
    serde_json::to_string(&parts)
}

fn add_field(schema: &mut Schema, object: &str, field: Field, definition: &str) {
    let has_scale = matches!(field.vendor_type.as_str(), "int" | "double" | "currency" | "percent");
    let is_required = field.createable
        && !field.nillable
        && !field.defaulted_on_create
        && field.vendor_type != "boolean";
    schema.fields.push(FieldInfo {
        object: object.to_owned(),
        label: field.label,
        length_max: (field.length > 0).then_some(field.length),
        scale: has_scale.then_some(field.scale),
        is_required,
        is_createable: field.createable,
        is_updateable: field.updateable,
        is_unique: field.unique || field.vendor_type == "id",
        is_calculated: field.calculated,
        is_restricted: field.restricted_picklist,
        is_custom: field.custom,
        references: (!field.reference_to.is_empty()).then(|| field.reference_to.join(";")),
        definition: Some(definition.to_owned()),
        vendor_type: field.vendor_type,
        field: field.name.clone(),
    });
    for (sort_order, value) in (0..).zip(field.picklist_values) {
        schema.picklist_values.push(PicklistValue {
            object: object.to_owned(),
            field: field.name.clone(),
            label: value.label.unwrap_or_else(|| value.value.clone()),
            value: value.value,
            is_active: value.active,
            sort_order,
        });
    }
}

async fn add_people_and_stages(crm: &Salesforce, schema: &mut Schema) -> Result<(), CrmError> {
    let operation = "users and stages";
    let queries = [
        ("users", USERS),
        ("queues", QUEUES),
        ("lead", LEAD_STATUSES),
        ("deal", OPPORTUNITY_STAGES),
    ];
    let subrequests: Vec<serde_json::Value> = queries
        .into_iter()
        .map(|(reference, soql)| {
            composite::get(&format!("{}?q={}", crm.path("/query"), encode(soql)), reference)
        })
        .collect();
    let answer = composite::read(crm, operation, Purpose::Fixed, &subrequests).await?;
    for sub in composite::parse(&answer, operation)?.composite_response {
        match sub.http_status_code {
            200 => {}
            // An org without leads or opportunities has no such table.
            400 | 403 | 404 if matches!(sub.reference_id.as_str(), "lead" | "deal") => continue,
            status => return Err(refused_part(operation, status, "", sub.body.get())),
        }
        let mut body = sub.body.get().to_owned();
        loop {
            let page: QueryPage =
                serde_json::from_str(&body).map_err(|error| unexpected(KIND, operation, &error))?;
            for row in &page.records {
                match sub.reference_id.as_str() {
                    "users" => schema.users.extend(user(row, UserType::Person)),
                    "queues" => schema.users.extend(user(row, UserType::Queue)),
                    "lead" => schema.stages.extend(lead_status(row)),
                    _ => schema.stages.extend(opportunity_stage(row)),
                }
            }
            let Some(next) = page.next_records_url else { break };
            let request = next_page(operation, Purpose::Fixed, &next)?;
            body = crm.ask(&request).await?.body;
        }
    }
    Ok(())
}

fn user(row: &Row<'_>, user_type: UserType) -> Option<User> {
    Some(User {
        user_id: text_of(row, "Id")?,
        email: text_of(row, "Email"),
        name: text_of(row, "Name").unwrap_or_default(),
        user_type,
        // Queues have no such field and are never switched off.
        is_active: user_type == UserType::Queue || is_true(row, "IsActive"),
        definition: None,
    })
}

fn lead_status(row: &Row<'_>) -> Option<Stage> {
    let label = text_of(row, "MasterLabel")?;
    let is_converted = is_true(row, "IsConverted");
    Some(Stage {
        object: "Lead".to_owned(),
        pipeline: PIPELINE.to_owned(),
        stage: text_of(row, "ApiName").unwrap_or_else(|| label.clone()),
        label,
        sort_order: sort_order(row),
        probability: None,
        // Salesforce flags conversion only; which other statuses end a lead is the org's custom.
        is_closed: is_converted,
        is_won: is_converted,
        is_active: true,
    })
}

fn opportunity_stage(row: &Row<'_>) -> Option<Stage> {
    let label = text_of(row, "MasterLabel")?;
    Some(Stage {
        object: "Opportunity".to_owned(),
        pipeline: PIPELINE.to_owned(),
        stage: text_of(row, "ApiName").unwrap_or_else(|| label.clone()),
        label,
        sort_order: sort_order(row),
        probability: text_of(row, "DefaultProbability")
            .and_then(|percent| percent.parse::<f64>().ok())
            .map(|percent| (percent / 100.0).to_string()),
        is_closed: is_true(row, "IsClosed"),
        is_won: is_true(row, "IsWon"),
        is_active: is_true(row, "IsActive"),
    })
}

fn sort_order(row: &Row<'_>) -> i64 {
    text_of(row, "SortOrder").and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn is_true(row: &Row<'_>, field: &str) -> bool {
    text_of(row, field).as_deref() == Some("true")
}
