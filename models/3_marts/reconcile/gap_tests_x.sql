-- gap_tests_x: people whom Sales counts and Marketing does not.
-- grain: one row per row_key, code
with entries as (

    select * from gap_entries

),

hubspot_people as (

    select * from int_gap_hubspot_people

),

salesforce_people as (

    select * from int_gap_salesforce_people

),

stage_entries as (

    select * from int_stage_entries

),

lead_history as (

    select * from stg_salesforce__lead_history

),

users as (

    select * from stg_salesforce__users

),

integration_users as (

    select * from int_gap_integration_users

),

excluded_domains as (

    select lower(trim(domain)) as domain, 'B' as grade, 'is a test domain' as finding from seeds.test_domains
    union
    select lower(trim(domain)) as domain, 'A' as grade, 'is our own' as finding from seeds.own_domains
    union
    select lower(trim(domain)) as domain, 'B' as grade, 'is a competitor''s' as finding from seeds.competitor_domains
    union
    select lower(trim(domain)) as domain, 'C' as grade, 'gives out throw-away mailboxes' as finding from seeds.disposable_domains

),

import_lead_sources as (

    select distinct lead_source
    from seeds.import_lead_sources

),

user_emails as (

    select distinct email
    from users
    where email is not null

),

exclusions as (

    select
        entries.golden_id, entries.row_key, excluded_domains.grade,
        concat('The email domain ', entries.email_domain, ' ', excluded_domains.finding) as sentence,
        entries.evidence
    from entries
    inner join excluded_domains
        on entries.email_domain = excluded_domains.domain
    union all
    select
        entries.golden_id, entries.row_key, 'A' as grade,
        'The email is that of one of our own users' as sentence,
        entries.evidence
    from entries
    inner join user_emails
        on entries.email = user_emails.email
    union all
    select
        golden_id, row_key, 'A' as grade,
        'The person opted out of all email' as sentence,
        evidence
    from entries
    where is_opted_out
    union all
    select
        golden_id, row_key, 'C' as grade,
        'Name or email is that of a test record' as sentence,
        evidence
    from entries
    where coalesce(regexp_like(email_local_part, '^(test|qa|testing)([0-9+._-].*)?$'), false)
        or coalesce(regexp_like(lower(first_name), '^(test|testing|qa)([^a-z].*)?$'), false)

),

exclusions_ranked as (

    select
        *,
        row_number() over (partition by row_key order by grade, sentence) as exclusion_rank
    from exclusions

),

should_not_count as (

    select
        golden_id, row_key, 'XV' as code, grade, sentence, evidence
    from exclusions_ranked
    where exclusion_rank = 1

),

entered_in_period as (

    select distinct
        entries.row_key
    from entries
    inner join stage_entries
        on entries.reference_contact_id = stage_entries.contact_id
    where stage_entries.stage = 'marketingqualifiedlead'
        and local_date(stage_entries.entered_at, entries.marketing_zone) >= entries.start_date
        and local_date(stage_entries.entered_at, entries.marketing_zone) < entries.end_date

),

link_lost as (

    select
        entries.golden_id, entries.row_key, 'XL' as code, 'B' as grade,
        concat('Contact ', entries.reference_contact_id, ' is the same person, but is not linked to the lead') as sentence,
        concat(entries.evidence, ';hubspot.contacts/', entries.reference_contact_id) as evidence
    from entries
    left join entered_in_period
        on entries.row_key = entered_in_period.row_key
    where entries.n_live_contacts > 0
        and entries.n_live_links = 0
        and entered_in_period.row_key is null

),

contact_removed as (

    select
        entries.golden_id, entries.row_key, 'X7' as code, 'A' as grade,
        concat('Contact ', min(hubspot_people.contact_id), ' of this person is archived in HubSpot') as sentence,
        concat(min(entries.evidence), ';hubspot.contacts/', min(hubspot_people.contact_id)) as evidence
    from entries
    inner join hubspot_people
        on entries.golden_id = hubspot_people.golden_id
    where entries.n_live_contacts = 0
        and hubspot_people.is_archived
    group by entries.golden_id, entries.row_key

),

contact_vanished as (

    select
        entries.golden_id, entries.row_key, 'X7' as code, 'B' as grade,
        concat('The lead is linked to contact ', entries.hubspot_id, ', which HubSpot no longer knows') as sentence,
        entries.evidence
    from entries
    left join hubspot_people
        on entries.hubspot_id = hubspot_people.contact_id
    where entries.hubspot_id is not null
        and hubspot_people.contact_id is null
        and entries.n_live_contacts = 0
        and entries.n_archived_contacts = 0

),

linked_entries as (

    select
        entries.golden_id,
        entries.row_key,
        entries.salesforce_id,
        concat(entries.evidence, ';hubspot.contacts/', entries.reference_contact_id) as evidence,
        entries.reference_contact_id,
        entries.marketing_zone,
        entries.start_date,
        entries.end_date,
        hubspot_people.lifecycle_stage,
        hubspot_people.n_mql_entries,
        entered_in_period.row_key is not null as is_entered_in_period,
        hubspot_people.latest_mql_at,
        local_date(hubspot_people.first_mql_at, entries.marketing_zone) as first_mql_date,
        local_date(hubspot_people.latest_mql_at, entries.marketing_zone) as latest_mql_date,
        local_date(hubspot_people.first_later_stage_at, entries.marketing_zone) as first_later_stage_date
    from entries
    inner join hubspot_people
        on entries.reference_contact_id = hubspot_people.contact_id
    left join entered_in_period
        on entries.row_key = entered_in_period.row_key

),

