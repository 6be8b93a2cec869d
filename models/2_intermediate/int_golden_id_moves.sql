-- int_golden_id_moves: golden ids that ended because their records joined another cluster, and the id
-- that carries on.
-- grain: one row per golden_id_before
with crosswalk as (

    select * from crosswalk

),

known as (

    select * from state.crosswalk

),

aliases as (

    select * from int_record_aliases

),

golden_ids_today as (

    select distinct golden_id from crosswalk

),

final as (

    select
        known.golden_id as golden_id_before,
        min(crosswalk.golden_id) as golden_id
    from known
    left join aliases
        on known.record_key = aliases.former_key
    inner join crosswalk
        on coalesce(aliases.record_key, known.record_key) = crosswalk.record_key
    left join golden_ids_today
        on known.golden_id = golden_ids_today.golden_id
    where golden_ids_today.golden_id is null
    group by known.golden_id

)

select * from final
