-- int_golden_id_moves: golden ids that ended because their records joined another cluster, and the id
-- that carries on.
-- grain: one row per golden_id_before
with heirs as (

    select * from int_golden_id_heirs

),

golden_ids_today as (

    select distinct golden_id from crosswalk

),

final as (

    select
        heirs.golden_id_before,
        min(heirs.golden_id) as golden_id
    from heirs
    left join golden_ids_today
        on heirs.golden_id_before = golden_ids_today.golden_id
    where golden_ids_today.golden_id is null
    group by heirs.golden_id_before

)

select * from final
