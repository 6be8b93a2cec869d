-- How did the last runs go, stage by stage? Asked by whoever owns the nightly job.
-- grain: one row per run_id, stage
select
    runs.run_id,
    runs.command,
    runs.status,
    stages.stage,
    stages.seconds,
    stages.calls,
    stages.counts
from ops.runs as runs
left join ops.stages as stages
    on runs.run_id = stages.run_id
order by runs.run_id desc, stages.stage
