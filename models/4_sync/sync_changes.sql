-- sync_changes: every difference that each CRM is owed, and every one that it is not, with the reason.
-- grain: one row per golden_id, target_system, target_id, operation, field
-- Status is action, noop or held. A create has no target_id; `after_ref` names the golden id whose new
-- record's id is the value.
with decisions as (

    select * from int_field_decisions where status <> 'agree'

),

creates as (

    select * from sync_creates

),

pairs as (

    select * from int_pairs where hubspot_id is not null and salesforce_id is not null

),

associations as (

    select * from sync_associations

),

policies as (

    select * from project.create_policies

),

metadata as (

    select 'hubspot' as source_system, object, field, is_updateable from hubspot_metadata.fields
    union all
    select 'salesforce' as source_system, object, field, is_updateable from salesforce_metadata.fields

),

links as (

{% for entity in entities | items | map('last') %}
    select
        golden_id, hubspot_object, hubspot_id, hubspot_link, salesforce_object, salesforce_id, salesforce_link
    from int_{{ entity.name }}_values_paired
    where hubspot_id is not null or salesforce_link is not null
{% if not loop.last %}
    union all
{% endif %}
{% endfor %}

),

field_changes as (

    select
        golden_id,
        entity,
        target_system,
        target_object,
        target_id,
        'update' as operation,
        field,
        target_field,
        target_raw as before,
        case status when 'action' then image else source_raw end as after,
        cast(null as varchar) as after_ref,
        status,
        reason_code,
        rule,
        cast(null as varchar) as depends_on
    from decisions
    union all
    select
        golden_id, entity, target_system, target_object, target_id,
        'update' as operation,
        field, target_field, before, after,
        cast(null as varchar) as after_ref,
        status, reason_code, rule,
        cast(null as varchar) as depends_on
    from sync_warehouse
    union all
    select
        golden_id, entity, target_system, target_object, target_id,
        'update' as operation,
        field, target_field, before, after,
        cast(null as varchar) as after_ref,
        status, reason_code, rule,
        cast(null as varchar) as depends_on
    from sync_consents

),

-- A person to be created is one action: its fields, its key and its link.
create_fields as (

    select
        golden_id,
        entity,
        target_system,
        target_object,
        cast(null as varchar) as target_id,
        'create' as operation,
        field,
        target_field,
        cast(null as varchar) as before,
        after,
        cast(null as varchar) as after_ref,
        'action' as status,
        cast(null as varchar) as reason_code,
        'included' as rule,
        cast(null as varchar) as depends_on
    from creates
    where held_code is null and after is not null

),

creates_once as (

    select distinct
        golden_id,
        entity,
        target_system,
        target_object,
        source_system,
        source_object,
        source_id,
        key_field,
        link_field,
        held_code,
        held_field,
        held_value
    from creates

),

create_keys as (

    select
        golden_id,
        entity,
        target_system,
        target_object,
        cast(null as varchar) as target_id,
        'create' as operation,
        '(key)' as field,
        key_field as target_field,
        cast(null as varchar) as before,
        create_key(golden_id, target_object) as after,
        cast(null as varchar) as after_ref,
        'action' as status,
        cast(null as varchar) as reason_code,
        'create_key' as rule,
        cast(null as varchar) as depends_on
    from creates_once
    where held_code is null

),

create_links as (

    select
        golden_id,
        entity,
        target_system,
        target_object,
        cast(null as varchar) as target_id,
        'create' as operation,
        '(link)' as field,
        link_field as target_field,
        cast(null as varchar) as before,
        source_id as after,
        cast(null as varchar) as after_ref,
        'action' as status,
        cast(null as varchar) as reason_code,
        'link' as rule,
        cast(null as varchar) as depends_on
    from creates_once
    where held_code is null

),

-- A new contact is associated with its company in the call that makes it.
create_associations as (

    select
        creates_once.golden_id,
        creates_once.entity,
        creates_once.target_system,
        creates_once.target_object,
        cast(null as varchar) as target_id,
        'create' as operation,
        '(company)' as field,
        'associatedcompanyid' as target_field,
        cast(null as varchar) as before,
        associations.company_id as after,
        cast(null as varchar) as after_ref,
        'action' as status,
        cast(null as varchar) as reason_code,
        'company_of_account' as rule,
        cast(null as varchar) as depends_on
    from creates_once
    inner join associations
        on creates_once.golden_id = associations.golden_id
    where creates_once.held_code is null and creates_once.target_system = 'hubspot'

),

