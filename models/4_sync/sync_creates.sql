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

holds as (

    select distinct golden_id from int_holds where decision = 'hold'

),

releases as (

    select * from int_holds where decision = 'release' and field = '(record)'

),

-- A record that already carries a key would be overwritten by the create that repeats it.
key_holders as (

    select concord_key, lead_id as holder_id from stg_salesforce__leads where concord_key is not null
    union
    select concord_key, contact_id as holder_id from stg_salesforce__contacts where concord_key is not null

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
            when coalesce(releases.decided_at >= gone_there.gone_since, false) then null
            else gone_there.gone_id
        end as deleted_id,
        holds.golden_id is not null as is_on_hold,
        keys_taken.holder_id as key_holder_id,
        missing_fields.problem as missing_field_problem,
        missing_fields.missing_field
    from pairs
    inner join policies
        on pairs.entity = policies.entity
    inner join inclusion
        on pairs.hubspot_id = inclusion.contact_id
    left join missing_fields
        on pairs.entity = missing_fields.entity
    left join gone_there
        on pairs.golden_id = gone_there.golden_id
    left join releases
        on pairs.golden_id = releases.golden_id
    left join holds
        on pairs.golden_id = holds.golden_id
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
        rules.full_name,
        field_values.hubspot_field,
        field_values.hubspot_value is null as is_source_blank,
        coalesce(
            field_values.hubspot_problem,
            case
                when field_values.hubspot_value is not null
                    then field_image_problem(rules.full_name, 'hubspot', field_values.hubspot_raw, wanted.as_object, 'create')
            end
        ) as problem,
        coalesce(
            field_image(rules.full_name, 'hubspot', field_values.hubspot_raw, wanted.as_object, 'create'),
            rules.create_default
        ) as after
    from wanted
    inner join field_values
        on wanted.golden_id = field_values.golden_id
    inner join rules
        on field_values.full_name = rules.full_name
    where rules.owner <> 'compare'

),

required as (

    select
        wanted.golden_id,
        fields.field as target_field
    from wanted
    inner join salesforce_metadata.fields as fields
        on wanted.as_object = fields.object
    where fields.is_required and fields.is_createable

),

required_missing as (

    select
        required.golden_id,
        min(required.target_field) as target_field
    from required
    left join mapped
        on required.golden_id = mapped.golden_id and required.target_field = mapped.target_field and mapped.after is not null
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
        mapped.hubspot_field,
        mapped.is_source_blank,
        mapped.create_default,
        mapped.target_field,
        mapped.after,
        case
            when mapped.is_on_hold then 'on_hold'
            when mapped.missing_field_problem is not null then mapped.missing_field_problem
            when mapped.deleted_id is not null then 'deleted_there'
            when mapped.key_holder_id is not null then 'key_taken'
            when required_missing.golden_id is not null then 'required_field_empty'
            else problems.problem
        end as held_code,
        case
            when
                mapped.is_on_hold
                or mapped.missing_field_problem is not null
                or mapped.deleted_id is not null
                or mapped.key_holder_id is not null
                then null
            when required_missing.golden_id is not null then required_missing.target_field
            else problems.field
        end as held_field,
        case
            when mapped.is_on_hold then null
            when mapped.missing_field_problem is not null then mapped.missing_field
            when mapped.deleted_id is not null then mapped.deleted_id
            when mapped.key_holder_id is not null then mapped.key_holder_id
            when required_missing.golden_id is not null then null
            else problems.value
        end as held_value
    from mapped
    left join required_missing
        on mapped.golden_id = required_missing.golden_id
    left join problems
        on mapped.golden_id = problems.golden_id

)

select * from final
