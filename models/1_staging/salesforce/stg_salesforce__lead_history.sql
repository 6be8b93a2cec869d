-- stg_salesforce__lead_history: Field history of Salesforce leads, renamed and typed. No joins, no filters.
-- grain: one row per history_id, as of the latest complete snapshot
with source as (

    select * from salesforce.lead_history

),

final as (

    select
        -- ids
        "Id" as history_id,
        "LeadId" as lead_id,
        trimmed("CreatedById") as changed_by_id,

        -- strings
        trimmed("Field") as field,
        trimmed("OldValue") as old_value,
        trimmed("NewValue") as new_value,

        -- booleans
        coalesce(as_boolean("IsDeleted"), false) as is_deleted,

        -- timestamps (UTC)
        as_timestamp("CreatedDate") as changed_at
    from source

)

select * from final