-- The other side learns the new record's id in the same run, once it is known.
create_back_links as (

    select
        creates_once.golden_id,
        creates_once.entity,
        creates_once.source_system as target_system,
        creates_once.source_object as target_object,
        creates_once.source_id as target_id,
        'update' as operation,
        '(link)' as field,
        policies.link_field as target_field,
        case creates_once.source_system when 'hubspot' then links.hubspot_link else links.salesforce_link end as before,
        cast(null as varchar) as after,
        creates_once.golden_id as after_ref,
        case when fields.is_updateable then 'action' else 'held' end as status,
        case
            when fields.field is null then 'not_visible'
            when not fields.is_updateable then 'not_writable'
        end as reason_code,
        'link' as rule,
        creates_once.golden_id as depends_on
    from creates_once
    inner join policies
        on creates_once.entity = policies.entity and creates_once.source_system = policies.target_system
    left join links
        on creates_once.golden_id = links.golden_id
    left join metadata as fields
        on
            creates_once.source_system = fields.source_system
            and creates_once.source_object = fields.object
            and policies.link_field = fields.field
    where creates_once.held_code is null

),

-- What Salesforce owns and a create fills with a default is owed to HubSpot at once.
create_defaults_back as (

    select
        golden_id,
        entity,
        source_system as target_system,
        source_object as target_object,
        source_id as target_id,
        'update' as operation,
        field,
        source_field as target_field,
        cast(null as varchar) as before,
        field_image(full_name, target_system, create_default, source_object, 'update') as after,
        cast(null as varchar) as after_ref,
        'action' as status,
        cast(null as varchar) as reason_code,
        'create_default' as rule,
        golden_id as depends_on
    from creates
    where
        held_code is null
        and owner in ('salesforce', 'two_way', 'handoff')
        and is_source_blank
        and create_default is not null
        and write_mode <> 'on_create'
        and field_image(full_name, target_system, create_default, source_object, 'update') is not null

),

creates_held as (

    select
        golden_id,
        entity,
        target_system,
        target_object,
        cast(null as varchar) as target_id,
        'create' as operation,
        coalesce(held_field, '(record)') as field,
        cast(null as varchar) as target_field,
        cast(null as varchar) as before,
        held_value as after,
        cast(null as varchar) as after_ref,
        'held' as status,
        held_code as reason_code,
        'included' as rule,
        cast(null as varchar) as depends_on
    from creates_once
    where held_code is not null

),

links_in_hubspot as (

    select
        links.golden_id,
        policies.entity,
        'hubspot' as target_system,
        links.hubspot_object as target_object,
        links.hubspot_id as target_id,
        'update' as operation,
        '(link)' as field,
        policies.link_field as target_field,
        links.hubspot_link as before,
        links.salesforce_id as after,
        cast(null as varchar) as after_ref,
        case when fields.is_updateable then 'action' else 'held' end as status,
        case
            when fields.field is null then 'not_visible'
            when not fields.is_updateable then 'not_writable'
        end as reason_code,
        'link' as rule,
        cast(null as varchar) as depends_on
    from links
    inner join pairs
        on links.golden_id = pairs.golden_id
    inner join policies
        on pairs.entity = policies.entity and policies.target_system = 'hubspot'
    left join hubspot_metadata.fields as fields
        on links.hubspot_object = fields.object and policies.link_field = fields.field
    -- Fifteen and eighteen characters name one record.
    where (salesforce_id(links.hubspot_link) is distinct from links.salesforce_id)

),

