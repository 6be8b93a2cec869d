-- claim_mql__sales: what Sales' dashboard counts as MQL.
-- Open leads of active users by the MQL date that Salesforce was told; leads in a queue, recycled
-- and disqualified ones are left out. All periods.
-- grain: one row per record_id
with leads as (

    select * from stg_salesforce__leads

),

users as (

    select * from stg_salesforce__users

),

source_groups as (

    select * from seeds.source_groups

),

claims as (

    select * from project.claims
    where metric = 'mql'
        and claim = 'sales'

),

counted as (

    select
        claims.metric,
        claims.claim,
        leads.lead_id as record_id,
        lower(leads.lead_source) as lead_source,
        users.email as owner_email,
        leads.mql_at as event_at,
        local_date(leads.mql_at, claims.time_zone) as event_date
    from leads
    inner join users
        on leads.owner_id = users.user_id
    cross join claims
    where not leads.is_deleted
        and not leads.is_converted
        and leads.mql_at is not null
        and leads.owner_id like '005%'
        and users.is_active
        and coalesce(leads.status, '') not in ('Recycled', 'Disqualified')

),

final as (

    select
        counted.metric,
        counted.claim,
        'salesforce' as source_system,
        'Lead' as source_object,
        counted.record_id,
        coalesce(source_groups.source_group, counted.lead_source, 'unknown') as source_group,
        coalesce(counted.owner_email, 'unknown') as owner_group,
        to_char(counted.event_date, '%G-W%V') as week_group,
        counted.event_date,
        counted.event_at
    from counted
    left join source_groups
        on counted.lead_source = source_groups.source

)

select * from final
