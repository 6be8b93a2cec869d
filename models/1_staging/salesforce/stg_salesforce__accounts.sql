-- stg_salesforce__accounts: Salesforce accounts, deleted ones included, renamed and typed. No joins, no filters.
-- grain: one row per account_id, as of the latest complete snapshot
with source as (

    select * from salesforce.account

),

final as (

    select
        -- ids
        "Id" as account_id,
        nullif(trim("ParentId"), '') as parent_account_id,
        nullif(trim("OwnerId"), '') as owner_id,
        nullif(trim("CreatedById"), '') as created_by_id,
        nullif(trim("LastModifiedById"), '') as modified_by_id,
        nullif(trim("MasterRecordId"), '') as master_record_id,
        nullif(trim("RecordTypeId"), '') as record_type_id,
        nullif(trim("{{ entities.company.key.salesforce }}"), '') as concord_key,
        nullif(trim("{{ entities.company.link.salesforce }}"), '') as hubspot_id,

        -- strings
        nullif(trim("Name"), '') as account_name,
        nullif(trim("Website"), '') as website,
        nullif(lower(trim("Domain__c")), '') as domain,
        nullif(trim("Phone"), '') as phone,
        nullif(trim("Type"), '') as account_type,
        nullif(trim("Industry"), '') as industry,
        nullif(trim("BillingCity"), '') as city,
        nullif(trim("BillingCountry"), '') as country,
        nullif(trim("Description"), '') as description,

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
