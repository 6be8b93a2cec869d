-- state_stored_forms: values that a CRM stored in another form than the one we sent.
-- grain: one row per source_system, object, field, sent, stored
with final as (

    select source_system, object, field, sent, stored from int_stored_forms

)

select * from final
