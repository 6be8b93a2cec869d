//! The rows of a world's files, one struct a file, one text field a column.

/// A row that knows its columns; the first cell is its id.
pub trait Row {
    const COLUMNS: &'static [&'static str];
    fn cells(&self) -> Vec<&str>;
    /// Makes a row of its cells; missing ones are empty.
    fn of_cells<'a>(cells: &mut impl Iterator<Item = &'a str>) -> Self;
}

macro_rules! row {
    ($(#[$doc:meta])* $name:ident { $($field:ident = $column:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub struct $name { $(pub $field: String),* }

        impl Row for $name {
            const COLUMNS: &'static [&'static str] = &[$($column),*];
            fn cells(&self) -> Vec<&str> {
                vec![$(self.$field.as_str()),*]
            }
            fn of_cells<'a>(cells: &mut impl Iterator<Item = &'a str>) -> Self {
                Self { $($field: cells.next().unwrap_or_default().to_owned()),* }
            }
        }
    };
}

row! {
    /// `hubspot/objects/contacts.csv`.
    Contact {
        id = "id", created_at = "created_at", updated_at = "updated_at", archived = "archived",
        archived_at = "archived_at", email = "email",
        additional_emails = "hs_additional_emails", first = "firstname", last = "lastname",
        phone = "phone", company = "company", title = "jobtitle", website = "website",
        country = "country", city = "city", state = "state", zip = "zip",
        stage = "lifecyclestage", lead_status = "hs_lead_status", owner = "hubspot_owner_id",
        subscriber_at = "hs_lifecyclestage_subscriber_date",
        lead_at = "hs_lifecyclestage_lead_date",
        mql_at = "hs_lifecyclestage_marketingqualifiedlead_date",
        sql_at = "hs_lifecyclestage_salesqualifiedlead_date",
        opportunity_at = "hs_lifecyclestage_opportunity_date",
        customer_at = "hs_lifecyclestage_customer_date", opted_out = "hs_email_optout",
        made_by = "hs_object_source_label", merged_ids = "hs_merged_object_ids",
        company_id = "associatedcompanyid", n_deals = "num_associated_deals",
        utm_source = "utm_source", utm_medium = "utm_medium", utm_campaign = "utm_campaign",
        source = "lead_source_detail", score = "lead_score", segment = "segment",
        message = "message", lead_id = "salesforceleadid", contact_id = "salesforcecontactid",
        account_id = "salesforceaccountid", synced_at = "salesforcelastsynctime",
        concord_key = "concord_key", record_id = "salesforce_record_id",
    }
}

row! {
    /// `hubspot/objects/companies.csv`.
    CompanyRow {
        id = "id", created_at = "created_at", updated_at = "updated_at", archived = "archived",
        archived_at = "archived_at", name = "name", domain = "domain", phone = "phone",
        industry = "industry", city = "city", country = "country",
        n_employees = "numberofemployees", revenue = "annualrevenue", stage = "lifecyclestage",
        owner = "hubspot_owner_id", account_id = "salesforceaccountid",
        description = "description", concord_key = "concord_key",
        record_id = "salesforce_record_id",
    }
}

row! {
    /// `hubspot/objects/deals.csv`.
    Deal {
        id = "id", created_at = "created_at", updated_at = "updated_at", archived = "archived",
        archived_at = "archived_at", name = "dealname", amount = "amount",
        currency = "deal_currency_code", close_at = "closedate", pipeline = "pipeline",
        stage = "dealstage", owner = "hubspot_owner_id", kind = "dealtype",
        opportunity_id = "hs_salesforceopportunityid", concord_key = "concord_key",
        record_id = "salesforce_record_id",
    }
}

row! {
    /// `hubspot/history/*.csv`: one version of one property.
    PropertyVersion {
        id = "id", property = "property", value = "value", at = "timestamp",
        source_type = "source_type", source_id = "source_id", source_label = "source_label",
        user_id = "updated_by_user_id",
    }
}

row! {
    /// `hubspot/owners.csv`.
    Owner {
        id = "id", email = "email", first = "first_name", last = "last_name",
        user_id = "user_id", kind = "type", archived = "archived", created_at = "created_at",
        updated_at = "updated_at",
    }
}

row! {
    /// `hubspot/associations.csv`, one direction of each.
    Association {
        from_object = "from_object", from_id = "from_id", to_object = "to_object",
        to_id = "to_id", category = "category", type_id = "type_id", label = "label",
    }
}

