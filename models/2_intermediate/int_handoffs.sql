-- int_handoffs: since when a person is in Sales' hands, or was.
-- grain: one row per golden_id
-- A span opens when an included person has a live Salesforce record, for people born in Salesforce
-- from birth, and closes only by a recycle status or by deletion.
with pairs as (

    select * from int_pairs where entity = 'person'

),

inclusion as (

    select * from int_person_inclusion

),

leads as (

    select * from stg_salesforce__leads

),

moves as (

    select * from int_golden_id_moves

),

-- Where two clusters became one, the span that is open goes on, or else the one that opened first.
spans_ranked as (

    select
        coalesce(moves.golden_id, handoffs.golden_id) as golden_id,
        handoffs.opened_at,
        handoffs.opened_evidence,
        handoffs.closed_at,
        handoffs.closed_evidence,
        row_number() over (
            partition by coalesce(moves.golden_id, handoffs.golden_id)
            order by (handoffs.closed_at is null) desc, handoffs.opened_at, handoffs.golden_id
        ) as choice
    from state.handoffs as handoffs
    left join moves
        on handoffs.golden_id = moves.golden_id_before

),

spans as (

    select * from spans_ranked where choice = 1

),

-- Where a person was first known, by the oldest record of each CRM, deleted ones included.
births as (

    select
        crosswalk.golden_id,
        min(case when crosswalk.source_system = 'hubspot' then records.created_at end) as in_hubspot_at,
        min(case when crosswalk.source_system = 'salesforce' then records.created_at end) as in_salesforce_at
    from crosswalk
    inner join int_records as records
        on crosswalk.record_key = records.record_key
    where crosswalk.entity = 'person'
    group by crosswalk.golden_id

),

today as (

    select
        pairs.golden_id,
        pairs.hubspot_id,
        pairs.salesforce_id,
        -- Whoever may be created by the rule's grace is handed over as any other.
        coalesce(inclusion.may_be_created, false) as is_included,
        births.in_salesforce_at,
        pairs.hubspot_id is null or coalesce(births.in_salesforce_at < births.in_hubspot_at, false) as is_born_in_salesforce,
        pairs.salesforce_id is not null as has_salesforce_record,
        coalesce(
            leads.status in ({% for status in project.recycle_statuses %}{{ status | quote }}{{ ", " if not loop.last }}{% else %}''{% endfor %}),
            false
        ) as is_recycled,
        leads.status
    from pairs
    left join inclusion
        on pairs.hubspot_id = inclusion.contact_id
    left join births
        on pairs.golden_id = births.golden_id
    left join leads
        on pairs.salesforce_object = 'Lead' and pairs.salesforce_id = leads.lead_id

),

followed as (

    select
        coalesce(today.golden_id, spans.golden_id) as golden_id,
        spans.opened_at is not null and spans.closed_at is null as was_open,
        coalesce(today.has_salesforce_record, false) and not coalesce(today.is_recycled, false) as can_be_open,
        coalesce(today.is_included or today.is_born_in_salesforce, false) as may_open,
        coalesce(today.is_born_in_salesforce, false) as is_born_in_salesforce,
        today.in_salesforce_at,
        today.salesforce_id,
        today.status,
        spans.opened_at,
        spans.opened_evidence,
        spans.closed_at,
        spans.closed_evidence
    from today
    full outer join spans
        on today.golden_id = spans.golden_id

),

judged as (

    select
        *,
        can_be_open and (was_open or may_open) as is_open
    from followed

),

final as (

    select
        golden_id,
        is_open,
        case
            when is_open and not was_open and opened_at is null and is_born_in_salesforce then in_salesforce_at
            when is_open and not was_open then (select as_of_at from project.run)
            else opened_at
        end as opened_at,
        case
            when is_open and not was_open and opened_at is null and is_born_in_salesforce
                then concat('born in Salesforce, record ', salesforce_id)
            when is_open and not was_open then concat('included, Salesforce record ', salesforce_id)
            else opened_evidence
        end as opened_evidence,
        case
            when is_open then null
            when was_open then (select as_of_at from project.run)
            else closed_at
        end as closed_at,
        case
            when is_open then null
            when was_open and salesforce_id is null then 'no live Salesforce record'
            when was_open then concat('status ', status)
            else closed_evidence
        end as closed_evidence
    from judged
    where is_open or was_open or opened_at is not null

)

select * from final
