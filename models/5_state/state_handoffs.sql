-- state_handoffs: the latest handoff span of every person, with the evidence of its opening and closing.
-- grain: one row per golden_id
with final as (

    select
        golden_id,
        opened_at,
        opened_evidence,
        closed_at,
        closed_evidence
    from int_handoffs

)

select * from final
