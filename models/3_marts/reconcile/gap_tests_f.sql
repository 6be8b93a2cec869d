-- gap_tests_f: the handoff exists, but Sales' mark is not on the lead.
-- grain: one row per row_key, code
with reference_leads as (

    select * from gap_reference_leads
    where is_linked
        and is_in_scope
        and mql_at is null

),

lead_history as (

    select * from stg_salesforce__lead_history

),

users as (

    select * from stg_salesforce__users

),

resets_ranked as (

    select
        lead_id,
        changed_at,
        changed_by_id,
        row_number() over (partition by lead_id order by changed_at desc, history_id desc) as reset_rank
    from lead_history
    where field = 'MQL_Date__c'
        and old_value is not null
        and new_value is null

),

latest_resets as (

    select * from resets_ranked
    where reset_rank = 1

),

marks_in_history as (

    select distinct lead_id
    from lead_history
    where field = 'MQL_Date__c'
        and (old_value is not null or new_value is not null)

),

never_marked as (

    select
        reference_leads.golden_id, reference_leads.row_key, 'F2' as code, 'B' as grade,
        concat('Lead ', reference_leads.lead_id, ' is linked and open, but its MQL date was never filled') as sentence,
        reference_leads.evidence
    from reference_leads
    left join marks_in_history
        on reference_leads.lead_id = marks_in_history.lead_id
    where marks_in_history.lead_id is null

),

mark_overwritten as (

    select
        reference_leads.golden_id, reference_leads.row_key, 'F4' as code, 'A' as grade,
        concat(
            'The MQL date of Lead ', reference_leads.lead_id, ' was set and then emptied',
            coalesce(' on ' || to_char(latest_resets.changed_at, '%Y-%m-%d %H:%M') || ' UTC', ''),
            coalesce(' by ' || users.user_name, '')
        ) as sentence,
        reference_leads.evidence
    from reference_leads
    inner join marks_in_history
        on reference_leads.lead_id = marks_in_history.lead_id
    left join latest_resets
        on reference_leads.lead_id = latest_resets.lead_id
    left join users
        on latest_resets.changed_by_id = users.user_id

),

stage_skipped as (

    select
        reference_leads.golden_id, reference_leads.row_key, 'F7' as code, 'A' as grade,
        concat('Lead ', reference_leads.lead_id, ' is at ', reference_leads.lifecycle_stage, ' and was never MQL') as sentence,
        reference_leads.evidence
    from reference_leads
    left join marks_in_history
        on reference_leads.lead_id = marks_in_history.lead_id
    where marks_in_history.lead_id is null
        and lower(reference_leads.lifecycle_stage) in ('sql', 'opportunity', 'customer')

),

tests as (

    select * from never_marked
    union all
    select * from mark_overwritten
    union all
    select * from stage_skipped

),

final as (

    select
        golden_id,
        'exit' as side,
        row_key,
        code,
        grade,
        sentence,
        evidence,
        true as may_be_primary
    from tests

)

select * from final
