//! What ties a HubSpot record to the portal: later changes, notes, deals and contacts of its own.

use super::HubSpot;
use super::read::read_records;
use crate::crm::standing::is_untouched;
use crate::crm::{CrmError, Record, Standing, Tie};

const CREATED_AT: &str = "createdate";

/// Counts that HubSpot keeps on a record of what hangs on it. An object that lacks one answers
/// nothing for it.
const COUNTS: [&str; 3] = ["num_notes", "num_associated_deals", "num_associated_contacts"];

pub async fn standings(
    crm: &HubSpot,
    object: &str,
    ids: &[String],
) -> Result<Vec<Standing>, CrmError> {
    let stamp_field = stamp_field(object);
    let mut fields = vec![CREATED_AT.to_owned(), stamp_field.to_owned()];
    fields.extend(COUNTS.map(str::to_owned));
    let records = read_records(crm, object, None, ids, &fields).await?;
    Ok(records.iter().map(|record| standing(record, stamp_field)).collect())
}

/// Contacts keep the time of their last change under a name of their own.
fn stamp_field(object: &str) -> &'static str {
    if object == "contacts" { "lastmodifieddate" } else { "hs_lastmodifieddate" }
}

fn standing(record: &Record, stamp_field: &str) -> Standing {
    let text = |field: &str| record.values.get(field).and_then(Option::as_deref);
    let stamp = text(stamp_field);
    let mut ties = Vec::new();
    if !is_untouched(text(CREATED_AT), stamp) {
        ties.push(Tie::WrittenSince);
    }
    let is_some = |field: &&str| !matches!(text(field), None | Some("" | "0"));
    ties.extend(COUNTS.into_iter().filter(is_some).map(|field| Tie::Attached(field.to_owned())));
    Standing {
        id: record.id.clone(),
        stamp_field: stamp_field.to_owned(),
        stamp: stamp.map(str::to_owned),
        ties,
    }
}
