-- gap_counted_rows: the rows that either claim counts in the period, with their person.
-- The first row of a person on a side stands for the person, a linked one before others; every
-- further row is an extra row. A record unknown to the crosswalk is a person of its own.
-- grain: one row per row_key
with marketing as (

    select * from claim_mql__marketing

),

sales as (

    select * from claim_mql__sales

),

person_crosswalk as (

    select distinct
        source_system,
        source_object,
        source_id,
        golden_id
    from crosswalk
    where entity = 'person'

),

linked_records as (

    select 'hubspot' as source_system, hubspot_contact_id as record_id
    from person_links
    union
    select 'salesforce' as source_system, salesforce_id as record_id
    from person_links

),

period as (

    select * from project.period

),

claimed_rows as (

    select metric, claim as side, source_system, source_object, record_id, source_group, owner_group, week_group, event_date, event_at
    from marketing
    union all
    select metric, claim as side, source_system, source_object, record_id, source_group, owner_group, week_group, event_date, event_at
    from sales

),

rows_in_period as (

    select
        claimed_rows.*,
        row_number() over (
            partition by claimed_rows.side, claimed_rows.source_object, claimed_rows.record_id
            order by claimed_rows.event_at
        ) as record_row
    from claimed_rows
    inner join period
        on claimed_rows.metric = period.metric
    where claimed_rows.event_date >= period.start_date
        and claimed_rows.event_date < period.end_date

),

rows_with_person as (

    select
        rows_in_period.*,
        concat(rows_in_period.side, ':', rows_in_period.source_object, '/', rows_in_period.record_id, '#', cast(rows_in_period.record_row as varchar)) as row_key,
        coalesce(person_crosswalk.golden_id, concat(rows_in_period.source_system, ':', rows_in_period.record_id)) as golden_id,
        linked_records.record_id is not null as is_linked
    from rows_in_period
    left join person_crosswalk
        on rows_in_period.source_system = person_crosswalk.source_system
        and rows_in_period.source_object = person_crosswalk.source_object
        and rows_in_period.record_id = person_crosswalk.source_id
    left join linked_records
        on rows_in_period.source_system = linked_records.source_system
        and rows_in_period.record_id = linked_records.record_id

),

final as (

    select
        metric,
        row_key,
        golden_id,
        side,
        source_system,
        source_object,
        record_id,
        source_group,
        owner_group,
        week_group,
        record_row,
        row_number() over (
            partition by side, golden_id
            order by record_row, is_linked desc, event_at, source_object, record_id
        ) as person_row,
        is_linked,
        event_date,
        event_at
    from rows_with_person

)

select * from final
