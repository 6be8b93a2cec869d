-- int_deal_edges: evidence that a deal and an opportunity are one deal: the ids they store of each other.
-- grain: one row per left_key, right_key, rule
with deals as (

    select * from stg_hubspot__deals

),

opportunities as (

    select * from stg_salesforce__opportunities

),

ids_stored_in_hubspot as (

    select deal_id, salesforce_record_id as opportunity_id from deals where salesforce_record_id is not null
    union
    select deal_id, salesforce_opportunity_id as opportunity_id from deals where salesforce_opportunity_id is not null

),

all_edges as (

    select
        record_key('hubspot', 'deals', ids_stored_in_hubspot.deal_id) as left_key,
        record_key('salesforce', 'Opportunity', opportunities.opportunity_id) as right_key,
        'link_in_hubspot' as rule,
        opportunities.opportunity_id as evidence
    from ids_stored_in_hubspot
    inner join opportunities
        on ids_stored_in_hubspot.opportunity_id = opportunities.opportunity_id
    where opportunities.hubspot_id is null or opportunities.hubspot_id = ids_stored_in_hubspot.deal_id
    union all
    select
        record_key('hubspot', 'deals', deals.deal_id) as left_key,
        record_key('salesforce', 'Opportunity', opportunities.opportunity_id) as right_key,
        'link_in_salesforce' as rule,
        opportunities.hubspot_id as evidence
    from opportunities
    inner join deals
        on opportunities.hubspot_id = deals.deal_id

),

final as (

    select
        'deal' as entity,
        left_key,
        right_key,
        rule,
        min(evidence) as evidence
    from all_edges
    group by left_key, right_key, rule

)

select * from final
