//! What people did: campaigns and their members, tasks, meetings.

use jiff::{SignedDuration, Timestamp};

use super::clock::{at, date, written};
use super::records::{Campaign, CampaignMember, Event, Lead, Task};
use super::staff::{INTEGRATION, MARKETING_OPS, user_id};
use super::studio::Studio;
use super::words::{EVENT_SUBJECTS, TASK_SUBJECTS};

/// Name, type and first day of each campaign.
const CAMPAIGNS: &[(&str, &str, &str)] = &[
    ("Webinar: Data contracts in practice", "Webinar", "2025-02-12"),
    ("Snowflake Summit 2025", "Trade Show", "2025-06-02"),
    ("Guide: Observability for data leaders", "Advertisement", "2025-03-03"),
    ("Big Data LDN 2025", "Trade Show", "2025-09-24"),
    ("Coalesce 2025", "Conference", "2025-10-13"),
    ("SDR: new CDO outreach 2025", "Email", "2025-05-05"),
    ("Partner: Snowflake co-sell 2026", "Partners", "2026-01-12"),
    ("Webinar: Lineage for auditors", "Webinar", "2026-02-18"),
    ("Data Council 2026", "Conference", "2026-04-22"),
    ("Snowflake Summit 2026", "Trade Show", "2026-06-01"),
    ("Paid: pricing intent 2026 Q3", "Advertisement", "2026-07-01"),
    ("Gartner D&A Summit 2026", "Trade Show", "2026-09-09"),
    ("dbt Meetup Berlin", "Conference", "2026-05-20"),
    ("Purchased list: CDO contacts 2026", "Other", "2026-03-09"),
];

/// Enters the campaigns.
pub fn campaigns(studio: &mut Studio) {
    for (index, (name, kind, start)) in CAMPAIGNS.iter().enumerate() {
        let first = at(&format!("{start}T08:00:00Z"));
        let planned = first - SignedDuration::from_hours(24 * 45);
        let last =
            first + SignedDuration::from_hours(24 * if *kind == "Advertisement" { 90 } else { 3 });
        let over = last < studio.now;
        let id = studio.sales_id("701", planned);
        studio.salesforce.campaigns.push(Campaign {
            id,
            deleted: String::from("false"),
            name: (*name).to_owned(),
            active: (!over || index > 8).to_string(),
            kind: (*kind).to_owned(),
            status: String::from(if over { "Completed" } else { "In Progress" }),
            start: (*start).to_owned(),
            end: date(last),
            cost: ((index + 2) * 4_500).to_string(),
            owner: user_id(MARKETING_OPS),
            created_at: written(planned),
            created_by: user_id(MARKETING_OPS),
            modified_at: written(last.min(studio.now)),
            modified_by: user_id(MARKETING_OPS),
        });
    }
}

/// Adds members, tasks and meetings for the leads and contacts there are.
pub fn add(studio: &mut Studio) {
    members(studio);
    touches(studio);
    meetings(studio);
}

fn members(studio: &mut Studio) {
    for row in 0..studio.salesforce.leads.len() {
        let lead = studio.salesforce.leads.get(row);
        if lead.deleted == "true" {
            continue;
        }
        let share = match lead.source.as_str() {
            "Trade Show" => 75,
            "Paid Search" | "Purchased List" => 30,
            _ => 5,
        };
        if !studio.dice.chance(share) {
            continue;
        }
        let Lead { id: lead_id, converted_contact: contact_id, source: wanted, .. } = lead;
        let created: Timestamp = lead.created_at.parse().unwrap_or(studio.now);
        // A person joins the campaign that ran last before their lead was made.
        let found = CAMPAIGNS.iter().enumerate().rev().find(|(_, (_, kind, start))| {
            let fits = match wanted.as_str() {
                "Trade Show" => matches!(*kind, "Trade Show" | "Conference"),
                "Paid Search" => *kind == "Advertisement",
                "Purchased List" => *kind == "Other",
                _ => *kind == "Webinar",
            };
            fits && at(&format!("{start}T07:00:00Z")) < created
        });
        let Some((index, _)) = found else { continue };
        let campaign_id = studio.salesforce.campaigns.id(index);
        let responded = studio.dice.chance(70);
        let id = studio.sales_id("00v", created);
        studio.salesforce.campaign_members.push(CampaignMember {
            id,
            deleted: String::from("false"),
            campaign_id,
            lead_id,
            contact_id,
            status: String::from(if responded { "Responded" } else { "Sent" }),
            responded: responded.to_string(),
            responded_date: if responded { date(created) } else { String::new() },
            created_at: written(created),
            created_by: user_id(INTEGRATION),
            modified_at: written(created),
            modified_by: user_id(INTEGRATION),
        });
    }
}

/// First touches and follow-ups, by the owner of a lead that was worked.
fn touches(studio: &mut Studio) {
    for row in 0..studio.salesforce.leads.len() {
        let lead = studio.salesforce.leads.get(row);
        let worked = lead.status != "Open - Not Contacted" && lead.owner.starts_with("005");
        let recent = lead.created_at.as_str() > "2025-10-01";
        if lead.deleted == "true" || !worked || !recent || !studio.dice.chance(60) {
            continue;
        }
        let (who, owner) = (lead.id.clone(), lead.owner.clone());
        let who = if lead.converted == "true" { lead.converted_contact.clone() } else { who };
        let created: Timestamp = lead.created_at.parse().unwrap_or(studio.now);
        let n = studio.dice.weighted(&[0, 70, 25, 5]);
        let mut moment = created;
        for _ in 0..n {
            moment = studio.dice.minutes_after(moment, 20, 4_000);
            if moment >= studio.now {
                break;
            }
            let subject = (*studio.dice.pick(TASK_SUBJECTS)).to_owned();
            let subtype = if subject.starts_with("Call") {
                "Call"
            } else if subject.starts_with("Email") {
                "Email"
            } else {
                "Task"
            };
            let id = studio.sales_id("00T", moment);
            studio.salesforce.tasks.push(Task {
                id,
                deleted: String::from("false"),
                who_id: who.clone(),
                what_id: String::new(),
                subject,
                status: String::from("Completed"),
                priority: String::from("Normal"),
                date: date(moment),
                closed: String::from("true"),
                subtype: subtype.to_owned(),
                owner: owner.clone(),
                created_at: written(moment),
                created_by: owner.clone(),
                modified_at: written(moment),
                modified_by: owner.clone(),
            });
        }
    }
}

/// Meetings with those who got as far as an opportunity.
fn meetings(studio: &mut Studio) {
    for row in 0..studio.salesforce.contact_roles.len() {
        if !studio.dice.chance(60) {
            continue;
        }
        let role = studio.salesforce.contact_roles.get(row);
        let (who, what, owner) = (role.contact_id, role.opportunity_id, role.created_by);
        let opened: Timestamp = role.created_at.parse().unwrap_or(studio.now);
        let planned = studio.dice.minutes_after(opened, 30, 700);
        let held = studio.dice.minutes_after(planned, 1_500, 9_000);
        if held >= studio.now - SignedDuration::from_hours(2) {
            continue;
        }
        let subject = (*studio.dice.pick(EVENT_SUBJECTS)).to_owned();
        let id = studio.sales_id("00U", planned);
        studio.salesforce.events.push(Event {
            id,
            deleted: String::from("false"),
            who_id: who,
            what_id: what,
            subject,
            starts_at: written(held),
            ends_at: written(held + SignedDuration::from_mins(45)),
            owner: owner.clone(),
            created_at: written(planned),
            created_by: owner.clone(),
            modified_at: written(planned),
            modified_by: owner,
        });
    }
}
