-- int_company_edges: evidence that two records are one company, each edge with the rule that made it.
-- grain: one row per left_key, right_key, rule
-- A domain alone is one signal (subsidiaries share it), so it links only records of one name.
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

merges as (

    select
        record_key('salesforce', 'Account', losers.account_id) as left_key,
        record_key('salesforce', 'Account', losers.master_record_id) as right_key,
        'merge_in_salesforce' as rule,
        losers.master_record_id as evidence
    from accounts as losers
    inner join accounts as masters
        on losers.master_record_id = masters.account_id

),

shared_names_and_domains as (

    select
        record_key as left_key,
        min(record_key) over (partition by name_key, domain_key) as right_key,
        'same_name_and_domain' as rule,
        concat(name_key, ' ', domain_key) as evidence
    from records
    where name_key is not null and domain_key is not null

),

all_edges as (

    select * from links
    union all
    select * from merges
    union all
    select * from shared_names_and_domains

),

final as (

    select
        'company' as entity,
        left_key,
        right_key,
        rule,
        min(evidence) as evidence
    from all_edges
    where left_key <> right_key
    group by left_key, right_key, rule

)

select * from final
