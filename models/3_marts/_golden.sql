{#- One golden record a row: ids, how many records stand behind it, and the surviving values. -#}
{% macro golden(entity) %}
with pairs as (

    select * from int_pairs where entity = '{{ entity.name }}'

),

crosswalk as (

    select * from crosswalk where entity = '{{ entity.name }}'

),

records as (

    select * from int_records

),

golden_values as (

    select * from int_golden_values where entity = '{{ entity.name }}'

),

members_counted as (

    select
        crosswalk.golden_id,
        sum(case when crosswalk.is_live and crosswalk.source_system = 'hubspot' then 1 else 0 end) as n_hubspot_records,
        sum(case when crosswalk.is_live and crosswalk.source_system = 'salesforce' then 1 else 0 end) as n_salesforce_records,
        min(crosswalk.first_seen_at) as first_seen_at
    from crosswalk
    group by crosswalk.golden_id

),

names_ranked as (

    select
        crosswalk.golden_id,
        records.display_name,
        row_number() over (
            partition by crosswalk.golden_id
            order by (coalesce(records.display_name, '') <> '') desc, records.is_live desc, crosswalk.source_system, crosswalk.record_key
        ) as choice
    from crosswalk
    inner join records
        on crosswalk.record_key = records.record_key

),

values_pivoted as (

    select
        golden_id{{ "," if entity.fields }}
{% for field in entity.fields %}
        max(case when field = '{{ field.name }}' then value end) as "{{ field.name }}"{{ "," if not loop.last }}
{% endfor %}
    from golden_values
    group by golden_id

),

final as (

    select
        members_counted.golden_id,
        pairs.hubspot_object,
        pairs.hubspot_id,
        pairs.salesforce_object,
        pairs.salesforce_id,
        nullif(names_ranked.display_name, '') as display_name,
{% for field in entity.fields %}
        values_pivoted."{{ field.name }}",
{% endfor %}
        members_counted.n_hubspot_records,
        members_counted.n_salesforce_records,
{{ caller() }}
        members_counted.first_seen_at
    from members_counted
    inner join names_ranked
        on members_counted.golden_id = names_ranked.golden_id and names_ranked.choice = 1
    left join pairs
        on members_counted.golden_id = pairs.golden_id
    left join values_pivoted
        on members_counted.golden_id = values_pivoted.golden_id
{% if entity.name == 'person' %}
    left join int_handoffs
        on members_counted.golden_id = int_handoffs.golden_id
    left join int_person_inclusion
        on pairs.hubspot_id = int_person_inclusion.contact_id
{% endif %}

)

select * from final
{% endmacro %}
