-- stg_hubspot__contacts: HubSpot contacts, archived ones included, renamed and typed. No joins, no filters.
-- grain: one row per contact_id, as of the latest complete snapshot
with source as (

    select * from hubspot.contacts

),

final as (

    select
        -- ids
        hs_object_id as contact_id,
        nullif(trim(hubspot_owner_id), '') as owner_id,
        nullif(trim(associatedcompanyid), '') as company_id,
        nullif(trim(hs_merged_object_ids), '') as merged_contact_ids,
        nullif(trim("{{ entities.person.key.hubspot }}"), '') as concord_key,
        salesforce_id("{{ entities.person.link.hubspot }}") as salesforce_record_id,
        salesforce_id(salesforceleadid) as salesforce_lead_id,
        salesforce_id(salesforcecontactid) as salesforce_contact_id,
        salesforce_id(salesforceaccountid) as salesforce_account_id,

        -- strings
        nullif(lower(trim(email)), '') as email,
        nullif(lower(trim(hs_additional_emails)), '') as additional_emails,
        nullif(trim(firstname), '') as first_name,
        nullif(trim(lastname), '') as last_name,
        nullif(trim(phone), '') as phone,
        nullif(trim(company), '') as company_name,
        nullif(trim(jobtitle), '') as job_title,
        nullif(trim(website), '') as website,
        nullif(trim(city), '') as city,
        nullif(trim(country), '') as country,
        nullif(trim(lifecyclestage), '') as lifecycle_stage,
        nullif(trim(hs_lead_status), '') as lead_status,
        nullif(trim(segment), '') as segment,
        nullif(trim(lead_source_detail), '') as lead_source,
        nullif(trim(utm_source), '') as utm_source,
        nullif(trim(utm_medium), '') as utm_medium,
        nullif(trim(utm_campaign), '') as utm_campaign,
        nullif(trim(hs_object_source_label), '') as source_label,

        -- numbers
        as_number(lead_score) as lead_score,

        -- booleans
        coalesce(as_boolean(hs_email_optout), false) as is_opted_out,
        _archived as is_archived,

        -- timestamps (UTC)
        as_timestamp(hs_lifecyclestage_marketingqualifiedlead_date) as became_mql_at,
        as_timestamp(salesforcelastsynctime) as last_synced_at,
        as_timestamp(createdate) as created_at,
        as_timestamp(lastmodifieddate) as modified_at,

        -- provenance
        _fingerprint as fingerprint
        {% for column in mapped_columns('hubspot', 'contacts') %}
        , "{{ column }}" as "raw__{{ column | lower }}"
        {% endfor %}
    from source

)

select * from final
