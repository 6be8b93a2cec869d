-- int_fields_on_hold: fields that are on hold today; of a decision about the record and one about the
-- field, the later one counts.
-- grain: one row per golden_id, field
with decisions as (

    select * from int_holds

),

field_names as (

    select distinct split_part(full_name, '.', 2) as field from project.field_rules
    union
    select '(link)' as field
    union
    select '(company)' as field

),

-- A decision about the record is one about each of its fields.
decisions_by_field as (

    select golden_id, field, run_id, decision, decided_at
    from decisions
    where field <> '(record)'
    union all
    select
        decisions.golden_id,
        field_names.field,
        decisions.run_id,
        decisions.decision,
        decisions.decided_at
    from decisions
    cross join field_names
    where decisions.field = '(record)'

),

ranked as (

    select
        golden_id,
        field,
        decision,
        row_number() over (partition by golden_id, field order by decided_at desc, run_id desc) as choice
    from decisions_by_field

),

final as (

    select
        golden_id,
        field
    from ranked
    where choice = 1 and decision = 'hold'

)

select * from final
