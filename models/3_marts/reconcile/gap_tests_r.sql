-- gap_tests_r: people whose Salesforce records are all gone, by deletion, merge or purge.
-- A merge whose survivor is live explains nothing by itself: it is kept as contributing.
-- grain: one row per row_key, code
with exits as (

    select * from gap_exits

),

salesforce_people as (

    select * from int_gap_salesforce_people

),

stored_ids as (

    select * from int_gap_stored_ids
    where not is_archived

),

held_back_records as (

    select * from held_back
    where object in ('Lead', 'Contact')

),

survivors as (

    select
        salesforce_id,
        golden_id,
        is_live
    from salesforce_people

),

removed_records as (

    select
        exits.golden_id,
        exits.row_key,
        exits.evidence,
        exits.n_live_records,
        salesforce_people.salesforce_object,
        salesforce_people.salesforce_id,
        salesforce_people.master_record_id,
        coalesce(survivors.is_live, false) as has_live_survivor,
        survivors.golden_id as survivor_golden_id
    from exits
    inner join salesforce_people
        on exits.golden_id = salesforce_people.golden_id
    left join survivors
        on salesforce_people.master_record_id = survivors.salesforce_id
    where salesforce_people.is_deleted

),

live_converted_counts as (

    select
        golden_id,
        count(*) as n_converted_leads
    from salesforce_people
    where is_converted
        and not is_deleted
        and golden_id is not null
    group by golden_id

),

deleted as (

    select
        removed_records.golden_id, removed_records.row_key, 'R1' as code, 'A' as grade, true as may_be_primary,
        concat('Salesforce ', min(removed_records.salesforce_object), ' ', min(removed_records.salesforce_id), ' was deleted and lies in the recycle bin') as sentence,
        concat(min(removed_records.evidence), ';salesforce.', min(removed_records.salesforce_object), '/', min(removed_records.salesforce_id)) as evidence
    from removed_records
    left join live_converted_counts
        on removed_records.golden_id = live_converted_counts.golden_id
    where removed_records.n_live_records = 0
        and removed_records.master_record_id is null
        and live_converted_counts.golden_id is null
    group by removed_records.golden_id, removed_records.row_key

),

merged_records as (

    select
        *,
        concat(evidence, ';salesforce.', salesforce_object, '/', salesforce_id, ';salesforce.', salesforce_object, '/', master_record_id) as merge_evidence
    from removed_records
    where master_record_id is not null

),

merged as (

    select
        golden_id, row_key, 'R2' as code, 'A' as grade,
        min(n_live_records) = 0 and not bool_or(has_live_survivor) as may_be_primary,
        first_value(concat('Salesforce ', salesforce_object, ' ', salesforce_id, ' was merged into ', master_record_id) order by salesforce_id) as sentence,
        first_value(merge_evidence order by salesforce_id) as evidence
    from merged_records
    group by golden_id, row_key

),

merged_with_another_person as (

    select
        golden_id, row_key, 'U4' as code, 'A' as grade, true as may_be_primary,
        first_value(concat('Salesforce merged ', salesforce_id, ' into ', master_record_id, ', which is another person in HubSpot') order by salesforce_id) as sentence,
        first_value(merge_evidence order by salesforce_id) as evidence
    from merged_records
    where has_live_survivor
        and n_live_records = 0
        and (survivor_golden_id is distinct from golden_id)
    group by golden_id, row_key

),

purged as (

    select
        exits.golden_id, exits.row_key, 'R3' as code, 'B' as grade, true as may_be_primary,
        concat('The contact is linked to ', min(stored_ids.stored_id), ', which Salesforce no longer knows, not even in its recycle bin') as sentence,
        min(exits.evidence) as evidence
    from exits
    inner join stored_ids
        on exits.contact_id = stored_ids.contact_id
    where exits.n_salesforce_records = 0
        and not stored_ids.is_found
    group by exits.golden_id, exits.row_key

),

-- What an earlier snapshot knew and this one does not is held back from being created again.
vanished as (

    select
        exits.golden_id, exits.row_key, 'R3' as code, 'A' as grade, true as may_be_primary,
        concat('Salesforce had ', min(held_back_records.value), ' in an earlier snapshot and no longer knows it') as sentence,
        min(exits.evidence) as evidence
    from exits
    inner join held_back_records
        on exits.golden_id = held_back_records.golden_id
    where exits.has_never_arrived
        and held_back_records.reason_code = 'deleted_there'
    group by exits.golden_id, exits.row_key

),

tests as (

    select * from deleted
    union all
    select * from merged
    union all
    select * from merged_with_another_person
    union all
    select * from purged
    union all
    select * from vanished

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
        may_be_primary
    from tests

)

select * from final
