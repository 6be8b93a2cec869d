-- stg_hubspot__companies: HubSpot companies, archived ones included, renamed and typed. No joins, no filters.
-- grain: one row per company_id, as of the latest complete snapshot
with source as (

    select * from hubspot.companies

),

final as (

    select
        -- ids
        hs_object_id as company_id,
        trimmed(hubspot_owner_id) as owner_id,
        trimmed(hs_merged_object_ids) as merged_company_ids,
        trimmed("{{ entities.company.key.hubspot }}") as concord_key,
        salesforce_id("{{ entities.company.link.hubspot }}") as salesforce_record_id,
        salesforce_id(salesforceaccountid) as salesforce_account_id,

        -- strings
        trimmed(name) as company_name,
        lower(trimmed(domain)) as domain,
        trimmed(phone) as phone,
        trimmed(industry) as industry,
        trimmed(city) as city,
        trimmed(country) as country,
        trimmed(lifecyclestage) as lifecycle_stage,
        trimmed(description) as description,

        -- numbers
        as_number(numberofemployees) as n_employees,
        as_number(annualrevenue) as annual_revenue,

        -- booleans
        _archived as is_archived,

        -- timestamps (UTC)
        as_timestamp(salesforcelastsynctime) as last_synced_at,
        as_timestamp(createdate) as created_at,
        as_timestamp(hs_lastmodifieddate) as modified_at,

        -- provenance
        _fingerprint as fingerprint
        {% for column in mapped_columns('hubspot', 'companies') %}
        , "{{ column }}" as "raw__{{ column | lower }}"
        {% endfor %}
    from source

)

select * from final
