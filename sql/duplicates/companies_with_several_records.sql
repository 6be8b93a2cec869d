-- Which companies does one CRM keep more than once? Asked by RevOps before any sync.
-- grain: one row per golden_id, source_system
select
    crosswalk.golden_id,
    companies.display_name,
    crosswalk.source_system,
    count(*) as n_records
from crosswalk
inner join companies
    on crosswalk.golden_id = companies.golden_id
where crosswalk.entity = 'company' and crosswalk.is_live
group by crosswalk.golden_id, companies.display_name, crosswalk.source_system
having count(*) > 1
order by n_records desc, crosswalk.golden_id, crosswalk.source_system
