-- stg_salesforce__tasks: Salesforce tasks, renamed and typed. No joins, no filters.
-- grain: one row per task_id, as of the latest complete snapshot
with source as (

    select * from salesforce.task

),

final as (

    select
        -- ids
        "Id" as task_id,
        trimmed("WhoId") as who_id,
        trimmed("WhatId") as what_id,
        trimmed("OwnerId") as owner_id,
        trimmed("CreatedById") as created_by_id,

        -- strings
        trimmed("Subject") as subject,
        trimmed("Status") as status,
        trimmed("TaskSubtype") as subtype,

        -- booleans
        coalesce(as_boolean("IsDeleted"), false) as is_deleted,
        coalesce(as_boolean("IsClosed"), false) as is_closed,

        -- dates
        as_date("ActivityDate") as activity_date,

        -- timestamps (UTC)
        as_timestamp("CompletedDateTime") as completed_at,
        as_timestamp("CreatedDate") as created_at,
        as_timestamp("LastModifiedDate") as modified_at
    from source

)

select * from final
