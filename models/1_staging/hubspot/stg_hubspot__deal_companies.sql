-- stg_hubspot__deal_companies: Associations of HubSpot deals with companies, renamed and typed. No joins, no filters.
-- grain: one row per deal_id, company_id, association_type, as of the latest complete snapshot
with source as (

    select * from hubspot.deals_companies

),

final as (

    select
        -- ids
        from_id as deal_id,
        to_id as company_id,

        -- strings
        type as association_type
    from source

)

select * from final
