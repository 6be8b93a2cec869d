-- How many people do not cross to Salesforce, and which rule stops them? Asked by Marketing.
-- grain: one row per sentence
select
    people.why_not_included,
    count(*) as n_people
from people
where not people.is_included and people.hubspot_id is not null and people.salesforce_id is null
group by people.why_not_included
order by n_people desc, people.why_not_included
