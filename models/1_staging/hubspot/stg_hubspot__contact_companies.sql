-- stg_hubspot__contact_companies: Associations of HubSpot contacts with companies, renamed and typed. No joins, no filters.
-- grain: one row per contact_id, company_id, association_type, as of the latest complete snapshot
with source as (

    select * from hubspot.contacts_companies

),

final as (

    select
        -- ids
        from_id as contact_id,
        to_id as company_id,

        -- strings
        type as association_type
    from source

)

select * from final
