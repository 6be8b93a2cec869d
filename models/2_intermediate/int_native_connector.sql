-- int_native_connector: whether the vendors' own connector worked between the last snapshot and this one.
-- grain: one row per entity
-- It stamps every HubSpot record that it syncs; a stamp that moved is a connector at work.
with stamps as (

    select 'person' as entity, last_synced_at from stg_hubspot__contacts
    union all
    select 'company' as entity, last_synced_at from stg_hubspot__companies
    union all
    select 'deal' as entity, last_synced_at from stg_hubspot__deals
    -- An object without records has a row as well.
    union all
    select column1 as entity, cast(null as timestamp) as last_synced_at from (values ('person'), ('company'), ('deal'))

),

latest as (

    select
        entity,
        max(last_synced_at) as last_synced_at
    from stamps
    group by entity

),

known as (

    select * from state.native_connector

),

final as (

    select
        latest.entity,
        latest.last_synced_at,
        -- Without a snapshot before there is nothing to have moved.
        known.entity is not null and coalesce(latest.last_synced_at > known.last_synced_at, latest.last_synced_at is not null) as is_live
    from latest
    left join known
        on latest.entity = known.entity

)

select * from final
