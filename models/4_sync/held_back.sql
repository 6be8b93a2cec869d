-- held_back: what is known to go wrong, with the reason and how long it has waited; it returns by itself.
-- grain: one row per golden_id, target_system, record_id, operation, field
with changes as (

    select * from sync_changes where status = 'held'

),

moves as (

    select * from int_golden_id_moves

),

waiting as (

    select
        coalesce(moves.golden_id, quarantine.golden_id) as golden_id,
        quarantine.target_system,
        quarantine.operation,
        quarantine.field,
        quarantine.reason_code,
        min(quarantine.held_since) as held_since
    from state.quarantine as quarantine
    left join moves
        on quarantine.golden_id = moves.golden_id_before
    group by
        coalesce(moves.golden_id, quarantine.golden_id),
        quarantine.target_system,
        quarantine.operation,
        quarantine.field,
        quarantine.reason_code

),

-- Why a CRM refused what waits for that, and what lets it go again.
refusals as (

    select
        golden_id,
        source_system,
        operation,
        case operation when 'create' then coalesce(named_field, '(record)') else field end as field,
        reason_code as refusal_reason,
        code as refusal_code,
        release_condition
    from int_rejections
    where is_held

),

final as (

    select
        changes.golden_id,
        changes.entity,
        changes.target_system,
        changes.target_object as object,
        changes.target_id as record_id,
        changes.operation,
        changes.field,
        changes.target_field,
        changes.after as value,
        changes.reason_code,
        refusals.refusal_reason,
        refusals.refusal_code,
        refusals.release_condition,
        coalesce(waiting.held_since, (select as_of_at from project.run)) as held_since
    from changes
    left join waiting
        on
            changes.golden_id = waiting.golden_id
            and changes.target_system = waiting.target_system
            and changes.operation = waiting.operation
            and changes.field = waiting.field
            and changes.reason_code = waiting.reason_code
    left join refusals
        on
            changes.reason_code = 'refused_there'
            and changes.golden_id = refusals.golden_id
            and changes.target_system = refusals.source_system
            and changes.operation = refusals.operation
            and changes.field = refusals.field

)

select * from final
