-- int_gap_integration_users: Salesforce users that are software, not people.
-- They are told by a whole word of their name, or by the first word of their login.
-- grain: one row per user_id
with users as (

    select * from stg_salesforce__users

),

final as (

    select user_id
    from users
    where regexp_like(lower(coalesce(user_name, '')), '(^|\P{L})(integrations?|automated process|hubspot|concord)(\P{L}|$)')
        or regexp_like(lower(coalesce(login_name, '')), '^(integrations?|hubspot|concord)(\P{L}|$)')

)

select * from final
