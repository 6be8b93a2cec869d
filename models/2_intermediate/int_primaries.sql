-- int_primaries: the one record in each CRM to which Concord writes for a golden id.
-- grain: one row per golden_id, source_system
with final as (

    select * exclude (created_at, choice, merit)
    from int_primary_candidates
    where choice = 1

)

select * from final
