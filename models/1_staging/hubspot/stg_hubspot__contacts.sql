-- stg_hubspot__contacts: HubSpot contacts, archived ones included, renamed and typed. No joins, no filters.
-- grain: one row per contact_id, as of the latest complete snapshot
with source as (

    select * from hubspot.contacts

),

final as (

    select
        -- ids
        hs_object_id as contact_id,
        trimmed(hubspot_owner_id) as owner_id,
        trimmed(associatedcompanyid) as company_id,
        trimmed(hs_merged_object_ids) as merged_contact_ids,
        trimmed("{{ entities.person.key.hubspot }}") as concord_key,
        salesforce_id("{{ entities.person.link.hubspot }}") as salesforce_record_id,
        salesforce_id(salesforceleadid) as salesforce_lead_id,
        salesforce_id(salesforcecontactid) as salesforce_contact_id,
        salesforce_id(salesforceaccountid) as salesforce_account_id,

        -- strings
        lower(trimmed(email)) as email,
        lower(trimmed(hs_additional_emails)) as additional_emails,
        trimmed(firstname) as first_name,
        trimmed(lastname) as last_name,
        trimmed(phone) as phone,
        trimmed(company) as company_name,
        trimmed(jobtitle) as job_title,
        trimmed(website) as website,
        trimmed(city) as city,
        trimmed(country) as country,
        trimmed(lifecyclestage) as lifecycle_stage,
        trimmed(hs_lead_status) as lead_status,
        trimmed(segment) as segment,
        trimmed(lead_source_detail) as lead_source,
        trimmed(utm_source) as utm_source,
        trimmed(utm_medium) as utm_medium,
        trimmed(utm_campaign) as utm_campaign,
        trimmed(hs_object_source_label) as source_label,

        -- numbers
        as_number(lead_score) as lead_score,

        -- booleans
        -- A flag that cannot be read counts against writing to the person.
        coalesce(as_boolean(hs_email_optout), trimmed(hs_email_optout) is not null) as is_opted_out,
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
