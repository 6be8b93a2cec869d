-- int_field_decisions: for every field that both sides hold, who wins and what follows.
-- grain: one row per golden_id, field
-- Every row ends in exactly one status: agree, action, noop or held. Rules are those of the field map.
-- What a model owns is judged in `sync_warehouse`, and consent in `sync_consents`.
with field_values as (

    select * from int_field_values where hubspot_id is not null and salesforce_id is not null

),

rules as (

    select * from project.field_rules

),

handoffs as (

    select * from int_handoffs

),

lifecycle as (

    select * from project.lifecycle

),

writes as (

    select * from ops.last_writes

),

stored_forms as (

    select * from int_stored_forms

),

-- One side holds what it made of the other's value when we wrote it there.
equal_as_stored as (

    select
        field_values.golden_id,
        field_values.full_name
    from field_values
    inner join stored_forms
        on
            stored_forms.source_system = 'salesforce'
            and field_values.salesforce_object = stored_forms.object
            and field_values.salesforce_field = stored_forms.field
            and field_values.salesforce_raw = stored_forms.stored
    where stored_forms.sent = field_image(field_values.full_name, 'hubspot', field_values.hubspot_raw, field_values.salesforce_object, 'update')
    union
    select
        field_values.golden_id,
        field_values.full_name
    from field_values
    inner join stored_forms
        on
            stored_forms.source_system = 'hubspot'
            and field_values.hubspot_object = stored_forms.object
            and field_values.hubspot_field = stored_forms.field
            and field_values.hubspot_raw = stored_forms.stored
    where stored_forms.sent = field_image(field_values.full_name, 'salesforce', field_values.salesforce_raw, field_values.hubspot_object, 'update')

),

compared as (

    select
        field_values.*,
        rules.owner,
        rules.tie,
        rules.write_mode,
        rules.is_clear,
        coalesce(rules.is_lifecycle, false) as is_lifecycle,
        coalesce(hubspot_fields.is_required, false) as is_hubspot_required,
        coalesce(salesforce_fields.is_required, false) as is_salesforce_required,
        hubspot_fields.field is not null as is_hubspot_visible,
        salesforce_fields.field is not null as is_salesforce_visible,
        coalesce(handoffs.is_open, false) as is_handed_off,
        -- Two fields of which one is not visible agree on nothing.
        hubspot_fields.field is not null
        and salesforce_fields.field is not null
        and field_values.currency_problem is null
        and (
            (field_values.hubspot_value is not distinct from field_values.salesforce_value)
            or equal_as_stored.golden_id is not null
        ) as is_agreed,
        field_values.has_base and (field_values.hubspot_value is distinct from field_values.hubspot_base) as is_hubspot_changed,
        field_values.has_base and (field_values.salesforce_value is distinct from field_values.salesforce_base) as is_salesforce_changed,
        -- Lists and exports lag: what was read before our own write landed says nothing.
        coalesce(field_values.hubspot_modified_at < hubspot_writes.written_at, false)
        or coalesce(field_values.salesforce_modified_at < salesforce_writes.written_at, false) as is_stale,
        hubspot_stage.position as hubspot_position,
        salesforce_stage.position as salesforce_position
    from field_values
    -- Every field has a rule; of an inner join the planner would expect few rows, and hold all of them.
    left join rules
        on field_values.full_name = rules.full_name
    -- A field that a connection cannot see is unknown, not blank.
    left join hubspot_metadata.fields as hubspot_fields
        on field_values.hubspot_object = hubspot_fields.object and field_values.hubspot_field = hubspot_fields.field
    left join salesforce_metadata.fields as salesforce_fields
        on field_values.salesforce_object = salesforce_fields.object and field_values.salesforce_field = salesforce_fields.field
    left join equal_as_stored
        on field_values.golden_id = equal_as_stored.golden_id and field_values.full_name = equal_as_stored.full_name
    left join handoffs
        on field_values.golden_id = handoffs.golden_id
    left join lifecycle as hubspot_stage
        on rules.is_lifecycle and field_values.hubspot_value = hubspot_stage.stage
    left join lifecycle as salesforce_stage
        on rules.is_lifecycle and field_values.salesforce_value = salesforce_stage.stage
    left join writes as hubspot_writes
        on hubspot_writes.source_system = 'hubspot' and field_values.hubspot_object = hubspot_writes.object and field_values.hubspot_id = hubspot_writes.record_id
    left join writes as salesforce_writes
        on salesforce_writes.source_system = 'salesforce' and field_values.salesforce_object = salesforce_writes.object and field_values.salesforce_id = salesforce_writes.record_id
    where (rules.owner is distinct from 'warehouse') and ((rules.field_type is distinct from 'consent') or rules.owner = 'compare')

),