row! {
    /// `hubspot/lists.csv`.
    List {
        id = "list_id", name = "name", object_type_id = "object_type_id",
        processing_type = "processing_type", created_at = "created_at",
        updated_at = "updated_at",
    }
}

row! {
    /// `hubspot/list_memberships.csv`.
    Membership { list_id = "list_id", record_id = "record_id", at = "membership_timestamp" }
}

row! {
    /// `hubspot/aliases.csv`: ids that a merge took away.
    Alias { object = "object", old_id = "old_id", record_id = "record_id" }
}

row! {
    /// `salesforce/objects/Lead.csv`.
    Lead {
        id = "Id", deleted = "IsDeleted", master_id = "MasterRecordId", first = "FirstName",
        last = "LastName", company = "Company", title = "Title", email = "Email",
        phone = "Phone", mobile = "MobilePhone", website = "Website", street = "Street",
        city = "City", state = "State", postal_code = "PostalCode", country = "Country",
        status = "Status", source = "LeadSource", industry = "Industry", rating = "Rating",
        n_employees = "NumberOfEmployees", description = "Description", owner = "OwnerId",
        converted = "IsConverted", converted_date = "ConvertedDate",
        converted_account = "ConvertedAccountId", converted_contact = "ConvertedContactId",
        converted_opportunity = "ConvertedOpportunityId", unread = "IsUnreadByOwner",
        opted_out = "HasOptedOutOfEmail", reason = "Disqualified_Reason__c",
        mql_at = "MQL_Date__c", stage = "Lifecycle_Stage__c", segment = "Segment__c",
        score = "Lead_Score__c", utm_source = "UTM_Source__c", utm_campaign = "UTM_Campaign__c",
        concord_key = "Concord_Key__c", hubspot_id = "HubSpot_Id__c", created_at = "CreatedDate",
        created_by = "CreatedById", modified_at = "LastModifiedDate",
        modified_by = "LastModifiedById",
    }
}

row! {
    /// `salesforce/objects/Contact.csv`.
    SalesContact {
        id = "Id", deleted = "IsDeleted", master_id = "MasterRecordId",
        account_id = "AccountId", first = "FirstName", last = "LastName", title = "Title",
        email = "Email", phone = "Phone", city = "MailingCity", state = "MailingState",
        postal_code = "MailingPostalCode", country = "MailingCountry", source = "LeadSource",
        description = "Description", owner = "OwnerId", opted_out = "HasOptedOutOfEmail",
        mql_at = "MQL_Date__c", stage = "Lifecycle_Stage__c", segment = "Segment__c",
        score = "Lead_Score__c", utm_source = "UTM_Source__c", utm_campaign = "UTM_Campaign__c",
        concord_key = "Concord_Key__c", hubspot_id = "HubSpot_Id__c", created_at = "CreatedDate",
        created_by = "CreatedById", modified_at = "LastModifiedDate",
        modified_by = "LastModifiedById",
    }
}

row! {
    /// `salesforce/objects/Account.csv`.
    Account {
        id = "Id", deleted = "IsDeleted", master_id = "MasterRecordId", name = "Name",
        kind = "Type", parent_id = "ParentId", website = "Website", phone = "Phone",
        industry = "Industry", n_employees = "NumberOfEmployees", revenue = "AnnualRevenue",
        city = "BillingCity", state = "BillingState", country = "BillingCountry",
        description = "Description", owner = "OwnerId", domain = "Domain__c",
        concord_key = "Concord_Key__c", hubspot_id = "HubSpot_Id__c", created_at = "CreatedDate",
        created_by = "CreatedById", modified_at = "LastModifiedDate",
        modified_by = "LastModifiedById",
    }
}

row! {
    /// `salesforce/objects/Opportunity.csv`.
    Opportunity {
        id = "Id", deleted = "IsDeleted", name = "Name", account_id = "AccountId",
        stage = "StageName", amount = "Amount", probability = "Probability",
        close_date = "CloseDate", kind = "Type", source = "LeadSource",
        campaign_id = "CampaignId", next_step = "NextStep", closed = "IsClosed", won = "IsWon",
        forecast = "ForecastCategoryName", owner = "OwnerId", concord_key = "Concord_Key__c",
        hubspot_id = "HubSpot_Id__c", created_at = "CreatedDate", created_by = "CreatedById",
        modified_at = "LastModifiedDate", modified_by = "LastModifiedById",
    }
}

