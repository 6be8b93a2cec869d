-- state_record_life: what became of every record ever seen, and since when.
-- grain: one row per record_key
with final as (

    select
        record_key,
        source_system,
        source_object,
        record_id,
        golden_id,
        life,
        since
    from int_record_life

)

select * from final
