-- state_quarantine: what is held back, and since when.
-- grain: one row per golden_id, target_system, operation, field
with final as (

    select
        golden_id,
        target_system,
        operation,
        field,
        reason_code,
        held_since
    from held_back

)

select * from final
