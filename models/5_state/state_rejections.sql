-- state_rejections: what the CRMs refuse and is still owed to them, how often, and what lets it go again.
-- grain: one row per golden_id, field, source_system
-- A refusal ends where a write of it is accepted, and where there is no difference any more.
with rejections as (

    select * from int_rejections

),

-- A difference that was read too early to count tonight is one all the same.
owed as (

    select
        golden_id,
        target_system,
        operation,
        field,
        target_id
    from sync_changes
    where status in ('action', 'held') or reason_code = 'stale_observation'

),

-- A record that is to be made is owed as a whole.
owed_once as (

    select distinct
        golden_id,
        target_system,
        operation,
        case operation when 'create' then '(record)' else field end as field,
        target_id
    from owed

),

final as (

    select
        rejections.golden_id,
        rejections.field,
        rejections.source_system,
        rejections.object,
        rejections.operation,
        rejections.record_id,
        rejections.target_field,
        rejections.named_field,
        rejections.sent,
        rejections.code,
        rejections.message,
        rejections.reason_code,
        rejections.write_id,
        rejections.n_together,
        rejections.n_refusals,
        rejections.first_refused_at,
        rejections.last_refused_at,
        rejections.retry_at,
        rejections.release_condition,
        rejections.is_held
    from rejections
    inner join owed_once
        on
            rejections.golden_id = owed_once.golden_id
            and rejections.source_system = owed_once.target_system
            and rejections.operation = owed_once.operation
            and rejections.field = owed_once.field
            and (rejections.record_id is not distinct from owed_once.target_id)

)

select * from final
