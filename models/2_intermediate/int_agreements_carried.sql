-- int_agreements_carried: what was last agreed, carried to the pair that stands for it today.
-- grain: one row per golden_id, full_name
-- After a conversion or a merge the surviving pair inherits the rows; where it has its own, its own
-- stay. A record that was deleted and made again inherits nothing.
with agreements as (

    select * from state.agreements

),

rules as (

    select * from project.field_rules

),

crosswalk as (

    select * from crosswalk

),

aliases as (

    select * from int_record_aliases

),

pairs as (

    select * from int_pairs where hubspot_id is not null and salesforce_id is not null

),

-- Records that live on in another: converted leads and merged records.
carried_on as (

    select record_key('salesforce', 'Lead', lead_id) as record_key
    from stg_salesforce__leads
    where is_converted
    union
    select record_key from int_record_life where life = 'merged'

),

of_clusters as (

    select
        pairs.golden_id,
        agreements.full_name,
        agreements.hubspot_raw,
        agreements.salesforce_raw,
        agreements.agreed_at,
        agreements.hubspot_id,
        agreements.salesforce_id,
        agreements.hubspot_id = pairs.hubspot_id and agreements.salesforce_id = pairs.salesforce_id as is_own
    from agreements
    left join aliases
        on record_key('hubspot', agreements.hubspot_object, agreements.hubspot_id) = aliases.former_key
    inner join crosswalk
        on
            coalesce(aliases.record_key, record_key('hubspot', agreements.hubspot_object, agreements.hubspot_id))
            = crosswalk.record_key
    inner join pairs
        on crosswalk.golden_id = pairs.golden_id
    inner join crosswalk as salesforce_crosswalk
        on
            salesforce_crosswalk.source_system = 'salesforce'
            and salesforce_crosswalk.source_id = agreements.salesforce_id
            and salesforce_crosswalk.golden_id = crosswalk.golden_id
    left join carried_on
        on salesforce_crosswalk.record_key = carried_on.record_key
    where
        (agreements.salesforce_id = pairs.salesforce_id or carried_on.record_key is not null)
        and (crosswalk.source_id = pairs.hubspot_id)

),

-- What an undo put back is the base on both sides, so that neither side counts as edited by it.
undone as (

    select
        pairs.golden_id,
        rules.full_name,
        case undone.source_system
            when 'hubspot' then undone.restored
            else field_image(rules.full_name, 'salesforce', undone.restored, pairs.hubspot_object, 'update')
        end as hubspot_raw,
        case undone.source_system
            when 'salesforce' then undone.restored
            else field_image(rules.full_name, 'hubspot', undone.restored, pairs.salesforce_object, 'update')
        end as salesforce_raw,
        undone.undone_at as agreed_at,
        pairs.hubspot_id,
        pairs.salesforce_id,
        true as is_own
    from int_undone as undone
    inner join pairs
        on undone.golden_id = pairs.golden_id
    inner join rules
        on concat(pairs.entity, '.', undone.field) = rules.full_name
    where undone.record_id = case undone.source_system when 'hubspot' then pairs.hubspot_id else pairs.salesforce_id end

),

bases as (

    select * from of_clusters
    union all
    select * from undone

),

ranked as (

    select
        *,
        row_number() over (
            partition by golden_id, full_name
            order by is_own desc, agreed_at desc, hubspot_id, salesforce_id
        ) as choice
    from bases

),

final as (

    select
        golden_id,
        full_name,
        hubspot_raw,
        salesforce_raw,
        agreed_at
    from ranked
    where choice = 1

)

select * from final
