-- gap_bridge: from Marketing's number to Sales', step by step, for everyone and for each group.
-- Each claim keeps its own group value: a person counted by both in different groups leaves one
-- group by G and enters the other by XG. `running` must arrive at the end step in every group.
-- grain: one row per group_kind, group_value, step_order
with counted_rows as (

    select * from gap_counted_rows

),

people as (

    select * from gap_people

),

reasons as (

    select * from gap_reasons

),

reason_codes as (

    select
        code,
        cast(decision_order as bigint) as decision_order,
        title
    from seeds.reason_codes

),

claims as (

    select * from project.claims

),

period as (

    select * from project.period

),

row_groups as (

    select row_key, golden_id, side, person_row, 'all' as group_kind, 'all' as group_value from counted_rows
    union all
    select row_key, golden_id, side, person_row, 'source' as group_kind, source_group as group_value from counted_rows
    union all
    select row_key, golden_id, side, person_row, 'owner' as group_kind, owner_group as group_value from counted_rows
    union all
    select row_key, golden_id, side, person_row, 'week' as group_kind, week_group as group_value from counted_rows

),

-- A period in which nobody is counted still has a bridge, from zero to zero.
group_values as (

    select group_kind, group_value from row_groups
    union
    select 'all' as group_kind, 'all' as group_value

),

row_totals as (

    select
        group_kind,
        group_value,
        count(*) filter (where side = 'marketing') as n_marketing_rows,
        count(*) filter (where side = 'sales') as n_sales_rows
    from row_groups
    group by group_kind, group_value

),

people_on_both_sides as (

    select
        marketing_groups.group_kind,
        marketing_groups.group_value as marketing_group,
        sales_groups.group_value as sales_group
    from people
    inner join row_groups as marketing_groups
        on people.marketing_row_key = marketing_groups.row_key
    inner join row_groups as sales_groups
        on people.sales_row_key = sales_groups.row_key
        and marketing_groups.group_kind = sales_groups.group_kind
    where people.side = 'both'

),

steps_of_reasons as (

    select
        row_groups.group_kind,
        row_groups.group_value,
        reasons.side as step,
        reasons.code,
        min(reason_codes.title) as title,
        case reasons.side
            when 'extra_marketing' then 1000
            when 'exit' then 2000
            when 'entry' then 4000
            else 5000
        end + min(coalesce(reason_codes.decision_order, 999)) as step_order,
        count(*) as n_rows,
        case when reasons.side in ('extra_marketing', 'exit') then -count(*) else count(*) end as change
    from reasons
    inner join row_groups
        on reasons.row_key = row_groups.row_key
    left join reason_codes
        on reasons.code = reason_codes.code
    group by row_groups.group_kind, row_groups.group_value, reasons.side, reasons.code

),

moved_out as (

    select group_kind, marketing_group as group_value, count(*) as n_rows
    from people_on_both_sides
    where marketing_group <> sales_group
    group by group_kind, marketing_group

),

moved_in as (

    select group_kind, sales_group as group_value, count(*) as n_rows
    from people_on_both_sides
    where marketing_group <> sales_group
    group by group_kind, sales_group

),

both_in_group as (

    select group_kind, marketing_group as group_value, count(*) as n_rows
    from people_on_both_sides
    where marketing_group = sales_group
    group by group_kind, marketing_group

),

marketing_claim as (

    select * from claims
    where claim = 'marketing'

),

sales_claim as (

    select * from claims
    where claim = 'sales'

),

steps as (

    select
        group_values.group_kind, group_values.group_value, 'start' as step, cast(null as varchar) as code,
        marketing_claim.label as title, cast(100 as bigint) as step_order,
        coalesce(row_totals.n_marketing_rows, 0) as n_rows,
        coalesce(row_totals.n_marketing_rows, 0) as change
    from group_values
    left join row_totals
        on group_values.group_kind = row_totals.group_kind
        and group_values.group_value = row_totals.group_value
    cross join marketing_claim
    union all
    select group_kind, group_value, step, code, title, step_order, n_rows, change
    from steps_of_reasons
    union all
    select group_kind, group_value, 'exit' as step, 'G' as code, 'Counted by both, in another group by Sales' as title, 2999 as step_order, n_rows, -n_rows as change
    from moved_out
    union all
    select
        group_values.group_kind, group_values.group_value, 'both' as step, cast(null as varchar) as code,
        'Counted by both' as title, 3000 as step_order, coalesce(both_in_group.n_rows, 0) as n_rows, 0 as change
    from group_values
    left join both_in_group
        on group_values.group_kind = both_in_group.group_kind
        and group_values.group_value = both_in_group.group_value
    union all
    select group_kind, group_value, 'entry' as step, 'XG' as code, 'Counted by both, in another group by Marketing' as title, 4999 as step_order, n_rows, n_rows as change
    from moved_in
    union all
    select
        group_values.group_kind, group_values.group_value, 'end' as step, cast(null as varchar) as code,
        sales_claim.label as title, 9000 as step_order, coalesce(row_totals.n_sales_rows, 0) as n_rows, 0 as change
    from group_values
    left join row_totals
        on group_values.group_kind = row_totals.group_kind
        and group_values.group_value = row_totals.group_value
    cross join sales_claim

),

steps_with_running as (

    select
        *,
        sum(change) over (
            partition by group_kind, group_value
            order by step_order
            rows between unbounded preceding and current row
        ) as running
    from steps

),

-- A dashboard whose stated number differs from its claim is shown, and explains no person.
reported_steps as (

    select
        'all' as group_kind, 'all' as group_value, 'reported_start' as step, cast(null as varchar) as code,
        concat(marketing_claim.label, ', as reported') as title, 0 as step_order,
        marketing_claim.reported as n_rows, row_totals.n_marketing_rows - marketing_claim.reported as change
    from marketing_claim
    cross join (select coalesce(max(n_marketing_rows), 0) as n_marketing_rows from row_totals where group_kind = 'all') as row_totals
    where marketing_claim.reported is not null
    union all
    select
        'all' as group_kind, 'all' as group_value, 'reported_end' as step, cast(null as varchar) as code,
        concat(sales_claim.label, ', as reported') as title, 9999 as step_order,
        sales_claim.reported as n_rows, sales_claim.reported - row_totals.n_sales_rows as change
    from sales_claim
    cross join (select coalesce(max(n_sales_rows), 0) as n_sales_rows from row_totals where group_kind = 'all') as row_totals
    where sales_claim.reported is not null

),

all_steps as (

    select group_kind, group_value, step, code, title, step_order, n_rows, change, running
    from steps_with_running
    union all
    select group_kind, group_value, step, code, title, step_order, n_rows, change, cast(null as bigint) as running
    from reported_steps

),

final as (

    select
        period.metric,
        period.period,
        all_steps.group_kind,
        all_steps.group_value,
        all_steps.step,
        all_steps.code,
        all_steps.title,
        cast(all_steps.step_order as bigint) as step_order,
        cast(all_steps.n_rows as bigint) as n_rows,
        cast(all_steps.change as bigint) as change,
        cast(all_steps.running as bigint) as running
    from all_steps
    cross join period

)

select * from final
