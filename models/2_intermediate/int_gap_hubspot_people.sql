-- int_gap_hubspot_people: HubSpot contacts with their person and their MQL entries summed up.
-- grain: one row per contact_id
with contacts as (

    select * from stg_hubspot__contacts

),

crosswalk_people as (

    select distinct
        source_id,
        golden_id
    from crosswalk
    where source_system = 'hubspot'
        and source_object = 'contacts'

),

stage_entries as (

    select * from int_stage_entries

),

mql_entries_by_contact as (

    select
        contact_id,
        count(*) as n_mql_entries,
        min(entered_at) as first_mql_at,
        max(entered_at) as latest_mql_at
    from stage_entries
    where stage = 'marketingqualifiedlead'
    group by contact_id

),

later_entries_by_contact as (

    select
        contact_id,
        min(entered_at) as first_later_stage_at
    from stage_entries
    where stage_rank > 3
    group by contact_id

),

final as (

    select
        crosswalk_people.golden_id,
        contacts.contact_id,
        contacts.email,
        contacts.additional_emails,
        contacts.first_name,
        contacts.last_name,
        contacts.phone,
        contacts.company_name,
        contacts.lifecycle_stage,
        coalesce(mql_entries_by_contact.n_mql_entries, 0) as n_mql_entries,
        contacts.is_archived,
        contacts.last_synced_at,
        mql_entries_by_contact.first_mql_at,
        mql_entries_by_contact.latest_mql_at,
        later_entries_by_contact.first_later_stage_at
    from contacts
    left join crosswalk_people
        on contacts.contact_id = crosswalk_people.source_id
    left join mql_entries_by_contact
        on contacts.contact_id = mql_entries_by_contact.contact_id
    left join later_entries_by_contact
        on contacts.contact_id = later_entries_by_contact.contact_id

)

select * from final
