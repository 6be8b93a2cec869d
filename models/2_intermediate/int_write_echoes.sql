-- int_write_echoes: what became of our last accepted write to each field, as the snapshots show it.
-- grain: one row per source_system, object, record_id, field
-- `held`: it holds what we sent. `edited`: a person changed it since. `reformed`: Salesforce, which
-- answers no values, made another form of it in the write itself. `rebuffed`: it came back different
-- with no person behind it. `unseen`: the snapshot is older than the write.
with field_values as (

    select * from int_field_values

),

rules as (

    select * from project.field_rules

),

known_forms as (

    select * from state.stored_forms

),

writes as (

    select
        source_system,
        object,
        record_id,
        field,
        target_field,
        before,
        sent,
        stored,
        run_id,
        as_timestamp(written_at) as written_at,
        row_number() over (
            partition by source_system, object, record_id, field
            order by written_at desc, run_id desc
        ) as choice
    from ops.outcomes
    where status = 'accepted' and operation <> 'delete'

),

last_writes as (

    select * from writes where choice = 1

),

observed as (

    select
        golden_id,
        full_name,
        field,
        'hubspot' as source_system,
        hubspot_object as object,
        hubspot_id as record_id,
        hubspot_field as target_field,
        hubspot_raw as found,
        hubspot_modified_at as modified_at
    from field_values
    where hubspot_id is not null
    union all
    select
        golden_id,
        full_name,
        field,
        'salesforce' as source_system,
        salesforce_object as object,
        salesforce_id as record_id,
        salesforce_field as target_field,
        salesforce_raw as found,
        salesforce_modified_at as modified_at
    from field_values
    where salesforce_id is not null

),

-- Who last wrote to a record in Salesforce; programs are the known ones, and whoever made the records
-- that carry our key.
modifiers as (

    select lead_id as record_id, modified_by_id, created_by_id, concord_key from stg_salesforce__leads
    union all
    select contact_id as record_id, modified_by_id, created_by_id, concord_key from stg_salesforce__contacts
    union all
    select account_id as record_id, modified_by_id, null as created_by_id, null as concord_key from stg_salesforce__accounts
    union all
    select opportunity_id as record_id, modified_by_id, null as created_by_id, null as concord_key from stg_salesforce__opportunities

),

programs as (

    select user_id from int_gap_integration_users
    union
    select created_by_id as user_id from modifiers where concord_key is not null

),

-- Who last wrote to a property in HubSpot, where its history is kept.
versions as (

    select 'contacts' as object, contact_id as record_id, property, source_type, source_id, changed_at, value
    from stg_hubspot__contact_history
    union all
    select 'deals' as object, deal_id as record_id, property, source_type, source_id, changed_at, value
    from stg_hubspot__deal_history

),

versions_ranked as (

    select
        *,
        row_number() over (
            partition by object, record_id, property
            order by changed_at desc, source_type, source_id, value
        ) as choice
    from versions

),

last_versions as (

    select * from versions_ranked where choice = 1

),

compared as (

    select
        observed.golden_id,
        observed.full_name,
        observed.field,
        observed.source_system,
        observed.object,
        observed.record_id,
        observed.target_field,
        last_writes.sent,
        observed.found,
        last_writes.run_id,
        last_writes.written_at,
        observed.modified_at,
        rules.owner,
        case
            when observed.source_system = 'salesforce' then modifiers.modified_by_id
            else concat_ws(' ', last_versions.source_type, last_versions.source_id)
        end as writer,
        case
            when observed.source_system = 'salesforce' then programs.user_id is null and modifiers.modified_by_id is not null
            when last_versions.record_id is not null
                then last_versions.source_type in ('CRM_UI', 'CRM_UI_BULK_ACTION', 'MOBILE_IOS', 'MOBILE_ANDROID', 'EXTENSION', 'FORM', 'FORMS')
            -- Nothing says who it was; where both sides may write, a person may.
            else rules.owner not in ('hubspot', 'salesforce')
        end as is_person,
        known_forms.sent is not null as is_known_form,
        field_value(observed.full_name, observed.source_system, last_writes.before) as typed_before,
        field_value(observed.full_name, observed.source_system, last_writes.sent) as typed_sent,
        field_value(observed.full_name, observed.source_system, last_writes.stored) as typed_stored,
        field_value(observed.full_name, observed.source_system, observed.found) as typed_found
    from observed
    inner join rules
        on observed.full_name = rules.full_name
    inner join last_writes
        on
            observed.source_system = last_writes.source_system
            and observed.object = last_writes.object
            and observed.record_id = last_writes.record_id
            and observed.field = last_writes.field
    left join known_forms
        on
            observed.source_system = known_forms.source_system
            and observed.object = known_forms.object
            and observed.target_field = known_forms.field
            and last_writes.sent = known_forms.sent
            and observed.found = known_forms.stored
    left join modifiers
        on observed.source_system = 'salesforce' and observed.record_id = modifiers.record_id
    left join programs
        on modifiers.modified_by_id = programs.user_id
    left join last_versions
        on
            observed.source_system = 'hubspot'
            and observed.object = last_versions.object
            and observed.record_id = last_versions.record_id
            and observed.target_field = last_versions.property

),

final as (

    select
        golden_id,
        full_name,
        field,
        source_system,
        object,
        record_id,
        target_field,
        sent,
        found,
        nullif(writer, '') as writer,
        case
            when (typed_found is not distinct from typed_sent) or typed_found = typed_stored or is_known_form then 'held'
            -- Clocks differ a little; what ran within the write carries its time.
            when modified_at < written_at - interval '60 seconds' then 'unseen'
            when
                source_system = 'salesforce'
                and owner <> 'handoff'
                and typed_sent is not null
                and typed_found is not null
                and (typed_found is distinct from typed_before)
                and modified_at <= written_at + interval '60 seconds'
                then 'reformed'
            when is_person then 'edited'
            else 'rebuffed'
        end as verdict,
        run_id,
        written_at
    from compared

)

select * from final
