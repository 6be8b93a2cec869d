-- state_agreements: what both sides last agreed on, the base of the next comparison.
-- grain: one row per full_name, hubspot_id, salesforce_id
-- Advances only where both live values agree today; whatever could not travel leaves it alone.
-- What was read before our own last write showed is no observation.
with agreed as (

    select * from int_field_decisions where is_agreed and (is_stale is distinct from true)

),

pairs as (

    select * from int_pairs

),

-- What a pair inherited is its own from now on, so that it outlives the record it came from.
inherited as (

    select
        carried.full_name,
        pairs.hubspot_object,
        pairs.hubspot_id,
        pairs.salesforce_object,
        pairs.salesforce_id,
        carried.hubspot_raw,
        carried.salesforce_raw,
        carried.agreed_at
    from int_agreements_carried as carried
    inner join pairs
        on carried.golden_id = pairs.golden_id

),

known as (

    select * from inherited
    union all
    select
        agreements.full_name,
        agreements.hubspot_object,
        agreements.hubspot_id,
        agreements.salesforce_object,
        agreements.salesforce_id,
        agreements.hubspot_raw,
        agreements.salesforce_raw,
        agreements.agreed_at
    from state.agreements as agreements
    left join inherited
        on
            agreements.full_name = inherited.full_name
            and agreements.hubspot_id = inherited.hubspot_id
            and agreements.salesforce_id = inherited.salesforce_id
    where inherited.full_name is null

),

agreed_today as (

    select
        full_name,
        hubspot_object,
        hubspot_id,
        salesforce_object,
        salesforce_id,
        hubspot_raw,
        salesforce_raw,
        (select as_of_at from project.run) as agreed_at
    from agreed

),

final as (

    select
        coalesce(agreed_today.full_name, known.full_name) as full_name,
        coalesce(agreed_today.hubspot_object, known.hubspot_object) as hubspot_object,
        coalesce(agreed_today.hubspot_id, known.hubspot_id) as hubspot_id,
        coalesce(agreed_today.salesforce_object, known.salesforce_object) as salesforce_object,
        coalesce(agreed_today.salesforce_id, known.salesforce_id) as salesforce_id,
        case when agreed_today.full_name is not null then agreed_today.hubspot_raw else known.hubspot_raw end as hubspot_raw,
        case when agreed_today.full_name is not null then agreed_today.salesforce_raw else known.salesforce_raw end as salesforce_raw,
        case
            -- Nothing new was agreed: the time of the agreement stays.
            when
                agreed_today.full_name is not null
                and known.full_name is not null
                and (agreed_today.hubspot_raw is not distinct from known.hubspot_raw)
                and (agreed_today.salesforce_raw is not distinct from known.salesforce_raw)
                then known.agreed_at
            else coalesce(agreed_today.agreed_at, known.agreed_at)
        end as agreed_at
    from agreed_today
    full outer join known
        on
            agreed_today.full_name = known.full_name
            and agreed_today.hubspot_id = known.hubspot_id
            and agreed_today.salesforce_id = known.salesforce_id

)

select * from final