ruled as (

    select
        *,
        case
            when owner = 'compare' then 'compare'
            when owner = 'hubspot' then 'owner_hubspot'
            when owner = 'salesforce' then 'owner_salesforce'
            when owner = 'handoff' and is_handed_off then 'after_handoff'
            when owner = 'handoff' then 'before_handoff'
            when not has_base and hubspot_value is null then 'first_agreement_fill_hubspot'
            when not has_base and salesforce_value is null then 'first_agreement_fill_salesforce'
            when not has_base then concat('first_agreement_tie_', tie)
            when is_hubspot_changed and not is_salesforce_changed then 'changed_in_hubspot'
            when is_salesforce_changed and not is_hubspot_changed then 'changed_in_salesforce'
            -- Neither side changed: what counts as equal did.
            when not is_hubspot_changed then concat('unchanged_tie_', tie)
            when hubspot_value is null and not is_clear then 'conflict_filled_in_salesforce'
            when salesforce_value is null and not is_clear then 'conflict_filled_in_hubspot'
            else concat('conflict_tie_', tie)
        end as rule
    from compared

),

sourced as (

    select
        *,
        case
            when rule in ('compare', 'owner_hubspot', 'before_handoff', 'first_agreement_fill_salesforce', 'first_agreement_tie_hubspot', 'changed_in_hubspot', 'unchanged_tie_hubspot', 'conflict_filled_in_hubspot', 'conflict_tie_hubspot') then 'hubspot'
            else 'salesforce'
        end as source_system
    from ruled

),

directed as (

    select
        *,
        case source_system when 'hubspot' then hubspot_raw else salesforce_raw end as source_raw,
        case source_system when 'hubspot' then hubspot_value else salesforce_value end as source_value,
        case source_system when 'hubspot' then hubspot_base else salesforce_base end as source_base,
        case
            when not (is_hubspot_visible and is_salesforce_visible) then 'not_visible'
            when source_system = 'hubspot' then hubspot_problem
            else salesforce_problem
        end as source_problem,
        case source_system when 'hubspot' then hubspot_position else salesforce_position end as source_position,
        case source_system when 'hubspot' then 'salesforce' when 'salesforce' then 'hubspot' end as target_system,
        case source_system when 'hubspot' then salesforce_object else hubspot_object end as target_object,
        case source_system when 'hubspot' then salesforce_id else hubspot_id end as target_id,
        case source_system when 'hubspot' then salesforce_field else hubspot_field end as target_field,
        case source_system when 'hubspot' then is_salesforce_required else is_hubspot_required end as is_target_required,
        case source_system when 'hubspot' then salesforce_raw else hubspot_raw end as target_raw,
        case source_system when 'hubspot' then salesforce_value else hubspot_value end as target_value,
        case source_system when 'hubspot' then salesforce_position else hubspot_position end as target_position
    from sourced

),

imaged as (

    select
        *,
        is_clear and write_mode = 'always' and not is_lifecycle and has_base as may_clear,
        field_image(full_name, source_system, source_raw, target_object, 'update') as image,
        case
            when is_agreed or rule = 'compare' then null
            when source_value is null and is_target_required then 'required_field_empty'
            else coalesce(source_problem, currency_problem, field_image_problem(full_name, source_system, source_raw, target_object, 'update'))
        end as problem
    from directed

),

final as (

    select
        *,
        case
            when is_agreed then 'agree'
            when rule = 'compare' then 'noop'
            when source_problem = 'not_visible' then 'held'
            when is_stale then 'noop'
            when source_value is null and may_clear and problem is null then 'action'
            when source_value is null and may_clear then 'held'
            when source_value is null then 'noop'
            when write_mode = 'on_create' then 'noop'
            when write_mode = 'when_blank' and target_value is not null then 'noop'
            when is_lifecycle and problem is not null then 'held'
            when is_lifecycle and (source_position is null or (target_value is not null and target_position is null)) then 'held'
            when is_lifecycle and source_position <= target_position then 'noop'
            when problem is not null then 'held'
            when image is not distinct from target_raw then 'noop'
            else 'action'
        end as status,
        case
            when is_agreed then null
            when rule = 'compare' then 'compare_only'
            when source_problem = 'not_visible' then 'not_visible'
            when is_stale then 'stale_observation'
            when source_value is null and may_clear then problem
            when source_value is null and source_base is not null then 'cleared_there'
            when source_value is null then 'blank_in_owner'
            when write_mode = 'on_create' then 'on_create_only'
            when write_mode = 'when_blank' and target_value is not null then 'target_filled'
            when is_lifecycle and problem is not null then problem
            when is_lifecycle and (source_position is null or (target_value is not null and target_position is null)) then 'not_in_lifecycle'
            when is_lifecycle and source_position <= target_position then 'not_forward'
            when problem is not null then problem
            when image is not distinct from target_raw then 'same_image'
        end as reason_code,
        -- The side that does not own the field wrote to it.
        not is_agreed and owner in ('hubspot', 'salesforce') and (
            (owner = 'hubspot' and is_salesforce_changed) or (owner = 'salesforce' and is_hubspot_changed)
        ) as is_violation,
        rule like 'conflict_tie_%' and not is_agreed as is_conflict
    from imaged

)

select * from final
