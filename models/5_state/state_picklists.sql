-- state_picklists: since when each picklist value is listed and active, and until when it was.
-- grain: one row per source_system, object, field, value, active_from
with values_today as (

    select 'hubspot' as source_system, object, field, value from hubspot_metadata.picklist_values where is_active
    union
    select 'salesforce' as source_system, object, field, value from salesforce_metadata.picklist_values where is_active

),

known as (

    select * from state.picklists

),

open_before as (

    select * from known where active_until is null

),

followed as (

    select
        coalesce(values_today.source_system, open_before.source_system) as source_system,
        coalesce(values_today.object, open_before.object) as object,
        coalesce(values_today.field, open_before.field) as field,
        coalesce(values_today.value, open_before.value) as value,
        coalesce(open_before.active_from, (select as_of_at from project.run)) as active_from,
        case when values_today.value is null then (select as_of_at from project.run) end as active_until
    from values_today
    full outer join open_before
        on
            values_today.source_system = open_before.source_system
            and values_today.object = open_before.object
            and values_today.field = open_before.field
            and values_today.value = open_before.value

),

final as (

    select source_system, object, field, value, active_from, active_until from followed
    union all
    select source_system, object, field, value, active_from, active_until from known where active_until is not null

)

select * from final
