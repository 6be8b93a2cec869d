-- stg_hubspot__owners: HubSpot owners, renamed and typed. No joins, no filters.
-- grain: one row per owner_id, as of the latest complete snapshot
with source as (

    select * from hubspot_metadata.users

),

final as (

    select
        -- ids
        user_id as owner_id,

        -- strings
        lower(trimmed(email)) as email,
        trimmed(name) as owner_name,
        user_type,

        -- booleans
        is_active
    from source

)

select * from final
