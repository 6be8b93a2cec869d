-- int_record_aliases: the ids under which a record was known before others were merged into it.
-- grain: one row per former_key
-- HubSpot's merges make a new id; Salesforce keeps the loser in the recycle bin for a while. What was
-- remembered of either belongs to the survivor, and stays known once the CRM has forgotten it.
with recursive merged as (

    select
        record_key('hubspot', 'contacts', trim(unnest(string_to_array(merged_contact_ids, ';')))) as former_key,
        record_key('hubspot', 'contacts', contact_id) as record_key
    from stg_hubspot__contacts
    where merged_contact_ids is not null
    union all
    select
        record_key('hubspot', 'companies', trim(unnest(string_to_array(merged_company_ids, ';')))) as former_key,
        record_key('hubspot', 'companies', company_id) as record_key
    from stg_hubspot__companies
    where merged_company_ids is not null
    union all
    select
        record_key('hubspot', 'deals', trim(unnest(string_to_array(merged_deal_ids, ';')))) as former_key,
        record_key('hubspot', 'deals', deal_id) as record_key
    from stg_hubspot__deals
    where merged_deal_ids is not null
    union all
    select
        record_key('salesforce', 'Lead', lead_id) as former_key,
        record_key('salesforce', 'Lead', master_record_id) as record_key
    from stg_salesforce__leads
    where master_record_id is not null
    union all
    select
        record_key('salesforce', 'Contact', contact_id) as former_key,
        record_key('salesforce', 'Contact', master_record_id) as record_key
    from stg_salesforce__contacts
    where master_record_id is not null
    union all
    select
        record_key('salesforce', 'Account', account_id) as former_key,
        record_key('salesforce', 'Account', master_record_id) as record_key
    from stg_salesforce__accounts
    where master_record_id is not null

),

-- A record that lives again was merged by mistake.
live as (

    select record_key from int_person_records where is_live
    union all
    select record_key from int_company_records where is_live

),

known as (

    select
        aliases.former_key,
        aliases.record_key
    from state.record_aliases as aliases
    left anti join live
        on aliases.former_key = live.record_key

),

steps as (

    select former_key, record_key from merged
    union
    select former_key, record_key from known

),

-- A survivor may have been merged away in its turn.
followed as (

    select
        former_key,
        record_key,
        1 as n_steps
    from steps
    where former_key <> record_key
    union all
    select
        followed.former_key,
        steps.record_key,
        followed.n_steps + 1 as n_steps
    from followed
    inner join steps
        on followed.record_key = steps.former_key
    where followed.n_steps < 20 and steps.record_key <> steps.former_key

),

-- The last survivor counts. HubSpot's lists every id before it, and ids count up.
ranked as (

    select
        former_key,
        record_key,
        row_number() over (
            partition by former_key
            order by n_steps desc, character_length(record_key) desc, record_key desc
        ) as choice
    from followed
    where former_key <> record_key

),

final as (

    select
        former_key,
        record_key
    from ranked
    where choice = 1

)

select * from final
