//! Writes a company as a world directory.

use std::fs;
use std::io;
use std::path::Path;

use super::Company;
use super::records::{Membership, Row, Truth};
use super::rows::Rows;
use super::schema::{ORGANIZATION_ID, SCHEMAS, fixed_objects};
use super::staff::{INTEGRATION, user_id};

impl Company {
    /// Writes every file of the world below `dir`; rows are in order of their ids.
    ///
    /// # Errors
    /// When a folder or file cannot be written.
    pub fn write(&self, dir: &Path) -> io::Result<()> {
        for folder in [
            "hubspot/objects",
            "hubspot/history",
            "hubspot/schema",
            "salesforce/objects",
            "salesforce/schema",
        ] {
            fs::create_dir_all(dir.join(folder))?;
        }
        fs::write(dir.join("world.toml"), self.world_toml())?;
        for (path, text) in SCHEMAS {
            fs::write(dir.join(path), text)?;
        }
        for (path, text) in fixed_objects() {
            fs::write(dir.join(path), text)?;
        }
        let hubspot = dir.join("hubspot");
        write_rows(&hubspot.join("objects/contacts.csv"), &self.hubspot.contacts)?;
        write_rows(&hubspot.join("objects/companies.csv"), &self.hubspot.companies)?;
        write_rows(&hubspot.join("objects/deals.csv"), &self.hubspot.deals)?;
        write_rows(&hubspot.join("history/contacts.csv"), &self.hubspot.contact_history)?;
        write_rows(&hubspot.join("history/deals.csv"), &self.hubspot.deal_history)?;
        write_rows(&hubspot.join("owners.csv"), &self.hubspot.owners)?;
        write_rows(&hubspot.join("associations.csv"), &self.hubspot.associations)?;
        write_rows(&hubspot.join("lists.csv"), &self.hubspot.lists)?;
        let memberships: Rows<Membership> = self.hubspot.memberships.iter().cloned().collect();
        write_rows(&hubspot.join("list_memberships.csv"), &memberships)?;
        write_rows(&hubspot.join("aliases.csv"), &self.hubspot.aliases)?;
        let salesforce = dir.join("salesforce/objects");
        write_rows(&salesforce.join("Lead.csv"), &self.salesforce.leads)?;
        write_rows(&salesforce.join("Contact.csv"), &self.salesforce.contacts)?;
        write_rows(&salesforce.join("Account.csv"), &self.salesforce.accounts)?;
        write_rows(&salesforce.join("Opportunity.csv"), &self.salesforce.opportunities)?;
        write_rows(&salesforce.join("OpportunityContactRole.csv"), &self.salesforce.contact_roles)?;
        write_rows(&salesforce.join("Campaign.csv"), &self.salesforce.campaigns)?;
        write_rows(&salesforce.join("CampaignMember.csv"), &self.salesforce.campaign_members)?;
        write_rows(&salesforce.join("Task.csv"), &self.salesforce.tasks)?;
        write_rows(&salesforce.join("Event.csv"), &self.salesforce.events)?;
        write_rows(&salesforce.join("LeadHistory.csv"), &self.salesforce.lead_history)?;
        write_rows(&salesforce.join("ContactHistory.csv"), &self.salesforce.contact_history)?;
        write_rows(
            &salesforce.join("OpportunityFieldHistory.csv"),
            &self.salesforce.opportunity_field_history,
        )?;
        write_rows(
            &salesforce.join("OpportunityHistory.csv"),
            &self.salesforce.opportunity_history,
        )?;
        write_rows(&salesforce.join("User.csv"), &self.salesforce.users)?;
        write_rows(&salesforce.join("Group.csv"), &self.salesforce.queues)?;
        let mut truth = csv::Writer::from_path(dir.join("truth.csv")).map_err(io::Error::other)?;
        truth.write_record(Truth::COLUMNS).map_err(io::Error::other)?;
        for row in &self.truth {
            truth.write_record(row.cells()).map_err(io::Error::other)?;
        }
        truth.flush()
    }

    fn world_toml(&self) -> String {
        format!(
            r#"name = "Lumenforge"
seed = {seed}
now = "{now}"

[hubspot]
portal_id = "4471923"
name = "Lumenforge"
time_zone = "America/New_York"
currency = "USD"
token = "pat-na1-sandbox"
daily_calls_max = 625000

[salesforce]
org_id = "{ORGANIZATION_ID}"
name = "Lumenforge, Inc."
time_zone = "America/Los_Angeles"
currency = "USD"
client_id = "sandbox"
client_secret = "sandbox"
user_id = "{user}"
daily_calls_max = 100000
"#,
            seed = self.options.seed,
            now = self.options.now,
            user = user_id(INTEGRATION),
        )
    }
}

fn write_rows<R: Row>(path: &Path, rows: &Rows<R>) -> io::Result<()> {
    let mut writer = csv::Writer::from_path(path).map_err(io::Error::other)?;
    writer.write_record(R::COLUMNS).map_err(io::Error::other)?;
    for cells in rows.by_id() {
        writer.write_record(cells).map_err(io::Error::other)?;
    }
    writer.flush()
}
