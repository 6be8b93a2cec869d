-- contradictions: evidence that two records are one and that is not believed, because of what else is known.
-- grain: one row per left_key, right_key
-- Nothing is written or created by such evidence. Whoever knows better says so in
-- `data/seeds/identity_decisions.csv`, or mends the record that is wrong.
with evidence as (

    select
        left_key,
        right_key,
        min(entity) as entity,
        string_agg(rule, ', ' order by rule) as rules,
        min(evidence) as evidence
    from int_edges
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
        coalesce(contradicted.reason, 'between_two') as reason,
        coalesce(contradicted.sentence, 'the evidence leads to two who are not one') as sentence
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
