-- state_list_memberships: since when, and until when, a contact was on a list; HubSpot shows only today.
-- grain: one row per list_id, contact_id, joined_at
-- Lists of contacts only; those of companies and deals hold ids of their own.
with memberships as (

    select memberships.*
    from stg_hubspot__list_memberships as memberships
    inner join stg_hubspot__lists as lists
        on memberships.list_id = lists.list_id and lists.object_type_id = '0-1'

),

known as (

    select * from state.list_memberships

),

open_before as (

    select * from known where left_at is null

),

closed_before as (

    select * from known where left_at is not null

),

-- Whoever left and joined again between two nights is known by the later time of joining.
open_today as (

    select
        memberships.list_id,
        memberships.contact_id,
        case
            when memberships.joined_at > open_before.joined_at then memberships.joined_at
            else coalesce(open_before.joined_at, memberships.joined_at, (select as_of_at from project.run))
        end as joined_at,
        cast(null as timestamp) as left_at
    from memberships
    left join open_before
        on memberships.list_id = open_before.list_id and memberships.contact_id = open_before.contact_id

),

closed_today as (

    select
        open_before.list_id,
        open_before.contact_id,
        open_before.joined_at,
        coalesce(open_today.joined_at, (select as_of_at from project.run)) as left_at
    from open_before
    left join open_today
        on open_before.list_id = open_today.list_id and open_before.contact_id = open_today.contact_id
    where (open_today.joined_at is distinct from open_before.joined_at)

),

-- A span that is open again was not seen for a night, and never ended.
still_closed as (

    select closed_before.*
    from closed_before
    left join open_today
        on
            closed_before.list_id = open_today.list_id
            and closed_before.contact_id = open_today.contact_id
            and closed_before.joined_at = open_today.joined_at
    where open_today.list_id is null

),

final as (

    select list_id, contact_id, joined_at, left_at from open_today
    union all
    select list_id, contact_id, joined_at, left_at from closed_today
    union all
    select list_id, contact_id, joined_at, left_at from still_closed

)

select * from final
