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

aliases as (

    select * from int_record_aliases

),

pairs as (

    select * from int_pairs where hubspot_id is not null and salesforce_id is not null

),

-- What a converted lead became; the contact may have been merged into another since.
conversions as (

    select
        record_key('salesforce', 'Lead', leads.lead_id) as former_key,
        coalesce(aliases.record_key, record_key('salesforce', 'Contact', leads.converted_contact_id)) as record_key
    from stg_salesforce__leads as leads
    left join aliases
        on record_key('salesforce', 'Contact', leads.converted_contact_id) = aliases.former_key
    where leads.is_converted and leads.converted_contact_id is not null

),

-- Each row with the records that its two live on in.
followed as (

    select
        agreements.*,
        coalesce(hubspot_aliases.record_key, record_key('hubspot', agreements.hubspot_object, agreements.hubspot_id)) as hubspot_key,
        coalesce(
            conversions.record_key,
            salesforce_aliases.record_key,
            record_key('salesforce', agreements.salesforce_object, agreements.salesforce_id)
        ) as salesforce_key
    from agreements
    left join aliases as hubspot_aliases
        on record_key('hubspot', agreements.hubspot_object, agreements.hubspot_id) = hubspot_aliases.former_key
    left join aliases as salesforce_aliases
        on record_key('salesforce', agreements.salesforce_object, agreements.salesforce_id) = salesforce_aliases.former_key
    left join conversions
        on
            coalesce(salesforce_aliases.record_key, record_key('salesforce', agreements.salesforce_object, agreements.salesforce_id))
            = conversions.former_key

),

of_pairs as (

    select
        pairs.golden_id,
        followed.full_name,
        followed.hubspot_raw,
        followed.salesforce_raw,
        followed.agreed_at,
        followed.hubspot_id,
        followed.salesforce_id,
        followed.hubspot_id = pairs.hubspot_id and followed.salesforce_id = pairs.salesforce_id as is_own
    from followed
    inner join pairs
        on
            followed.hubspot_key = record_key('hubspot', pairs.hubspot_object, pairs.hubspot_id)
            and followed.salesforce_key = record_key('salesforce', pairs.salesforce_object, pairs.salesforce_id)

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

    select * from of_pairs
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
