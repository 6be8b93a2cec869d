//! What people do in the vendor's own screens, for tests and demos: delete, undelete, convert,
//! merge.
//!
//! Bodies and answers are the sandbox's own; the vendor offers none of this over REST. These calls
//! need no token and count against no allowance.

use rusqlite::types::Value as Cell;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::call::Call;
use super::errors::Fault;
use super::org::{Org, StoredRow};
use super::schema::Object;
use super::validate::{Change, Mode};
use super::{history, ids, writes};

/// Fields that a new contact takes over from its lead, where both have them.
const LEAD_TO_CONTACT_RENAMED: [(&str, &str); 5] = [
    ("Street", "MailingStreet"),
    ("City", "MailingCity"),
    ("State", "MailingState"),
    ("PostalCode", "MailingPostalCode"),
    ("Country", "MailingCountry"),
];
/// Most losers of one merge.
const LOSERS_MAX: usize = 2;

/// Answers `POST /__sandbox/records/{delete,undelete,purge,merge}` and `…/leads/convert`.
///
/// # Errors
/// When the body names no such record or asks for what cannot be.
pub fn run(org: &Org<'_>, call: &Call) -> Result<Answer, Fault> {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let body = match (call.method.as_str(), path.as_slice()) {
        ("POST", ["__sandbox", ..]) => call.json_object()?,
        _ => return Err(Fault::not_found()),
    };
    match path.as_slice() {
        ["__sandbox", "records", "delete"] => org.attempt(|| delete(org, &body)),
        ["__sandbox", "records", "undelete"] => org.attempt(|| undelete(org, &body)),
        ["__sandbox", "records", "purge"] => org.attempt(|| purge(org, &body)),
        ["__sandbox", "leads", "convert"] => org.attempt(|| convert(org, &body)),
        ["__sandbox", "records", "merge"] => org.attempt(|| merge(org, &body)),
        _ => Err(Fault::not_found()),
    }
}

/// Deletes the record `{"id"}`.
fn delete(org: &Org<'_>, body: &Map<String, Value>) -> Result<Answer, Fault> {
    let (object, row) = record(org, body, "id")?;
    writes::mark_deleted(org, object, &row, None)?;
    Ok(Answer::empty())
}

/// Takes the record `{"id"}` out of the recycle bin.
fn undelete(org: &Org<'_>, body: &Map<String, Value>) -> Result<Answer, Fault> {
    let (object, id) = named(org, body, "id")?;
    writes::undelete(org, object, &id)?;
    Ok(Answer::empty())
}

/// Removes the record `{"id"}` past the recycle bin or out of it.
fn purge(org: &Org<'_>, body: &Map<String, Value>) -> Result<Answer, Fault> {
    let (object, id) = named(org, body, "id")?;
    writes::delete_for_good(org, object, &id)?;
    Ok(Answer::empty())
}

/// Converts the lead of `{"leadId", "convertedStatus"?, "accountId"?, "contactId"?,
/// "opportunityId"? or "opportunityName"?, "doNotCreateOpportunity"?, "ownerId"?}`.
fn convert(org: &Org<'_>, body: &Map<String, Value>) -> Result<Answer, Fault> {
    let (leads, lead) = record(org, body, "leadId")?;
    if leads.name != "Lead" || lead.is_true(leads, "IsConverted") {
        return Err(Fault::new(
            400,
            "CANNOT_UPDATE_CONVERTED_LEAD",
            "cannot reference converted lead",
        ));
    }
    let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
    let lead_text = |field: &str| lead.text(leads, field).map(str::to_owned);
    let owner_id = text("ownerId").or_else(|| {
        lead_text("OwnerId")
            .filter(|id| org.catalog.object_of_id(id).is_some_and(|o| o.name == "User"))
    });
    let Some(owner_id) = owner_id else {
        return Err(Fault::new(
            400,
            "INVALID_CROSS_REFERENCE_KEY",
            "converted objects can only be owned by users",
        ));
    };
    let status = match text("convertedStatus") {
        Some(status) => status,
        None => converted_status(org)?,
    };
    let company = lead_text("Company").unwrap_or_default();
    let account_id = if let Some(id) = text("accountId") {
        existing(org, &id)?
    } else {
        let mut account = Map::new();
        account.insert("Name".to_owned(), json!(company));
        account.insert("OwnerId".to_owned(), json!(owner_id));
        add(org, "Account", account)?
    };
    let contact_id = if let Some(id) = text("contactId") {
        let id = existing(org, &id)?;
        fill_contact(org, leads, &lead, &id)?;
        id
    } else {
        let mut contact = contact_of(org, leads, &lead)?;
        contact.insert("AccountId".to_owned(), json!(account_id));
        contact.insert("OwnerId".to_owned(), json!(owner_id));
        add(org, "Contact", contact)?
    };
    let is_without = body.get("doNotCreateOpportunity").and_then(Value::as_bool).unwrap_or(false);
    let opportunity_id = match text("opportunityId") {
        Some(id) => Some(existing(org, &id)?),
        None if is_without => None,
        None => {
            let name = text("opportunityName").unwrap_or(company);
            let opportunity = opportunity_of(org, &name, &account_id, &owner_id)?;
            Some(add(org, "Opportunity", opportunity)?)
        }
    };
    if let (Some(opportunity_id), Some(_)) =
        (&opportunity_id, org.catalog.object("OpportunityContactRole"))
    {
        let mut role = Map::new();
        role.insert("OpportunityId".to_owned(), json!(opportunity_id));
        role.insert("ContactId".to_owned(), json!(contact_id));
        role.insert("IsPrimary".to_owned(), json!(true));
        add(org, "OpportunityContactRole", role)?;
    }
    let mut changes: Vec<Change> = Vec::new();
    let today = super::wire::today(org.now).to_string();
    let results = [
        ("IsConverted", Cell::Integer(1)),
        ("Status", Cell::Text(status)),
        ("ConvertedDate", Cell::Text(today)),
        ("ConvertedAccountId", Cell::Text(account_id.clone())),
        ("ConvertedContactId", Cell::Text(contact_id.clone())),
        ("ConvertedOpportunityId", opportunity_id.clone().map_or(Cell::Null, Cell::Text)),
    ];
    for (field, cell) in results {
        if let Some(index) = leads.position(field) {
            changes.push((index, cell));
        }
    }
    writes::save(org, leads, &lead, changes)?;
    history::write_converted(org, lead.id(leads))?;
    copy_campaign_members(org, lead.id(leads), &contact_id)?;
    Ok(Answer::json(
        200,
        &json!({
            "success": true,
            "leadId": lead.id(leads),
            "accountId": account_id,
            "contactId": contact_id,
            "opportunityId": opportunity_id,
            "errors": [],
        }),
    ))
}

