-- state_rebuffs: how often in a row a field came back different after our accepted write.
-- grain: one row per source_system, object, record_id, field
with final as (

    select
        source_system,
        object,
        record_id,
        field,
        n_rebuffs,
        run_id,
        contested_at
    from int_contested

)

select * from final
