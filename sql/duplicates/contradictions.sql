-- Which records does some evidence call one that are known to be different? Asked by whoever cleans up.
-- grain: one row per left_key, right_key
select
    entity,
    left_key,
    right_key,
    rules,
    evidence,
    reason,
    sentence
from contradictions
where is_live
order by entity, left_key, right_key
