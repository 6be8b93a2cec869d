-- sync_creates: who has a record in one CRM alone and should have one in the other, field by field, with what stands in the way.
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

    select * from project.create_policies where policy = 'included'

),

-- Whom each direction's inclusion rule lets across.
inclusion as (

    select
        'salesforce' as target_system,
        contact_id as source_id
    from int_person_inclusion
    where may_be_created
    union all
    select
        'hubspot' as target_system,
        source_id
    from int_person_inclusion_to_hubspot
    where is_included

),

metadata as (

    select 'hubspot' as source_system, object, field, is_required, is_unique, is_createable from hubspot_metadata.fields
    union all
    select 'salesforce' as source_system, object, field, is_required, is_unique, is_createable from salesforce_metadata.fields

),

crosswalk as (

    select * from crosswalk

),

-- Whoever lives on one side alone.
one_sided as (

    select
        golden_id,
        entity,
        'salesforce' as target_system,
        'hubspot' as source_system,
        hubspot_object as source_object,
        hubspot_id as source_id
    from pairs
    where hubspot_id is not null and salesforce_id is null
    union all
    select
        golden_id,
        entity,
        'hubspot' as target_system,
        'salesforce' as source_system,
        salesforce_object as source_object,
        salesforce_id as source_id
    from pairs
    where salesforce_id is not null and hubspot_id is null

),

-- Whoever was deleted, merged away or has vanished over there stays so until somebody releases it.
gone_there as (

    select
        golden_id,
        source_system,
        min(record_id) as gone_id,
        max(since) as gone_since
    from int_record_life
    where life <> 'live'
    group by golden_id, source_system

),

releases as (

    select * from int_holds where decision = 'release' and field = '(record)'

),

-- A lead that was converted into a contact which this connection does not see.
converted_there as (

    select
        golden_id,
        source_system,
        min(source_id) as converted_id
    from crosswalk
    where is_live
    group by golden_id, source_system

),

-- Evidence leads to a live record over there that is known to be somebody else's, or may be one of two.
contradicted_there as (

    select
        ends.golden_id,
        split_part(ends.other_key, ':', 1) as source_system,
        min(split_part(ends.other_key, ':', 3)) as other_id
    from (
        select left_golden_id as golden_id, right_key as other_key from contradictions where is_live and (reason is distinct from 'declared_different')
        union all
        select right_golden_id as golden_id, left_key as other_key from contradictions where is_live and (reason is distinct from 'declared_different')
    ) as ends
    group by ends.golden_id, split_part(ends.other_key, ':', 1)

),

holds as (

    select distinct golden_id from int_fields_on_hold

),

-- Who was made and removed again by an undo is not made again by itself.
removed as (

    select distinct golden_id, source_system from int_undone where field = '(record)' and is_held

),

-- Where the native connector is at work, whom it would make may be made twice.
connected as (

    select connector.entity
    from int_native_connector as connector
    left join project.taken_over as taken_over
        on concat(connector.entity, '.(record)') = taken_over.full_name
    where connector.is_live and taken_over.full_name is null

),

-- A live record that already carries a key would be overwritten, or refuse the create that repeats it.
key_holders as (

    select 'salesforce' as source_system, concord_key, lead_id as holder_id
    from stg_salesforce__leads
    where concord_key is not null and not is_deleted
    union
    select 'salesforce' as source_system, concord_key, contact_id as holder_id
    from stg_salesforce__contacts
    where concord_key is not null and not is_deleted
    union
    select 'hubspot' as source_system, concord_key, contact_id as holder_id
    from stg_hubspot__contacts
    where concord_key is not null and not is_archived

),

keys_taken as (

    select
        source_system,
        concord_key,
        min(holder_id) as holder_id
    from key_holders
    group by source_system, concord_key

),

