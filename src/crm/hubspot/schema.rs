//! The account, its allowances and its metadata.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use serde_json::value::RawValue;

use super::{HubSpot, KIND};
use crate::crm::transport::{Answer, Bearer as _, Purpose, Reply, Request, unexpected};
use crate::crm::url::encode;
use crate::crm::{Account, Allowance, CrmError};
use crate::schema::{FieldInfo, ObjectInfo, PicklistValue, Schema, Stage, User, UserType};

/// Name under which lists and their members are asked for, beside CRM objects.
pub const LISTS: &str = "lists";

/// Objects whose records move through pipelines.
const OBJECTS_WITH_PIPELINES: [&str; 2] = ["deals", "tickets"];

/// Most characters of a text property.
const TEXT_CHARS_MAX: i64 = 65_536;

/// Owners a page holds.
const OWNERS_PER_PAGE: usize = 100;

/// Pages of owners that are followed, so that a faulty cursor ends.
const OWNER_PAGES_MAX: usize = 1_000;

#[derive(Deserialize)]
struct Results<T> {
    results: Vec<T>,
}

#[derive(Deserialize)]
struct RawResults<'a> {
    #[serde(borrow)]
    results: Vec<&'a RawValue>,
    #[serde(default)]
    paging: Option<Paging>,
}

/// Results with the JSON of each.
struct Defined<T> {
    results: Vec<(T, String)>,
    paging: Option<Paging>,
}

#[derive(Deserialize)]
pub struct Paging {
    pub next: Option<Next>,
}

