-- int_stored_forms: values that a CRM stored in another form than the one we sent.
-- grain: one row per source_system, object, field, sent, stored
-- HubSpot answers what it stored; Salesforce does not, and the next snapshot shows it. A write that was
-- ignored, or left the field blank, stored no form of the value.
with known as (

    select * from state.stored_forms

),

-- Lifecycle stages are left out: HubSpot answers a backward move with the stage that it kept.
fields as (

    select full_name from project.field_rules where owner <> 'handoff'

),

answers as (

    select
        source_system,
        object,
        target_field as field,
        concat(
            case
                when object in ('contacts', 'Lead', 'Contact') then 'person.'
                when object in ('companies', 'Account') then 'company.'
                else 'deal.'
            end,
            field
        ) as full_name,
        sent,
        stored
    from ops.outcomes
    where
        status = 'accepted'
        and sent is not null
        and nullif(stored, '') is not null
        and (stored is distinct from before)

),

-- Another notation of one value needs no memory.
seen as (

    select
        answers.source_system,
        answers.object,
        answers.field,
        answers.sent,
        answers.stored
    from answers
    inner join fields
        on answers.full_name = fields.full_name
    where
        field_value(answers.full_name, answers.source_system, answers.sent)
        <> field_value(answers.full_name, answers.source_system, answers.stored)

),

reformed as (

    select
        source_system,
        object,
        target_field as field,
        sent,
        found as stored
    from int_write_echoes
    where verdict = 'reformed'

),

final as (

    select source_system, object, field, sent, stored from known
    union
    select source_system, object, field, sent, stored from seen
    union
    select source_system, object, field, sent, stored from reformed

)

select * from final
