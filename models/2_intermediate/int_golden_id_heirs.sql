-- int_golden_id_heirs: under which golden ids the records of each golden id of yesterday stand today.
-- grain: one row per golden_id_before, golden_id
-- Several where a cluster was split; the same one for several where clusters became one.
with crosswalk as (

    select * from crosswalk

),

known as (

    select * from state.crosswalk

),

aliases as (

    select * from int_record_aliases

),

final as (

    select distinct
        known.golden_id as golden_id_before,
        crosswalk.golden_id
    from known
    left join aliases
        on known.record_key = aliases.former_key
    inner join crosswalk
        on coalesce(aliases.record_key, known.record_key) = crosswalk.record_key

)

select * from final
