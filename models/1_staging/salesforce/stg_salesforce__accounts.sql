-- stg_salesforce__accounts: Salesforce accounts, deleted ones included, renamed and typed. No joins, no filters.
-- grain: one row per account_id, as of the latest complete snapshot
with source as (

    select * from salesforce.account

),

final as (

    select
        -- ids
        "Id" as account_id,
        trimmed("ParentId") as parent_account_id,
        trimmed("OwnerId") as owner_id,
        trimmed("CreatedById") as created_by_id,
        trimmed("LastModifiedById") as modified_by_id,
        trimmed("MasterRecordId") as master_record_id,
        trimmed("RecordTypeId") as record_type_id,
        trimmed("{{ entities.company.key.salesforce }}") as concord_key,
        trimmed("{{ entities.company.link.salesforce }}") as hubspot_id,

        -- strings
        trimmed("Name") as account_name,
        trimmed("Website") as website,
        lower(trimmed("Domain__c")) as domain,
        trimmed("Phone") as phone,
        trimmed("Type") as account_type,
        trimmed("Industry") as industry,
        trimmed("BillingCity") as city,
        trimmed("BillingCountry") as country,
        trimmed("Description") as description,

        -- numbers
        as_number("NumberOfEmployees") as n_employees,
        as_number("AnnualRevenue") as annual_revenue,

        -- booleans
        coalesce(as_boolean("IsDeleted"), false) as is_deleted,

        -- dates
        as_date("LastActivityDate") as last_activity_date,

        -- timestamps (UTC)
        as_timestamp("CreatedDate") as created_at,
        as_timestamp("LastModifiedDate") as modified_at,
        as_timestamp("SystemModstamp") as system_modified_at,

        -- provenance
        _fingerprint as fingerprint
        {% for column in mapped_columns('salesforce', 'Account') %}
        , "{{ column }}" as "raw__{{ column | lower }}"
        {% endfor %}
    from source

)

select * from final
