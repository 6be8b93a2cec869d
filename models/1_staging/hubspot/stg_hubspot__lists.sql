-- stg_hubspot__lists: HubSpot lists, renamed and typed. No joins, no filters.
-- grain: one row per list_id, as of the latest complete snapshot
with source as (

    select * from hubspot.lists

),

final as (

    select
        -- ids
        list_id,
        nullif(trim(object_type_id), '') as object_type_id,

        -- strings
        nullif(trim(name), '') as list_name,
        nullif(trim(processing_type), '') as processing_type
    from source

)

select * from final
