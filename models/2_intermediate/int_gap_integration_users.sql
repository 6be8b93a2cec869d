-- int_gap_integration_users: Salesforce users that are software, not people.
-- grain: one row per user_id
with users as (

    select * from stg_salesforce__users

),

settings as (

    select * from project.settings

),

named_in_settings as (

    select value as user_id
    from settings
    where name = 'salesforce.integration_user_id'

),

named_like_software as (

    select user_id
    from users
    where regexp_like(lower(coalesce(user_name, '')), 'integration|automated process|hubspot|concord')
        or regexp_like(lower(coalesce(login_name, '')), '^(integration|hubspot|concord)')

),

final as (

    select user_id from named_in_settings
    where user_id is not null
    union
    select user_id from named_like_software

)

select * from final
