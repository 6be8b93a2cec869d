-- deals: one row a deal, whichever CRM knows it.
-- grain: one row per golden_id
{% import "3_marts/_golden.sql" as marts %}
{% call marts.golden(entities.deal) %}{% endcall %}
