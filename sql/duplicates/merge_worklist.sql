-- Which records should be merged or converted, into which, and what would be lost? Asked by the CRM admin.
-- grain: one row per record to merge or convert
select
    entity,
    source_system,
    source_object,
    source_id,
    display_name,
    proposal,
    concat(survivor_object, ' ', survivor_id) as survivor,
    only_here,
    different_here,
    n_counted_fewer
from merge_worklist
where proposal <> 'survives'
order by n_counted_fewer desc, entity, source_system, golden_id, source_object, source_id
