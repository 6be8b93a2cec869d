-- person_links: which HubSpot contact and live Salesforce record hold each other's id and are one person.
-- grain: one row per hubspot_contact_id, salesforce_id
-- A stored id that points nowhere, or at a deleted record, is no link.
with edges as (

    select *
    from int_edges
    where entity = 'person' and rule in ('link_in_hubspot', 'link_in_salesforce')

),

crosswalk as (

    select * from crosswalk

),

final as (

    select
        contacts.golden_id,
        contacts.source_id as hubspot_contact_id,
        others.source_object as salesforce_object,
        others.source_id as salesforce_id,
        min(edges.rule) as link_rule
    from edges
    inner join crosswalk as contacts
        on edges.left_key = contacts.record_key
    inner join crosswalk as others
        on edges.right_key = others.record_key
    where others.is_live
    group by contacts.golden_id, contacts.source_id, others.source_object, others.source_id

)

select * from final
