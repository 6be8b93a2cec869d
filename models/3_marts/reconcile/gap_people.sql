-- gap_people: everyone whom at least one claim counts in the period.
-- grain: one row per golden_id
with counted_rows as (

    select * from gap_counted_rows

),

rows_by_person as (

    select
        golden_id,
        count(*) filter (where side = 'marketing') as n_marketing_rows,
        count(*) filter (where side = 'sales') as n_sales_rows,
        max(row_key) filter (where side = 'marketing' and person_row = 1) as marketing_row_key,
        max(row_key) filter (where side = 'sales' and person_row = 1) as sales_row_key
    from counted_rows
    group by golden_id

),

final as (

    select
        golden_id,
        marketing_row_key,
        sales_row_key,
        case
            when n_marketing_rows > 0 and n_sales_rows > 0 then 'both'
            when n_marketing_rows > 0 then 'marketing'
            else 'sales'
        end as side,
        n_marketing_rows,
        n_sales_rows
    from rows_by_person

)

select * from final
