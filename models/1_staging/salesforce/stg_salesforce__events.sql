-- stg_salesforce__events: Salesforce events, renamed and typed. No joins, no filters.
-- grain: one row per event_id, as of the latest complete snapshot
with source as (

    select * from salesforce.event

),

final as (

    select
        -- ids
        "Id" as event_id,
        nullif(trim("WhoId"), '') as who_id,
        nullif(trim("WhatId"), '') as what_id,
        nullif(trim("OwnerId"), '') as owner_id,
        nullif(trim("CreatedById"), '') as created_by_id,

        -- strings
        nullif(trim("Subject"), '') as subject,

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
