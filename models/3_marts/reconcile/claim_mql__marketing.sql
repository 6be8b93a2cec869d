-- claim_mql__marketing: what Marketing's dashboard counts as MQL.
-- Live contacts by their latest entry into MQL; the current stage does not matter. All periods.
-- grain: one row per record_id
with contacts as (

    select * from stg_hubspot__contacts

),

stage_entries as (

    select * from int_stage_entries

),

owners as (

    select * from stg_hubspot__owners

),

source_groups as (

    select * from seeds.source_groups

),

claims as (

    select * from project.claims
    where metric = 'mql'
        and claim = 'marketing'

),

latest_mql_entries as (

    select
        contact_id,
        entered_at
    from stage_entries
    where stage = 'marketingqualifiedlead'
        and is_latest

),

counted as (

    select
        claims.metric,
        claims.claim,
        contacts.contact_id as record_id,
        lower(contacts.lead_source) as lead_source,
        contacts.owner_id,
        latest_mql_entries.entered_at as event_at,
        local_date(latest_mql_entries.entered_at, claims.time_zone) as event_date
    from contacts
    inner join latest_mql_entries
        on contacts.contact_id = latest_mql_entries.contact_id
    cross join claims
    where not contacts.is_archived

),

final as (

    select
        counted.metric,
        counted.claim,
        'hubspot' as source_system,
        'contacts' as source_object,
        counted.record_id,
        coalesce(source_groups.source_group, counted.lead_source, 'unknown') as source_group,
        coalesce(owners.email, 'unknown') as owner_group,
        to_char(counted.event_date, '%G-W%V') as week_group,
        counted.event_date,
        counted.event_at
    from counted
    left join source_groups
        on counted.lead_source = source_groups.source
    left join owners
        on counted.owner_id = owners.owner_id

)

select * from final
