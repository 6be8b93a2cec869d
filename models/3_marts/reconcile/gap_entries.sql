-- gap_entries: people whom only Sales counts, with the facts that the reasons are decided on.
-- grain: one row per golden_id
with people as (

    select * from gap_people
    where side = 'sales'

),

counted_rows as (

    select * from gap_counted_rows

),

salesforce_people as (

    select * from int_gap_salesforce_people

),

hubspot_people as (

    select * from int_gap_hubspot_people

),

contacts_by_person as (

    select
        golden_id,
        count(*) filter (where not is_archived) as n_live_contacts,
        count(*) filter (where is_archived) as n_archived_contacts
    from hubspot_people
    where golden_id is not null
    group by golden_id

),

links as (

    select * from person_links

),

live_links_by_person as (

    select
        links.golden_id,
        count(*) as n_live_links
    from links
    inner join hubspot_people
        on links.hubspot_contact_id = hubspot_people.contact_id
    where not hubspot_people.is_archived
    group by links.golden_id

),

live_contacts_ranked as (

    select
        hubspot_people.golden_id,
        hubspot_people.contact_id,
        row_number() over (
            partition by hubspot_people.golden_id
            order by links.hubspot_contact_id is not null desc, hubspot_people.latest_mql_at desc nulls last, hubspot_people.contact_id
        ) as contact_rank
    from hubspot_people
    left join (select distinct golden_id, hubspot_contact_id from links) as links
        on hubspot_people.contact_id = links.hubspot_contact_id
        and hubspot_people.golden_id = links.golden_id
    where not hubspot_people.is_archived
        and hubspot_people.golden_id is not null

),

period as (

    select * from project.period

),

claim_zones as (

    select
        max(time_zone) filter (where claim = 'marketing') as marketing_zone
    from project.claims
    where metric = 'mql'

),

final as (

    select
        people.golden_id,
        people.sales_row_key as row_key,
        counted_rows.record_id as salesforce_id,
        live_contacts_ranked.contact_id as reference_contact_id,
        salesforce_people.hubspot_id,
        salesforce_people.created_by_id,
        salesforce_people.email,
        split_part(salesforce_people.email, '@', 1) as email_local_part,
        split_part(salesforce_people.email, '@', 2) as email_domain,
        salesforce_people.first_name,
        salesforce_people.lead_source,
        concat('salesforce.', counted_rows.source_object, '/', counted_rows.record_id) as evidence,
        claim_zones.marketing_zone,
        coalesce(contacts_by_person.n_live_contacts, 0) as n_live_contacts,
        coalesce(contacts_by_person.n_archived_contacts, 0) as n_archived_contacts,
        coalesce(live_links_by_person.n_live_links, 0) as n_live_links,
        salesforce_people.is_opted_out,
        period.start_date,
        period.end_date,
        counted_rows.event_date,
        counted_rows.event_at,
        salesforce_people.created_at
    from people
    inner join counted_rows
        on people.sales_row_key = counted_rows.row_key
    left join salesforce_people
        on counted_rows.record_id = salesforce_people.salesforce_id
    left join contacts_by_person
        on people.golden_id = contacts_by_person.golden_id
    left join live_links_by_person
        on people.golden_id = live_links_by_person.golden_id
    left join live_contacts_ranked
        on people.golden_id = live_contacts_ranked.golden_id
        and live_contacts_ranked.contact_rank = 1
    cross join period
    cross join claim_zones

)

select * from final
