-- int_edges: all evidence that two records are one, and how strong it is.
-- grain: one row per left_key, right_key, rule
-- `left_key` is the smaller of the two. Strength 4 is never refused, 3 is an id that one CRM stores of
-- the other, 2 a shared match key of its own weight, 1 what was shared once or takes two signals.
with edges as (

    select * from int_person_edges
    union all
    select * from int_company_edges
    union all
    select * from int_deal_edges

),

final as (

    select
        *,
        cast(
            case
                when rule in ('conversion', 'merge_in_salesforce', 'declared_same') then 4
                when rule in ('link_in_hubspot', 'link_in_salesforce') then 3
                when rule in ('same_email', 'same_email_and_name', 'same_name_and_domain') then 2
                else 1
            end as bigint
        ) as strength
    from edges

)

select * from final
