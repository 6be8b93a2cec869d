//! Each planted record shows the evidence that its code is told by.

use std::collections::HashMap;

use super::super::records::{Contact, Lead, LeadHistory, PropertyVersion, SalesContact};
use super::super::studio::HANDOFF_LIST;
use super::super::{Company, CompanyOptions, generate};

/// The rows around one planted record.
struct Scene<'a> {
    company: &'a Company,
    leads: HashMap<String, Lead>,
    contacts: HashMap<String, Contact>,
    sales_contacts: Vec<SalesContact>,
    versions: Vec<PropertyVersion>,
    lead_history: Vec<LeadHistory>,
}

impl<'a> Scene<'a> {
    fn new(company: &'a Company) -> Self {
        let (hubspot, salesforce) = (&company.hubspot, &company.salesforce);
        Self {
            company,
            leads: salesforce.leads.iter().map(|row| (row.id.clone(), row)).collect(),
            contacts: hubspot.contacts.iter().map(|row| (row.id.clone(), row)).collect(),
            sales_contacts: salesforce.contacts.iter().collect(),
            versions: hubspot.contact_history.iter().collect(),
            lead_history: salesforce.lead_history.iter().collect(),
        }
    }

    fn listed(&self, id: &str) -> bool {
        let rows = &self.company.hubspot.memberships;
        rows.iter().any(|row| row.list_id == HANDOFF_LIST && row.record_id == id)
    }

    fn history(&self, id: &str, property: &str) -> Vec<&PropertyVersion> {
        let rows = self.versions.iter();
        rows.filter(|row| row.id == id && row.property == property).collect()
    }

    /// Counts Salesforce people with an address, the deleted ones included.
    fn n_with_email(&self, email: &str) -> usize {
        let same = |other: &str| !email.is_empty() && other.eq_ignore_ascii_case(email);
        self.leads.values().filter(|row| same(&row.email)).count()
            + self.sales_contacts.iter().filter(|row| same(&row.email)).count()
    }

    fn stamps(&self, lead: &str) -> usize {
        let rows = self.lead_history.iter();
        rows.filter(|row| row.parent_id == lead && row.field == "MQL_Date__c").count()
    }
}