stage_skipped as (

    select
        golden_id, row_key, 'X8' as code, 'A' as grade,
        concat('Contact ', reference_contact_id, ' went past MQL by ', to_char(first_later_stage_date, '%Y-%m-%d'), ' and was never MQL') as sentence,
        evidence
    from linked_entries
    where n_mql_entries = 0
        and first_later_stage_date < end_date

),

stage_passed_before as (

    select
        golden_id, row_key, 'X8' as code, 'A' as grade,
        concat(
            'Contact ', reference_contact_id, ' was MQL on ', to_char(first_mql_date, '%Y-%m-%d'),
            ' and past it by ', to_char(first_later_stage_date, '%Y-%m-%d'), ', before the period'
        ) as sentence,
        evidence
    from linked_entries
    where first_mql_date < start_date
        and first_later_stage_date < start_date
        and not is_entered_in_period

),

stage_reset as (

    select
        golden_id, row_key, 'X9' as code, 'A' as grade,
        concat('Contact ', reference_contact_id, ' entered MQL in the period, but is at ', coalesce(lifecycle_stage, 'no stage'), ' now') as sentence,
        evidence
    from linked_entries
    where latest_mql_date >= start_date
        and latest_mql_date < end_date
        and (lifecycle_stage is distinct from 'marketingqualifiedlead')

),

other_period as (

    select
        golden_id, row_key, 'XD' as code, 'A' as grade,
        concat('Contact ', reference_contact_id, ' entered MQL on ', to_char(latest_mql_date, '%Y-%m-%d'), ' by HubSpot''s clock') as sentence,
        evidence
    from linked_entries
    where latest_mql_at is not null
        and (latest_mql_date < start_date or latest_mql_date >= end_date)

),

without_contact as (

    select * from entries
    where n_live_contacts = 0
        and n_archived_contacts = 0
        and hubspot_id is null

),

without_email as (

    select
        golden_id, row_key, 'X4' as code, 'A' as grade,
        'The lead has no email, so HubSpot never had a contact for it' as sentence,
        evidence
    from without_contact
    where email is null

),

-- One load may mix import sources, but a lead of another source is no part of it.
-- What Concord wrote itself is never taken for a burst.
imported_leads_of_others as (

    select
        salesforce_people.salesforce_id,
        salesforce_people.created_by_id,
        salesforce_people.created_at
    from salesforce_people
    inner join import_lead_sources
        on salesforce_people.lead_source = import_lead_sources.lead_source
    where salesforce_people.salesforce_object = 'Lead'
        and salesforce_people.concord_key is null
        and salesforce_people.created_by_id is not null
        and salesforce_people.created_at is not null

),

bursts_ending as (

    select
        salesforce_id,
        created_by_id,
        created_at,
        count(*) over (
            partition by created_by_id
            order by created_at
            range between interval '10 minutes' preceding and current row
        ) as n_leads_before
    from imported_leads_of_others

),

bursts as (

    select
        salesforce_id,
        max(n_leads_before) over (
            partition by created_by_id
            order by created_at
            range between current row and interval '10 minutes' following
        ) as n_leads_in_burst
    from bursts_ending

),

imported as (

    select
        without_contact.golden_id, without_contact.row_key, 'X2' as code, 'B' as grade,
        concat('The lead came with ', without_contact.lead_source, ', one of ', cast(bursts.n_leads_in_burst as varchar), ' imported leads that one user created within 10 minutes') as sentence,
        without_contact.evidence
    from without_contact
    inner join bursts
        on without_contact.salesforce_id = bursts.salesforce_id
    where bursts.n_leads_in_burst >= 5

),

web_to_lead as (

    select
        without_contact.golden_id, without_contact.row_key, 'X3' as code, 'C' as grade,
        'The lead came from the web by another tool, and HubSpot has no contact of the person' as sentence,
        without_contact.evidence
    from without_contact
    inner join integration_users
        on without_contact.created_by_id = integration_users.user_id
    where lower(without_contact.lead_source) like 'web%'

),

sales_sourced as (

    select
        without_contact.golden_id, without_contact.row_key, 'X1' as code, 'A' as grade,
        concat('User ', without_contact.created_by_id, ' created the lead by hand, and HubSpot has no contact of the person') as sentence,
        without_contact.evidence
    from without_contact
    left join integration_users
        on without_contact.created_by_id = integration_users.user_id
    where integration_users.user_id is null
        and without_contact.created_by_id like '005%'

),

marks_by_automation as (

    select distinct lead_history.lead_id
    from lead_history
    inner join integration_users
        on lead_history.changed_by_id = integration_users.user_id
    where lead_history.field = 'MQL_Date__c'
        and lead_history.new_value is not null

),

marked_by_automation as (

    select
        linked_entries.golden_id, linked_entries.row_key, 'X10' as code,
        case when marks_by_automation.lead_id is not null then 'A' else 'C' end as grade,
        concat('The lead carries an MQL date, but contact ', linked_entries.reference_contact_id, ' was never MQL in HubSpot') as sentence,
        linked_entries.evidence
    from linked_entries
    left join marks_by_automation
        on linked_entries.salesforce_id = marks_by_automation.lead_id
    where linked_entries.n_mql_entries = 0

),

tests as (

    select * from should_not_count
    union all
    select * from link_lost
    union all
    select * from contact_removed
    union all
    select * from contact_vanished
    union all
    select * from stage_skipped
    union all
    select * from stage_passed_before
    union all
    select * from stage_reset
    union all
    select * from other_period
    union all
    select * from without_email
    union all
    select * from imported
    union all
    select * from web_to_lead
    union all
    select * from sales_sourced
    union all
    select * from marked_by_automation

),

final as (

    select
        golden_id,
        'entry' as side,
        row_key,
        code,
        grade,
        sentence,
        evidence,
        true as may_be_primary
    from tests

)

select * from final
