-- state_native_connector: the latest stamp of the vendors' own connector.
-- grain: one row per entity
with final as (

    select
        entity,
        last_synced_at
    from int_native_connector

)

select * from final