links_in_salesforce as (

    select
        links.golden_id,
        policies.entity,
        'salesforce' as target_system,
        links.salesforce_object as target_object,
        links.salesforce_id as target_id,
        'update' as operation,
        '(link)' as field,
        policies.link_field as target_field,
        links.salesforce_link as before,
        links.hubspot_id as after,
        cast(null as varchar) as after_ref,
        case when fields.is_updateable then 'action' else 'held' end as status,
        case
            when fields.field is null then 'not_visible'
            when not fields.is_updateable then 'not_writable'
        end as reason_code,
        'link' as rule,
        cast(null as varchar) as depends_on
    from links
    inner join pairs
        on links.golden_id = pairs.golden_id
    inner join policies
        on pairs.entity = policies.entity and policies.target_system = 'salesforce'
    left join salesforce_metadata.fields as fields
        on links.salesforce_object = fields.object and policies.link_field = fields.field
    where links.salesforce_link is distinct from links.hubspot_id

),

companies_of_accounts as (

    select
        golden_id,
        entity,
        'hubspot' as target_system,
        hubspot_object as target_object,
        hubspot_id as target_id,
        'associate' as operation,
        '(company)' as field,
        'associatedcompanyid' as target_field,
        company_id_before as before,
        company_id as after,
        cast(null as varchar) as after_ref,
        case when held_code is null then 'action' else 'held' end as status,
        held_code as reason_code,
        'company_of_account' as rule,
        cast(null as varchar) as depends_on
    from associations
    where hubspot_id is not null and is_followed

),

-- Concord writes to the primary record alone; what differs on the others is for whoever merges them.
twins as (

    select
        twin_values.golden_id,
        twin_values.entity,
        twin_values.source_system as target_system,
        twin_values.source_object as target_object,
        twin_values.source_id as target_id,
        'update' as operation,
        twin_values.field,
        twin_values.target_field,
        twin_values.raw as before,
        golden_values.value as after,
        cast(null as varchar) as after_ref,
        'noop' as status,
        'not_primary' as reason_code,
        coalesce(golden_values.rule, 'not_on_primary') as rule,
        cast(null as varchar) as depends_on
    from int_twin_values as twin_values
    -- A field that the primary records do not carry has no golden value to agree with.
    left join int_golden_values as golden_values
        on twin_values.golden_id = golden_values.golden_id and twin_values.field = golden_values.field
    left join project.field_rules as rules
        on twin_values.full_name = rules.full_name
    where
        not twin_values.is_primary
        -- Consent is written to every record; see `sync_consents`.
        and (rules.field_type is distinct from 'consent')
        and (field_value(twin_values.full_name, twin_values.source_system, twin_values.raw) is distinct from golden_values.typed_value)

),

all_changes as (

    select * from field_changes
    union all
    select * from create_fields
    union all
    select * from create_keys
    union all
    select * from create_links
    union all
    select * from create_associations
    union all
    select * from create_back_links
    union all
    select * from create_defaults_back
    union all
    select * from creates_held
    union all
    select * from links_in_hubspot
    union all
    select * from links_in_salesforce
    union all
    select * from companies_of_accounts
    union all
    select * from twins

),

-- What a CRM refused is not sent again as it is, until something lets it go.
refused as (

    select * from int_rejections where is_held

),

create_writes as (

    select
        golden_id,
        target_system,
        target_object,
        array_to_string(array_sort(array_agg(concat(target_field, '=', after))), '; ') as sent
    from all_changes
    where operation = 'create' and status = 'action' and field <> '(key)'
    group by golden_id, target_system, target_object

),

refused_creates as (

    select
        refused.golden_id,
        coalesce(refused.named_field, '(record)') as field,
        refused.code
    from refused
    inner join create_writes
        on
            refused.operation = 'create'
            and refused.golden_id = create_writes.golden_id
            and refused.source_system = create_writes.target_system
            and refused.object = create_writes.target_object
            and refused.sent = create_writes.sent

),

-- A record that would be refused again waits whole, as one row, and what would follow it does not come up.
-- Nobody is to be made in both CRMs.
creates_and_followers as (

    select
        changes.* exclude (field, target_field, after, status, reason_code),
        case when refused_creates.golden_id is null then changes.field else refused_creates.field end as field,
        case when refused_creates.golden_id is null then changes.target_field end as target_field,
        case when refused_creates.golden_id is null then changes.after else refused_creates.code end as after,
        case when refused_creates.golden_id is null then changes.status else 'held' end as status,
        case when refused_creates.golden_id is null then changes.reason_code else 'refused_there' end as reason_code
    from all_changes as changes
    left join refused_creates
        on changes.golden_id = refused_creates.golden_id
    where
        (changes.operation = 'create' or changes.depends_on is not null)
        and (refused_creates.golden_id is null or (changes.operation = 'create' and changes.field = '(key)'))

),

