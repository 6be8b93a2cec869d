-- stg_hubspot__lists: HubSpot lists, renamed and typed. No joins, no filters.
-- grain: one row per list_id, as of the latest complete snapshot
with source as (

    select * from hubspot.lists

),

final as (

    select
        -- ids
        list_id,
        trimmed(object_type_id) as object_type_id,

        -- strings
        trimmed(name) as list_name,
        trimmed(processing_type) as processing_type
    from source

)

select * from final
