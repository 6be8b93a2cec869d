-- gap_tests_u: unit of count. One row per extra row of a person that a side counts more than once.
-- grain: one row per row_key, code
with counted_rows as (

    select * from gap_counted_rows

),

hubspot_people as (

    select * from int_gap_hubspot_people

),

stored_ids as (

    select * from int_gap_stored_ids

),

extra_rows as (

    select * from counted_rows
    where person_row > 1

),

counting_rows as (

    select * from counted_rows
    where person_row = 1

),

-- Where each id that a contact carries leads to, a merge followed.
resolved_ids as (

    select
        contact_id,
        stored_id,
        coalesce(survivor_id, salesforce_id) as resolved_id
    from stored_ids

),

-- One id on two contacts is no merge; two ids that meet in one record are.
contacts_merged_in_salesforce as (

    select distinct
        resolved_ids.contact_id,
        other_resolved_ids.contact_id as other_contact_id
    from resolved_ids
    inner join resolved_ids as other_resolved_ids
        on resolved_ids.resolved_id = other_resolved_ids.resolved_id
        and resolved_ids.stored_id <> other_resolved_ids.stored_id

),

emails_by_contact as (

    select
        contact_id,
        string_to_array(nullif(concat_ws(';', email, replace(additional_emails, ' ', '')), ''), ';') as emails
    from hubspot_people

),

several_entries as (

    select
        golden_id, 'extra_marketing' as side, row_key, 'U3' as code, 'A' as grade,
        'The contact entered MQL more than once in the period and is counted for each entry' as sentence,
        concat('hubspot.contacts/', record_id) as evidence
    from extra_rows
    where side = 'marketing'
        and record_row > 1

),

merged_in_salesforce as (

    select
        extra_rows.golden_id, 'extra_marketing' as side, extra_rows.row_key, 'U4' as code, 'A' as grade,
        'Salesforce merged the records of two contacts that HubSpot keeps apart' as sentence,
        concat('hubspot.contacts/', extra_rows.record_id, ';hubspot.contacts/', counting_rows.record_id) as evidence
    from extra_rows
    inner join counting_rows
        on extra_rows.golden_id = counting_rows.golden_id
        and extra_rows.side = counting_rows.side
    inner join contacts_merged_in_salesforce
        on extra_rows.record_id = contacts_merged_in_salesforce.contact_id
        and counting_rows.record_id = contacts_merged_in_salesforce.other_contact_id
    where extra_rows.side = 'marketing'
        and extra_rows.record_row = 1

),

several_contacts as (

    select
        extra_rows.golden_id, 'extra_marketing' as side, extra_rows.row_key, 'U1' as code,
        case when array_has_any(extra_contacts.emails, counting_contacts.emails) then 'A' else 'B' end as grade,
        concat('Contact ', extra_rows.record_id, ' is the same person as contact ', counting_rows.record_id, ', which is counted already') as sentence,
        concat('hubspot.contacts/', extra_rows.record_id, ';hubspot.contacts/', counting_rows.record_id) as evidence
    from extra_rows
    inner join counting_rows
        on extra_rows.golden_id = counting_rows.golden_id
        and extra_rows.side = counting_rows.side
    left join emails_by_contact as extra_contacts
        on extra_rows.record_id = extra_contacts.contact_id
    left join emails_by_contact as counting_contacts
        on counting_rows.record_id = counting_contacts.contact_id
    where extra_rows.side = 'marketing'
        and extra_rows.record_row = 1

),

several_salesforce_records as (

    select
        extra_rows.golden_id, 'extra_sales' as side, extra_rows.row_key, 'XU' as code, 'A' as grade,
        concat(extra_rows.source_object, ' ', extra_rows.record_id, ' is the same person as ', counting_rows.source_object, ' ', counting_rows.record_id, ', which is counted already') as sentence,
        concat('salesforce.', extra_rows.source_object, '/', extra_rows.record_id, ';salesforce.', counting_rows.source_object, '/', counting_rows.record_id) as evidence
    from extra_rows
    inner join counting_rows
        on extra_rows.golden_id = counting_rows.golden_id
        and extra_rows.side = counting_rows.side
    where extra_rows.side = 'sales'

),

tests as (

    select * from several_entries
    union all
    select * from merged_in_salesforce
    union all
    select * from several_contacts
    union all
    select * from several_salesforce_records

),

final as (

    select
        *,
        true as may_be_primary
    from tests

)

select * from final
