-- int_person_records: every record of a person in either CRM, with its match keys and its claim to be primary.
-- grain: one row per record_key
with contacts as (

    select * from stg_hubspot__contacts

),

leads as (

    select * from stg_salesforce__leads

),

salesforce_contacts as (

    select * from stg_salesforce__contacts

),

contacts_born_of_conversion as (

    select distinct converted_contact_id as contact_id
    from leads
    where is_converted and converted_contact_id is not null

),

hubspot_records as (

    select
        record_key('hubspot', 'contacts', contact_id) as record_key,
        'hubspot' as source_system,
        'contacts' as source_object,
        contact_id as source_id,
        email_key(email) as email_key,
        phone_key(phone, {{ project.phone_region | quote }}) as phone_key,
        person_name_key(first_name, last_name) as name_key,
        first_name,
        last_name,
        trim(concat_ws(' ', first_name, last_name)) as display_name,
        not is_archived as is_live,
        not is_archived as is_candidate,
        1 as primary_rank,
        became_mql_at as primary_at,
        created_at,
        modified_at
    from contacts

),

lead_records as (

    select
        record_key('salesforce', 'Lead', lead_id) as record_key,
        'salesforce' as source_system,
        'Lead' as source_object,
        lead_id as source_id,
        email_key(email) as email_key,
        phone_key(phone, {{ project.phone_region | quote }}) as phone_key,
        person_name_key(first_name, last_name) as name_key,
        first_name,
        last_name,
        trim(concat_ws(' ', first_name, last_name)) as display_name,
        not is_deleted as is_live,
        not is_deleted and not is_converted as is_candidate,
        3 as primary_rank,
        -- A change by a program is no activity.
        cast(last_activity_date as timestamp) as primary_at,
        created_at,
        modified_at
    from leads

),

contact_records as (

    select
        record_key('salesforce', 'Contact', salesforce_contacts.contact_id) as record_key,
        'salesforce' as source_system,
        'Contact' as source_object,
        salesforce_contacts.contact_id as source_id,
        email_key(salesforce_contacts.email) as email_key,
        phone_key(salesforce_contacts.phone, {{ project.phone_region | quote }}) as phone_key,
        person_name_key(salesforce_contacts.first_name, salesforce_contacts.last_name) as name_key,
        salesforce_contacts.first_name,
        salesforce_contacts.last_name,
        trim(concat_ws(' ', salesforce_contacts.first_name, salesforce_contacts.last_name)) as display_name,
        not salesforce_contacts.is_deleted as is_live,
        not salesforce_contacts.is_deleted as is_candidate,
        case when contacts_born_of_conversion.contact_id is not null then 1 else 2 end as primary_rank,
        cast(null as timestamp) as primary_at,
        salesforce_contacts.created_at,
        salesforce_contacts.modified_at
    from salesforce_contacts
    left join contacts_born_of_conversion
        on salesforce_contacts.contact_id = contacts_born_of_conversion.contact_id

),

final as (

    select * from hubspot_records
    union all
    select * from lead_records
    union all
    select * from contact_records

)

select * from final
