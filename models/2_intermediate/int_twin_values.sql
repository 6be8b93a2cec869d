-- int_twin_values: every mapped field of the live records of which one CRM has several for a golden id.
-- grain: one row per record_key, field
-- Nothing is written but to the primary one; what differs in the others is for the merge worklist.
{% import "2_intermediate/_values.sql" as values %}
with candidates as (

    select * from int_primary_candidates

),

several as (

    select
        golden_id,
        source_system
    from candidates
    group by golden_id, source_system
    having count(*) > 1

),

twins as (

    select
        candidates.golden_id,
        candidates.record_key,
        candidates.source_system,
        candidates.source_object,
        candidates.source_id,
        candidates.choice = 1 as is_primary
    from candidates
    inner join several
        on candidates.golden_id = several.golden_id and candidates.source_system = several.source_system

),

fields_unnested as (

    -- One row without a field, so that a map without fields is a table without rows.
    select
        cast(null as varchar) as entity,
        golden_id,
        record_key,
        source_system,
        source_object,
        source_id,
        is_primary,
        named_struct('field', cast(null as varchar), 'target_field', cast(null as varchar), 'raw', cast(null as varchar)) as item
    from twins
    where false
{% for entity in entities | items | map('last') if entity.fields %}
    union all
    select
        '{{ entity.name }}' as entity,
        twins.golden_id,
        twins.record_key,
        twins.source_system,
        twins.source_object,
        twins.source_id,
        twins.is_primary,
        unnest(make_array(
{% for field in entity.fields %}
            named_struct('field', '{{ field.name }}', 'target_field', '{{ field.hubspot }}', 'raw', staged."raw__{{ field.hubspot | lower }}"){{ "," if not loop.last }}
{% endfor %}
        )) as item
    from twins
    inner join {{ values.staging[entity.hubspot][0] }} as staged
        on twins.source_id = staged.{{ values.staging[entity.hubspot][1] }}
    where twins.source_system = 'hubspot' and twins.source_object = '{{ entity.hubspot }}'
{% for object in entity.salesforce %}
    union all
    select
        '{{ entity.name }}' as entity,
        twins.golden_id,
        twins.record_key,
        twins.source_system,
        twins.source_object,
        twins.source_id,
        twins.is_primary,
        unnest(make_array(
            named_struct('field', cast(null as varchar), 'target_field', cast(null as varchar), 'raw', cast(null as varchar))
{% for field in entity.fields if object in field.salesforce %}
            , named_struct('field', '{{ field.name }}', 'target_field', '{{ field.salesforce[object] }}', 'raw', staged."raw__{{ field.salesforce[object] | lower }}")
{% endfor %}
        )) as item
    from twins
    inner join {{ values.staging[object][0] }} as staged
        on twins.source_id = staged.{{ values.staging[object][1] }}
    where twins.source_system = 'salesforce' and twins.source_object = '{{ object }}'
{% endfor %}
{% endfor %}

),

final as (

    select
        entity,
        golden_id,
        record_key,
        source_system,
        source_object,
        source_id,
        is_primary,
        item['field'] as field,
        concat(entity, '.', item['field']) as full_name,
        item['target_field'] as target_field,
        item['raw'] as raw
    from fields_unnested
    where item['field'] is not null

)

select * from final
