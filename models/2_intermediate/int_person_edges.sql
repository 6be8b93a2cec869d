-- int_person_edges: evidence that two records are one person, each edge with the rule that made it.
-- grain: one row per left_key, right_key, rule
-- A shared key links every holder to the holder with the smallest record_key, so that the number of
-- edges grows with the records and not with their pairs.
with contacts as (

    select * from stg_hubspot__contacts

),

leads as (

    select * from stg_salesforce__leads

),

records as (

    select * from int_person_records

),

emails as (

    select * from int_person_emails

),

salesforce_records as (

    select * from records where source_system = 'salesforce'

),

stored_hubspot_ids as (

    select lead_id as salesforce_id, hubspot_id from leads where hubspot_id is not null
    union all
    select contact_id as salesforce_id, hubspot_id from stg_salesforce__contacts where hubspot_id is not null

),

-- Merging makes a new id; whoever still stores an old one means the survivor.
hubspot_ids as (

    select contact_id, contact_id as known_as from contacts
    union all
    select contact_id, trim(unnest(string_to_array(merged_contact_ids, ';'))) as known_as
    from contacts
    where merged_contact_ids is not null

),

ids_stored_in_hubspot as (

    select contact_id, salesforce_record_id as salesforce_id from contacts where salesforce_record_id is not null
    union
    select contact_id, salesforce_lead_id as salesforce_id from contacts where salesforce_lead_id is not null
    union
    select contact_id, salesforce_contact_id as salesforce_id from contacts where salesforce_contact_id is not null

),

-- A stored id is believed unless the record it names stores another contact and shares no address:
-- two contacts that claim one record are a fault to list, not one person.
links_stored_in_hubspot as (

    select
        record_key('hubspot', 'contacts', ids_stored_in_hubspot.contact_id) as left_key,
        salesforce_records.record_key as right_key,
        'link_in_hubspot' as rule,
        ids_stored_in_hubspot.salesforce_id as evidence
    from ids_stored_in_hubspot
    inner join salesforce_records
        on ids_stored_in_hubspot.salesforce_id = salesforce_records.source_id
    left join stored_hubspot_ids
        on salesforce_records.source_id = stored_hubspot_ids.salesforce_id
    left join hubspot_ids
        on
            stored_hubspot_ids.hubspot_id = hubspot_ids.known_as
            and ids_stored_in_hubspot.contact_id = hubspot_ids.contact_id
    where stored_hubspot_ids.hubspot_id is null or hubspot_ids.contact_id is not null

),

links_stored_in_salesforce as (

    select
        record_key('hubspot', 'contacts', hubspot_ids.contact_id) as left_key,
        salesforce_records.record_key as right_key,
        'link_in_salesforce' as rule,
        stored_hubspot_ids.hubspot_id as evidence
    from stored_hubspot_ids
    inner join hubspot_ids
        on stored_hubspot_ids.hubspot_id = hubspot_ids.known_as
    inner join salesforce_records
        on stored_hubspot_ids.salesforce_id = salesforce_records.source_id

),

conversions as (

    select
        record_key('salesforce', 'Lead', leads.lead_id) as left_key,
        record_key('salesforce', 'Contact', leads.converted_contact_id) as right_key,
        'conversion' as rule,
        leads.converted_contact_id as evidence
    from leads
    inner join stg_salesforce__contacts
        on leads.converted_contact_id = stg_salesforce__contacts.contact_id

),

merges as (

    select
        record_key('salesforce', 'Lead', losers.lead_id) as left_key,
        record_key('salesforce', 'Lead', losers.master_record_id) as right_key,
        'merge_in_salesforce' as rule,
        losers.master_record_id as evidence
    from leads as losers
    inner join leads as masters
        on losers.master_record_id = masters.lead_id
    union all
    select
        record_key('salesforce', 'Contact', losers.contact_id) as left_key,
        record_key('salesforce', 'Contact', losers.master_record_id) as right_key,
        'merge_in_salesforce' as rule,
        losers.master_record_id as evidence
    from stg_salesforce__contacts as losers
    inner join stg_salesforce__contacts as masters
        on losers.master_record_id = masters.contact_id

),

emails_with_first_holder as (

    select
        *,
        first_value(record_key) over (partition by email_key order by record_key) as right_key,
        first_value(email_kind) over (partition by email_key order by record_key) as right_kind
    from emails

),

shared_emails as (

    select
        record_key as left_key,
        right_key,
        -- An edge is as strong as the weaker of its two ends.
        concat('same_', case when email_kind = 'email' then right_kind else email_kind end) as rule,
        email_key as evidence
    from emails_with_first_holder

),

-- Two signals that agree: a full name and a phone number.
shared_names_and_phones as (

    select
        record_key as left_key,
        min(record_key) over (partition by name_key, phone_key) as right_key,
        'same_name_and_phone' as rule,
        concat(name_key, ' ', phone_key) as evidence
    from records
    where name_key is not null and phone_key is not null

),

all_edges as (

    select * from links_stored_in_hubspot
    union all
    select * from links_stored_in_salesforce
    union all
    select * from conversions
    union all
    select * from merges
    union all
    select * from shared_emails
    union all
    select * from shared_names_and_phones

),

final as (

    select
        'person' as entity,
        left_key,
        right_key,
        rule,
        min(evidence) as evidence
    from all_edges
    where left_key <> right_key
    group by left_key, right_key, rule

)

select * from final
