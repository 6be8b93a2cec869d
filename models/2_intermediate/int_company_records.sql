-- int_company_records: every record of a company in either CRM, with its match keys.
-- grain: one row per record_key
with companies as (

    select * from stg_hubspot__companies

),

accounts as (

    select * from stg_salesforce__accounts

),

final as (

    select
        record_key('hubspot', 'companies', company_id) as record_key,
        'hubspot' as source_system,
        'companies' as source_object,
        company_id as source_id,
        -- A mail provider's domain is nobody's company.
        case when not is_free_mail(domain_key(domain)) then domain_key(domain) end as domain_key,
        company_name_key(company_name) as name_key,
        company_name,
        company_name as display_name,
        not is_archived as is_live,
        not is_archived as is_candidate,
        1 as primary_rank,
        cast(null as timestamp) as primary_at,
        created_at,
        modified_at
    from companies
    union all
    select
        record_key('salesforce', 'Account', account_id) as record_key,
        'salesforce' as source_system,
        'Account' as source_object,
        account_id as source_id,
        case
            when not is_free_mail(coalesce(domain_key(domain), domain_key(website))) then coalesce(domain_key(domain), domain_key(website))
        end as domain_key,
        company_name_key(account_name) as name_key,
        account_name as company_name,
        account_name as display_name,
        not is_deleted as is_live,
        not is_deleted as is_candidate,
        1 as primary_rank,
        cast(null as timestamp) as primary_at,
        created_at,
        modified_at
    from accounts

)

select * from final
