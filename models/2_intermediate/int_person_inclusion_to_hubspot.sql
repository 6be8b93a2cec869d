-- int_person_inclusion_to_hubspot: which people of Salesforce may cross to HubSpot, by the project's rules for that way, and the sentence why not.
-- grain: one row per source_object, source_id
-- Judged on Salesforce's own staged values, never on a golden value. Without a rule nobody crosses.
with leads as (

    select * from stg_salesforce__leads

),

contacts as (

    select * from stg_salesforce__contacts

),

-- What leads and contacts both tell, and what tells them apart; a contact has no status, a lead no account.
facts as (

    select
        'Lead' as source_object,
        lead_id as source_id,
        cast(null as varchar) as account_id,
        owner_id,
        created_by_id,
        record_type_id,
        email,
        first_name,
        last_name,
        phone,
        mobile_phone,
        job_title,
        lead_source,
        lifecycle_stage,
        segment,
        utm_source,
        utm_campaign,
        company_name,
        city,
        country,
        status,
        lead_score,
        is_deleted,
        is_converted,
        is_opted_out,
        last_activity_date,
        mql_at,
        created_at,
        modified_at
    from leads
    union all
    select
        'Contact' as source_object,
        contact_id as source_id,
        account_id,
        owner_id,
        created_by_id,
        record_type_id,
        email,
        first_name,
        last_name,
        phone,
        mobile_phone,
        job_title,
        lead_source,
        lifecycle_stage,
        segment,
        utm_source,
        utm_campaign,
        cast(null as varchar) as company_name,
        city,
        country,
        cast(null as varchar) as status,
        lead_score,
        is_deleted,
        false as is_converted,
        is_opted_out,
        last_activity_date,
        mql_at,
        created_at,
        modified_at
    from contacts

),

judged as (

    select
        source_object,
        source_id,
        is_deleted,
        is_converted{{ "," if project.inclusion_to_hubspot }}
{% for rule in project.inclusion_to_hubspot %}
        coalesce(({{ rule.sql }}), false) as rule__{{ rule.name }}{{ "," if not loop.last }}
{% endfor %}
    from facts

),

final as (

    select
        source_object,
        source_id,
        not is_deleted and not is_converted{% for rule in project.inclusion_to_hubspot %} and rule__{{ rule.name }}{% else %} and false{% endfor %} as is_included,
        case
            when is_deleted then 'is deleted in Salesforce'
            when is_converted then 'was converted into a contact'
{% for rule in project.inclusion_to_hubspot %}
            when not rule__{{ rule.name }} then {{ rule.sentence | quote }}
{% else %}
            else 'no rule lets anybody cross to HubSpot'
{% endfor %}
        end as sentence
    from judged

)

select * from final
