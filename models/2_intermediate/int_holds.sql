-- int_holds: what people last decided about a golden record, or about one field of it.
-- grain: one row per golden_id, field
-- The field is `(record)` where the decision is about the whole record. A decision goes with the
-- records it was about: into every part of a cluster that was split, and where clusters became one,
-- what was on hold in any of them stays so until it is released.
with heirs as (

    select * from int_golden_id_heirs

),

decisions as (

    select
        run_id,
        golden_id,
        field,
        decision,
        reason,
        as_timestamp(decided_at) as decided_at
    from ops.decisions
    union all
    select run_id, golden_id, field, decision, reason, decided_at from state.holds

),

latest_ranked as (

    select
        *,
        row_number() over (partition by golden_id, field order by decided_at desc, run_id desc) as choice
    from decisions

),

today_ranked as (

    select
        coalesce(heirs.golden_id, latest_ranked.golden_id) as golden_id,
        latest_ranked.field,
        latest_ranked.run_id,
        latest_ranked.decision,
        latest_ranked.reason,
        latest_ranked.decided_at,
        row_number() over (
            partition by coalesce(heirs.golden_id, latest_ranked.golden_id), latest_ranked.field
            order by (latest_ranked.decision = 'hold') desc, latest_ranked.decided_at desc, latest_ranked.run_id desc
        ) as choice
    from latest_ranked
    left join heirs
        on latest_ranked.golden_id = heirs.golden_id_before
    where latest_ranked.choice = 1

),

final as (

    select
        golden_id,
        field,
        run_id,
        decision,
        reason,
        decided_at
    from today_ranked
    where choice = 1

)

select * from final
