-- int_contested: fields that came back different after our accepted writes, with no person behind it.
-- grain: one row per source_system, object, record_id, field
-- Twice in a row is contested: it is not sent again until somebody releases it, which starts the count
-- anew.
with echoes as (

    select * from int_write_echoes

),

known as (

    select
        source_system,
        object,
        record_id,
        field,
        cast(n_rebuffs as bigint) as n_rebuffs,
        run_id,
        contested_at
    from state.rebuffs

),

releases as (

    select * from int_holds where decision = 'release'

),

last_releases as (

    select
        echoes.source_system,
        echoes.object,
        echoes.record_id,
        echoes.field,
        max(releases.decided_at) as released_at
    from echoes
    inner join releases
        on
            echoes.golden_id = releases.golden_id
            and (echoes.field = releases.field or releases.field = '(record)')
    group by echoes.source_system, echoes.object, echoes.record_id, echoes.field

),

counted as (

    select
        echoes.*,
        known.contested_at,
        case
            when last_releases.released_at >= known.contested_at then 0
            -- This write was counted before, or cannot be yet.
            when known.run_id = echoes.run_id or echoes.verdict = 'unseen' then coalesce(known.n_rebuffs, 0)
            when echoes.verdict = 'rebuffed' then coalesce(known.n_rebuffs, 0) + 1
            else 0
        end as n_rebuffs
    from echoes
    left join known
        on
            echoes.source_system = known.source_system
            and echoes.object = known.object
            and echoes.record_id = known.record_id
            and echoes.field = known.field
    left join last_releases
        on
            echoes.source_system = last_releases.source_system
            and echoes.object = last_releases.object
            and echoes.record_id = last_releases.record_id
            and echoes.field = last_releases.field

),

final as (

    select
        golden_id,
        full_name,
        field,
        source_system,
        object,
        record_id,
        target_field,
        sent,
        found,
        writer,
        n_rebuffs,
        n_rebuffs >= 2 as is_contested,
        run_id,
        case when n_rebuffs >= 2 then coalesce(contested_at, (select as_of_at from project.run)) end as contested_at
    from counted
    where n_rebuffs > 0

)

select * from final
