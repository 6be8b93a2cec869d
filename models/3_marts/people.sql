-- people: one row a person, whichever CRM knows them.
-- grain: one row per golden_id
{% import "3_marts/_golden.sql" as marts %}
{% call marts.golden(entities.person) %}
        coalesce(int_person_inclusion.is_included, false) as is_included,
        case
            when pairs.hubspot_id is null then 'has no live record in HubSpot'
            else int_person_inclusion.sentence
        end as why_not_included,
        coalesce(int_handoffs.is_open, false) as is_handed_off,
        int_handoffs.opened_at as handed_off_at,
{% endcall %}
