-- int_deal_edges: evidence that a deal and an opportunity are one deal: the ids they store of each other.
-- grain: one row per left_key, right_key, rule
with deals as (

    select * from stg_hubspot__deals

),

opportunities as (

    select * from stg_salesforce__opportunities

),

-- Merging makes a new id; whoever still stores an old one means the survivor.
hubspot_ids as (

    select deal_id, deal_id as known_as from deals
    union all
    select
        deals.deal_id,
        split_part(aliases.former_key, ':', 3) as known_as
    from deals
    inner join int_record_aliases as aliases
        on record_key('hubspot', 'deals', deals.deal_id) = aliases.record_key

),

-- The deal that each opportunity names.
deals_of_opportunities as (

    select
        opportunities.opportunity_id,
        opportunities.hubspot_id as stored_id,
        hubspot_ids.deal_id
    from opportunities
    left join hubspot_ids
        on opportunities.hubspot_id = hubspot_ids.known_as
    where opportunities.hubspot_id is not null

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
    left join deals_of_opportunities
        on opportunities.opportunity_id = deals_of_opportunities.opportunity_id
    where deals_of_opportunities.opportunity_id is null or deals_of_opportunities.deal_id = ids_stored_in_hubspot.deal_id
    union all
    select
        record_key('hubspot', 'deals', deal_id) as left_key,
        record_key('salesforce', 'Opportunity', opportunity_id) as right_key,
        'link_in_salesforce' as rule,
        stored_id as evidence
    from deals_of_opportunities
    where deal_id is not null
    union all
    select
        left_key,
        right_key,
        'declared_same' as rule,
        because as evidence
    from int_identity_decisions
    where entity = 'deal' and verdict = 'same'

),

final as (

    select
        'deal' as entity,
        least(left_key, right_key) as left_key,
        greatest(left_key, right_key) as right_key,
        rule,
        min(evidence) as evidence
    from all_edges
    where left_key <> right_key
    group by least(left_key, right_key), greatest(left_key, right_key), rule

)

select * from final
