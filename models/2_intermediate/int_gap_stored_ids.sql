-- int_gap_stored_ids: the Salesforce ids that HubSpot contacts carry, and what each leads to.
-- Ids are compared by their first 15 characters, which both lengths of an id share.
-- grain: one row per contact_id, stored_id
with contacts as (

    select * from stg_hubspot__contacts

),

hubspot_people as (

    select * from int_gap_hubspot_people

),

salesforce_people as (

    select * from int_gap_salesforce_people

),

stored_ids as (

    select contact_id, substr(salesforce_lead_id, 1, 15) as stored_id
    from contacts
    where salesforce_lead_id is not null
    union
    select contact_id, substr(salesforce_contact_id, 1, 15) as stored_id
    from contacts
    where salesforce_contact_id is not null
    union
    select contact_id, substr(salesforce_record_id, 1, 15) as stored_id
    from contacts
    where salesforce_record_id is not null

),

targets as (

    select
        substr(salesforce_id, 1, 15) as short_id,
        salesforce_id,
        salesforce_object,
        substr(master_record_id, 1, 15) as short_master_id,
        golden_id,
        is_deleted,
        is_converted,
        is_live
    from salesforce_people

),

final as (

    select
        hubspot_people.golden_id,
        stored_ids.contact_id,
        stored_ids.stored_id,
        targets.salesforce_id,
        targets.salesforce_object,
        targets.golden_id as target_golden_id,
        survivors.salesforce_id as survivor_id,
        survivors.golden_id as survivor_golden_id,
        targets.salesforce_id is not null as is_found,
        coalesce(targets.is_live, false) as is_live,
        coalesce(targets.is_deleted, false) as is_deleted,
        coalesce(targets.is_converted, false) as is_converted,
        targets.short_master_id is not null as is_merged,
        coalesce(survivors.is_live, false) as has_live_survivor,
        hubspot_people.is_archived
    from stored_ids
    inner join hubspot_people
        on stored_ids.contact_id = hubspot_people.contact_id
    left join targets
        on stored_ids.stored_id = targets.short_id
    left join targets as survivors
        on targets.short_master_id = survivors.short_id

)

select * from final
