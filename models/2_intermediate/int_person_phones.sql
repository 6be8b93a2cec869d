-- int_person_phones: every phone number of a person's record, usable as a match key.
-- grain: one row per record_key, phone_key
-- A number that people of several names have is a switchboard's or a family's.
with records as (

    select * from int_person_records

),

phones as (

    select record_key, name_key, phone_key from records
    union
    select
        records.record_key,
        records.name_key,
        phone_key(leads.mobile_phone, {{ project.phone_region | quote }}) as phone_key
    from stg_salesforce__leads as leads
    inner join records
        on record_key('salesforce', 'Lead', leads.lead_id) = records.record_key
    where leads.mobile_phone is not null
    union
    select
        records.record_key,
        records.name_key,
        phone_key(salesforce_contacts.mobile_phone, {{ project.phone_region | quote }}) as phone_key
    from stg_salesforce__contacts as salesforce_contacts
    inner join records
        on record_key('salesforce', 'Contact', salesforce_contacts.contact_id) = records.record_key
    where salesforce_contacts.mobile_phone is not null

),

names_counted as (

    select
        phone_key,
        count(distinct name_key) as n_names
    from phones
    where phone_key is not null
    group by phone_key

),

final as (

    select
        phones.record_key,
        phones.phone_key,
        names_counted.n_names
    from phones
    inner join names_counted
        on phones.phone_key = names_counted.phone_key

)

select * from final
