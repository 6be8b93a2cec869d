-- stg_salesforce__campaign_members: Members of Salesforce campaigns, renamed and typed. No joins, no filters.
-- grain: one row per campaign_member_id, as of the latest complete snapshot
with source as (

    select * from salesforce.campaign_member

),

final as (

    select
        -- ids
        "Id" as campaign_member_id,
        "CampaignId" as campaign_id,
        trimmed("LeadId") as lead_id,
        trimmed("ContactId") as contact_id,

        -- strings
        trimmed("Status") as status,

        -- booleans
        coalesce(as_boolean("IsDeleted"), false) as is_deleted,
        coalesce(as_boolean("HasResponded"), false) as has_responded,

        -- dates
        as_date("FirstRespondedDate") as first_responded_date,

        -- timestamps (UTC)
        as_timestamp("CreatedDate") as created_at,
        as_timestamp("LastModifiedDate") as modified_at,
        as_timestamp("SystemModstamp") as system_modified_at
    from source

)

select * from final
