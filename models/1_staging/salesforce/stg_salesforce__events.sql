-- stg_salesforce__events: Salesforce events, renamed and typed. No joins, no filters.
-- grain: one row per event_id, as of the latest complete snapshot
with source as (

    select * from salesforce.event

),

final as (

    select
        -- ids
        "Id" as event_id,
        trimmed("WhoId") as who_id,
        trimmed("WhatId") as what_id,
        trimmed("OwnerId") as owner_id,
        trimmed("CreatedById") as created_by_id,

        -- strings
        trimmed("Subject") as subject,

        -- booleans
        coalesce(as_boolean("IsDeleted"), false) as is_deleted,

        -- dates
        as_date("ActivityDate") as activity_date,

        -- timestamps (UTC)
        as_timestamp("StartDateTime") as starts_at,
        as_timestamp("CreatedDate") as created_at,
        as_timestamp("LastModifiedDate") as modified_at
    from source

)

select * from final
