-- int_golden_values: the surviving value of every mapped field, the side it came from and the rule.
-- grain: one row per golden_id, field
-- A person held by one CRM only keeps that CRM's values.
with field_values as (

    select * from int_field_values

),

decisions as (

    select * from int_field_decisions

),

chosen as (

    select
        field_values.*,
        case
            when field_values.salesforce_id is null then 'hubspot'
            when field_values.hubspot_id is null then 'salesforce'
            -- A blank in the owner that does not erase leaves the other side's value.
            when decisions.source_value is null and (decisions.status is distinct from 'action') and field_values.hubspot_value is not null then 'hubspot'
            when decisions.source_value is null and (decisions.status is distinct from 'action') and field_values.salesforce_value is not null then 'salesforce'
            else coalesce(decisions.source_system, 'hubspot')
        end as source_system,
        case
            when field_values.salesforce_id is null then 'only_in_hubspot'
            when field_values.hubspot_id is null then 'only_in_salesforce'
            when decisions.is_agreed then 'agreed'
            when decisions.source_value is null and (decisions.status is distinct from 'action') then 'only_value'
            else decisions.rule
        end as rule
    from field_values
    left join decisions
        on field_values.golden_id = decisions.golden_id and field_values.field = decisions.field

),

final as (

    select
        entity,
        golden_id,
        field,
        full_name,
        source_system,
        -- A value that cannot be read shows as it stands.
        case
            when source_system = 'hubspot' and hubspot_problem is not null then trimmed(hubspot_raw)
            when source_system = 'salesforce' and salesforce_problem is not null then trimmed(salesforce_raw)
            when source_system = 'hubspot' then hubspot_value
            else salesforce_value
        end as value,
        case source_system when 'hubspot' then hubspot_value else salesforce_value end as typed_value,
        rule,
        hubspot_object,
        hubspot_id,
        hubspot_raw,
        salesforce_object,
        salesforce_id,
        salesforce_raw
    from chosen

)

select * from final
