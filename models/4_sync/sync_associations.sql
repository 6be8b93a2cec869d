-- sync_associations: the company that each person's HubSpot contact belongs with, by the account of the Salesforce contact, where HubSpot says otherwise or has no contact yet.
-- grain: one row per golden_id
-- Companies are compared by golden id: a second record of the right company is for whoever merges the
-- two. A lead has no account, and a person without a live company in HubSpot has no row.
with people as (

    select * from int_pairs where entity = 'person' and salesforce_object = 'Contact'

),

companies as (

    select * from int_pairs where entity = 'company' and hubspot_id is not null

),

crosswalk as (

    select * from crosswalk where entity = 'company'

),

policies as (

    select * from project.associations where entity = 'person' and associated_entity = 'company' and owner = 'salesforce'

),

releases as (

    select * from int_holds where decision = 'release' and field = '(record)'

),

-- The native connector associates contacts by their accounts itself.
connected as (

    select connector.entity
    from int_native_connector as connector
    left join project.taken_over as taken_over
        on concat(connector.entity, '.(record)') = taken_over.full_name
    where connector.is_live and taken_over.full_name is null

),

-- A type beside the two that every primary company has is a label of the portal's own.
labelled as (

    select distinct contact_id, company_id
    from stg_hubspot__contact_companies
    where association_type not in ('contact_to_company', 'contact_to_company_unlabeled')

),

-- How often a run made the same company primary.
sent as (

    select
        record_id as contact_id,
        sent as company_id,
        count(distinct run_id) as n_runs,
        max(as_timestamp(written_at)) as last_sent_at
    from ops.outcomes
    where operation = 'associate' and status = 'accepted' and rule not like 'undo %'
    group by record_id, sent

),

owed as (

    select
        people.golden_id,
        people.entity,
        people.hubspot_object,
        people.hubspot_id,
        salesforce_contacts.account_id,
        companies.hubspot_id as company_id,
        hubspot_contacts.company_id as company_id_before,
        policies.entity is not null as is_followed
    from people
    inner join stg_salesforce__contacts as salesforce_contacts
        on people.salesforce_id = salesforce_contacts.contact_id
    inner join crosswalk as accounts
        on record_key('salesforce', 'Account', salesforce_contacts.account_id) = accounts.record_key and accounts.is_live
    inner join companies
        on accounts.golden_id = companies.golden_id
    left join stg_hubspot__contacts as hubspot_contacts
        on people.hubspot_id = hubspot_contacts.contact_id
    left join crosswalk as companies_before
        on record_key('hubspot', 'companies', hubspot_contacts.company_id) = companies_before.record_key
    left join policies
        on people.entity = policies.entity
    where people.hubspot_id is null or (companies_before.golden_id is distinct from accounts.golden_id)

),

final as (

    select
        owed.golden_id,
        owed.entity,
        owed.hubspot_object,
        owed.hubspot_id,
        owed.account_id,
        owed.company_id,
        owed.company_id_before,
        owed.is_followed,
        case
            when owed.hubspot_id is null then null
            when connected.entity is not null then 'native_connector_live'
            when labelled.contact_id is not null then 'association_labelled'
            -- It came back different twice: something over there is of another mind.
            when sent.n_runs > 1 and coalesce(releases.decided_at < sent.last_sent_at, true) then 'contested'
        end as held_code
    from owed
    left join connected
        on owed.entity = connected.entity
    left join labelled
        on owed.hubspot_id = labelled.contact_id and owed.company_id = labelled.company_id
    left join sent
        on owed.hubspot_id = sent.contact_id and owed.company_id = sent.company_id
    left join releases
        on owed.golden_id = releases.golden_id

)

select * from final
