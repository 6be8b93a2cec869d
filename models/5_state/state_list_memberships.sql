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

followed as (

    select
        coalesce(memberships.list_id, open_before.list_id) as list_id,
        coalesce(memberships.contact_id, open_before.contact_id) as contact_id,
        coalesce(open_before.joined_at, memberships.joined_at, (select as_of_at from project.run)) as joined_at,
        case when memberships.list_id is null then (select as_of_at from project.run) end as left_at
    from memberships
    full outer join open_before
        on memberships.list_id = open_before.list_id and memberships.contact_id = open_before.contact_id

),

final as (

    select list_id, contact_id, joined_at, left_at from followed
    union all
    select list_id, contact_id, joined_at, left_at from closed_before

)

select * from final
