-- stg_salesforce__users: Salesforce users, inactive ones included, renamed and typed. No joins, no filters.
-- grain: one row per user_id, as of the latest complete snapshot
with source as (

    select * from salesforce."user"

),

final as (

    select
        -- ids
        "Id" as user_id,
        trimmed("UserRoleId") as role_id,
        trimmed("ProfileId") as profile_id,
        trimmed("ManagerId") as manager_id,

        -- strings
        trimmed("Name") as user_name,
        trimmed("Username") as login_name,
        lower(trimmed("Email")) as email,
        trimmed("UserType") as user_type,
        trimmed("TimeZoneSidKey") as time_zone,

        -- booleans
        coalesce(as_boolean("IsActive"), false) as is_active,

        -- timestamps (UTC)
        as_timestamp("CreatedDate") as created_at,
        as_timestamp("LastModifiedDate") as modified_at
    from source

)

select * from final
