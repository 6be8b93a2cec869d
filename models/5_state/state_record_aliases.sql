-- state_record_aliases: which records were merged into which, as long as anybody may ask.
-- grain: one row per former_key
with final as (

    select
        former_key,
        record_key
    from int_record_aliases

)

select * from final
