-- int_company_edges: evidence that two records are one company, each edge with the rule that made it.
-- grain: one row per left_key, right_key, rule
-- A domain alone is one signal (subsidiaries share it), so it links only records of one name, or of
-- names that agree where each CRM has one record on that domain.
with companies as (

    select * from stg_hubspot__companies

),

accounts as (

    select * from stg_salesforce__accounts

),

records as (

    select * from int_company_records

),

-- Merging makes a new id; whoever still stores an old one means the survivor.
hubspot_ids as (

    select company_id, company_id as known_as from companies
    union all
    select
        companies.company_id,
        split_part(aliases.former_key, ':', 3) as known_as
    from companies
    inner join int_record_aliases as aliases
        on record_key('hubspot', 'companies', companies.company_id) = aliases.record_key

),

-- The company that each account names.
companies_of_accounts as (

    select
        accounts.account_id,
        accounts.hubspot_id as stored_id,
        hubspot_ids.company_id
    from accounts
    left join hubspot_ids
        on accounts.hubspot_id = hubspot_ids.known_as
    where accounts.hubspot_id is not null

),

ids_stored_in_hubspot as (

    select company_id, salesforce_record_id as account_id from companies where salesforce_record_id is not null
    union
    select company_id, salesforce_account_id as account_id from companies where salesforce_account_id is not null

),

links as (

    select
        record_key('hubspot', 'companies', ids_stored_in_hubspot.company_id) as left_key,
        record_key('salesforce', 'Account', accounts.account_id) as right_key,
        'link_in_hubspot' as rule,
        accounts.account_id as evidence
    from ids_stored_in_hubspot
    inner join accounts
        on ids_stored_in_hubspot.account_id = accounts.account_id
    left join companies_of_accounts
        on accounts.account_id = companies_of_accounts.account_id
    where companies_of_accounts.account_id is null or companies_of_accounts.company_id = ids_stored_in_hubspot.company_id
    union all
    select
        record_key('hubspot', 'companies', company_id) as left_key,
        record_key('salesforce', 'Account', account_id) as right_key,
        'link_in_salesforce' as rule,
        stored_id as evidence
    from companies_of_accounts
    where company_id is not null

),

-- Losers that are still there to be seen.
merges as (

    select
        records.record_key as left_key,
        aliases.record_key as right_key,
        'merge_in_salesforce' as rule,
        split_part(aliases.record_key, ':', 3) as evidence
    from records
    inner join int_record_aliases as aliases
        on records.record_key = aliases.former_key
    where records.source_system = 'salesforce'

),

shared_names_and_domains as (

    select
        min(record_key) over (partition by name_key, domain_key) as left_key,
        record_key as right_key,
        'same_name_and_domain' as rule,
        concat(name_key, ' ', domain_key) as evidence
    from records
    where name_key is not null and domain_key is not null

),

sole_holders as (

    select
        domain_key,
        min(case when source_system = 'hubspot' then record_key end) as left_key,
        min(case when source_system = 'salesforce' then record_key end) as right_key,
        min(case when source_system = 'hubspot' then company_name end) as left_name,
        min(case when source_system = 'salesforce' then company_name end) as right_name
    from records
    where domain_key is not null and is_live
    group by domain_key
    having
        count(*) = 2
        and min(name_key) <> max(name_key)
        and min(case when source_system = 'hubspot' then record_key end) is not null
        and min(case when source_system = 'salesforce' then record_key end) is not null

),

similar_names_and_domains as (

    select
        left_key,
        right_key,
        'similar_name_and_domain' as rule,
        domain_key as evidence
    from sole_holders
    where company_names_agree(left_name, right_name)

),

declared as (

    select
        left_key,
        right_key,
        'declared_same' as rule,
        because as evidence
    from int_identity_decisions
    where entity = 'company' and verdict = 'same'

),

all_edges as (

    select * from links
    union all
    select * from merges
    union all
    select * from shared_names_and_domains
    union all
    select * from similar_names_and_domains
    union all
    select * from declared

),

final as (

    select
        'company' as entity,
        least(left_key, right_key) as left_key,
        greatest(left_key, right_key) as right_key,
        rule,
        min(evidence) as evidence
    from all_edges
    where left_key <> right_key
    group by least(left_key, right_key), greatest(left_key, right_key), rule

)

select * from final
