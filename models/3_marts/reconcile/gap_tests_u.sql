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

merged_contacts as (

    select distinct contact_id
    from stored_ids
    where is_merged

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
    left join merged_contacts
        on extra_rows.record_id = merged_contacts.contact_id
    left join merged_contacts as counting_merged_contacts
        on counting_rows.record_id = counting_merged_contacts.contact_id
    where extra_rows.side = 'marketing'
        and extra_rows.record_row = 1
        and (merged_contacts.contact_id is not null or counting_merged_contacts.contact_id is not null)

),

several_contacts as (

    select
        extra_rows.golden_id, 'extra_marketing' as side, extra_rows.row_key, 'U1' as code,
        case
            when strpos(concat(';', replace(counting_contacts.additional_emails, ' ', ''), ';'), concat(';', extra_contacts.email, ';')) > 0 then 'A'
            when extra_contacts.email = counting_contacts.email then 'A'
            else 'B'
        end as grade,
        concat('Contact ', extra_rows.record_id, ' is the same person as contact ', counting_rows.record_id, ', which is counted already') as sentence,
        concat('hubspot.contacts/', extra_rows.record_id, ';hubspot.contacts/', counting_rows.record_id) as evidence
    from extra_rows
    inner join counting_rows
        on extra_rows.golden_id = counting_rows.golden_id
        and extra_rows.side = counting_rows.side
    left join hubspot_people as extra_contacts
        on extra_rows.record_id = extra_contacts.contact_id
    left join hubspot_people as counting_contacts
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
