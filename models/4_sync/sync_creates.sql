-- sync_creates: who has no record in Salesforce and should, field by field, with what stands in the way.
-- grain: one row per golden_id, field
-- A create is one unit: what holds one field holds it whole, because a lead that arrives without a
-- value that routing reads goes to the wrong rep.
with pairs as (

    select * from int_pairs

),

field_values as (

    select * from int_field_values

),

rules as (

    select * from project.field_rules

),

policies as (

    select * from project.create_policies where salesforce = 'included'

),

inclusion as (

    select * from int_person_inclusion

),

crosswalk as (

    select * from crosswalk

),

-- Whoever was deleted, merged away or has vanished over there stays so until somebody releases it.
gone_there as (

    select
        golden_id,
        min(record_id) as gone_id,
        max(since) as gone_since
    from int_record_life
    where source_system = 'salesforce' and life <> 'live'
    group by golden_id

),

releases as (

    select * from int_holds where decision = 'release' and field = '(record)'

),

-- A lead that was converted into a contact which this connection does not see.
converted_there as (

    select
        golden_id,
        min(source_id) as converted_id
    from crosswalk
    where source_system = 'salesforce' and is_live
    group by golden_id

),

holds as (

    select distinct golden_id from int_fields_on_hold

),

-- Who was made and removed again by an undo is not made again by itself.
removed as (

    select distinct golden_id from int_undone where field = '(record)' and source_system = 'salesforce' and is_held

),

-- Where the native connector is at work, whom it would make may be made twice.
connected as (

    select connector.entity
    from int_native_connector as connector
    left join project.taken_over as taken_over
        on concat(connector.entity, '.(record)') = taken_over.full_name
    where connector.is_live and taken_over.full_name is null

),

-- A live record that already carries a key would be overwritten by the create that repeats it.
key_holders as (

    select concord_key, lead_id as holder_id
    from stg_salesforce__leads
    where concord_key is not null and not is_deleted
    union
    select concord_key, contact_id as holder_id
    from stg_salesforce__contacts
    where concord_key is not null and not is_deleted

),

keys_taken as (

    select
        concord_key,
        min(holder_id) as holder_id
    from key_holders
    group by concord_key

),

-- Without its key field a create could not be repeated safely, and without its link it would be a
-- stranger to the other side.
missing_fields as (

    select
        policies.entity,
        case
            when key_fields.field is null then 'no_key_field'
            when link_fields.field is null then 'no_link_field'
        end as problem,
        case when key_fields.field is null then policies.key_field else policies.link_field end as missing_field
    from policies
    left join salesforce_metadata.fields as key_fields
        on
            policies.as_object = key_fields.object
            and policies.key_field = key_fields.field
            and key_fields.is_unique
            and key_fields.is_createable
    left join salesforce_metadata.fields as link_fields
        on
            policies.as_object = link_fields.object
            and policies.link_field = link_fields.field
            and link_fields.is_createable
    where key_fields.field is null or link_fields.field is null

),

-- Who is to be created, and what holds the whole record back.
wanted as (

    select
        pairs.golden_id,
        pairs.entity,
        pairs.hubspot_object,
        pairs.hubspot_id,
        policies.as_object,
        policies.key_field,
        policies.link_field,
        case
            when holds.golden_id is not null then 'on_hold'
            when removed.golden_id is not null then 'undone'
            when connected.entity is not null then 'native_connector_live'
            when missing_fields.problem is not null then missing_fields.problem
            when converted_there.golden_id is not null then 'converted_there'
            when gone_there.gone_id is not null and coalesce(releases.decided_at < gone_there.gone_since, true) then 'deleted_there'
            when keys_taken.holder_id is not null then 'key_taken'
        end as record_held_code,
        case
            when coalesce(holds.golden_id, removed.golden_id, connected.entity) is not null then null
            when missing_fields.problem is not null then missing_fields.missing_field
            when converted_there.golden_id is not null then converted_there.converted_id
            when gone_there.gone_id is not null and coalesce(releases.decided_at < gone_there.gone_since, true) then gone_there.gone_id
            else keys_taken.holder_id
        end as record_held_value
    from pairs
    inner join policies
        on pairs.entity = policies.entity
    inner join inclusion
        on pairs.hubspot_id = inclusion.contact_id
    left join holds
        on pairs.golden_id = holds.golden_id
    left join connected
        on pairs.entity = connected.entity
    left join removed
        on pairs.golden_id = removed.golden_id
    left join missing_fields
        on pairs.entity = missing_fields.entity
    left join converted_there
        on pairs.golden_id = converted_there.golden_id
    left join gone_there
        on pairs.golden_id = gone_there.golden_id
    left join releases
        on pairs.golden_id = releases.golden_id
    left join keys_taken
        on create_key(pairs.golden_id, policies.as_object) = keys_taken.concord_key
    where pairs.hubspot_id is not null and pairs.salesforce_id is null and inclusion.may_be_created

),

