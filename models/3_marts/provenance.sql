-- provenance: for every golden value, the winner, its record, the rule, and the losing candidate.
-- grain: one row per golden_id, field
with golden_values as (

    select * from int_golden_values

),

final as (

    select
        entity,
        golden_id,
        field,
        value,
        source_system,
        case source_system when 'hubspot' then hubspot_object else salesforce_object end as source_object,
        case source_system when 'hubspot' then hubspot_id else salesforce_id end as source_id,
        rule,
        case source_system when 'hubspot' then hubspot_raw else salesforce_raw end as winning_raw,
        case source_system when 'hubspot' then salesforce_raw else hubspot_raw end as losing_raw
    from golden_values

)

select * from final