-- Without its key field a create could not be repeated safely, and without its link it would be a
-- stranger to the other side.
missing_fields as (

    select
        policies.entity,
        policies.target_system,
        case
            when key_fields.field is null then 'no_key_field'
            when link_fields.field is null then 'no_link_field'
        end as problem,
        case when key_fields.field is null then policies.key_field else policies.link_field end as missing_field
    from policies
    left join metadata as key_fields
        on
            policies.target_system = key_fields.source_system
            and policies.target_object = key_fields.object
            and policies.key_field = key_fields.field
            and key_fields.is_unique
            and key_fields.is_createable
    left join metadata as link_fields
        on
            policies.target_system = link_fields.source_system
            and policies.target_object = link_fields.object
            and policies.link_field = link_fields.field
            and link_fields.is_createable
    where key_fields.field is null or link_fields.field is null

),

-- Who is to be created, and what holds the whole record back.
wanted as (

    select
        one_sided.*,
        policies.target_object,
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
            when contradicted_there.other_id is not null and releases.decided_at is null then 'contradicted_there'
        end as record_held_code,
        case
            when coalesce(holds.golden_id, removed.golden_id, connected.entity) is not null then null
            when missing_fields.problem is not null then missing_fields.missing_field
            when converted_there.golden_id is not null then converted_there.converted_id
            when gone_there.gone_id is not null and coalesce(releases.decided_at < gone_there.gone_since, true) then gone_there.gone_id
            else coalesce(keys_taken.holder_id, contradicted_there.other_id)
        end as record_held_value
    from one_sided
    inner join policies
        on one_sided.entity = policies.entity and one_sided.target_system = policies.target_system
    inner join inclusion
        on one_sided.source_id = inclusion.source_id and one_sided.target_system = inclusion.target_system
    left join holds
        on one_sided.golden_id = holds.golden_id
    left join connected
        on one_sided.entity = connected.entity
    left join removed
        on one_sided.golden_id = removed.golden_id and one_sided.target_system = removed.source_system
    left join missing_fields
        on one_sided.entity = missing_fields.entity and one_sided.target_system = missing_fields.target_system
    left join converted_there
        on one_sided.golden_id = converted_there.golden_id and one_sided.target_system = converted_there.source_system
    left join gone_there
        on one_sided.golden_id = gone_there.golden_id and one_sided.target_system = gone_there.source_system
    left join releases
        on one_sided.golden_id = releases.golden_id
    left join contradicted_there
        on one_sided.golden_id = contradicted_there.golden_id and one_sided.target_system = contradicted_there.source_system
    left join keys_taken
        on
            one_sided.target_system = keys_taken.source_system
            and create_key(one_sided.golden_id, policies.target_object) = keys_taken.concord_key

),

-- Each field as it leaves its source.
sourced as (

    select
        wanted.*,
        field_values.field,
        field_values.full_name,
        rules.owner,
        rules.write_mode,
        rules.restrictive,
        field_values.currency_problem,
        case wanted.target_system when 'hubspot' then field_values.hubspot_field else field_values.salesforce_field end as target_field,
        case wanted.target_system when 'hubspot' then field_values.salesforce_field else field_values.hubspot_field end as source_field,
        case wanted.target_system when 'hubspot' then field_values.salesforce_raw else field_values.hubspot_raw end as source_raw,
        case wanted.target_system when 'hubspot' then field_values.salesforce_problem else field_values.hubspot_problem end as source_problem,
        case wanted.target_system
            when 'hubspot' then field_values.salesforce_value is null
            else field_values.hubspot_value is null
        end as is_source_blank,
        -- A default stands in the words of Salesforce.
        case wanted.target_system when 'salesforce' then rules.create_default end as create_default
    from wanted
    inner join field_values
        on wanted.golden_id = field_values.golden_id
    inner join rules
        on field_values.full_name = rules.full_name
    -- What a model owns follows the next night.
    where rules.owner not in ('compare', 'warehouse')

),

refused as (

    select distinct golden_id, field from sync_consents

),

