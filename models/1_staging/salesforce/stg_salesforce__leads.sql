-- stg_salesforce__leads: Salesforce leads, deleted and converted ones included, renamed and typed. No joins, no filters.
-- grain: one row per lead_id, as of the latest complete snapshot
with source as (

    select * from salesforce.lead

),

final as (

    select
        -- ids
        "Id" as lead_id,
        nullif(trim("OwnerId"), '') as owner_id,
        nullif(trim("CreatedById"), '') as created_by_id,
        nullif(trim("LastModifiedById"), '') as modified_by_id,
        nullif(trim("MasterRecordId"), '') as master_record_id,
        nullif(trim("RecordTypeId"), '') as record_type_id,
        nullif(trim("ConvertedContactId"), '') as converted_contact_id,
        nullif(trim("ConvertedAccountId"), '') as converted_account_id,
        nullif(trim("ConvertedOpportunityId"), '') as converted_opportunity_id,
        nullif(trim("{{ entities.person.key.salesforce }}"), '') as concord_key,
        nullif(trim("{{ entities.person.link.salesforce }}"), '') as hubspot_id,

        -- strings
        nullif(lower(trim("Email")), '') as email,
        nullif(trim("FirstName"), '') as first_name,
        nullif(trim("LastName"), '') as last_name,
        nullif(trim("Phone"), '') as phone,
        nullif(trim("MobilePhone"), '') as mobile_phone,
        nullif(trim("Title"), '') as job_title,
        nullif(trim("LeadSource"), '') as lead_source,
        nullif(trim("Lifecycle_Stage__c"), '') as lifecycle_stage,
        nullif(trim("Segment__c"), '') as segment,
        nullif(trim("UTM_Source__c"), '') as utm_source,
        nullif(trim("UTM_Campaign__c"), '') as utm_campaign,
        nullif(trim("Company"), '') as company_name,
        nullif(trim("Website"), '') as website,
        nullif(trim("City"), '') as city,
        nullif(trim("Country"), '') as country,
        nullif(trim("Status"), '') as status,
        nullif(trim("Disqualified_Reason__c"), '') as disqualified_reason,

        -- numbers
        as_number("Lead_Score__c") as lead_score,

        -- booleans
        coalesce(as_boolean("IsDeleted"), false) as is_deleted,
        coalesce(as_boolean("IsConverted"), false) as is_converted,
        coalesce(as_boolean("IsUnreadByOwner"), false) as is_unread_by_owner,
        coalesce(as_boolean("HasOptedOutOfEmail"), false) as is_opted_out,

        -- dates
        as_date("ConvertedDate") as converted_date,
        as_date("LastActivityDate") as last_activity_date,

        -- timestamps (UTC)
        as_timestamp("MQL_Date__c") as mql_at,
        as_timestamp("CreatedDate") as created_at,
        as_timestamp("LastModifiedDate") as modified_at,
        as_timestamp("SystemModstamp") as system_modified_at,

        -- provenance
        _fingerprint as fingerprint
        {% for column in mapped_columns('salesforce', 'Lead') %}
        , "{{ column }}" as "raw__{{ column | lower }}"
        {% endfor %}
    from source

)

select * from final
