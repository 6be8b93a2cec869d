-- state_golden_id_history: every time a record moved from one golden id to another, by merge or split.
-- grain: one row per record_key, changed_at
with today as (

    select * from crosswalk

),

known as (

    select * from state.crosswalk

),

history as (

    select * from state.golden_id_history

),

-- A record that HubSpot merged into another moves with the survivor.
aliases as (

    select * from int_record_aliases

),

moves as (

    select
        known.record_key,
        known.golden_id as golden_id_before,
        today.golden_id as golden_id_after,
        (select as_of_at from project.run) as changed_at
    from known
    left join aliases
        on known.record_key = aliases.former_key
    inner join today
        on coalesce(aliases.record_key, known.record_key) = today.record_key
    where today.golden_id <> known.golden_id

),

final as (

    select record_key, golden_id_before, golden_id_after, changed_at from history
    union all
    select record_key, golden_id_before, golden_id_after, changed_at from moves

)

select * from final
