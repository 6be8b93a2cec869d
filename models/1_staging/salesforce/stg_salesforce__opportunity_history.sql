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
        nullif(trim("CreatedById"), '') as changed_by_id,

        -- strings
        nullif(trim("StageName"), '') as stage_name,
        nullif(trim("ForecastCategory"), '') as forecast_category,

        -- numbers
        as_number("Amount") as amount,
        as_number("Probability") as probability,

        -- dates
        as_date("CloseDate") as close_date,

        -- timestamps (UTC)
        as_timestamp("CreatedDate") as changed_at
    from source

)

select * from final
