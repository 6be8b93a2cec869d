-- int_field_values: every mapped field of every golden id, both sides typed, with what was last agreed.
-- grain: one row per golden_id, field
-- A field that the pair's Salesforce object does not carry has no row.
with agreements as (

    select * from int_agreements_carried

),

values_by_field as (

    -- No row, so that a map without fields is a table without rows.
    select
        cast(null as varchar) as entity,
        golden_id,
        cast(null as varchar) as field,
        cast(null as varchar) as full_name,
        hubspot_object,
        hubspot_id,
        cast(null as varchar) as hubspot_field,
        cast(null as varchar) as hubspot_raw,
        salesforce_object,
        salesforce_id,
        cast(null as varchar) as salesforce_field,
        cast(null as varchar) as salesforce_raw,
        cast(null as varchar) as hubspot_currency,
        cast(null as varchar) as salesforce_currency,
        false as has_currency,
        hubspot_modified_at,
        salesforce_modified_at
    from int_person_values_paired
    where false
{% for entity in entities | items | map('last') %}
{% for field in entity.fields %}
    union all
    select
        '{{ entity.name }}' as entity,
        golden_id,
        '{{ field.name }}' as field,
        '{{ entity.name }}.{{ field.name }}' as full_name,
        hubspot_object,
        hubspot_id,
        '{{ field.hubspot }}' as hubspot_field,
        "hubspot__{{ field.name }}" as hubspot_raw,
        salesforce_object,
        salesforce_id,
        case coalesce(salesforce_object, '{{ entity.create.as_object }}')
{% for object, name in field.salesforce | items %}
            when '{{ object }}' then '{{ name }}'
{% endfor %}
        end as salesforce_field,
        "salesforce__{{ field.name }}" as salesforce_raw,
{% if field.currency %}
        "hubspot_currency__{{ field.name }}" as hubspot_currency,
        "salesforce_currency__{{ field.name }}" as salesforce_currency,
{% else %}
        cast(null as varchar) as hubspot_currency,
        cast(null as varchar) as salesforce_currency,
{% endif %}
        {{ 'true' if field.currency else 'false' }} as has_currency,
        hubspot_modified_at,
        salesforce_modified_at
    from int_{{ entity.name }}_values_paired
{% endfor %}
{% endfor %}

),

typed as (

    select
        *,
        field_value(full_name, 'hubspot', hubspot_raw) as hubspot_value,
        field_value(full_name, 'salesforce', salesforce_raw) as salesforce_value,
        field_problem(full_name, 'hubspot', hubspot_raw) as hubspot_problem,
        field_problem(full_name, 'salesforce', salesforce_raw) as salesforce_problem
    from values_by_field
    where salesforce_field is not null

),

final as (

    select
        typed.*,
        -- An amount travels only where both sides say one currency.
        case
            when not typed.has_currency or coalesce(typed.hubspot_value, typed.salesforce_value) is null then null
            when typed.hubspot_currency is null or typed.salesforce_currency is null then 'currency_unknown'
            when typed.hubspot_currency <> typed.salesforce_currency then 'currency_differs'
        end as currency_problem,
        agreements.golden_id is not null as has_base,
        field_value(typed.full_name, 'hubspot', agreements.hubspot_raw) as hubspot_base,
        field_value(typed.full_name, 'salesforce', agreements.salesforce_raw) as salesforce_base
    from typed
    left join agreements
        on typed.golden_id = agreements.golden_id and typed.full_name = agreements.full_name

)

select * from final
