//! The company's object definitions: written by hand, the same in every world.

use super::ids::salesforce_id;

/// Salesforce organization, 18 characters.
pub const ORGANIZATION_ID: &str = "00D5g000004XyzAEAS";

/// Each definition with its path in a world.
pub const SCHEMAS: &[(&str, &str)] = &[
    ("hubspot/schema/contacts.json", include_str!("schema/hubspot/contacts.json")),
    ("hubspot/schema/companies.json", include_str!("schema/hubspot/companies.json")),
    ("hubspot/schema/deals.json", include_str!("schema/hubspot/deals.json")),
    ("hubspot/pipelines.json", include_str!("schema/hubspot/pipelines.json")),
    ("salesforce/schema/Lead.json", include_str!("schema/salesforce/Lead.json")),
    ("salesforce/schema/Contact.json", include_str!("schema/salesforce/Contact.json")),
    ("salesforce/schema/Account.json", include_str!("schema/salesforce/Account.json")),
    ("salesforce/schema/Opportunity.json", include_str!("schema/salesforce/Opportunity.json")),
    (
        "salesforce/schema/OpportunityContactRole.json",
        include_str!("schema/salesforce/OpportunityContactRole.json"),
    ),
    ("salesforce/schema/Campaign.json", include_str!("schema/salesforce/Campaign.json")),
    (
        "salesforce/schema/CampaignMember.json",
        include_str!("schema/salesforce/CampaignMember.json"),
    ),
    ("salesforce/schema/Task.json", include_str!("schema/salesforce/Task.json")),
    ("salesforce/schema/Event.json", include_str!("schema/salesforce/Event.json")),
    ("salesforce/schema/LeadHistory.json", include_str!("schema/salesforce/LeadHistory.json")),
    (
        "salesforce/schema/ContactHistory.json",
        include_str!("schema/salesforce/ContactHistory.json"),
    ),
    (
        "salesforce/schema/OpportunityFieldHistory.json",
        include_str!("schema/salesforce/OpportunityFieldHistory.json"),
    ),
    (
        "salesforce/schema/OpportunityHistory.json",
        include_str!("schema/salesforce/OpportunityHistory.json"),
    ),
    ("salesforce/schema/User.json", include_str!("schema/salesforce/User.json")),
    ("salesforce/schema/Group.json", include_str!("schema/salesforce/Group.json")),
    ("salesforce/schema/Organization.json", include_str!("schema/salesforce/Organization.json")),
    ("salesforce/schema/LeadStatus.json", include_str!("schema/salesforce/LeadStatus.json")),
    (
        "salesforce/schema/OpportunityStage.json",
        include_str!("schema/salesforce/OpportunityStage.json"),
    ),
    ("salesforce/schema/RecordType.json", include_str!("schema/salesforce/RecordType.json")),
];

/// Returns the definition of a Salesforce object that every org has alike.
pub fn salesforce_schema(object: &str) -> Option<&'static str> {
    let path = format!("salesforce/schema/{object}.json");
    SCHEMAS.iter().find(|(own, _)| *own == path).map(|(_, text)| *text)
}

/// Salesforce objects that describe the org itself, with their paths in a world.
pub fn fixed_objects() -> Vec<(&'static str, String)> {
    vec![
        ("salesforce/objects/Organization.csv", organization()),
        ("salesforce/objects/LeadStatus.csv", lead_statuses()),
        ("salesforce/objects/OpportunityStage.csv", opportunity_stages()),
        (
            "salesforce/objects/RecordType.csv",
            String::from(
                "Id,Name,DeveloperName,SobjectType,IsActive,CreatedDate,LastModifiedDate\n",
            ),
        ),
    ]
}

fn organization() -> String {
    format!(
        "Id,Name,TimeZoneSidKey,DefaultLocaleSidKey,LanguageLocaleKey,FiscalYearStartMonth,\
         UsesStartDateAsFiscalYearName,OrganizationType,InstanceName,IsSandbox,CreatedDate,LastModifiedDate\n\
         {ORGANIZATION_ID},\"Lumenforge, Inc.\",America/Los_Angeles,en_US,en_US,1,false,Enterprise Edition,NA214,\
         false,2021-10-01T16:00:00Z,2026-08-14T18:20:00Z\n"
    )
}

fn lead_statuses() -> String {
    let statuses = [
        ("Open - Not Contacted", true, false),
        ("Working - Contacted", false, false),
        ("Accepted", false, false),
        ("Recycled", false, false),
        ("Disqualified", false, false),
        ("Closed - Converted", false, true),
    ];
    let mut text = String::from(
        "Id,ApiName,MasterLabel,IsDefault,IsConverted,SortOrder,CreatedDate,LastModifiedDate\n",
    );
    for (order, (name, default, converted)) in (1..).zip(statuses) {
        let id = salesforce_id("01J", 812_001_000 + order);
        let row = format!(
            "{id},{name},{name},{default},{converted},{order},2021-10-01T16:00:00Z,2022-03-02T17:00:00Z\n"
        );
        text.push_str(&row);
    }
    text
}

fn opportunity_stages() -> String {
    let stages = [
        ("Qualification", 10, "Pipeline", true, false, false),
        ("Needs Analysis", 20, "Pipeline", true, false, false),
        ("Value Proposition", 50, "Pipeline", true, false, false),
        ("Proposal/Price Quote", 75, "Best Case", true, false, false),
        ("Negotiation/Review", 90, "Commit", true, false, false),
        ("Verbal Commit", 95, "Commit", false, false, false),
        ("Closed Won", 100, "Closed", true, true, true),
        ("Closed Lost", 0, "Omitted", true, true, false),
    ];
    let mut text = String::from(
        "Id,ApiName,MasterLabel,DefaultProbability,ForecastCategory,ForecastCategoryName,IsActive,IsClosed,\
         IsWon,SortOrder,CreatedDate,LastModifiedDate\n",
    );
    for (order, (name, probability, forecast, active, closed, won)) in (1..).zip(stages) {
        let id = salesforce_id("01J", 812_002_000 + order);
        let category = match forecast {
            "Best Case" => "BestCase",
            "Commit" => "Forecast",
            other => other,
        };
        let row = format!(
            "{id},{name},{name},{probability},{category},{forecast},{active},{closed},{won},{order},\
             2021-10-01T16:00:00Z,2025-06-02T17:00:00Z\n"
        );
        text.push_str(&row);
    }
    text
}
