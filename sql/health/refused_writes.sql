-- What do the CRMs refuse, since when, and what lets it go again? Asked by whoever keeps the CRMs'
-- rules, and by whoever owns a field that does not arrive.
-- grain: one row per golden_id, field, source_system
select
    state_rejections.source_system,
    state_rejections.object,
    state_rejections.record_id,
    state_rejections.golden_id,
    state_rejections.field,
    state_rejections.reason_code,
    state_rejections.code,
    state_rejections.n_refusals,
    state_rejections.first_refused_at,
    state_rejections.last_refused_at,
    state_rejections.retry_at,
    state_rejections.is_held,
    state_rejections.release_condition
from state_rejections
order by state_rejections.first_refused_at, state_rejections.golden_id, state_rejections.field
