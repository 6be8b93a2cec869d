-- gap_tests_d: Sales' mark is there, but by its clock it lies outside the period.
-- Instants are compared in whole seconds, the finest that Salesforce keeps.
-- grain: one row per row_key, code
with reference_leads as (

    select
        *,
        date_trunc('second', mql_at) as mql_second,
        date_trunc('second', event_at) as event_second,
        concat(
            'HubSpot says ', to_char(event_at, '%Y-%m-%d %H:%M'), ' UTC, Salesforce ',
            to_char(mql_at, '%Y-%m-%d %H:%M'), ' UTC, which is ', to_char(mql_date, '%Y-%m-%d'), ' there'
        ) as both_clocks
    from gap_reference_leads
    where mql_at is not null
        and not is_marked_in_period

),

hubspot_people as (

    select * from int_gap_hubspot_people

),

stage_entries as (

    select * from int_stage_entries
    where stage = 'marketingqualifiedlead'

),

lead_history as (

    select * from stg_salesforce__lead_history
    where field = 'MQL_Date__c'

),

period as (

    select * from project.period

),

mql_entries_by_person as (

    select distinct
        hubspot_people.golden_id,
        date_trunc('second', stage_entries.entered_at) as entered_second
    from stage_entries
    inner join hubspot_people
        on stage_entries.contact_id = hubspot_people.contact_id

),

edited_leads as (

    select distinct lead_id
    from lead_history
    where old_value is not null
        and new_value is not null

),

time_zone_differs as (

    select
        golden_id, row_key, 'D1' as code, 'A' as grade,
        concat('The same instant falls on another day in ', sales_zone, ': ', both_clocks) as sentence,
        evidence
    from reference_leads
    where mql_second = event_second

),

date_without_time as (

    select
        reference_leads.golden_id, reference_leads.row_key, 'D6' as code, 'A' as grade,
        concat('The MQL date of the lead is midnight UTC, a date without time, and shifts a day: ', reference_leads.both_clocks) as sentence,
        reference_leads.evidence
    from reference_leads
    cross join period
    where reference_leads.mql_at = date_trunc('day', reference_leads.mql_at)
        and (reference_leads.mql_second is distinct from reference_leads.event_second)
        and cast(reference_leads.mql_at as date) >= period.start_date
        and cast(reference_leads.mql_at as date) < period.end_date

),

other_mql_entry as (

    select
        reference_leads.golden_id, reference_leads.row_key, 'D4' as code, 'A' as grade,
        concat('Salesforce holds another of the person''s MQL entries: ', reference_leads.both_clocks) as sentence,
        reference_leads.evidence
    from reference_leads
    inner join mql_entries_by_person
        on reference_leads.golden_id = mql_entries_by_person.golden_id
        and reference_leads.mql_second = mql_entries_by_person.entered_second
    where (reference_leads.mql_second is distinct from reference_leads.event_second)

),

stamp_edited as (

    select
        reference_leads.golden_id, reference_leads.row_key, 'D7' as code, 'A' as grade,
        concat('The MQL date of the lead was edited after it was set: ', reference_leads.both_clocks) as sentence,
        reference_leads.evidence
    from reference_leads
    inner join edited_leads
        on reference_leads.lead_id = edited_leads.lead_id

),

sync_lag as (

    select
        golden_id, row_key, 'D3' as code, 'A' as grade,
        concat('The stamp was set on arrival, after the end of the period: ', both_clocks) as sentence,
        evidence
    from reference_leads
    where mql_second > event_second
        and mql_at <= event_at + interval '24 hours'
        and mql_date >= end_date

),

other_clock as (

    select
        golden_id, row_key, 'D2' as code,
        case when mql_second = date_trunc('second', created_at) then 'A' else 'B' end as grade,
        case
            when mql_second = date_trunc('second', created_at) then concat('The MQL date of the lead is its own creation: ', both_clocks)
            else concat('The two systems hold different MQL dates: ', both_clocks)
        end as sentence,
        evidence
    from reference_leads
    where (mql_second is distinct from event_second)

),

tests as (

    select * from time_zone_differs
    union all
    select * from date_without_time
    union all
    select * from other_mql_entry
    union all
    select * from stamp_edited
    union all
    select * from sync_lag
    union all
    select * from other_clock

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
