-- int_pairs: the primary record of each CRM side by side; a side without one is null.
-- grain: one row per golden_id
with primaries as (

    select * from int_primaries

),

hubspot_primaries as (

    select * from primaries where source_system = 'hubspot'

),

salesforce_primaries as (

    select * from primaries where source_system = 'salesforce'

),

final as (

    select
        coalesce(hubspot_primaries.golden_id, salesforce_primaries.golden_id) as golden_id,
        coalesce(hubspot_primaries.entity, salesforce_primaries.entity) as entity,
        hubspot_primaries.source_object as hubspot_object,
        hubspot_primaries.source_id as hubspot_id,
        salesforce_primaries.source_object as salesforce_object,
        salesforce_primaries.source_id as salesforce_id,
        hubspot_primaries.modified_at as hubspot_modified_at,
        salesforce_primaries.modified_at as salesforce_modified_at
    from hubspot_primaries
    full outer join salesforce_primaries
        on hubspot_primaries.golden_id = salesforce_primaries.golden_id

)

select * from final