row! {
    /// `salesforce/objects/OpportunityContactRole.csv`.
    ContactRole {
        id = "Id", deleted = "IsDeleted", opportunity_id = "OpportunityId",
        contact_id = "ContactId", role = "Role", primary = "IsPrimary",
        created_at = "CreatedDate", created_by = "CreatedById",
        modified_at = "LastModifiedDate", modified_by = "LastModifiedById",
    }
}

row! {
    /// `salesforce/objects/Campaign.csv`.
    Campaign {
        id = "Id", deleted = "IsDeleted", name = "Name", active = "IsActive", kind = "Type",
        status = "Status", start = "StartDate", end = "EndDate", cost = "BudgetedCost",
        owner = "OwnerId", created_at = "CreatedDate", created_by = "CreatedById",
        modified_at = "LastModifiedDate", modified_by = "LastModifiedById",
    }
}

row! {
    /// `salesforce/objects/CampaignMember.csv`.
    CampaignMember {
        id = "Id", deleted = "IsDeleted", campaign_id = "CampaignId", lead_id = "LeadId",
        contact_id = "ContactId", status = "Status", responded = "HasResponded",
        responded_date = "FirstRespondedDate", created_at = "CreatedDate",
        created_by = "CreatedById", modified_at = "LastModifiedDate",
        modified_by = "LastModifiedById",
    }
}

row! {
    /// `salesforce/objects/Task.csv`.
    Task {
        id = "Id", deleted = "IsDeleted", who_id = "WhoId", what_id = "WhatId",
        subject = "Subject", status = "Status", priority = "Priority",
        date = "ActivityDate", closed = "IsClosed", subtype = "TaskSubtype", owner = "OwnerId",
        created_at = "CreatedDate", created_by = "CreatedById",
        modified_at = "LastModifiedDate", modified_by = "LastModifiedById",
    }
}

row! {
    /// `salesforce/objects/Event.csv`.
    Event {
        id = "Id", deleted = "IsDeleted", who_id = "WhoId", what_id = "WhatId",
        subject = "Subject", starts_at = "StartDateTime", ends_at = "EndDateTime",
        owner = "OwnerId", created_at = "CreatedDate", created_by = "CreatedById",
        modified_at = "LastModifiedDate", modified_by = "LastModifiedById",
    }
}

row! {
    /// `salesforce/objects/LeadHistory.csv`.
    LeadHistory {
        id = "Id", deleted = "IsDeleted", parent_id = "LeadId", field = "Field",
        old = "OldValue", new = "NewValue", created_at = "CreatedDate",
        created_by = "CreatedById",
    }
}

row! {
    /// `salesforce/objects/ContactHistory.csv`.
    ContactHistory {
        id = "Id", deleted = "IsDeleted", parent_id = "ContactId", field = "Field",
        old = "OldValue", new = "NewValue", created_at = "CreatedDate",
        created_by = "CreatedById",
    }
}

row! {
    /// `salesforce/objects/OpportunityFieldHistory.csv`.
    OpportunityFieldHistory {
        id = "Id", deleted = "IsDeleted", parent_id = "OpportunityId", field = "Field",
        old = "OldValue", new = "NewValue", created_at = "CreatedDate",
        created_by = "CreatedById",
    }
}

row! {
    /// `salesforce/objects/OpportunityHistory.csv`: stage, amount and close date at each change.
    OpportunityHistory {
        id = "Id", deleted = "IsDeleted", opportunity_id = "OpportunityId",
        stage = "StageName", amount = "Amount", close_date = "CloseDate",
        probability = "Probability", forecast = "ForecastCategory", created_at = "CreatedDate",
        created_by = "CreatedById",
    }
}

row! {
    /// `salesforce/objects/User.csv`.
    User {
        id = "Id", username = "Username", email = "Email", first = "FirstName",
        last = "LastName", alias = "Alias", title = "Title", active = "IsActive",
        kind = "UserType", time_zone = "TimeZoneSidKey", created_at = "CreatedDate",
        modified_at = "LastModifiedDate",
    }
}

row! {
    /// `salesforce/objects/Group.csv`: the queues.
    Group {
        id = "Id", name = "Name", developer_name = "DeveloperName", kind = "Type",
        email = "Email", created_at = "CreatedDate", modified_at = "LastModifiedDate",
    }
}

row! {
    /// `truth.csv`: what was planted, for tests alone.
    Truth { side = "side", code = "code", source_system = "source_system", record_id = "record_id" }
}
