-- stg_hubspot__list_memberships: Members of HubSpot lists, renamed and typed. No joins, no filters.
-- grain: one row per list_id, contact_id, as of the latest complete snapshot
with source as (

    select * from hubspot.list_memberships

),

final as (

    select
        -- ids
        list_id,
        record_id as contact_id,

        -- timestamps (UTC)
        as_timestamp(membership_timestamp) as joined_at
    from source

)

select * from final
