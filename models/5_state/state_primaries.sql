-- state_primaries: the chosen primary records, so that they stay.
-- grain: one row per record_key
with final as (

    select
        record_key,
        golden_id,
        rule,
        chosen_at
    from int_primaries

)

select * from final
