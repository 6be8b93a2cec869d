-- gap_tests_v: people who should not count under the agreed exclusions.
-- grain: one row per row_key, code
with exits as (

    select * from gap_exits

),

stage_entries as (

    select * from int_stage_entries

),

contact_history as (

    select * from stg_hubspot__contact_history

),

lifecycle_stages as (

    select
        stage,
        cast(stage_rank as bigint) as stage_rank
    from seeds.lifecycle_stages

),

users as (

    select * from stg_salesforce__users

),

own_domains as (

    select distinct lower(trim(domain)) as domain
    from seeds.own_domains

),

competitor_domains as (

    select distinct lower(trim(domain)) as domain
    from seeds.competitor_domains

),

test_domains as (

    select distinct lower(trim(domain)) as domain
    from seeds.test_domains

),

disposable_domains as (

    select distinct lower(trim(domain)) as domain
    from seeds.disposable_domains

),

user_emails as (

    select distinct email
    from users
    where email is not null

),

test_records as (

    select
        exits.golden_id, exits.row_key, 'V1' as code,
        case when test_domains.domain is not null then 'B' else 'C' end as grade,
        case
            when test_domains.domain is not null then concat('The email domain ', exits.email_domain, ' is a test domain')
            else 'Name or email is that of a test record'
        end as sentence,
        exits.evidence
    from exits
    left join test_domains
        on exits.email_domain = test_domains.domain
    where test_domains.domain is not null
        or coalesce(regexp_like(exits.email_local_part, '^(test|qa|testing)([0-9+._-].*)?$'), false)
        or coalesce(regexp_like(lower(exits.first_name), '^(test|testing|qa)([^a-z].*)?$'), false)

),

own_employees as (

    select
        exits.golden_id, exits.row_key, 'V2' as code, 'A' as grade,
        case
            when own_domains.domain is not null then concat('The email domain ', exits.email_domain, ' is our own')
            else 'The email is that of one of our own users'
        end as sentence,
        exits.evidence
    from exits
    left join own_domains
        on exits.email_domain = own_domains.domain
    left join user_emails
        on exits.email = user_emails.email
    where own_domains.domain is not null
        or user_emails.email is not null

),

competitors as (

    select
        exits.golden_id, exits.row_key, 'V3' as code, 'B' as grade,
        concat('The email domain ', exits.email_domain, ' is a competitor''s') as sentence,
        exits.evidence
    from exits
    inner join competitor_domains
        on exits.email_domain = competitor_domains.domain

),

disposable_mailboxes as (

    select
        exits.golden_id, exits.row_key, 'V4' as code, 'C' as grade,
        concat('The email domain ', exits.email_domain, ' gives out throw-away mailboxes') as sentence,
        exits.evidence
    from exits
    inner join disposable_domains
        on exits.email_domain = disposable_domains.domain

),

skipped_stages as (

    select
        exits.golden_id, exits.row_key, 'V9' as code, 'B' as grade,
        concat(
            'MQL and ', first_value(stage_entries.stage order by stage_entries.stage_rank, stage_entries.stage),
            ' were entered at the same instant, so MQL was filled in when it was skipped'
        ) as sentence,
        min(exits.evidence) as evidence
    from exits
    inner join stage_entries
        on exits.contact_id = stage_entries.contact_id
        and exits.event_at = stage_entries.entered_at
    where stage_entries.stage_rank > 3
    group by exits.golden_id, exits.row_key

),

-- A cleared stage is before all others; a stage that the list does not know is neither back nor on.
changes_after_mql as (

    select
        exits.golden_id,
        exits.row_key,
        exits.evidence,
        case when contact_history.value is null then 0 else lifecycle_stages.stage_rank end as stage_rank,
        contact_history.changed_at,
        local_date(contact_history.changed_at, exits.marketing_zone) < exits.end_date as is_in_period
    from exits
    inner join contact_history
        on exits.contact_id = contact_history.contact_id
        and contact_history.property = 'lifecyclestage'
        and contact_history.changed_at > exits.event_at
    left join lifecycle_stages
        on contact_history.value = lifecycle_stages.stage

),

revoked as (

    select
        golden_id, row_key, 'V10' as code, 'A' as grade,
        concat('The stage moved back on ', to_char(min(changed_at) filter (where stage_rank < 3), '%Y-%m-%d %H:%M'), ' UTC, and no later stage followed') as sentence,
        min(evidence) as evidence
    from changes_after_mql
    group by golden_id, row_key
    having count(*) filter (where stage_rank < 3 and is_in_period) > 0
        and count(*) filter (where stage_rank >= 3) = 0

),

opted_out as (

    select
        golden_id, row_key, 'V11' as code, 'A' as grade,
        'The person opted out of all email' as sentence,
        evidence
    from exits
    where is_opted_out

),

tests as (

    select * from test_records
    union all
    select * from own_employees
    union all
    select * from competitors
    union all
    select * from disposable_mailboxes
    union all
    select * from skipped_stages
    union all
    select * from revoked
    union all
    select * from opted_out

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
