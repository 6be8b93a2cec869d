-- int_identity_decisions: what people decided about two records, in `data/seeds/identity_decisions.csv`.
-- grain: one row per left_key, right_key
-- Records are named as in `crosswalk.record_key`; `left_key` is the smaller of the two.
with decisions as (

    select
        trim(left_key) as left_key,
        trim(right_key) as right_key,
        lower(trim(verdict)) as verdict,
        because
    from seeds.identity_decisions

),

final as (

    select
        case
            when least(left_key, right_key) like 'hubspot:companies:%' or least(left_key, right_key) like 'salesforce:Account:%' then 'company'
            when least(left_key, right_key) like 'hubspot:deals:%' or least(left_key, right_key) like 'salesforce:Opportunity:%' then 'deal'
            else 'person'
        end as entity,
        least(left_key, right_key) as left_key,
        greatest(left_key, right_key) as right_key,
        verdict,
        because
    from decisions

)

select * from final