sendable as (

    select
        golden_id, entity, target_system, target_object, target_id, operation, field, target_field, before, after,
        after_ref, status, reason_code, rule, depends_on
    from all_changes
    where operation <> 'create' and depends_on is null
    union all
    select
        golden_id, entity, target_system, target_object, target_id, operation, field, target_field, before, after,
        after_ref, status, reason_code, rule, depends_on
    from creates_and_followers

),

undone as (

    select * from int_undone where is_held

),

contested as (

    select distinct golden_id, field, source_system from int_contested where is_contested

),

-- What the native connector writes as well, but for what the project says was taken over from it.
connector_fields as (

    select
        connector.entity,
        rules.full_name
    from int_native_connector as connector
    inner join project.field_rules as rules
        on connector.entity = split_part(rules.full_name, '.', 1)
    left join project.taken_over as taken_over
        on rules.full_name = taken_over.full_name
    where connector.is_live and taken_over.full_name is null

),

-- Properties that the native connector keeps for itself are matched on, never written.
marked as (

    select
        *,
        status = 'action'
        and target_system = 'hubspot'
        and regexp_like(target_field, '^(salesforce(leadid|contactid|accountid|ownerid|campaignids|lastsynctime|deleted|opportunitystage)|hs_salesforce.*)$')
        as is_connectors_own
    from sendable

),

final as (

    select
        all_changes.* exclude (status, reason_code, is_connectors_own),
        case
            when
                coalesce(holds.golden_id, undone.golden_id, contested.golden_id, connector_fields.full_name, refused.golden_id) is not null
                or all_changes.is_connectors_own
                then 'held'
            else all_changes.status
        end as status,
        case
            when holds.golden_id is not null then 'on_hold'
            when undone.golden_id is not null then 'undone'
            when contested.golden_id is not null then 'contested'
            when connector_fields.full_name is not null then 'native_connector_live'
            when all_changes.is_connectors_own then 'connector_property'
            when refused.golden_id is not null then 'refused_there'
            else all_changes.reason_code
        end as reason_code
    from marked as all_changes
    -- A create on hold was held as a whole.
    left join int_fields_on_hold as holds
        on
            all_changes.golden_id = holds.golden_id
            and all_changes.field = holds.field
            and all_changes.status = 'action'
            and all_changes.operation in ('update', 'associate')
    left join project.field_rules as rules
        on concat(all_changes.entity, '.', all_changes.field) = rules.full_name
    -- What was undone is held while the same value would go to the same place by the same owner.
    left join undone
        on
            all_changes.golden_id = undone.golden_id
            and all_changes.field = undone.field
            and all_changes.target_system = undone.source_system
            and all_changes.status = 'action'
            and all_changes.operation in ('update', 'associate')
            and all_changes.after_ref is null
            and (undone.owner is null or undone.owner = rules.owner)
            and (
                (all_changes.after is not distinct from undone.written)
                or field_value(rules.full_name, undone.source_system, all_changes.after)
                = field_value(rules.full_name, undone.source_system, undone.written)
            )
    left join contested
        on
            all_changes.golden_id = contested.golden_id
            and all_changes.field = contested.field
            and all_changes.target_system = contested.source_system
            and all_changes.status = 'action'
            and all_changes.operation = 'update'
    left join connector_fields
        on
            concat(all_changes.entity, '.', all_changes.field) = connector_fields.full_name
            and all_changes.status = 'action'
            and all_changes.operation = 'update'
    left join refused
        on
            all_changes.operation = refused.operation
            and all_changes.golden_id = refused.golden_id
            and all_changes.field = refused.field
            and all_changes.target_system = refused.source_system
            and all_changes.target_id = refused.record_id
            and coalesce(all_changes.after, '') = refused.sent
            and all_changes.status = 'action'
            and all_changes.operation in ('update', 'associate')
            and all_changes.after_ref is null

)

select * from final
