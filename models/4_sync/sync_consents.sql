-- sync_consents: every live record of a person that says otherwise than the most restrictive of them.
-- grain: one row per target_system, target_id, field
-- Whoever said no in one place said it everywhere, twins included; nothing is ever given back by itself.
-- An answer that cannot be read counts as no. What the connection may not write waits for a person.
{% import "2_intermediate/_values.sql" as values %}
with candidates as (

    select * from int_primary_candidates where entity = 'person'

),

answers as (

    -- No row, so that a map without consent is a table without rows.
    select
        cast(null as varchar) as record_key,
        cast(null as varchar) as field,
        cast(null as varchar) as full_name,
        cast(null as varchar) as owner,
        cast(null as varchar) as restrictive,
        cast(null as varchar) as target_field,
        cast(null as varchar) as raw
    from candidates
    where false
{% for field in entities.person.fields if field.type == 'consent' and field.owner != 'compare' %}
    union all
    select
        record_key('hubspot', '{{ entities.person.hubspot }}', {{ values.staging[entities.person.hubspot][1] }}) as record_key,
        '{{ field.name }}' as field,
        'person.{{ field.name }}' as full_name,
        '{{ field.owner }}' as owner,
        '{{ 'true' if field.restrictive else 'false' }}' as restrictive,
        '{{ field.hubspot }}' as target_field,
        "raw__{{ field.hubspot | lower }}" as raw
    from {{ values.staging[entities.person.hubspot][0] }}
{% for object, name in field.salesforce | items %}
    union all
    select
        record_key('salesforce', '{{ object }}', {{ values.staging[object][1] }}) as record_key,
        '{{ field.name }}' as field,
        'person.{{ field.name }}' as full_name,
        '{{ field.owner }}' as owner,
        '{{ 'true' if field.restrictive else 'false' }}' as restrictive,
        '{{ name }}' as target_field,
        "raw__{{ name | lower }}" as raw
    from {{ values.staging[object][0] }}
{% endfor %}
{% endfor %}

),

typed as (

    select
        candidates.golden_id,
        candidates.entity,
        candidates.source_system,
        candidates.source_object,
        candidates.source_id,
        candidates.modified_at,
        answers.*,
        case
            when field_problem(answers.full_name, candidates.source_system, answers.raw) is not null then true
            else coalesce(field_value(answers.full_name, candidates.source_system, answers.raw) = answers.restrictive, false)
        end as is_no
    from answers
    inner join candidates
        on answers.record_key = candidates.record_key

),

-- A one-way field carries a no from its owner alone.
refused as (

    select
        golden_id,
        full_name,
        min(concat(source_object, ' ', source_id)) as said_by
    from typed
    where is_no and (owner = 'two_way' or owner = source_system)
    group by golden_id, full_name

),

owed as (

    select
        typed.*,
        refused.said_by,
        field_image(typed.full_name, 'hubspot', typed.restrictive, typed.source_object, 'update') as image,
        field_image_problem(typed.full_name, 'hubspot', typed.restrictive, typed.source_object, 'update') as problem,
        coalesce(typed.modified_at < writes.written_at, false) as is_stale
    from typed
    inner join refused
        on typed.golden_id = refused.golden_id and typed.full_name = refused.full_name
    left join ops.last_writes as writes
        on
            typed.source_system = writes.source_system
            and typed.source_object = writes.object
            and typed.source_id = writes.record_id
    where not typed.is_no

),

final as (

    select
        golden_id,
        entity,
        source_system as target_system,
        source_object as target_object,
        source_id as target_id,
        field,
        target_field,
        raw as before,
        image as after,
        case
            when is_stale then 'noop'
            when problem is not null then 'held'
            else 'action'
        end as status,
        case when is_stale then 'stale_observation' else problem end as reason_code,
        'most_restrictive' as rule,
        said_by
    from owed

)

select * from final
