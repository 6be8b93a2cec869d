-- What did each run ask of the CRMs, how often in vain, and how long did it wait? Asked by whoever
-- answers for the API allowance.
-- grain: one row per run_id, connection, stage, family
select
    requests.run_id,
    requests.connection,
    requests.stage,
    requests.family,
    count(*) as calls,
    sum(case when requests.try > 1 then 1 else 0 end) as repeats,
    sum(case when requests.verdict <> 'done' then 1 else 0 end) as not_done,
    sum(requests.ms) as ms_waited,
    sum(requests.bytes_out) as bytes_out,
    sum(requests.bytes_in) as bytes_in,
    min(requests.calls_left) as calls_left
from ops.requests as requests
group by requests.run_id, requests.connection, requests.stage, requests.family
order by requests.run_id desc, calls desc, requests.family, requests.stage
