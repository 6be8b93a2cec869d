-- stg_hubspot__deal_contacts: Associations of HubSpot deals with contacts, renamed and typed. No joins, no filters.
-- grain: one row per deal_id, contact_id, association_type, as of the latest complete snapshot
with source as (

    select * from hubspot.deals_contacts

),

final as (

    select
        -- ids
        from_id as deal_id,
        to_id as contact_id,

        -- strings
        type as association_type
    from source

)

select * from final