mapped as (

    select
        wanted.*,
        field_values.field,
        field_values.salesforce_field as target_field,
        field_values.hubspot_raw as source_raw,
        rules.create_default,
        rules.owner,
        rules.write_mode,
        rules.full_name,
        field_values.hubspot_field,
        field_values.hubspot_value is null as is_source_blank,
        case
            when hubspot_fields.field is null then 'not_visible'
            when field_values.hubspot_value is not null then coalesce(
                field_values.hubspot_problem,
                field_image_problem(rules.full_name, 'hubspot', field_values.hubspot_raw, wanted.as_object, 'create')
            )
            when rules.create_default is not null
                then field_default_problem(rules.full_name, rules.create_default, wanted.as_object)
        end as problem,
        coalesce(
            field_image(rules.full_name, 'hubspot', field_values.hubspot_raw, wanted.as_object, 'create'),
            rules.create_default
        ) as after
    from wanted
    inner join field_values
        on wanted.golden_id = field_values.golden_id
    inner join rules
        on field_values.full_name = rules.full_name
    -- A property that the connection cannot see is unknown, not blank.
    left join hubspot_metadata.fields as hubspot_fields
        on wanted.hubspot_object = hubspot_fields.object and field_values.hubspot_field = hubspot_fields.field
    where rules.owner <> 'compare'

),

-- The key and the link are given by the create itself.
required as (

    select
        wanted.golden_id,
        fields.field as target_field
    from wanted
    inner join salesforce_metadata.fields as fields
        on wanted.as_object = fields.object
    where fields.is_required and fields.is_createable and fields.field not in (wanted.key_field, wanted.link_field)

),

-- A required field that is filled and cannot travel is held for that, and not as empty.
required_missing as (

    select
        required.golden_id,
        min(required.target_field) as target_field
    from required
    left join mapped
        on
            required.golden_id = mapped.golden_id
            and required.target_field = mapped.target_field
            and (mapped.after is not null or mapped.problem is not null)
    where mapped.golden_id is null
    group by required.golden_id

),

problems_ranked as (

    select
        golden_id,
        field,
        problem,
        source_raw as value,
        row_number() over (partition by golden_id order by field) as choice
    from mapped
    where problem is not null

),

problems as (

    select * from problems_ranked where choice = 1

),

final as (

    select
        mapped.golden_id,
        mapped.entity,
        mapped.hubspot_object,
        mapped.hubspot_id,
        mapped.as_object,
        mapped.key_field,
        mapped.link_field,
        mapped.field,
        mapped.full_name,
        mapped.owner,
        mapped.write_mode,
        mapped.hubspot_field,
        mapped.is_source_blank,
        mapped.create_default,
        mapped.target_field,
        mapped.after,
        case
            when mapped.record_held_code is not null then mapped.record_held_code
            when required_missing.golden_id is not null then 'required_field_empty'
            else problems.problem
        end as held_code,
        case
            when mapped.record_held_code is not null then null
            when required_missing.golden_id is not null then coalesce(required_fields.field, required_missing.target_field)
            else problems.field
        end as held_field,
        case
            when mapped.record_held_code is not null then mapped.record_held_value
            when required_missing.golden_id is not null then null
            else problems.value
        end as held_value
    from mapped
    left join required_missing
        on mapped.golden_id = required_missing.golden_id
    -- The map's own name of the required field, where it has one.
    left join mapped as required_fields
        on
            required_missing.golden_id = required_fields.golden_id
            and required_missing.target_field = required_fields.target_field
    left join problems
        on mapped.golden_id = problems.golden_id

)

select * from final
