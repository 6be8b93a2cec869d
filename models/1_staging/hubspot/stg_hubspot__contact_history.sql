-- stg_hubspot__contact_history: Property history of HubSpot contacts, renamed and typed. No joins, no filters.
-- HubSpot gives a change no id, so two changes in one millisecond cannot be told apart.
-- grain: one row per change, as of the latest complete snapshot
with source as (

    select * from hubspot.contacts_history

),

final as (

    select
        -- ids
        id as contact_id,
        trimmed(source_id) as source_id,
        trimmed(updated_by_user_id) as updated_by_user_id,

        -- strings
        property,
        trimmed(value) as value,
        trimmed(source_type) as source_type,
        trimmed(source_label) as source_label,

        -- timestamps (UTC)
        as_timestamp("timestamp") as changed_at
    from source

)

select * from final
