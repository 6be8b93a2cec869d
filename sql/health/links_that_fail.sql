-- Which HubSpot contacts point at a Salesforce record that is gone? Asked by the CRM admin.
-- grain: one row per fault
select
    contacts.golden_id,
    contacts.source_id as hubspot_contact_id,
    others.source_object as salesforce_object,
    others.source_id as salesforce_id,
    'points at a deleted record' as fault
from int_edges
inner join crosswalk as contacts
    on int_edges.left_key = contacts.record_key
inner join crosswalk as others
    on int_edges.right_key = others.record_key
where
    int_edges.entity = 'person'
    and int_edges.rule = 'link_in_hubspot'
    and contacts.is_live
    and not others.is_live
order by contacts.source_id, others.source_id
