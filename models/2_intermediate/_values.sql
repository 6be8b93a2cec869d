{#- Staging model and id column of every object that a field map may name. -#}
{% set staging = {
    'contacts': ['stg_hubspot__contacts', 'contact_id'],
    'companies': ['stg_hubspot__companies', 'company_id'],
    'deals': ['stg_hubspot__deals', 'deal_id'],
    'Lead': ['stg_salesforce__leads', 'lead_id'],
    'Contact': ['stg_salesforce__contacts', 'contact_id'],
    'Account': ['stg_salesforce__accounts', 'account_id'],
    'Opportunity': ['stg_salesforce__opportunities', 'opportunity_id'],
} %}

{#- The currency of one side's amount: a code of three capitals, or the field that holds one. -#}
{% macro currency(name, side) -%}
    {% if name | length == 3 and name == name | upper %}{{ name | quote }}{% else %}upper(trimmed({{ side }}."raw__{{ name | lower }}")){% endif %}
{%- endmacro %}

{#- Both sides' raw values of one entity's mapped fields, once for each pair. -#}
{% macro paired_values(entity) %}
with pairs as (

    select * from int_pairs where entity = '{{ entity.name }}'

),

final as (

    select
        pairs.golden_id,
        pairs.hubspot_object,
        pairs.hubspot_id,
        pairs.salesforce_object,
        pairs.salesforce_id,
        pairs.hubspot_modified_at,
        pairs.salesforce_modified_at,
        hubspot_side."raw__{{ entity.link.hubspot | lower }}" as hubspot_link,
        coalesce(
{% for object in entity.salesforce %}
            {{ object | lower }}_side."raw__{{ entity.link.salesforce | lower }}"{{ "," if not loop.last }}
{% endfor %}
        ) as salesforce_link{{ "," if entity.fields }}
{% for field in entity.fields %}
        hubspot_side."raw__{{ field.hubspot | lower }}" as "hubspot__{{ field.name }}",
        case pairs.salesforce_object
{% for object, name in field.salesforce | items %}
            when '{{ object }}' then {{ object | lower }}_side."raw__{{ name | lower }}"
{% endfor %}
        end as "salesforce__{{ field.name }}"{{ "," if field.currency or not loop.last }}
{% if field.currency %}
        {{ currency(field.currency.hubspot, 'hubspot_side') }} as "hubspot_currency__{{ field.name }}",
        coalesce(
{% for object in field.salesforce | list %}
            {{ currency(field.currency.salesforce, object | lower ~ '_side') }}{{ "," if not loop.last }}
{% endfor %}
        ) as "salesforce_currency__{{ field.name }}"{{ "," if not loop.last }}
{% endif %}
{% endfor %}
    from pairs
    left join {{ staging[entity.hubspot][0] }} as hubspot_side
        on pairs.hubspot_id = hubspot_side.{{ staging[entity.hubspot][1] }}
{% for object in entity.salesforce %}
    left join {{ staging[object][0] }} as {{ object | lower }}_side
        on
            pairs.salesforce_object = '{{ object }}'
            and pairs.salesforce_id = {{ object | lower }}_side.{{ staging[object][1] }}
{% endfor %}

)

select * from final
{% endmacro %}