fn check_exit(scene: &Scene<'_>, code: &str, row: &Contact) {
    let unlinked = row.lead_id.is_empty() && row.contact_id.is_empty() && row.record_id.is_empty();
    let listed = scene.listed(&row.id);
    let score: usize = row.score.parse().expect("a score");
    let lead = scene.leads.get(row.lead_id.as_str());
    if code.starts_with('V') || code.starts_with('T') || code == "U1" {
        assert!(unlinked && row.synced_at.is_empty() && scene.n_with_email(&row.email) == 0);
    }
    if matches!(code, "T8" | "T12" | "T14" | "T15" | "T21") {
        assert!(listed && score >= 50 && !row.email.is_empty());
        assert_eq!(row.last.is_empty(), code == "T14");
        assert_eq!(row.segment == "startup", code == "T15");
        let owner = scene.company.hubspot.owners.iter().find(|owner| owner.id == row.owner);
        assert_eq!(owner.expect("an owner").archived == "true", code == "T21");
        assert_eq!(row.mql_at.as_str() > "2026-09-29T00:00:00Z", code == "T12");
    }
    match code {
        "V1" => assert!(
            row.email.contains("test")
                || row.email.starts_with("qa+")
                || row.email.contains("@example.")
        ),
        "V2" => assert!(row.email.ends_with("@lumenforge.io")),
        "V10" => assert!(row.stage == "lead" || row.stage == "subscriber"),
        "V11" => assert_eq!(row.opted_out, "true"),
        "T1" => assert!(!listed),
        "T2" => assert!(listed && score < 50),
        "T3" => assert!(listed && row.email.is_empty() && !row.phone.is_empty()),
        "R1" | "R2" | "L5" => {
            let lead = lead.expect("a linked lead");
            assert_eq!((lead.deleted.as_str(), lead.master_id.is_empty()), ("true", code != "R2"));
            if code == "R2" {
                assert_eq!(scene.leads[lead.master_id.as_str()].deleted, "true");
            }
            let leads = scene.leads.values();
            let live: Vec<&Lead> = leads
                .filter(|other| other.email == row.email && other.deleted == "false")
                .collect();
            assert_eq!(live.len(), usize::from(code == "L5"));
            assert!(
                live.iter().all(|other| other.hubspot_id.is_empty() && other.mql_at.is_empty())
            );
        }
        "L1" => {
            let versions = scene.history(&row.id, "email");
            assert!(unlinked && versions.len() == 2 && versions[1].value == row.email);
            assert_eq!(scene.n_with_email(&versions[0].value), 1);
        }
        "L2" => assert!(unlinked && scene.n_with_email(&row.additional_emails) == 1),
        "O1" | "O2" => {
            assert!(row.lead_id.is_empty() && !row.contact_id.is_empty());
            assert_eq!(scene.n_with_email(&row.email), if code == "O1" { 1 } else { 2 });
        }
        "P1" => assert!(lead.is_some_and(|lead| lead.owner.starts_with("00G"))),
        "P6" => assert!(
            lead.is_some_and(|lead| lead.status == "Disqualified" && !lead.reason.is_empty())
        ),
        "P7" => assert!(
            lead.is_some_and(|lead| lead.status == "Disqualified" && lead.reason.is_empty())
        ),
        "P8" => assert!(lead.is_some_and(|lead| lead.status == "Recycled")),
        "F2" => assert!(
            lead.is_some_and(|lead| lead.mql_at.is_empty()) && scene.stamps(&row.lead_id) == 0
        ),
        "F4" => assert!(
            lead.is_some_and(|lead| lead.mql_at.is_empty()) && scene.stamps(&row.lead_id) == 2
        ),
        "D1" => assert!(lead.is_some_and(|lead| lead.mql_at == row.mql_at)),
        "D2" => assert!(lead.is_some_and(|lead| lead.mql_at == lead.created_at)),
        "D4" => {
            let entries = scene.history(&row.id, "lifecyclestage");
            let mut mqls = entries.iter().filter(|entry| entry.value == "marketingqualifiedlead");
            assert!(
                lead.is_some_and(|lead| mqls.next().is_some_and(|first| first.at == lead.mql_at))
            );
            assert!(mqls.next().is_some_and(|latest| latest.at == row.mql_at));
        }
        _ => {}
    }
}

fn check_entry(scene: &Scene<'_>, code: &str, lead: &Lead) {
    let contact = scene.contacts.get(lead.hubspot_id.as_str());
    let known = scene.contacts.values().any(|row| row.email == lead.email && !row.email.is_empty());
    let integration = scene.company.salesforce.users.iter().find(|user| user.last == "Integration");
    let by_hand = integration.is_some_and(|user| user.id != lead.created_by);
    match code {
        "X1" => assert!(by_hand && !known && !lead.email.is_empty()),
        "X2" => {
            let burst = scene.leads.values().filter(|other| {
                other.created_by == lead.created_by
                    && other.created_at[..15] == lead.created_at[..15]
            });
            assert!(!known && burst.count() >= 5);
        }
        "X4" => assert!(by_hand && lead.email.is_empty() && lead.hubspot_id.is_empty()),
        "X7" => {
            assert!(contact.is_some_and(|row| row.archived == "true" && row.mql_at == lead.mql_at));
        }
        "X8" => {
            assert!(contact.is_some_and(|row| row.mql_at.is_empty() && row.archived == "false"));
        }
        "XD" => assert!(contact.is_some_and(|row| {
            row.mql_at.as_str() < "2026-07-01T04" || row.mql_at.as_str() >= "2026-10-01T04"
        })),
        _ => assert!(code == "XU" && known && lead.hubspot_id.is_empty()),
    }
}

#[test]
fn planted_records_show_their_evidence() {
    let small = (31..=50).map(CompanyOptions::small);
    for options in small.chain([CompanyOptions::demo()]) {
        let company = generate(&options);
        let scene = Scene::new(&company);
        for row in &company.truth {
            if row.source_system == "hubspot" {
                check_exit(&scene, &row.code, &scene.contacts[&row.record_id]);
            } else {
                check_entry(&scene, &row.code, &scene.leads[&row.record_id]);
            }
        }
    }
}
