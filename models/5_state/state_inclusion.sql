-- state_inclusion: when a contact last met the inclusion rule.
-- grain: one row per contact_id
with final as (

    select
        contact_id,
        last_included_at
    from int_person_inclusion
    where last_included_at is not null

)

select * from final
