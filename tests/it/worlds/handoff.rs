//! When a person is Sales' own: DESIGN's §5.3, as far as one night and the one before tell.
//!
//! A span opens when an included person has a live Salesforce record, for those born in Salesforce
//! from birth, and closes only by a recycle status or by deletion.

use std::collections::{BTreeMap, BTreeSet};

use super::judge::{Records, query};
use super::known::Tally;
use crate::support::{Company, Row};

/// The status that hands a person back.
const RECYCLED: &str = "Recycled";
/// The least score of those who may cross.
const SCORE_MIN: f64 = 50.0;

#[derive(Default)]
pub struct Handoffs {
    open: BTreeSet<String>,
    closed: BTreeSet<String>,
}

/// What speaks for and against a span.
#[derive(Debug, Default)]
struct Evidence {
    n_live_in_salesforce: usize,
    is_recycled: bool,
    /// Of each live HubSpot contact, whether the inclusion rules hold.
    included: Vec<bool>,
    first_in_hubspot: Option<String>,
    first_in_salesforce: Option<String>,
}

impl Evidence {
    fn is_certainly_theirs(&self) -> bool {
        let is_born_there = self.first_in_hubspot.is_none();
        is_born_there || (!self.included.is_empty() && self.included.iter().all(|is| *is))
    }

    fn may_be_theirs(&self) -> bool {
        let is_born_there = match (&self.first_in_hubspot, &self.first_in_salesforce) {
            (Some(hubspot), Some(salesforce)) => salesforce <= hubspot,
            _ => true,
        };
        // Whom HubSpot no longer has is Sales' alone.
        is_born_there || self.included.is_empty() || self.included.contains(&true)
    }

    fn add(&mut self, member: &Row, records: &Records) {
        let (object, id) = (member["source_object"].as_str(), member["source_id"].as_str());
        let is_live = member["is_live"] == "true";
        let text = |name: &str| records.text(object, id, name);
        if object == "contacts" {
            earlier(&mut self.first_in_hubspot, text("createdate"));
            if is_live {
                let score = text("lead_score").trim().parse::<f64>().unwrap_or(0.0);
                self.included.push(score >= SCORE_MIN && !text("email").is_empty());
            }
            return;
        }
        earlier(&mut self.first_in_salesforce, text("CreatedDate"));
        // A converted lead lives on in its contact.
        let is_converted = text("IsConverted") == "true";
        self.n_live_in_salesforce += usize::from(is_live && !is_converted);
        self.is_recycled |= text("Status") == RECYCLED;
    }
}

fn earlier(first: &mut Option<String>, at: &str) {
    // Seconds are enough, and both CRMs write them alike.
    let at = at.chars().take(19).collect::<String>();
    if first.as_ref().is_none_or(|first| at < *first) {
        *first = Some(at);
    }
}

impl Handoffs {
    pub fn judge(&mut self, company: &Company, tally: &mut Tally) {
        let records = Records::read(company);
        let mut people: BTreeMap<String, Evidence> = BTreeMap::new();
        let members = query(
            company,
            "select golden_id, source_object, source_id, is_live from crosswalk \
             where source_object in ('contacts', 'Lead', 'Contact')",
        );
        for member in members {
            people.entry(member["golden_id"].clone()).or_default().add(&member, &records);
        }
        let spans: BTreeMap<String, Row> = query(company, "select * from int_handoffs")
            .into_iter()
            .map(|row| (row["golden_id"].clone(), row))
            .collect();
        let open: BTreeSet<String> = spans
            .iter()
            .filter(|(_, row)| row["is_open"] == "true")
            .map(|(golden, _)| golden.clone())
            .collect();
        for (golden, evidence) in &people {
            let (was_open, is_open) = (self.open.contains(golden), open.contains(golden));
            let is_there = evidence.n_live_in_salesforce > 0;
            let wrong = if is_open && !was_open && !(is_there && evidence.may_be_theirs()) {
                "opened without a reason"
            } else if was_open && !is_open && is_there && !evidence.is_recycled {
                "closed without a reason"
            } else if !is_open
                && is_there
                && evidence.is_certainly_theirs()
                && !evidence.is_recycled
                && !self.closed.contains(golden)
            {
                "not opened"
            } else {
                ""
            };
            if !wrong.is_empty() {
                tally.note(None, || {
                    format!("handoff of {golden} {wrong}: {evidence:?}, {:?}", spans.get(golden))
                });
            }
            if was_open && !is_open {
                self.closed.insert(golden.clone());
            }
        }
        self.open = open;
    }
}