/// Merges `{"masterId", "ids": […]}`: losers go to the recycle bin, their children to the master.
fn merge(org: &Org<'_>, body: &Map<String, Value>) -> Result<Answer, Fault> {
    let (object, master) = record(org, body, "masterId")?;
    if !matches!(object.name.as_str(), "Account" | "Contact" | "Lead") {
        return Err(Fault::new(
            400,
            "INVALID_OPERATION",
            "only accounts, contacts and leads merge",
        ));
    }
    let losers: Vec<String> = body
        .get("ids")
        .and_then(Value::as_array)
        .map(|ids| ids.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default();
    if losers.is_empty() || losers.len() > LOSERS_MAX {
        return Err(Fault::new(
            400,
            "INVALID_OPERATION",
            "a merge takes one or two losing records",
        ));
    }
    let master_id = master.id(object).to_owned();
    for loser in losers {
        let row = writes::live_row(org, object, &loser)?;
        if row.row == master.row {
            return Err(Fault::invalid_cross_reference(&["ids"]));
        }
        move_children(org, object, row.id(object), &master_id)?;
        writes::mark_deleted(org, object, &row, Some(&master_id))?;
    }
    let mut changes = Vec::new();
    writes::stamp(org, object, &mut changes, Mode::Update);
    org.update(object, master.row, &changes)?;
    Ok(Answer::json(200, &json!({"success": true, "id": master_id})))
}

/// Points every record that refers to one record at another; only the system stamp moves.
fn move_children(org: &Org<'_>, parent: &Object, from: &str, to: &str) -> Result<(), Fault> {
    for child in &org.catalog.objects {
        for (index, field) in child.fields.iter().enumerate() {
            let is_child = field.is_stored()
                && field.name != "MasterRecordId"
                && field.reference_to.contains(&parent.name);
            if !is_child {
                continue;
            }
            for row in org.rows_by(child, field, &Cell::Text(from.to_owned()))? {
                let mut changes = vec![(index, Cell::Text(to.to_owned()))];
                if let Some(stamp) = child.position("SystemModstamp") {
                    changes.push((stamp, Cell::Text(super::wire::moment(org.now))));
                }
                org.update(child, row.row, &changes)?;
            }
        }
    }
    Ok(())
}

fn record<'a>(
    org: &Org<'a>,
    body: &Map<String, Value>,
    key: &str,
) -> Result<(&'a Object, StoredRow), Fault> {
    let (object, id) = named(org, body, key)?;
    Ok((object, writes::live_row(org, object, &id)?))
}

fn named<'a>(
    org: &Org<'a>,
    body: &Map<String, Value>,
    key: &str,
) -> Result<(&'a Object, String), Fault> {
    let id = body
        .get(key)
        .and_then(Value::as_str)
        .and_then(ids::normalize)
        .ok_or_else(|| Fault::new(400, "MALFORMED_ID", format!("`{key}` is no record id")))?;
    let object = org.catalog.object_of_id(&id).ok_or_else(Fault::not_found)?;
    Ok((object, id))
}

