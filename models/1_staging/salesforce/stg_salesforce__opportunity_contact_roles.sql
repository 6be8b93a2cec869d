-- stg_salesforce__opportunity_contact_roles: Contact roles of Salesforce opportunities, renamed and typed. No joins, no filters.
-- grain: one row per opportunity_contact_role_id, as of the latest complete snapshot
with source as (

    select * from salesforce.opportunity_contact_role

),

final as (

    select
        -- ids
        "Id" as opportunity_contact_role_id,
        "OpportunityId" as opportunity_id,
        "ContactId" as contact_id,

        -- strings
        trimmed("Role") as role,

        -- booleans
        coalesce(as_boolean("IsDeleted"), false) as is_deleted,
        coalesce(as_boolean("IsPrimary"), false) as is_primary,

        -- timestamps (UTC)
        as_timestamp("CreatedDate") as created_at,
        as_timestamp("LastModifiedDate") as modified_at,
        as_timestamp("SystemModstamp") as system_modified_at
    from source

)

select * from final
