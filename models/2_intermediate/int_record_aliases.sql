-- int_record_aliases: the ids under which a record was known before HubSpot merged others into it.
-- grain: one row per former_key
-- A merge makes a new id; what was remembered of the old ones belongs to the survivor.
with merged as (

    select
        record_key('hubspot', 'contacts', contact_id) as record_key,
        record_key('hubspot', 'contacts', trim(unnest(string_to_array(merged_contact_ids, ';')))) as former_key
    from stg_hubspot__contacts
    where merged_contact_ids is not null
    union all
    select
        record_key('hubspot', 'companies', company_id) as record_key,
        record_key('hubspot', 'companies', trim(unnest(string_to_array(merged_company_ids, ';')))) as former_key
    from stg_hubspot__companies
    where merged_company_ids is not null
    union all
    select
        record_key('hubspot', 'deals', deal_id) as record_key,
        record_key('hubspot', 'deals', trim(unnest(string_to_array(merged_deal_ids, ';')))) as former_key
    from stg_hubspot__deals
    where merged_deal_ids is not null

),

-- After a chain of merges every survivor lists the ids before it; ids count up, so the last
-- survivor has the greatest.
ranked as (

    select
        former_key,
        record_key,
        row_number() over (
            partition by former_key
            order by character_length(record_key) desc, record_key desc
        ) as choice
    from merged
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
