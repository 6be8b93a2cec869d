-- stg_hubspot__deals: HubSpot deals, archived ones included, renamed and typed. No joins, no filters.
-- grain: one row per deal_id, as of the latest complete snapshot
with source as (

    select * from hubspot.deals

),

final as (

    select
        -- ids
        hs_object_id as deal_id,
        trimmed(hubspot_owner_id) as owner_id,
        trimmed(hs_merged_object_ids) as merged_deal_ids,
        trimmed("{{ entities.deal.key.hubspot }}") as concord_key,
        salesforce_id("{{ entities.deal.link.hubspot }}") as salesforce_record_id,
        salesforce_id(hs_salesforceopportunityid) as salesforce_opportunity_id,

        -- strings
        trimmed(dealname) as deal_name,
        trimmed(deal_currency_code) as currency_code,
        trimmed(pipeline) as pipeline,
        trimmed(dealstage) as deal_stage,
        trimmed(dealtype) as deal_type,

        -- numbers
        as_number(amount) as amount,

        -- booleans
        _archived as is_archived,

        -- dates
        coalesce(as_date(closedate), local_date(as_timestamp(closedate), 'UTC')) as close_date,

        -- timestamps (UTC)
        as_timestamp(closedate) as closed_at,
        as_timestamp(salesforcelastsynctime) as last_synced_at,
        as_timestamp(createdate) as created_at,
        as_timestamp(hs_lastmodifieddate) as modified_at,

        -- provenance
        _fingerprint as fingerprint
        {% for column in mapped_columns('hubspot', 'deals') %}
        , "{{ column }}" as "raw__{{ column | lower }}"
        {% endfor %}
    from source

)

select * from final
