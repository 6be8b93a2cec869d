-- int_holds: what people last decided about a golden record, or about one field of it.
-- grain: one row per golden_id, field
-- The field is `(record)` where the decision is about the whole record.
with moves as (

    select * from int_golden_id_moves

),

decisions as (

    select
        golden_id,
        field,
        decision,
        reason,
        as_timestamp(decided_at) as decided_at
    from ops.decisions
    union all
    select golden_id, field, decision, reason, decided_at from state.holds

),

ranked as (

    select
        coalesce(moves.golden_id, decisions.golden_id) as golden_id,
        decisions.field,
        decisions.decision,
        decisions.reason,
        decisions.decided_at,
        row_number() over (
            partition by coalesce(moves.golden_id, decisions.golden_id), decisions.field
            order by decisions.decided_at desc, decisions.decision, decisions.reason
        ) as choice
    from decisions
    left join moves
        on decisions.golden_id = moves.golden_id_before

),

final as (

    select
        golden_id,
        field,
        decision,
        reason,
        decided_at
    from ranked
    where choice = 1

)

select * from final
