-- stg_salesforce__opportunity_history: Stage history of Salesforce opportunities, renamed and typed. No joins, no filters.
-- grain: one row per history_id, as of the latest complete snapshot
with source as (

    select * from salesforce.opportunity_history

),

final as (

    select
        -- ids
        "Id" as history_id,
        "OpportunityId" as opportunity_id,
        trimmed("CreatedById") as changed_by_id,

        -- strings
        trimmed("StageName") as stage_name,
        trimmed("ForecastCategory") as forecast_category,

        -- numbers
        as_number("Amount") as amount,
        as_number("Probability") as probability,

        -- booleans
        coalesce(as_boolean("IsDeleted"), false) as is_deleted,

        -- dates
        as_date("CloseDate") as close_date,

        -- timestamps (UTC)
        as_timestamp("CreatedDate") as changed_at
    from source

)

select * from final
