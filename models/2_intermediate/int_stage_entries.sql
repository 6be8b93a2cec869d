-- int_stage_entries: every entry of a HubSpot contact into a lifecycle stage.
-- HubSpot's own stage dates change after the fact, so entries come from the property history;
-- the stated MQL date stands in only for a contact without any lifecycle history.
-- grain: one row per contact_id, stage, entry_number
with contact_history as (

    select * from stg_hubspot__contact_history

),

contacts as (

    select * from stg_hubspot__contacts

),

lifecycle_stages as (

    select
        stage,
        cast(stage_rank as bigint) as stage_rank
    from seeds.lifecycle_stages

),

lifecycle_changes as (

    select
        contact_history.contact_id,
        contact_history.value as stage,
        lifecycle_stages.stage_rank,
        contact_history.source_type,
        contact_history.source_id,
        contact_history.changed_at,
        lag(contact_history.value) over (
            partition by contact_history.contact_id
            order by contact_history.changed_at, coalesce(lifecycle_stages.stage_rank, 0), contact_history.value
        ) as stage_before
    from contact_history
    left join lifecycle_stages
        on contact_history.value = lifecycle_stages.stage
    where contact_history.property = 'lifecyclestage'

),

contacts_with_history as (

    select distinct contact_id
    from lifecycle_changes

),

entries_from_history as (

    select
        contact_id,
        stage,
        stage_rank,
        source_type,
        source_id,
        changed_at as entered_at
    from lifecycle_changes
    where stage is not null
        and (stage_before is distinct from stage)

),

entries_from_stated_date as (

    select
        contacts.contact_id,
        'marketingqualifiedlead' as stage,
        cast(3 as bigint) as stage_rank,
        cast(null as varchar) as source_type,
        cast(null as varchar) as source_id,
        contacts.became_mql_at as entered_at
    from contacts
    left join contacts_with_history
        on contacts.contact_id = contacts_with_history.contact_id
    where contacts_with_history.contact_id is null
        and contacts.became_mql_at is not null

),

entries as (

    select * from entries_from_history
    union all
    select * from entries_from_stated_date

),

final as (

    select
        contact_id,
        stage,
        source_type,
        source_id,
        stage_rank,
        row_number() over (partition by contact_id, stage order by entered_at) as entry_number,
        row_number() over (partition by contact_id, stage order by entered_at desc) = 1 as is_latest,
        entered_at
    from entries

)

select * from final
