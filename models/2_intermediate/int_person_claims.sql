-- int_person_claims: which Salesforce record each HubSpot contact says that it is.
-- grain: one row per contact_key, salesforce_key
-- A claim is evidence where `int_person_edges` believes it.
with contacts as (

    select * from stg_hubspot__contacts

),

records as (

    select * from int_person_records

),

stored_ids as (

    select contact_id, salesforce_record_id as salesforce_id from contacts where salesforce_record_id is not null
    union
    select contact_id, salesforce_lead_id as salesforce_id from contacts where salesforce_lead_id is not null
    union
    select contact_id, salesforce_contact_id as salesforce_id from contacts where salesforce_contact_id is not null

),

claims as (

    select
        contact_records.record_key as contact_key,
        salesforce_records.record_key as salesforce_key,
        stored_ids.contact_id,
        stored_ids.salesforce_id,
        (contact_records.email_key = salesforce_records.email_key)
        or (contact_records.name_key = salesforce_records.name_key) as is_borne_out
    from stored_ids
    inner join records as contact_records
        on record_key('hubspot', 'contacts', stored_ids.contact_id) = contact_records.record_key
    inner join records as salesforce_records
        on stored_ids.salesforce_id = salesforce_records.source_id and salesforce_records.source_system = 'salesforce'

),

final as (

    select
        contact_key,
        salesforce_key,
        contact_id,
        salesforce_id,
        coalesce(is_borne_out, false) as is_borne_out,
        count(*) over (partition by salesforce_key) as n_claims
    from claims

)

select * from final
