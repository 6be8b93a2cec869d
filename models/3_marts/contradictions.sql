-- contradictions: evidence that two records are one and that is not believed, because of what else is known.
-- grain: one row per left_key, right_key
-- Nothing is written or created by such evidence. Whoever knows better says so in
-- `data/seeds/identity_decisions.csv`, or mends the record that is wrong.
with edges as (

    select entity, left_key, right_key, rule, evidence, true as is_edge from int_edges
    union all
    -- What a contact says of itself is no evidence where the record says otherwise.
    select
        'person' as entity,
        contact_key as left_key,
        salesforce_key as right_key,
        'link_in_hubspot' as rule,
        salesforce_id as evidence,
        false as is_edge
    from int_person_claims

),

evidence as (

    select
        left_key,
        right_key,
        min(entity) as entity,
        string_agg(distinct rule, ', ' order by rule) as rules,
        min(evidence) as evidence,
        max(case when is_edge then 1 else 0 end) = 1 as is_edge
    from edges
    group by left_key, right_key

),

crosswalk as (

    select * from crosswalk

),

contradicted as (

    select * from int_contradictions

),

final as (

    select
        evidence.entity,
        lefts.golden_id as left_golden_id,
        rights.golden_id as right_golden_id,
        evidence.left_key,
        evidence.right_key,
        lefts.is_live and rights.is_live as is_live,
        evidence.rules,
        evidence.evidence,
        case
            when contradicted.reason is not null then contradicted.reason
            when evidence.is_edge then 'between_two'
            else 'claim_not_believed'
        end as reason,
        case
            when contradicted.reason is not null then contradicted.sentence
            when evidence.is_edge then 'the evidence leads to two who are not one'
            else 'the record stores another id, or several claim it'
        end as sentence
    from evidence
    inner join crosswalk as lefts
        on evidence.left_key = lefts.record_key
    inner join crosswalk as rights
        on evidence.right_key = rights.record_key
    left join contradicted
        on evidence.left_key = contradicted.left_key and evidence.right_key = contradicted.right_key
    where lefts.golden_id <> rights.golden_id

)

select * from final
