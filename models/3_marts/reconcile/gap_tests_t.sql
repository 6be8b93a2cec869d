-- gap_tests_t: people who never arrived in Salesforce: not eligible, not attempted, or refused.
-- What a CRM did refuse is known by its own words, grade A; the others are predicted from metadata, grade D.
-- grain: one row per row_key, code
with exits as (

    select * from gap_exits
    where has_never_arrived

),

inclusion as (

    select * from int_person_inclusion

),

held_back_records as (

    select
        *,
        coalesce(' `' || value || '`', '') as quoted_value
    from held_back
    where object in ('Lead', 'Contact')

),

people as (

    select
        exits.*,
        coalesce(inclusion.is_included, false) as is_included,
        coalesce(inclusion.is_list_member, false) as is_list_member,
        coalesce(inclusion.is_score_met, false) as is_score_met
    from exits
    left join inclusion
        on exits.contact_id = inclusion.contact_id

),

refusals as (

    select
        golden_id,
        field,
        value,
        reason_code,
        case
            when refusal_reason = 'required_field_empty' then 'T14'
            when refusal_reason = 'would_be_refused' then 'T15'
            when refusal_reason = 'duplicate_rule' then 'T18'
            when refusal_reason = 'value_taken' then 'T19'
            when refusal_reason in ('not_writable', 'not_visible') then 'T20'
            when refusal_reason = 'owner_inactive' then 'T21'
            when refusal_reason in ('too_long', 'does_not_cast', 'out_of_range') then 'T22'
            when refusal_reason = 'trigger_failed' then 'T23'
            when refusal_reason = 'reference_missing' then 'T25'
            when refusal_reason = 'storage_full' then 'T26'
            when reason_code = 'refused_there' then 'T17'
            when reason_code = 'on_hold' then 'T7'
            when reason_code = 'required_field_empty' then 'T14'
            when reason_code in ('would_be_refused', 'would_be_accepted_silently', 'value_unmapped') then 'T15'
            when reason_code = 'would_be_refused_inactive' then 'T16'
            when reason_code in ('key_taken', 'contradicted_there') then 'T19'
            when reason_code in ('not_writable', 'not_visible', 'no_key_field', 'no_link_field') then 'T20'
            when reason_code in ('owner_inactive', 'owner_unmapped') then 'T21'
            when reason_code in ('too_long', 'does_not_cast', 'currency_unknown', 'currency_differs') then 'T22'
        end as code,
        case
            when reason_code = 'refused_there' then concat('Salesforce refused the record with ', refusal_code)
            when reason_code = 'on_hold' then 'Somebody put the person on hold'
            when reason_code = 'required_field_empty' then concat('Salesforce requires ', field, ', which is blank')
            when reason_code = 'would_be_refused_inactive' then concat('Salesforce retired the value for ', field, quoted_value)
            when reason_code = 'contradicted_there' then concat('The Salesforce record', quoted_value, ' shares an address, number or id with the person but is known as somebody else')
            when reason_code = 'key_taken' then concat('The Salesforce record', quoted_value, ' carries the key of the person already')
            when reason_code = 'not_writable' then concat('The integration user may not write ', field)
            when reason_code = 'not_visible' then concat('The integration user does not see ', field, ' in HubSpot')
            when reason_code = 'no_key_field' then concat('Salesforce has no unique field', quoted_value, ' for the key of the person')
            when reason_code = 'no_link_field' then concat('Salesforce has no field', quoted_value, ' for the link to the contact')
            when reason_code in ('owner_inactive', 'owner_unmapped') then concat('The owner', quoted_value, ' has no active user in Salesforce')
            when reason_code in ('currency_unknown', 'currency_differs') then concat('Nothing says that the amount of ', field, ' is in the currency of Salesforce')
            when reason_code = 'too_long' then concat('The value of ', field, ' is too long for Salesforce')
            when reason_code = 'does_not_cast' then concat('The value of ', field, quoted_value, ' is not of the type of the field')
            else concat('Salesforce has no value for ', field, quoted_value)
        end as sentence
    from held_back_records

),

refusals_ranked as (

    select
        *,
        row_number() over (partition by golden_id, code order by field, value, reason_code) as refusal_rank
    from refusals
    where code is not null

),

not_on_list as (

    select
        golden_id, row_key, 'T1' as code, 'A' as grade,
        'The contact is not on the list of people to hand over' as sentence,
        evidence
    from people
    where not is_list_member

),

below_threshold as (

    select
        golden_id, row_key, 'T2' as code, 'A' as grade,
        concat('Lead score ', coalesce(cast(cast(lead_score as bigint) as varchar), 'blank'), ' is below the threshold for the handoff') as sentence,
        evidence
    from people
    where not is_score_met

),

without_email as (

    select
        golden_id, row_key, 'T3' as code, 'A' as grade,
        'The contact has no email' as sentence,
        evidence
    from people
    where email is null

),

invalid_email as (

    select
        golden_id, row_key, 'T3' as code, 'A' as grade,
        'The email of the contact is not an address' as sentence,
        evidence
    from people
    where email is not null
        and not regexp_like(email, '^[^@ ]+@[^@ ]+[.][^@ ]+$')

),

people_held_back as (

    select distinct golden_id
    from held_back_records

),

eligible as (

    select people.*
    from people
    left join people_held_back
        on people.golden_id = people_held_back.golden_id
    where people.is_included
        and people_held_back.golden_id is null
        and people.last_synced_at is null

),

without_trigger as (

    select
        golden_id, row_key, 'T8' as code, 'B' as grade,
        'The contact may cross and nothing would refuse it, but no sync was ever started for it' as sentence,
        evidence
    from eligible
    where event_at <= as_of_at - interval '24 hours'

),

in_flight as (

    select
        golden_id, row_key, 'T12' as code, 'B' as grade,
        concat('The contact became MQL on ', to_char(event_at, '%Y-%m-%d %H:%M'), ' UTC, less than a day before the data was read') as sentence,
        evidence
    from eligible
    where event_at > as_of_at - interval '24 hours'

),

refused as (

    select
        people.golden_id, people.row_key, refusals_ranked.code,
        case when refusals_ranked.reason_code in ('on_hold', 'refused_there') then 'A' else 'D' end as grade,
        refusals_ranked.sentence,
        people.evidence
    from people
    inner join refusals_ranked
        on people.golden_id = refusals_ranked.golden_id
        and refusals_ranked.refusal_rank = 1
    where people.is_included

),

tests as (

    select * from not_on_list
    union all
    select * from below_threshold
    union all
    select * from without_email
    union all
    select * from invalid_email
    union all
    select * from without_trigger
    union all
    select * from in_flight
    union all
    select * from refused

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
