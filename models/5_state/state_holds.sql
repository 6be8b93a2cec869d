-- state_holds: what people last decided about a golden record, or about one field of it.
-- grain: one row per golden_id, field
with final as (

    select
        golden_id,
        field,
        run_id,
        decision,
        reason,
        decided_at
    from int_holds

)

select * from final
