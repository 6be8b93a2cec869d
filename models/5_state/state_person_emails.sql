-- state_person_emails: every address that a person's record was ever seen with.
-- grain: one row per record_key, email_key
with today as (

    select
        record_key,
        email_key
    from int_person_emails

),

known as (

    select * from state.person_emails

),

final as (

    select
        coalesce(today.record_key, known.record_key) as record_key,
        coalesce(today.email_key, known.email_key) as email_key,
        coalesce(known.first_seen_at, (select as_of_at from project.run)) as first_seen_at
    from today
    full outer join known
        on today.record_key = known.record_key and today.email_key = known.email_key

)

select * from final