fn existing(org: &Org<'_>, id: &str) -> Result<String, Fault> {
    let id = ids::normalize(id).ok_or_else(|| Fault::invalid_cross_reference(&[]))?;
    match org.row_of_id(&id)? {
        Some((object, row)) if !row.is_deleted(object) => Ok(id),
        _ => Err(Fault::invalid_cross_reference(&[])),
    }
}

fn add(org: &Org<'_>, object: &str, mut body: Map<String, Value>) -> Result<String, Fault> {
    let object = org.catalog.object(object).ok_or_else(Fault::not_found)?;
    body.retain(|name, value| {
        !value.is_null() && object.field(name).is_some_and(|field| field.is_createable)
    });
    writes::create(org, object, &body)
}

/// Returns the contact fields that a lead's values go to, system fields left out.
fn contact_of(
    org: &Org<'_>,
    leads: &Object,
    lead: &StoredRow,
) -> Result<Map<String, Value>, Fault> {
    let contacts = org.catalog.object("Contact").ok_or_else(Fault::not_found)?;
    let mut contact = Map::new();
    for field in leads.visible_fields() {
        let name = LEAD_TO_CONTACT_RENAMED
            .iter()
            .find(|(own, _)| *own == field.name)
            .map_or(field.name.as_str(), |(_, target)| target);
        let is_taken = contacts.field(name).is_some_and(|target| {
            target.is_createable && !target.is_unique && target.kind == field.kind
        });
        let cell = lead.cell(leads, &field.name);
        if is_taken && *cell != Cell::Null && field.is_stored() {
            contact.insert(name.to_owned(), super::wire::to_json(field.kind, cell));
        }
    }
    Ok(contact)
}

/// Fills the empty fields of a contact that the lead is merged into.
fn fill_contact(
    org: &Org<'_>,
    leads: &Object,
    lead: &StoredRow,
    contact_id: &str,
) -> Result<(), Fault> {
    let contacts = org.catalog.object("Contact").ok_or_else(Fault::not_found)?;
    let row = writes::live_row(org, contacts, contact_id)?;
    let mut body = contact_of(org, leads, lead)?;
    body.retain(|name, _| {
        *row.cell(contacts, name) == Cell::Null
            && contacts.field(name).is_some_and(|field| field.is_updateable)
    });
    writes::update(org, contacts, contact_id, &body)
}

fn opportunity_of(
    org: &Org<'_>,
    name: &str,
    account_id: &str,
    owner_id: &str,
) -> Result<Map<String, Value>, Fault> {
    let stage = first_of(org, "OpportunityStage", "\"IsActive\" = 1")?;
    // Deals from a conversion close at the end of the quarter.
    let today = super::wire::today(org.now);
    let months_left = i64::from(2 - (today.month() - 1) % 3);
    let close_date = today
        .first_of_month()
        .checked_add(jiff::Span::new().months(months_left))
        .map_or(today, jiff::civil::Date::last_of_month);
    let mut opportunity = Map::new();
    opportunity.insert("Name".to_owned(), json!(name.chars().take(120).collect::<String>()));
    opportunity.insert("AccountId".to_owned(), json!(account_id));
    opportunity.insert("OwnerId".to_owned(), json!(owner_id));
    opportunity
        .insert("StageName".to_owned(), json!(stage.unwrap_or_else(|| "Prospecting".to_owned())));
    opportunity.insert("CloseDate".to_owned(), json!(close_date.to_string()));
    Ok(opportunity)
}

fn converted_status(org: &Org<'_>) -> Result<String, Fault> {
    let status = first_of(org, "LeadStatus", "\"IsConverted\" = 1")?;
    Ok(status.unwrap_or_else(|| "Closed - Converted".to_owned()))
}

/// Returns the label of the first row of a stage or status table that meets a condition.
fn first_of(org: &Org<'_>, object: &str, condition: &str) -> Result<Option<String>, Fault> {
    let Some(object) = org.catalog.object(object).filter(|o| o.field("SortOrder").is_some()) else {
        return Ok(None);
    };
    let sql = format!(
        "select \"MasterLabel\" from {} where {condition} order by \"SortOrder\" limit 1",
        object.table()
    );
    let mut statement = org.connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
}

fn copy_campaign_members(org: &Org<'_>, lead_id: &str, contact_id: &str) -> Result<(), Fault> {
    let Some(members) = org.catalog.object("CampaignMember") else { return Ok(()) };
    let (Some(lead), Some(contact)) = (members.field("LeadId"), members.position("ContactId"))
    else {
        return Ok(());
    };
    for row in org.rows_by(members, lead, &Cell::Text(lead_id.to_owned()))? {
        let mut changes = vec![(contact, Cell::Text(contact_id.to_owned()))];
        writes::stamp(org, members, &mut changes, Mode::Update);
        org.update(members, row.row, &changes)?;
    }
    Ok(())
}
