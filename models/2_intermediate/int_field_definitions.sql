-- int_field_definitions: how each CRM defines each field, as far as that decides what it takes, and
-- since when.
-- grain: one row per source_system, object, field
with fields as (

    select 'hubspot' as source_system, * from hubspot_metadata.fields
    union all
    select 'salesforce' as source_system, * from salesforce_metadata.fields

),

picklist_values as (

    select 'hubspot' as source_system, object, field, value from hubspot_metadata.picklist_values where is_active
    union
    select 'salesforce' as source_system, object, field, value from salesforce_metadata.picklist_values where is_active

),

picklists as (

    select
        source_system,
        object,
        field,
        string_agg(value, ';' order by value) as picklist
    from picklist_values
    group by source_system, object, field

),

known as (

    select * from state.field_definitions

),

today as (

    select
        fields.source_system,
        fields.object,
        fields.field,
        concat(
            fields.vendor_type,
            ' length=', coalesce(cast(fields.length_max as varchar), ''),
            ' scale=', coalesce(cast(fields.scale as varchar), ''),
            case when fields.is_required then ' required' else '' end,
            case when fields.is_createable then ' createable' else '' end,
            case when fields.is_updateable then ' updateable' else '' end,
            case when fields.is_unique then ' unique' else '' end,
            case when fields.is_restricted then ' restricted' else '' end,
            ' values=', coalesce(picklists.picklist, '')
        ) as definition
    from fields
    left join picklists
        on
            fields.source_system = picklists.source_system
            and fields.object = picklists.object
            and fields.field = picklists.field

),

final as (

    select
        today.source_system,
        today.object,
        today.field,
        today.definition,
        case
            when today.definition = known.definition then known.changed_at
            else (select as_of_at from project.run)
        end as changed_at
    from today
    left join known
        on
            today.source_system = known.source_system
            and today.object = known.object
            and today.field = known.field

)

select * from final
