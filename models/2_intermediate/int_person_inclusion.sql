-- int_person_inclusion: who may cross, by the project's inclusion rules, and the sentence why not.
-- grain: one row per contact_id
-- Judged on HubSpot's own staged values, never on a golden value.
with contacts as (

    select * from stg_hubspot__contacts

),

lists as (

    select * from stg_hubspot__lists

),

memberships as (

    select * from stg_hubspot__list_memberships

),

names_of_lists as (

    select
        memberships.contact_id,
        array_agg(lists.list_name) as list_names
    from memberships
    -- Lists of companies and deals hold ids of their own, which may equal a contact's.
    inner join lists
        on memberships.list_id = lists.list_id and lists.object_type_id = '0-1'
    group by memberships.contact_id

),

aliases as (

    select * from int_record_aliases

),

-- What is known of a contact that HubSpot merged away belongs to the survivor.
known as (

    select
        coalesce(aliases.record_key, record_key('hubspot', 'contacts', inclusion.contact_id)) as record_key,
        max(inclusion.last_included_at) as last_included_at
    from state.inclusion as inclusion
    left join aliases
        on record_key('hubspot', 'contacts', inclusion.contact_id) = aliases.former_key
    group by coalesce(aliases.record_key, record_key('hubspot', 'contacts', inclusion.contact_id))

),

facts as (

    select
        contacts.*,
        names_of_lists.list_names
    from contacts
    left join names_of_lists
        on contacts.contact_id = names_of_lists.contact_id

),

judged as (

    select
        contact_id,
        is_archived{{ "," if project.inclusion }}
{% for rule in project.inclusion %}
        coalesce(({{ rule.sql }}), false) as rule__{{ rule.name }}{{ "," if not loop.last }}
{% endfor %}
    from facts

),

included as (

    select
        contact_id,
        is_archived,
        not is_archived{% for rule in project.inclusion %} and rule__{{ rule.name }}{% endfor %} as is_included,
        case
            when is_archived then 'is archived in HubSpot'
{% for rule in project.inclusion %}
            when not rule__{{ rule.name }} then {{ rule.sentence | quote }}
{% endfor %}
        end as sentence,
        -- Which rules a person meets whose failure has a reason code of its own.
        true{% for rule in project.inclusion if rule.reason == 'T1' %} and rule__{{ rule.name }}{% endfor %} as is_list_member,
        true{% for rule in project.inclusion if rule.reason == 'T2' %} and rule__{{ rule.name }}{% endfor %} as is_score_met,
        true{% for rule in project.inclusion if rule.reason == 'T3' %} and rule__{{ rule.name }}{% endfor %} as has_email
    from judged

),

final as (

    select
        included.contact_id,
        included.is_included,
        included.sentence,
        -- Whoever left the rule a short while ago may still be created over there.
        included.is_included or (
            not included.is_archived
            and coalesce(
                known.last_included_at >= (select as_of_at from project.run) - interval '{{ project.leave_after_days }} days',
                false
            )
        ) as may_be_created,
        included.is_list_member,
        included.is_score_met,
        included.has_email,
        case
            when included.is_included then (select as_of_at from project.run)
            else known.last_included_at
        end as last_included_at
    from included
    left join known
        on record_key('hubspot', 'contacts', included.contact_id) = known.record_key

)

select * from final
