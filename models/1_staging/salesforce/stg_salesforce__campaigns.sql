-- stg_salesforce__campaigns: Salesforce campaigns, renamed and typed. No joins, no filters.
-- grain: one row per campaign_id, as of the latest complete snapshot
with source as (

    select * from salesforce.campaign

),

final as (

    select
        -- ids
        "Id" as campaign_id,
        trimmed("ParentId") as parent_campaign_id,
        trimmed("OwnerId") as owner_id,

        -- strings
        trimmed("Name") as campaign_name,
        trimmed("Type") as campaign_type,
        trimmed("Status") as status,

        -- booleans
        coalesce(as_boolean("IsDeleted"), false) as is_deleted,
        coalesce(as_boolean("IsActive"), false) as is_active,

        -- dates
        as_date("StartDate") as start_date,
        as_date("EndDate") as end_date,

        -- timestamps (UTC)
        as_timestamp("CreatedDate") as created_at,
        as_timestamp("LastModifiedDate") as modified_at,
        as_timestamp("SystemModstamp") as system_modified_at
    from source

)

select * from final
