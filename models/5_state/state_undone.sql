-- state_undone: what an undo put back, and what it had taken away there.
-- grain: one row per golden_id, field, source_system
with final as (

    select
        golden_id,
        field,
        source_system,
        object,
        record_id,
        written,
        restored,
        rule,
        run_id,
        undone_at
    from int_undone

)

select * from final
