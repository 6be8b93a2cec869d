-- int_twin_values: every mapped field of the live records that stand beside a primary one.
-- grain: one row per record_key, field
-- Nothing is written to a twin; what differs there is for the merge worklist.
{% import "2_intermediate/_values.sql" as values %}
with twins as (

    select
        crosswalk.golden_id,
        records.record_key,
        records.source_system,
        records.source_object,
        records.source_id
    from int_records as records
    inner join crosswalk
        on records.record_key = crosswalk.record_key
    left join int_primaries as primaries
        on records.record_key = primaries.record_key
    where records.is_candidate and primaries.record_key is null

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
        item['field'] as field,
        concat(entity, '.', item['field']) as full_name,
        item['target_field'] as target_field,
        item['raw'] as raw
    from fields_unnested
    where item['field'] is not null

)

select * from final
