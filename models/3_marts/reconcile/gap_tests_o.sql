-- gap_tests_o: people whose Salesforce record is outside the objects that Sales counts.
-- grain: one row per row_key, code
with exits as (

    select * from gap_exits
    where n_live_leads = 0

),

salesforce_people as (

    select * from int_gap_salesforce_people

),

converted_leads as (

    select
        exits.golden_id,
        exits.row_key,
        exits.event_at,
        exits.as_of_at,
        local_date(exits.event_at, exits.sales_zone) as sales_event_date,
        local_date(exits.as_of_at, exits.sales_zone) as sales_as_of_date,
        salesforce_people.salesforce_id,
        salesforce_people.converted_date,
        concat(exits.evidence, ';salesforce.Lead/', salesforce_people.salesforce_id) as evidence
    from exits
    inner join salesforce_people
        on exits.golden_id = salesforce_people.golden_id
    where salesforce_people.is_converted
        and not salesforce_people.is_deleted

),

converted_before as (

    select
        golden_id, row_key, 'O2' as code, 'A' as grade,
        concat(
            'Lead ', first_value(salesforce_id order by converted_date desc nulls last, salesforce_id),
            ' was converted on ', to_char(max(converted_date), '%Y-%m-%d'), ', before this MQL'
        ) as sentence,
        first_value(evidence order by converted_date desc nulls last, salesforce_id) as evidence
    from converted_leads
    group by golden_id, row_key
    having max(converted_date) < min(sales_event_date)

),

converted_since as (

    select
        golden_id, row_key, 'O3' as code, 'A' as grade,
        concat(
            'Lead ', first_value(salesforce_id order by converted_date, salesforce_id),
            ' was converted on ', to_char(min(converted_date), '%Y-%m-%d'), ', and the report drops converted leads'
        ) as sentence,
        first_value(evidence order by converted_date, salesforce_id) as evidence
    from converted_leads
    where converted_date >= sales_event_date
        and converted_date <= sales_as_of_date
    group by golden_id, row_key

),

is_a_contact as (

    select
        exits.golden_id, exits.row_key, 'O1' as code, 'A' as grade,
        concat('The person is Contact ', min(salesforce_people.salesforce_id), ' in Salesforce, and the report counts leads') as sentence,
        concat(min(exits.evidence), ';salesforce.Contact/', min(salesforce_people.salesforce_id)) as evidence
    from exits
    inner join salesforce_people
        on exits.golden_id = salesforce_people.golden_id
    where salesforce_people.salesforce_object = 'Contact'
        and salesforce_people.is_linked
    group by exits.golden_id, exits.row_key

),

tests as (

    select * from converted_before
    union all
    select * from converted_since
    union all
    select * from is_a_contact

),

final as (

    select
        golden_id,
        'exit' as side,
        row_key,
        code,
        grade,
        sentence,
        evidence,
        true as may_be_primary
    from tests

)

select * from final
