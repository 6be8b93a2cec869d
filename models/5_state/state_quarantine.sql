-- state_quarantine: what is held back, and since when.
-- grain: one row per golden_id, target_system, operation, field, reason_code
with final as (

    select
        golden_id,
        target_system,
        operation,
        field,
        reason_code,
        min(held_since) as held_since
    from held_back
    group by golden_id, target_system, operation, field, reason_code

)

select * from final
