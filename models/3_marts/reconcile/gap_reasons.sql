-- gap_reasons: the one primary reason of every person on one side only and of every extra row.
-- The first test that holds in the published order wins; the others stay as contributing.
-- grain: one row per row_key
with tests as (

    select * from gap_tests

),

counted_rows as (

    select * from gap_counted_rows

),

people as (

    select * from gap_people

),

reason_codes as (

    select
        code,
        "group",
        cast(decision_order as bigint) as decision_order,
        title,
        fix,
        fix_by
    from seeds.reason_codes

),

rows_to_explain as (

    select
        counted_rows.golden_id,
        counted_rows.row_key,
        case
            when counted_rows.person_row > 1 and counted_rows.side = 'marketing' then 'extra_marketing'
            when counted_rows.person_row > 1 then 'extra_sales'
            when counted_rows.side = 'marketing' then 'exit'
            else 'entry'
        end as side,
        counted_rows.source_system,
        counted_rows.source_object,
        counted_rows.record_id,
        counted_rows.event_at
    from counted_rows
    inner join people
        on counted_rows.golden_id = people.golden_id
    where counted_rows.person_row > 1
        or people.side <> 'both'

),

tests_in_order as (

    select
        tests.*,
        reason_codes.decision_order,
        row_number() over (
            partition by tests.row_key
            order by tests.may_be_primary desc, reason_codes.decision_order, tests.code
        ) as test_order
    from tests
    inner join reason_codes
        on tests.code = reason_codes.code

),

primary_tests as (

    select * from tests_in_order
    where test_order = 1
        and may_be_primary

),

other_tests as (

    select
        tests_in_order.row_key,
        string_agg(tests_in_order.code, ';' order by tests_in_order.decision_order) as contributing
    from tests_in_order
    left join primary_tests
        on tests_in_order.row_key = primary_tests.row_key
        and tests_in_order.code = primary_tests.code
    where primary_tests.code is null
    group by tests_in_order.row_key

),

decided as (

    select
        rows_to_explain.*,
        coalesce(primary_tests.code, case when rows_to_explain.side = 'entry' then 'XZ' else 'Z3' end) as code,
        primary_tests.grade,
        coalesce(primary_tests.sentence, 'No test holds; look at the records') as sentence,
        coalesce(primary_tests.evidence, concat(rows_to_explain.source_system, '.', rows_to_explain.source_object, '/', rows_to_explain.record_id)) as evidence,
        other_tests.contributing
    from rows_to_explain
    left join primary_tests
        on rows_to_explain.row_key = primary_tests.row_key
    left join other_tests
        on rows_to_explain.row_key = other_tests.row_key

),

-- What the next plan does for a person, as far as it can mend a reason.
planned as (

    select
        golden_id,
        max(case when operation = 'create' and target_system = 'salesforce' then 1 else 0 end) = 1 as has_create,
        max(case when field = '(link)' then 1 else 0 end) = 1 as has_link,
        max(case when operation = 'update' and target_system = 'salesforce' and field <> '(link)' then 1 else 0 end) = 1 as has_values
    from sync_changes
    where status = 'action'
    group by golden_id

),

final as (

    select
        decided.golden_id,
        decided.row_key,
        decided.source_system,
        decided.source_object,
        decided.record_id,
        decided.side,
        decided.code,
        reason_codes.title,
        decided.grade,
        decided.sentence,
        decided.evidence,
        decided.contributing,
        reason_codes.fix,
        reason_codes.fix_by,
        coalesce(
            case reason_codes."group"
                when 'T' then planned.has_create
                when 'L' then planned.has_link
                when 'F' then planned.has_values
            end,
            false
        ) as has_fix_in_plan,
        decided.event_at
    from decided
    left join reason_codes
        on decided.code = reason_codes.code
    left join planned
        on decided.golden_id = planned.golden_id

)

select * from final
