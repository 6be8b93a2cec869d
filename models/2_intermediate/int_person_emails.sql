-- int_person_emails: every address by which a person's record is or was known, usable as a match key.
-- grain: one row per record_key, email_key
-- Role mailboxes and dummy addresses have no key, so they make no evidence.
with contacts as (

    select * from stg_hubspot__contacts

),

records as (

    select * from int_person_records

),

email_changes as (

    select *
    from stg_hubspot__contact_history
    where property = 'email'

),

current_emails as (

    select
        record_key,
        email_key,
        'email' as email_kind
    from records

),

additional_emails as (

    select
        record_key('hubspot', 'contacts', contact_id) as record_key,
        email_key(unnest(string_to_array(additional_emails, ';'))) as email_key,
        'additional_email' as email_kind
    from contacts
    where additional_emails is not null

),

former_emails as (

    select
        record_key('hubspot', 'contacts', contact_id) as record_key,
        email_key(value) as email_key,
        'former_email' as email_kind
    from email_changes

),

all_emails as (

    select * from current_emails
    union all
    select * from additional_emails
    union all
    select * from former_emails

),

-- An address that is somebody's today says nothing about whoever had it before.
held_today as (

    select distinct email_key
    from all_emails
    where email_kind <> 'former_email' and email_key is not null and record_key like 'hubspot:%'

),

final as (

    select
        all_emails.record_key,
        all_emails.email_key,
        min(all_emails.email_kind) as email_kind
    from all_emails
    left join held_today
        on all_emails.email_key = held_today.email_key
    where
        all_emails.email_key is not null
        and (all_emails.email_kind <> 'former_email' or held_today.email_key is null)
    group by all_emails.record_key, all_emails.email_key

)

select * from final