mapped as (

    select
        sourced.*,
        case
            when source_fields.field is null then 'not_visible'
            when not sourced.is_source_blank then coalesce(
                sourced.source_problem,
                sourced.currency_problem,
                field_image_problem(sourced.full_name, sourced.source_system, sourced.source_raw, sourced.target_object, 'create')
            )
            when sourced.create_default is not null
                then field_default_problem(sourced.full_name, sourced.create_default, sourced.target_object)
        end as problem,
        -- A no of any record of the person is what the new one says.
        case
            when refused.golden_id is not null
                then field_image(sourced.full_name, 'hubspot', sourced.restrictive, sourced.target_object, 'create')
            else coalesce(
                field_image(sourced.full_name, sourced.source_system, sourced.source_raw, sourced.target_object, 'create'),
                sourced.create_default
            )
        end as after
    from sourced
    left join refused
        on sourced.golden_id = refused.golden_id and sourced.field = refused.field
    -- A field that the connection cannot see is unknown, not blank.
    left join metadata as source_fields
        on
            sourced.source_system = source_fields.source_system
            and sourced.source_object = source_fields.object
            and sourced.source_field = source_fields.field

),

-- HubSpot takes a contact without an address, and then nothing would keep a second one away.
required_fields as (

    select source_system, object, field from metadata where is_required and is_createable
    union
    select 'hubspot' as source_system, 'contacts' as object, 'email' as field

),

-- The key and the link are given by the create itself.
required as (

    select
        wanted.golden_id,
        required_fields.field as target_field
    from wanted
    inner join required_fields
        on wanted.target_system = required_fields.source_system and wanted.target_object = required_fields.object
    where required_fields.field not in (wanted.key_field, wanted.link_field)

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

emails_wanted as (

    select
        golden_id,
        source_id,
        field,
        lower(trimmed(after)) as email
    from mapped
    where target_system = 'hubspot' and target_object = 'contacts' and target_field = 'email' and after is not null

),

-- HubSpot keeps an address for one contact, also one of several; of two people who would bring the
-- same, it is not for us to say whose it is.
email_holders as (

    select email, record_key('hubspot', 'contacts', contact_id) as record_key, contact_id as holder_id
    from stg_hubspot__contacts
    where email is not null
    union
    select
        trim(unnest(string_to_array(additional_emails, ';'))) as email,
        record_key('hubspot', 'contacts', contact_id) as record_key,
        contact_id as holder_id
    from stg_hubspot__contacts
    where additional_emails is not null

),

all_email_holders as (

    select email_holders.email, email_holders.holder_id, crosswalk.golden_id
    from email_holders
    left join crosswalk
        on email_holders.record_key = crosswalk.record_key
    union all
    select email, source_id as holder_id, golden_id from emails_wanted

),

-- One's own archived contact is asked about as a record, not here.
emails_taken as (

    select
        emails_wanted.golden_id,
        emails_wanted.field,
        min(all_email_holders.holder_id) as holder_id
    from emails_wanted
    inner join all_email_holders
        on emails_wanted.email = all_email_holders.email
    where (emails_wanted.golden_id is distinct from all_email_holders.golden_id)
    group by emails_wanted.golden_id, emails_wanted.field

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
        mapped.target_system,
        mapped.target_object,
        mapped.source_system,
        mapped.source_object,
        mapped.source_id,
        mapped.key_field,
        mapped.link_field,
        mapped.field,
        mapped.full_name,
        mapped.owner,
        mapped.write_mode,
        mapped.source_field,
        mapped.is_source_blank,
        mapped.create_default,
        mapped.target_field,
        mapped.after,
        case
            when mapped.record_held_code is not null then mapped.record_held_code
            when required_missing.golden_id is not null then 'required_field_empty'
            when emails_taken.golden_id is not null then 'email_taken'
            else problems.problem
        end as held_code,
        case
            when mapped.record_held_code is not null then null
            when required_missing.golden_id is not null then coalesce(fields_required.field, required_missing.target_field)
            when emails_taken.golden_id is not null then emails_taken.field
            else problems.field
        end as held_field,
        case
            when mapped.record_held_code is not null then mapped.record_held_value
            when required_missing.golden_id is not null then null
            when emails_taken.golden_id is not null then emails_taken.holder_id
            else problems.value
        end as held_value
    from mapped
    left join required_missing
        on mapped.golden_id = required_missing.golden_id
    -- The map's own name of the required field, where it has one.
    left join mapped as fields_required
        on
            required_missing.golden_id = fields_required.golden_id
            and required_missing.target_field = fields_required.target_field
    left join emails_taken
        on mapped.golden_id = emails_taken.golden_id
    left join problems
        on mapped.golden_id = problems.golden_id

)

select * from final
