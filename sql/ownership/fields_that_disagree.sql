-- On which fields do the two CRMs disagree, and what follows? Asked by RevOps.
-- grain: one row per entity, field, status, reason_code
select
    sync_changes.entity,
    sync_changes.field,
    sync_changes.status,
    sync_changes.reason_code,
    count(*) as n_records
from sync_changes
where sync_changes.operation = 'update'
group by sync_changes.entity, sync_changes.field, sync_changes.status, sync_changes.reason_code
order by n_records desc, sync_changes.entity, sync_changes.field
