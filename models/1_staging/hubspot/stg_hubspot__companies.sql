-- stg_hubspot__companies: HubSpot companies, archived ones included, renamed and typed. No joins, no filters.
-- grain: one row per company_id, as of the latest complete snapshot
with source as (

    select * from hubspot.companies

),

final as (

    select
        -- ids
        hs_object_id as company_id,
        nullif(trim(hubspot_owner_id), '') as owner_id,
        nullif(trim(hs_merged_object_ids), '') as merged_company_ids,
        nullif(trim("{{ entities.company.key.hubspot }}"), '') as concord_key,
        salesforce_id("{{ entities.company.link.hubspot }}") as salesforce_record_id,
        salesforce_id(salesforceaccountid) as salesforce_account_id,

        -- strings
        nullif(trim(name), '') as company_name,
        nullif(lower(trim(domain)), '') as domain,
        nullif(trim(phone), '') as phone,
        nullif(trim(industry), '') as industry,
        nullif(trim(city), '') as city,
        nullif(trim(country), '') as country,
        nullif(trim(lifecyclestage), '') as lifecycle_stage,
        nullif(trim(description), '') as description,

        -- numbers
        as_number(numberofemployees) as n_employees,
        as_number(annualrevenue) as annual_revenue,

        -- booleans
        _archived as is_archived,

        -- timestamps (UTC)
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
