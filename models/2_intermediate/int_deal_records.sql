-- int_deal_records: every deal and opportunity.
-- grain: one row per record_key
with deals as (

    select * from stg_hubspot__deals

),

opportunities as (

    select * from stg_salesforce__opportunities

),

final as (

    select
        record_key('hubspot', 'deals', deal_id) as record_key,
        'hubspot' as source_system,
        'deals' as source_object,
        deal_id as source_id,
        deal_name as display_name,
        not is_archived as is_live,
        not is_archived as is_candidate,
        1 as primary_rank,
        cast(null as timestamp) as primary_at,
        created_at,
        modified_at
    from deals
    union all
    select
        record_key('salesforce', 'Opportunity', opportunity_id) as record_key,
        'salesforce' as source_system,
        'Opportunity' as source_object,
        opportunity_id as source_id,
        opportunity_name as display_name,
        not is_deleted as is_live,
        not is_deleted as is_candidate,
        1 as primary_rank,
        cast(null as timestamp) as primary_at,
        created_at,
        modified_at
    from opportunities

)

select * from final
