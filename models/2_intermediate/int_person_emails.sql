-- int_person_emails: every address by which a person's record is or was known, usable as a match key.
-- grain: one row per record_key, email_key
-- Role mailboxes and dummy addresses have no key, so they make no evidence.
with contacts as (

    select * from stg_hubspot__contacts

),

records as (

    select * from int_person_records

),

aliases as (

    select * from int_record_aliases

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

-- What the CRMs remember of addresses that were changed, and what earlier snapshots said.
changed_emails as (

    select
        record_key('hubspot', 'contacts', contact_id) as record_key,
        email_key(value) as email_key
    from stg_hubspot__contact_history
    where property = 'email'
    union all
    select
        record_key('salesforce', 'Lead', lead_id) as record_key,
        email_key(old_value) as email_key
    from stg_salesforce__lead_history
    where field = 'Email'
    union all
    select
        record_key('salesforce', 'Contact', contact_id) as record_key,
        email_key(old_value) as email_key
    from stg_salesforce__contact_history
    where field = 'Email'
    union all
    select record_key, email_key from state.person_emails

),

-- A merged record's addresses are its survivor's; one that is gone has none any more.
former_emails as (

    select
        records.record_key,
        changed_emails.email_key,
        'former_email' as email_kind
    from changed_emails
    left join aliases
        on changed_emails.record_key = aliases.former_key
    inner join records
        on coalesce(aliases.record_key, changed_emails.record_key) = records.record_key

),

all_emails as (

    select * from current_emails
    union all
    select * from additional_emails
    union all
    select * from former_emails

),

emails as (

    select
        record_key,
        email_key,
        split_part(record_key, ':', 1) as source_system,
        case
            when max(case when email_kind = 'email' then 1 else 0 end) = 1 then 'email'
            else min(email_kind)
        end as email_kind
    from all_emails
    where email_key is not null
    group by record_key, email_key

),

-- Whose an address is today.
holders as (

    select
        source_system,
        email_key,
        min(record_key) as first_holder
    from emails
    where email_kind <> 'former_email'
    group by source_system, email_key

),

final as (

    select
        emails.record_key,
        emails.email_key,
        emails.email_kind,
        -- An address that went to another record of the same CRM says little about whoever had it before.
        emails.email_kind = 'former_email' and holders.first_holder is not null as has_moved_on,
        count(*) over (partition by emails.email_key) as n_holders
    from emails
    left join holders
        on emails.source_system = holders.source_system and emails.email_key = holders.email_key

)

select * from final
