-- int_golden_values: the surviving value of every mapped field, the side it came from and the rule.
-- grain: one row per golden_id, field
-- A person held by one CRM only keeps that CRM's values.
with field_values as (

    select * from int_field_values

),

decisions as (

    select * from int_field_decisions

),

final as (

    select
        field_values.entity,
        field_values.golden_id,
        field_values.field,
        field_values.full_name,
        case
            when field_values.salesforce_id is null then 'hubspot'
            when field_values.hubspot_id is null then 'salesforce'
            when decisions.source_value is null and field_values.hubspot_value is not null then 'hubspot'
            when decisions.source_value is null and field_values.salesforce_value is not null then 'salesforce'
            else coalesce(decisions.source_system, 'hubspot')
        end as source_system,
        case
            when field_values.salesforce_id is null then field_values.hubspot_value
            when field_values.hubspot_id is null then field_values.salesforce_value
            else coalesce(decisions.source_value, field_values.hubspot_value, field_values.salesforce_value)
        end as value,
        case
            when field_values.salesforce_id is null then 'only_in_hubspot'
            when field_values.hubspot_id is null then 'only_in_salesforce'
            when decisions.is_agreed then 'agreed'
            else decisions.rule
        end as rule,
        field_values.hubspot_object,
        field_values.hubspot_id,
        field_values.hubspot_raw,
        field_values.salesforce_object,
        field_values.salesforce_id,
        field_values.salesforce_raw
    from field_values
    left join decisions
        on field_values.golden_id = decisions.golden_id and field_values.field = decisions.field

)

select * from final
