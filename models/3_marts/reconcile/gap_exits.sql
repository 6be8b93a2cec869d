-- gap_exits: people whom only Marketing counts, with the facts that the reasons are decided on.
-- reference_lead_id is the live lead to ask about: a linked one first, then the latest MQL date.
-- grain: one row per golden_id
with people as (

    select * from gap_people
    where side = 'marketing'

),

counted_rows as (

    select * from gap_counted_rows

),

contacts as (

    select * from stg_hubspot__contacts

),

salesforce_people as (

    select * from int_gap_salesforce_people

),

stored_ids as (

    select * from int_gap_stored_ids

),

links as (

    select * from person_links

),

records_by_person as (

    select
        golden_id,
        count(*) as n_salesforce_records,
        count(*) filter (where is_live) as n_live_records,
        count(*) filter (where is_live and salesforce_object = 'Lead') as n_live_leads,
        count(*) filter (where is_live and salesforce_object = 'Contact') as n_live_contacts
    from salesforce_people
    where golden_id is not null
    group by golden_id

),

-- Whether a link is lost is asked of the counted contact; another contact's link is no answer.
linked_records_by_contact as (

    select
        links.hubspot_contact_id as contact_id,
        count(*) as n_linked_records
    from links
    inner join salesforce_people
        on links.salesforce_id = salesforce_people.salesforce_id
    where salesforce_people.is_live
    group by links.hubspot_contact_id

),

stored_ids_by_person as (

    select
        golden_id,
        count(*) as n_stored_ids
    from stored_ids
    where not is_archived
    group by golden_id

),

live_leads_ranked as (

    select
        golden_id,
        salesforce_id,
        row_number() over (
            partition by golden_id
            order by is_linked desc, mql_at desc nulls last, salesforce_id
        ) as lead_rank
    from salesforce_people
    where is_live
        and salesforce_object = 'Lead'
        and golden_id is not null

),

run as (

    select * from project.run

),

period as (

    select * from project.period

),

claim_zones as (

    select
        max(time_zone) filter (where claim = 'marketing') as marketing_zone,
        max(time_zone) filter (where claim = 'sales') as sales_zone
    from project.claims
    where metric = 'mql'

),

final as (

    select
        people.golden_id,
        people.marketing_row_key as row_key,
        counted_rows.record_id as contact_id,
        live_leads_ranked.salesforce_id as reference_lead_id,
        contacts.email,
        split_part(contacts.email, '@', 1) as email_local_part,
        split_part(contacts.email, '@', 2) as email_domain,
        contacts.additional_emails,
        contacts.first_name,
        contacts.last_name,
        contacts.phone,
        contacts.company_name,
        concat('hubspot.contacts/', counted_rows.record_id) as evidence,
        claim_zones.marketing_zone,
        claim_zones.sales_zone,
        contacts.lead_score,
        coalesce(records_by_person.n_salesforce_records, 0) as n_salesforce_records,
        coalesce(records_by_person.n_live_records, 0) as n_live_records,
        coalesce(linked_records_by_contact.n_linked_records, 0) as n_linked_records,
        coalesce(records_by_person.n_live_leads, 0) as n_live_leads,
        coalesce(records_by_person.n_live_contacts, 0) as n_live_contacts,
        coalesce(stored_ids_by_person.n_stored_ids, 0) as n_stored_ids,
        contacts.is_opted_out,
        coalesce(records_by_person.n_salesforce_records, 0) = 0
            and coalesce(stored_ids_by_person.n_stored_ids, 0) = 0 as has_never_arrived,
        period.start_date,
        period.end_date,
        counted_rows.event_date,
        counted_rows.event_at,
        contacts.last_synced_at,
        run.as_of_at
    from people
    inner join counted_rows
        on people.marketing_row_key = counted_rows.row_key
    left join contacts
        on counted_rows.record_id = contacts.contact_id
    left join records_by_person
        on people.golden_id = records_by_person.golden_id
    left join linked_records_by_contact
        on counted_rows.record_id = linked_records_by_contact.contact_id
    left join stored_ids_by_person
        on people.golden_id = stored_ids_by_person.golden_id
    left join live_leads_ranked
        on people.golden_id = live_leads_ranked.golden_id
        and live_leads_ranked.lead_rank = 1
    cross join run
    cross join period
    cross join claim_zones

)

select * from final
