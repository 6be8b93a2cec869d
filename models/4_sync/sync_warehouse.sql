-- sync_warehouse: what models own and both CRMs receive: the model's value beside what each primary record holds.
-- grain: one row per target_system, target_id, field
-- The model speaks HubSpot's words. A golden record without a row in it is as one with a blank.
with pairs as (

    select * from int_pairs

),

owned as (

    -- No row, so that a map in which no model owns anything is a table without rows.
    select
        cast(null as varchar) as golden_id,
        cast(null as varchar) as field,
        cast(null as varchar) as full_name,
        cast(null as varchar) as value
    from pairs
    where false
{% for entity in entities | items | map('last') %}
{% for field in entity.fields if field.owner == 'warehouse' %}
    union all
    select
        cast(golden_id as varchar) as golden_id,
        '{{ field.name }}' as field,
        '{{ entity.name }}.{{ field.name }}' as full_name,
        trimmed(cast({{ field.from.column }} as varchar)) as value
    from {{ field.from.model }}
    where golden_id is not null
{% endfor %}
{% endfor %}

),

rules as (

    select * from project.field_rules where owner = 'warehouse'

),

-- Both sides of every field that a model owns, whether the model has a value or not.
targets as (

    select
        golden_id, entity, field, full_name,
        'hubspot' as target_system,
        hubspot_object as target_object,
        hubspot_id as target_id,
        hubspot_field as target_field,
        hubspot_raw as target_raw,
        hubspot_value as target_value,
        hubspot_modified_at as modified_at,
        currency_problem
    from int_field_values
    where hubspot_id is not null
    union all
    select
        golden_id, entity, field, full_name,
        'salesforce' as target_system,
        salesforce_object as target_object,
        salesforce_id as target_id,
        salesforce_field as target_field,
        salesforce_raw as target_raw,
        salesforce_value as target_value,
        salesforce_modified_at as modified_at,
        currency_problem
    from int_field_values
    where salesforce_id is not null

),

compared as (

    select
        targets.*,
        owned.value as owned_raw,
        rules.write_mode,
        field_value(targets.full_name, 'hubspot', owned.value) as owned_value,
        case
            when owned.value is null then null
            else coalesce(
                targets.currency_problem,
                field_problem(targets.full_name, 'hubspot', owned.value),
                field_image_problem(targets.full_name, 'hubspot', owned.value, targets.target_object, 'update')
            )
        end as problem,
        field_image(targets.full_name, 'hubspot', owned.value, targets.target_object, 'update') as image,
        coalesce(targets.modified_at < writes.written_at, false) as is_stale
    from targets
    inner join rules
        on targets.full_name = rules.full_name
    left join owned
        on targets.golden_id = owned.golden_id and targets.full_name = owned.full_name
    left join ops.last_writes as writes
        on
            targets.target_system = writes.source_system
            and targets.target_object = writes.object
            and targets.target_id = writes.record_id

),

judged as (

    select
        *,
        case
            -- A blank takes nothing away: a file may be late, or half a file.
            when owned_raw is null then 'blank_in_owner'
            when write_mode = 'on_create' then 'on_create_only'
            when write_mode = 'when_blank' and target_value is not null then 'target_filled'
            when is_stale then 'stale_observation'
            when problem is null and (image is not distinct from target_raw) then 'same_image'
        end as noop_code
    from compared
    where owned_value is distinct from target_value

),

final as (

    select
        golden_id,
        entity,
        target_system,
        target_object,
        target_id,
        field,
        target_field,
        target_raw as before,
        case when noop_code is null and problem is null then image else owned_raw end as after,
        case
            when noop_code is not null then 'noop'
            when problem is not null then 'held'
            else 'action'
        end as status,
        coalesce(noop_code, problem) as reason_code,
        'owner_warehouse' as rule
    from judged

)

select * from final
