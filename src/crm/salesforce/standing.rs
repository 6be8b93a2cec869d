//! What ties a Salesforce record to the org: later changes, a conversion, work that hangs on it.
//!
//! Files and notes are not looked at: a deleted record takes them along into the recycle bin, and
//! brings them back.

use std::collections::{BTreeMap, BTreeSet};

use super::read::{MODIFIED_AT, QueryPage, next_page, query, read_by_key, text_of};
use super::{KIND, Salesforce, soql};
use crate::crm::standing::is_untouched;
use crate::crm::transport::{Purpose, unexpected};
use crate::crm::{CrmError, Record, Standing, Tie};

const MAKING_FIELDS: [&str; 5] =
    ["CreatedById", "CreatedDate", "LastModifiedById", "LastModifiedDate", MODIFIED_AT];
const IS_CONVERTED: &str = "IsConverted";

/// What can hang on an object: the other object, and its field that names this one.
fn hangers(object: &str) -> &'static [(&'static str, &'static str)] {
    match object {
        "Lead" => &[("Task", "WhoId"), ("Event", "WhoId"), ("CampaignMember", "LeadId")],
        "Contact" => &[
            ("Task", "WhoId"),
            ("Event", "WhoId"),
            ("CampaignMember", "ContactId"),
            ("OpportunityContactRole", "ContactId"),
        ],
        "Account" => &[
            ("Task", "WhatId"),
            ("Event", "WhatId"),
            ("Contact", "AccountId"),
            ("Opportunity", "AccountId"),
        ],
        _ => {
            &[("Task", "WhatId"), ("Event", "WhatId"), ("OpportunityContactRole", "OpportunityId")]
        }
    }
}

pub async fn standings(
    crm: &Salesforce,
    object: &str,
    ids: &[String],
) -> Result<Vec<Standing>, CrmError> {
    let mut fields: Vec<String> = MAKING_FIELDS.map(str::to_owned).into();
    if object == "Lead" {
        fields.push(IS_CONVERTED.to_owned());
    }
    let records = read_by_key(crm, object, "Id", ids, &fields).await?;
    let mut attached: BTreeMap<String, Vec<Tie>> = BTreeMap::new();
    for (hanger, field) in hangers(object) {
        match holders(crm, hanger, field, ids).await {
            Ok(holders) => {
                for id in holders {
                    attached.entry(id).or_default().push(Tie::Attached((*hanger).to_owned()));
                }
            }
            // What the connection may not look at may be there.
            Err(CrmError::Refused { .. }) => {
                for id in ids {
                    let unseen = Tie::Attached(format!("{hanger} (not visible)"));
                    attached.entry(id.clone()).or_default().push(unseen);
                }
            }
            Err(error) => return Err(error),
        }
    }
    let standing = |record: &Record| standing(record, attached.remove(&record.id));
    Ok(records.iter().map(standing).collect())
}

fn standing(record: &Record, attached: Option<Vec<Tie>>) -> Standing {
    let text = |field: &str| record.values.get(field).and_then(Option::as_deref);
    let mut ties = Vec::new();
    let is_by_its_maker = text("CreatedById") == text("LastModifiedById");
    if !(is_by_its_maker && is_untouched(text("CreatedDate"), text("LastModifiedDate"))) {
        ties.push(Tie::WrittenSince);
    }
    if text(IS_CONVERTED) == Some("true") {
        ties.push(Tie::Converted);
    }
    ties.extend(attached.unwrap_or_default());
    Standing {
        id: record.id.clone(),
        stamp_field: MODIFIED_AT.to_owned(),
        stamp: text(MODIFIED_AT).map(str::to_owned),
        ties,
    }
}

/// Lists those of `ids` that a record of `object` names in `field`.
async fn holders(
    crm: &Salesforce,
    object: &str,
    field: &str,
    ids: &[String],
) -> Result<BTreeSet<String>, CrmError> {
    let operation = format!("{object} of records");
    let quoted: Vec<String> = ids.iter().map(|id| soql::quote(id)).collect();
    let field = soql::name(field)?;
    let text = format!(
        "SELECT {field} FROM {} WHERE {field} IN ({})",
        soql::name(object)?,
        quoted.join(",")
    );
    let mut body = query(crm, &operation, Purpose::Read, "/query", &text).await?;
    let mut holders = BTreeSet::new();
    loop {
        let page: QueryPage =
            serde_json::from_str(&body).map_err(|error| unexpected(KIND, &operation, &error))?;
        holders.extend(page.records.iter().filter_map(|record| text_of(record, field)));
        let Some(next) = page.next_records_url else { return Ok(holders) };
        body = crm.ask(&next_page(&operation, Purpose::Read, &next)?).await?.body;
    }
}
