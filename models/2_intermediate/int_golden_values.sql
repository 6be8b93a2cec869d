-- int_golden_values: the surviving value of every mapped field, the side it came from and the rule.
-- grain: one row per golden_id, field
-- A person held by one CRM only keeps that CRM's values. What a model owns is found in that model.
with field_values as (

    select * from int_field_values

),

decisions as (

    select * from int_field_decisions

),

decided as (

    select
        entity, golden_id, field, full_name,
        case
            -- A blank in the owner that does not erase leaves the other side's value.
            when source_value is null and (status is distinct from 'action') and hubspot_value is not null then 'hubspot'
            when source_value is null and (status is distinct from 'action') and salesforce_value is not null then 'salesforce'
            else source_system
        end as source_system,
        case
            when is_agreed then 'agreed'
            when source_value is null and (status is distinct from 'action') then 'only_value'
            else rule
        end as rule,
        hubspot_object, hubspot_id, hubspot_raw, hubspot_value, hubspot_problem,
        salesforce_object, salesforce_id, salesforce_raw, salesforce_value, salesforce_problem
    from decisions

),

rules as (

    select * from project.field_rules

),

on_one_side as (

    select
        entity, golden_id, field, field_values.full_name,
        case when salesforce_id is null then 'hubspot' else 'salesforce' end as source_system,
        case when salesforce_id is null then 'only_in_hubspot' else 'only_in_salesforce' end as rule,
        hubspot_object, hubspot_id, hubspot_raw, hubspot_value, hubspot_problem,
        salesforce_object, salesforce_id, salesforce_raw, salesforce_value, salesforce_problem
    from field_values
    left join rules
        on field_values.full_name = rules.full_name
    where
        (hubspot_id is null or salesforce_id is null)
        and (rules.owner is distinct from 'warehouse')

),

-- Of two answers about consent the most restrictive one survives; one that cannot be read counts as no.
consented as (

    select
        entity, golden_id, field, field_values.full_name,
        case
            when hubspot_problem is not null or hubspot_value = rules.restrictive then 'hubspot'
            when salesforce_problem is not null or salesforce_value = rules.restrictive then 'salesforce'
            when hubspot_value is not null then 'hubspot'
            else 'salesforce'
        end as source_system,
        'most_restrictive' as rule,
        hubspot_object, hubspot_id, hubspot_raw, hubspot_value, hubspot_problem,
        salesforce_object, salesforce_id, salesforce_raw, salesforce_value, salesforce_problem
    from field_values
    left join rules
        on field_values.full_name = rules.full_name
    where rules.restrictive is not null and hubspot_id is not null and salesforce_id is not null

),

chosen as (

    select * from decided
    union all
    select * from on_one_side
    union all
    select * from consented

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
