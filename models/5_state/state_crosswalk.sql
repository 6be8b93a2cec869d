-- state_crosswalk: golden ids of every record ever seen, so that ids stay.
-- grain: one row per record_key
with today as (

    select * from crosswalk

),

known as (

    select * from state.crosswalk

),

-- A record that HubSpot merged away is where its survivor is.
survivors as (

    select
        aliases.former_key,
        crosswalk.golden_id
    from int_record_aliases as aliases
    inner join crosswalk
        on aliases.record_key = crosswalk.record_key

),

moves as (

    select * from int_golden_id_moves

),

final as (

    select
        coalesce(today.record_key, known.record_key) as record_key,
        coalesce(today.entity, known.entity) as entity,
        coalesce(today.golden_id, survivors.golden_id, moves.golden_id, known.golden_id) as golden_id,
        coalesce(today.first_seen_at, known.first_seen_at) as first_seen_at,
        coalesce(today.last_seen_at, known.last_seen_at) as last_seen_at
    from today
    full outer join known
        on today.record_key = known.record_key
    left join survivors
        on known.record_key = survivors.former_key
    left join moves
        on known.golden_id = moves.golden_id_before

)

select * from final
