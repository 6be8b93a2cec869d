-- int_edges: all evidence that two records are one.
-- grain: one row per left_key, right_key, rule
with final as (

    select * from int_person_edges
    union all
    select * from int_company_edges
    union all
    select * from int_deal_edges

)

select * from final