#[derive(Deserialize)]
pub struct Next {
    pub after: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccountDetails {
    portal_id: serde_json::Value,
    time_zone: String,
    company_currency: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    name: Option<String>,
    usage_limit: Option<u64>,
    current_usage: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Property {
    name: String,
    #[serde(default)]
    label: String,
    #[serde(rename = "type")]
    vendor_type: String,
    #[serde(default)]
    options: Vec<PropertyOption>,
    #[serde(default)]
    calculated: bool,
    #[serde(default)]
    has_unique_value: bool,
    #[serde(default)]
    hubspot_defined: Option<bool>,
    referenced_object_type: Option<String>,
    modification_metadata: Option<ModificationMetadata>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ModificationMetadata {
    #[serde(default)]
    read_only_value: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PropertyOption {
    value: String,
    label: String,
    #[serde(default)]
    hidden: bool,
    #[serde(default)]
    display_order: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pipeline {
    id: String,
    #[serde(default)]
    archived: bool,
    stages: Vec<PipelineStage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PipelineStage {
    id: String,
    label: String,
    #[serde(default)]
    display_order: i64,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    metadata: StageMetadata,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StageMetadata {
    is_closed: Option<String>,
    probability: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Owner {
    id: String,
    email: Option<String>,
    #[serde(rename = "type")]
    owner_type: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    #[serde(default)]
    archived: bool,
}

#[derive(Deserialize)]
struct TokenInfo {
    #[serde(default)]
    scopes: Vec<String>,
}

pub async fn account(crm: &HubSpot) -> Result<Account, CrmError> {
    let path = format!("/account-info/{}/details", crm.version);
    let details: AccountDetails = get(crm, "account details", path).await?;
    let id = match details.portal_id {
        serde_json::Value::String(text) => text,
        number => number.to_string(),
    };
    Ok(Account {
        // HubSpot tells no name of an account to an API client.
        name: format!("portal {id}"),
        id,
        time_zone: details.time_zone,
        currency: details.company_currency,
    })
}

pub async fn allowances(crm: &HubSpot) -> Result<Vec<Allowance>, CrmError> {
    let path = format!("/account-info/{}/api-usage/daily/private-apps", crm.version);
    let usage: Results<Usage> = get(crm, "api usage", path).await?;
    let mut allowances: Vec<Allowance> = Vec::new();
    for entry in usage.results {
        let (Some(max), Some(used)) = (entry.usage_limit, entry.current_usage) else { continue };
        let name = match (allowances.is_empty(), entry.name) {
            (true, _) => Allowance::DAILY.to_owned(),
            (false, name) => name.unwrap_or_else(|| "unnamed".to_owned()),
        };
        allowances.push(Allowance { name, max, remaining: max.saturating_sub(used) });
    }
    // The usage call leaves out service keys; an answer's own headers do not.
    if let Some(seen) = crm.transport.allowance_seen() {
        match allowances.first_mut() {
            Some(daily) => daily.remaining = daily.remaining.min(seen.remaining),
            None => allowances.push(Allowance {
                name: Allowance::DAILY.to_owned(),
                max: seen.max,
                remaining: seen.remaining,
            }),
        }
    }
    Ok(allowances)
}

pub async fn schema(crm: &HubSpot, objects: &[String]) -> Result<Schema, CrmError> {
    let scopes = scopes(crm).await?;
    let mut schema = Schema::default();
    for object in objects {
        if object == LISTS {
            let path = format!("/crm/lists/{}/search", crm.version);
            let request = Request::post_json(
                "lists search",
                Purpose::Fixed,
                path,
                json!({ "count": 1, "offset": 0 }).to_string(),
            );
            if is_visible(crm, &request).await?.is_some() {
                schema.objects.push(object_info(LISTS, None));
            }
            continue;
        }
        let path = format!("/crm/properties/{}/{}", crm.version, encode(object));
        let request = Request::get(format!("{object} properties"), Purpose::Fixed, path);
        let Some(answer) = is_visible(crm, &request).await? else { continue };
        let mut info = object_info(object, scopes.as_deref());
        for (property, definition) in defined(&answer, &request.operation)?.results {
            add_property(&mut schema, object, property, definition);
        }
        if OBJECTS_WITH_PIPELINES.contains(&object.as_str()) {
            info.definition = Some(add_stages(crm, &mut schema, object).await?);
        }
        schema.objects.push(info);
    }
    for is_archived in [false, true] {
        add_owners(crm, &mut schema, is_archived).await?;
    }
    Ok(schema)
}

/// Sends a request about one object; `None` when the connection cannot see the object.
async fn is_visible(crm: &HubSpot, request: &Request) -> Result<Option<Answer>, CrmError> {
    match crm.transport.send(request, &crm.bearer).await {
        Ok(Reply::Done(answer)) => Ok(Some(answer)),
        Ok(Reply::Refused(refusal))
            if refusal.status == 404 || refusal.message.contains("Unable to infer object type") =>
        {
            Ok(None)
        }
        Err(CrmError::Forbidden { .. }) => Ok(None),
        Ok(reply) => reply.done(KIND, &request.operation).map(Some),
        Err(error) => Err(error),
    }
}

/// Asks what the token may do; `None` for tokens that the vendor does not explain.
async fn scopes(crm: &HubSpot) -> Result<Option<Vec<String>>, CrmError> {
    let token = crm.bearer.token(&crm.transport).await?;
    if crm.bearer.login().is_oauth() {
        return Ok(crm.bearer.login().granted_scopes());
    }
    let body = json!({ "tokenKey": token.expose() }).to_string();
    let path = "/oauth/v2/private-apps/get/access-token-info";
    let request = Request::post_json("token scopes", Purpose::Fixed, path, body);
    match crm.transport.send(&request, &crm.bearer).await {
        Ok(Reply::Done(answer)) => {
            let info: TokenInfo = answer.json(KIND, &request.operation)?;
            Ok(Some(info.scopes).filter(|scopes| !scopes.is_empty()))
        }
        Ok(_) | Err(CrmError::Forbidden { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn object_info(object: &str, scopes: Option<&[String]>) -> ObjectInfo {
    let family = match object {
        "contacts" | "companies" | "deals" | "tickets" => object,
        _ => "custom",
    };
    let write = format!("crm.objects.{family}.write");
    let can_write = object != LISTS && scopes.is_none_or(|scopes| scopes.contains(&write));
    ObjectInfo {
        object: object.to_owned(),
        label: object.to_owned(),
        can_create: can_write,
        can_update: can_write,
        can_delete: can_write,
        definition: None,
    }
}

/// Reads an answer's results, each with its own JSON, and what leads to the next page.
fn defined<T: DeserializeOwned>(answer: &Answer, operation: &str) -> Result<Defined<T>, CrmError> {
    let failed = |error| unexpected(KIND, operation, &error);
    let page: RawResults = serde_json::from_str(&answer.body).map_err(failed)?;
    let parse = |raw: &&RawValue| {
        let value = serde_json::from_str(raw.get()).map_err(failed)?;
        Ok((value, raw.get().to_owned()))
    };
    let results = page.results.iter().map(parse).collect::<Result<_, _>>()?;
    Ok(Defined { results, paging: page.paging })
}

fn add_property(schema: &mut Schema, object: &str, property: Property, definition: String) {
    let is_read_only = property.modification_metadata.is_some_and(|data| data.read_only_value);
    let is_internal = matches!(property.vendor_type.as_str(), "json" | "object_coordinates");
    let is_writeable = !is_read_only && !property.calculated && !is_internal;
    let is_text = matches!(property.vendor_type.as_str(), "string" | "phone_number");
    // The definition of a contact's email denies uniqueness, and the API enforces it.
    let is_key_email = object == "contacts" && property.name == "email";
    schema.fields.push(FieldInfo {
        object: object.to_owned(),
        label: property.label,
        length_max: is_text.then_some(TEXT_CHARS_MAX),
        scale: None,
        is_required: object == "deals"
            && matches!(property.name.as_str(), "dealname" | "dealstage"),
        is_createable: is_writeable,
        is_updateable: is_writeable,
        is_unique: property.has_unique_value || is_key_email,
        is_calculated: property.calculated,
        is_restricted: property.vendor_type == "enumeration" && !property.options.is_empty(),
        is_custom: property.hubspot_defined != Some(true),
        references: property.referenced_object_type,
        definition: Some(definition),
        vendor_type: property.vendor_type,
        field: property.name.clone(),
    });
    for (position, option) in (0..).zip(property.options) {
        schema.picklist_values.push(PicklistValue {
            object: object.to_owned(),
            field: property.name.clone(),
            value: option.value,
            label: option.label,
            is_active: !option.hidden,
            sort_order: option.display_order.filter(|order| *order >= 0).unwrap_or(position),
        });
    }
}

/// Adds the stages of an object's pipelines and returns the pipelines as the vendor defines them.
async fn add_stages(crm: &HubSpot, schema: &mut Schema, object: &str) -> Result<String, CrmError> {
    let operation = "pipelines";
    let path = format!("/crm/pipelines/{}/{}", crm.version, encode(object));
    let answer = crm.ask(&Request::get(operation, Purpose::Fixed, path)).await?;
    let mut definitions = Vec::new();
    for (pipeline, definition) in defined::<Pipeline>(&answer, operation)?.results {
        definitions.push(definition);
        for stage in pipeline.stages {
            let is_closed = stage.metadata.is_closed.as_deref() == Some("true");
            let is_certain = stage
                .metadata
                .probability
                .as_deref()
                .and_then(|text| text.parse::<f64>().ok())
                .is_some_and(|probability| probability >= 1.0);
            schema.stages.push(Stage {
                object: object.to_owned(),
                pipeline: pipeline.id.clone(),
                stage: stage.id,
                label: stage.label,
                sort_order: stage.display_order,
                probability: stage.metadata.probability,
                is_closed,
                is_won: is_closed && is_certain,
                is_active: !stage.archived && !pipeline.archived,
            });
        }
    }
    Ok(format!("{{\"pipelines\":[{}]}}", definitions.join(",")))
}

async fn add_owners(crm: &HubSpot, schema: &mut Schema, is_archived: bool) -> Result<(), CrmError> {
    let mut after = String::new();
    for _ in 0..OWNER_PAGES_MAX {
        let path = format!(
            "/crm/owners/{}?limit={OWNERS_PER_PAGE}&archived={is_archived}{after}",
            crm.version
        );
        let answer = crm.ask(&Request::get("owners", Purpose::Fixed, path)).await?;
        let owners = defined::<Owner>(&answer, "owners")?;
        for (owner, definition) in owners.results {
            let names: Vec<String> = [owner.first_name, owner.last_name]
                .into_iter()
                .flatten()
                .filter(|name| !name.is_empty())
                .collect();
            schema.users.push(User {
                user_id: owner.id,
                email: owner.email,
                name: names.join(" "),
                user_type: match owner.owner_type.as_deref() {
                    Some("QUEUE") => UserType::Queue,
                    _ => UserType::Person,
                },
                is_active: !owner.archived && !is_archived,
                definition: Some(definition),
            });
        }
        match owners.paging.and_then(|paging| paging.next) {
            Some(next) => after = format!("&after={}", encode(&next.after)),
            None => return Ok(()),
        }
    }
    Err(CrmError::Unexpected {
        kind: KIND,
        operation: "owners".to_owned(),
        message: format!("more than {OWNER_PAGES_MAX} pages"),
    })
}

async fn get<T: DeserializeOwned>(
    crm: &HubSpot,
    operation: &str,
    path: String,
) -> Result<T, CrmError> {
    let request = Request::get(operation, Purpose::Fixed, path);
    crm.ask(&request).await?.json(KIND, operation)
}
