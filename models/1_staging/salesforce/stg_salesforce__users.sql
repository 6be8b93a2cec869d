-- stg_salesforce__users: Salesforce users, inactive ones included, renamed and typed. No joins, no filters.
-- grain: one row per user_id, as of the latest complete snapshot
with source as (

    select * from salesforce."user"

),

final as (

    select
        -- ids
        "Id" as user_id,
        nullif(trim("UserRoleId"), '') as role_id,
        nullif(trim("ProfileId"), '') as profile_id,
        nullif(trim("ManagerId"), '') as manager_id,

        -- strings
        nullif(trim("Name"), '') as user_name,
        nullif(trim("Username"), '') as login_name,
        nullif(lower(trim("Email")), '') as email,
        nullif(trim("UserType"), '') as user_type,
        nullif(trim("TimeZoneSidKey"), '') as time_zone,

        -- booleans
        coalesce(as_boolean("IsActive"), false) as is_active,

        -- timestamps (UTC)
        as_timestamp("CreatedDate") as created_at,
        as_timestamp("LastModifiedDate") as modified_at
    from source

)

select * from final
