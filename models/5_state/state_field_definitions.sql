-- state_field_definitions: how each field is defined, and since when, so that a change is seen.
-- grain: one row per source_system, object, field
with final as (

    select
        source_system,
        object,
        field,
        definition,
        changed_at
    from int_field_definitions

)

select * from final
