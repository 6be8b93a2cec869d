-- state_stored_forms: values that a CRM stored in another form than the one we sent.
-- grain: one row per source_system, object, field, sent, stored
-- A write that was ignored, or left the field blank, stored no form of the value.
with known as (

    select * from state.stored_forms

),

seen as (

    select
        source_system,
        object,
        target_field as field,
        sent,
        stored
    from ops.outcomes
    where
        status = 'accepted'
        and sent is not null
        and nullif(stored, '') is not null
        and sent <> stored
        and (stored is distinct from before)

),

final as (

    select source_system, object, field, sent, stored from known
    union
    select source_system, object, field, sent, stored from seen

)

select * from final
