-- Which people does one CRM keep more than once? Asked by RevOps before any sync.
-- grain: one row per golden_id, source_system
select
    crosswalk.golden_id,
    people.display_name,
    crosswalk.source_system,
    count(*) as n_records,
    string_agg(concat(crosswalk.source_object, ' ', crosswalk.source_id), ', ' order by crosswalk.source_id) as records
from crosswalk
inner join people
    on crosswalk.golden_id = people.golden_id
where crosswalk.entity = 'person' and crosswalk.is_live
group by crosswalk.golden_id, people.display_name, crosswalk.source_system
having count(*) > 1
order by n_records desc, crosswalk.golden_id, crosswalk.source_system
