-- stg_salesforce__contacts: Salesforce contacts, deleted ones included, renamed and typed. No joins, no filters.
-- grain: one row per contact_id, as of the latest complete snapshot
with source as (

    select * from salesforce.contact

),

final as (

    select
        -- ids
        "Id" as contact_id,
        trimmed("AccountId") as account_id,
        trimmed("OwnerId") as owner_id,
        trimmed("CreatedById") as created_by_id,
        trimmed("LastModifiedById") as modified_by_id,
        trimmed("MasterRecordId") as master_record_id,
        trimmed("RecordTypeId") as record_type_id,
        trimmed("ReportsToId") as reports_to_id,
        trimmed("{{ entities.person.key.salesforce }}") as concord_key,
        trimmed("{{ entities.person.link.salesforce }}") as hubspot_id,

        -- strings
        lower(trimmed("Email")) as email,
        trimmed("FirstName") as first_name,
        trimmed("LastName") as last_name,
        trimmed("Phone") as phone,
        trimmed("MobilePhone") as mobile_phone,
        trimmed("Title") as job_title,
        trimmed("LeadSource") as lead_source,
        trimmed("Lifecycle_Stage__c") as lifecycle_stage,
        trimmed("Segment__c") as segment,
        trimmed("UTM_Source__c") as utm_source,
        trimmed("UTM_Campaign__c") as utm_campaign,
        trimmed("MailingCity") as city,
        trimmed("MailingCountry") as country,

        -- numbers
        as_number("Lead_Score__c") as lead_score,

        -- booleans
        coalesce(as_boolean("IsDeleted"), false) as is_deleted,
        -- A flag that cannot be read counts against writing to the person.
        coalesce(as_boolean("HasOptedOutOfEmail"), trimmed("HasOptedOutOfEmail") is not null) as is_opted_out,

        -- dates
        as_date("LastActivityDate") as last_activity_date,

        -- timestamps (UTC)
        as_timestamp("MQL_Date__c") as mql_at,
        as_timestamp("CreatedDate") as created_at,
        as_timestamp("LastModifiedDate") as modified_at,
        as_timestamp("SystemModstamp") as system_modified_at,

        -- provenance
        _fingerprint as fingerprint
        {% for column in mapped_columns('salesforce', 'Contact') %}
        , "{{ column }}" as "raw__{{ column | lower }}"
        {% endfor %}
    from source

)

select * from final
