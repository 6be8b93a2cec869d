-- int_record_life: what became of every record ever seen: live, archived, deleted, merged or vanished.
-- grain: one row per record_key
-- Gone without evidence of a delete, a merge or an archive is vanished, not deleted.
with crosswalk as (

    select * from crosswalk

),

known as (

    select * from state.record_life

),

moves as (

    select * from int_golden_id_moves

),

merged as (

    select former_key as record_key from int_record_aliases

),

followed as (

    select
        coalesce(crosswalk.record_key, known.record_key) as record_key,
        coalesce(crosswalk.source_system, known.source_system) as source_system,
        coalesce(crosswalk.source_object, known.source_object) as source_object,
        coalesce(crosswalk.source_id, known.record_id) as record_id,
        coalesce(crosswalk.golden_id, moves.golden_id, known.golden_id) as golden_id,
        case
            when merged.record_key is not null and not coalesce(crosswalk.is_live, false) then 'merged'
            when crosswalk.is_live then 'live'
            when crosswalk.record_key is not null and crosswalk.source_system = 'hubspot' then 'archived'
            when crosswalk.record_key is not null then 'deleted'
            when known.life in ('archived', 'deleted', 'merged') then known.life
            else 'vanished'
        end as life,
        known.life as life_before,
        known.since
    from crosswalk
    full outer join known
        on crosswalk.record_key = known.record_key
    left join moves
        on known.golden_id = moves.golden_id_before
    left join merged
        on coalesce(crosswalk.record_key, known.record_key) = merged.record_key

),

final as (

    select
        record_key,
        source_system,
        source_object,
        record_id,
        golden_id,
        life,
        case when life = life_before then since else (select as_of_at from project.run) end as since
    from followed

)

select * from final
