-- companies: one row a company, whichever CRM knows it.
-- grain: one row per golden_id
{% import "3_marts/_golden.sql" as marts %}
{% call marts.golden(entities.company) %}{% endcall %}
