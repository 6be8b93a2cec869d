-- int_gap_salesforce_people: Salesforce leads and contacts side by side, with their person.
-- Deleted and converted records stay: what became of a record is what the reasons ask.
-- grain: one row per salesforce_id
with leads as (

    select * from stg_salesforce__leads

),

contacts as (

    select * from stg_salesforce__contacts

),

users as (

    select * from stg_salesforce__users

),

crosswalk_people as (

    select distinct
        source_id,
        golden_id
    from crosswalk
    where source_system = 'salesforce'
        and source_object in ('Lead', 'Contact')

),

linked_records as (

    select distinct
        golden_id,
        salesforce_id
    from person_links

),

lead_statuses as (

    select * from seeds.lead_statuses

),

records as (

    select
        'Lead' as salesforce_object,
        lead_id as salesforce_id,
        owner_id,
        created_by_id,
        master_record_id,
        converted_contact_id,
        hubspot_id,
        concord_key,
        email,
        first_name,
        last_name,
        phone,
        company_name,
        lead_source,
        lifecycle_stage,
        status,
        disqualified_reason,
        is_opted_out,
        is_deleted,
        is_converted,
        converted_date,
        last_activity_date,
        mql_at,
        created_at
    from leads
    union all
    select
        'Contact' as salesforce_object,
        contact_id as salesforce_id,
        owner_id,
        created_by_id,
        master_record_id,
        cast(null as varchar) as converted_contact_id,
        hubspot_id,
        concord_key,
        email,
        first_name,
        last_name,
        phone,
        cast(null as varchar) as company_name,
        lead_source,
        lifecycle_stage,
        cast(null as varchar) as status,
        cast(null as varchar) as disqualified_reason,
        is_opted_out,
        is_deleted,
        false as is_converted,
        cast(null as date) as converted_date,
        last_activity_date,
        mql_at,
        created_at
    from contacts

),

final as (

    select
        records.*,
        crosswalk_people.golden_id,
        users.user_name as owner_name,
        lead_statuses.meaning as status_meaning,
        not records.is_deleted and not records.is_converted as is_live,
        linked_records.salesforce_id is not null
            and not records.is_deleted
            and not records.is_converted as is_linked,
        coalesce(records.owner_id like '00G%', false) as is_queue_owned,
        coalesce(users.is_active, false) as is_active_user_owned
    from records
    left join crosswalk_people
        on records.salesforce_id = crosswalk_people.source_id
    left join linked_records
        on records.salesforce_id = linked_records.salesforce_id
        and crosswalk_people.golden_id = linked_records.golden_id
    left join users
        on records.owner_id = users.user_id
    left join lead_statuses
        on records.status = lead_statuses.status

)

select * from final
