-- gap_tests_p: the lead arrived, and the handoff was not done or was turned down.
-- grain: one row per row_key, code
with reference_leads as (

    select * from gap_reference_leads

),

lead_history as (

    select * from stg_salesforce__lead_history
    where field = 'Owner'

),

tasks as (

    select * from stg_salesforce__tasks
    where not is_deleted

),

events as (

    select * from stg_salesforce__events
    where not is_deleted

),

users as (

    select * from stg_salesforce__users

),

integration_users as (

    select * from int_gap_integration_users

),

-- Salesforce writes an owner change twice, once with ids and once with names.
owner_changes as (

    select
        lead_id,
        count(distinct changed_at) as n_owner_changes
    from lead_history
    group by lead_id

),

activity as (

    select who_id as lead_id, owner_id from tasks
    union
    select who_id as lead_id, owner_id from events

),

unassigned as (

    select
        golden_id, row_key, 'P1' as code, 'A' as grade,
        concat('Lead ', lead_id, ' waits in queue ', owner_id) as sentence,
        evidence
    from reference_leads
    where is_queue_owned

),

owner_cannot_work as (

    select
        reference_leads.golden_id, reference_leads.row_key, 'P2' as code, 'A' as grade,
        concat(
            'Lead ', reference_leads.lead_id, ' belongs to ', coalesce(users.user_name, reference_leads.owner_id),
            case when users.is_active then ', which is no person' else ', who is inactive' end
        ) as sentence,
        reference_leads.evidence
    from reference_leads
    inner join users
        on reference_leads.owner_id = users.user_id
    left join integration_users
        on reference_leads.owner_id = integration_users.user_id
    where not reference_leads.is_queue_owned
        and (not users.is_active or integration_users.user_id is not null)

),

inside_sla as (

    select
        golden_id, row_key, 'P3' as code, 'A' as grade,
        concat('Lead ', lead_id, ' was assigned less than two days before the data was read') as sentence,
        evidence
    from reference_leads
    where is_in_scope
        and is_marked_in_period
        and status_meaning = 'new'
        and mql_at > as_of_at - interval '48 hours'

),

open_past_sla as (

    select
        reference_leads.golden_id,
        reference_leads.row_key,
        reference_leads.lead_id,
        reference_leads.evidence,
        activity.lead_id is not null as is_worked
    from reference_leads
    left join activity
        on reference_leads.lead_id = activity.lead_id
        and reference_leads.owner_id = activity.owner_id
    where reference_leads.is_in_scope
        and reference_leads.is_marked_in_period
        and reference_leads.status_meaning = 'new'
        and reference_leads.mql_at <= reference_leads.as_of_at - interval '48 hours'

),

untouched as (

    select
        golden_id, row_key, 'P4' as code, 'B' as grade,
        concat('Lead ', lead_id, ' was assigned and has no activity by its owner') as sentence,
        evidence
    from open_past_sla
    where not is_worked

),

worked_without_status as (

    select
        golden_id, row_key, 'P5' as code, 'B' as grade,
        concat('The owner of lead ', lead_id, ' works it, but its status never moved') as sentence,
        evidence
    from open_past_sla
    where is_worked

),

rejected_with_reason as (

    select
        golden_id, row_key, 'P6' as code, 'A' as grade,
        concat('Sales set lead ', lead_id, ' to ', status, ' for the reason: ', disqualified_reason) as sentence,
        evidence
    from reference_leads
    where status_meaning = 'rejected'
        and disqualified_reason is not null

),

rejected_without_reason as (

    select
        golden_id, row_key, 'P7' as code, 'A' as grade,
        concat('Sales set lead ', lead_id, ' to ', status, ' and gave no reason') as sentence,
        evidence
    from reference_leads
    where status_meaning = 'rejected'
        and disqualified_reason is null

),

recycled as (

    select
        golden_id, row_key, 'P8' as code, 'A' as grade,
        concat('Sales sent lead ', lead_id, ' back to nurture: ', status) as sentence,
        evidence
    from reference_leads
    where status_meaning = 'recycled'

),

bounced as (

    select
        reference_leads.golden_id, reference_leads.row_key, 'P9' as code, 'A' as grade,
        concat('Lead ', reference_leads.lead_id, ' changed owner ', cast(owner_changes.n_owner_changes as varchar), ' times') as sentence,
        reference_leads.evidence
    from reference_leads
    inner join owner_changes
        on reference_leads.lead_id = owner_changes.lead_id
    where owner_changes.n_owner_changes >= 3
        and not reference_leads.is_active_user_owned

),

closed_as_duplicate as (

    select
        golden_id, row_key, 'P10' as code, 'A' as grade,
        concat('Sales closed lead ', lead_id, ' as a duplicate') as sentence,
        evidence
    from reference_leads
    where status_meaning = 'duplicate'

),

tests as (

    select * from unassigned
    union all
    select * from owner_cannot_work
    union all
    select * from inside_sla
    union all
    select * from untouched
    union all
    select * from worked_without_status
    union all
    select * from rejected_with_reason
    union all
    select * from rejected_without_reason
    union all
    select * from recycled
    union all
    select * from bounced
    union all
    select * from closed_as_duplicate

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
