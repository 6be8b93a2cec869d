-- gap_reference_leads: the one live lead of each person whom only Marketing counts.
-- is_in_scope: owned by an active user, and not rejected, recycled or closed as a duplicate.
-- grain: one row per golden_id
with exits as (

    select * from gap_exits

),

salesforce_people as (

    select * from int_gap_salesforce_people

),

final as (

    select
        exits.golden_id,
        exits.row_key,
        exits.contact_id,
        salesforce_people.salesforce_id as lead_id,
        salesforce_people.owner_id,
        concat(exits.evidence, ';salesforce.Lead/', salesforce_people.salesforce_id) as evidence,
        salesforce_people.owner_name,
        salesforce_people.status,
        salesforce_people.status_meaning,
        salesforce_people.disqualified_reason,
        salesforce_people.lifecycle_stage,
        exits.sales_zone,
        salesforce_people.is_linked,
        salesforce_people.is_queue_owned,
        salesforce_people.is_active_user_owned,
        salesforce_people.is_active_user_owned
            and coalesce(salesforce_people.status_meaning, 'new') not in ('rejected', 'recycled', 'duplicate') as is_in_scope,
        coalesce(
            local_date(salesforce_people.mql_at, exits.sales_zone) >= exits.start_date
            and local_date(salesforce_people.mql_at, exits.sales_zone) < exits.end_date,
            false
        ) as is_marked_in_period,
        exits.start_date,
        exits.end_date,
        local_date(salesforce_people.mql_at, exits.sales_zone) as mql_date,
        exits.event_at,
        salesforce_people.mql_at,
        salesforce_people.created_at,
        exits.as_of_at
    from exits
    inner join salesforce_people
        on exits.reference_lead_id = salesforce_people.salesforce_id

)

select * from final
