-- int_company_values_paired: both sides' raw values of every mapped field, once for each pair of primaries.
-- grain: one row per golden_id
{% import "2_intermediate/_values.sql" as values %}
{{ values.paired_values(entities.company) }}
