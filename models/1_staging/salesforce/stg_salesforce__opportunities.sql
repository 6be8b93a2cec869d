-- stg_salesforce__opportunities: Salesforce opportunities, deleted ones included, renamed and typed. No joins, no filters.
-- grain: one row per opportunity_id, as of the latest complete snapshot
with source as (

    select * from salesforce.opportunity

),

final as (

    select
        -- ids
        "Id" as opportunity_id,
        trimmed("AccountId") as account_id,
        trimmed("CampaignId") as campaign_id,
        trimmed("OwnerId") as owner_id,
        trimmed("CreatedById") as created_by_id,
        trimmed("LastModifiedById") as modified_by_id,
        trimmed("RecordTypeId") as record_type_id,
        trimmed("{{ entities.deal.key.salesforce }}") as concord_key,
        trimmed("{{ entities.deal.link.salesforce }}") as hubspot_id,

        -- strings
        trimmed("Name") as opportunity_name,
        trimmed("StageName") as stage_name,
        trimmed("Type") as opportunity_type,
        trimmed("LeadSource") as lead_source,
        trimmed("ForecastCategoryName") as forecast_category,
        trimmed("CurrencyIsoCode") as currency_code,

        -- numbers
        as_number("Amount") as amount,
        as_number("Probability") as probability,

        -- booleans
        coalesce(as_boolean("IsDeleted"), false) as is_deleted,
        coalesce(as_boolean("IsClosed"), false) as is_closed,
        coalesce(as_boolean("IsWon"), false) as is_won,

        -- dates
        as_date("CloseDate") as close_date,
        as_date("LastActivityDate") as last_activity_date,

        -- timestamps (UTC)
        as_timestamp("CreatedDate") as created_at,
        as_timestamp("LastModifiedDate") as modified_at,
        as_timestamp("SystemModstamp") as system_modified_at,

        -- provenance
        _fingerprint as fingerprint
        {% for column in mapped_columns('salesforce', 'Opportunity') %}
        , "{{ column }}" as "raw__{{ column | lower }}"
        {% endfor %}
    from source

)

select * from final
