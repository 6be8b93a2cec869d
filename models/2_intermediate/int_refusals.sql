-- int_refusals: every refusal that no accepted write of the same field has ended since.
-- grain: one row per golden_id, place, write_id
-- A refusal is about the field that the CRM named; where it named none, about every field of that write.
-- A record that was to be made is one row, `(record)`. Those that state has counted are one row for each
-- place.
with heirs as (

    select * from int_golden_id_heirs

),

records as (

    select * from crosswalk

),

-- An undo puts back what was there; its refusal says nothing about what the map sends.
answers as (

    select
        concat(run_id, '/', action_id) as write_id,
        source_system,
        object,
        operation,
        case when operation <> 'create' then record_id end as record_id,
        golden_id,
        field,
        target_field,
        coalesce(sent, '') as sent,
        status,
        code,
        message,
        coalesce(lower(target_field) = lower(refused_field), false) as is_named,
        as_timestamp(written_at) as answered_at
    from ops.outcomes
    where
        operation in ('create', 'update', 'associate')
        and (status = 'accepted' or (status = 'rejected' and coalesce(rule, '') not like 'undo %'))

),

refused_fields as (

    select
        *,
        count(*) over (partition by write_id) as n_fields,
        max(case when is_named then field end) over (partition by write_id) as named_field
    from answers
    where status = 'rejected'

),

refused_updates as (

    select
        golden_id,
        field,
        source_system,
        object,
        operation,
        record_id,
        target_field,
        named_field,
        sent,
        code,
        message,
        write_id,
        case when named_field is null then n_fields else cast(1 as bigint) end as n_together,
        answered_at
    from refused_fields
    where operation <> 'create' and (named_field is null or field = named_field)

),

refused_creates as (

    select
        golden_id,
        '(record)' as field,
        source_system,
        object,
        operation,
        record_id,
        max(case when is_named then target_field end) as target_field,
        named_field,
        array_to_string(array_sort(array_agg(concat(target_field, '=', sent))), '; ') as sent,
        code,
        message,
        write_id,
        cast(1 as bigint) as n_together,
        answered_at
    from refused_fields
    where operation = 'create'
    group by golden_id, source_system, object, operation, record_id, named_field, code, message, write_id, answered_at

),

all_refusals as (

    select
        golden_id,
        field,
        source_system,
        object,
        operation,
        record_id,
        target_field,
        named_field,
        sent,
        code,
        message,
        write_id,
        cast(n_together as bigint) as n_together,
        cast(n_refusals as bigint) as n_refusals,
        first_refused_at,
        last_refused_at,
        true as is_known
    from state.rejections
    union all
    select
        * exclude (answered_at),
        cast(1 as bigint) as n_refusals,
        answered_at as first_refused_at,
        answered_at as last_refused_at,
        false as is_known
    from refused_updates
    union all
    select
        * exclude (answered_at),
        cast(1 as bigint) as n_refusals,
        answered_at as first_refused_at,
        answered_at as last_refused_at,
        false as is_known
    from refused_creates

),

-- A refusal goes with the record that it was about; one of a record that was to be made, with the person.
refusals_today as (

    select
        all_refusals.* exclude (golden_id),
        case
            when all_refusals.operation = 'create' then coalesce(heirs.golden_id, all_refusals.golden_id)
            else records.golden_id
        end as golden_id,
        concat_ws(
            '/',
            all_refusals.source_system,
            all_refusals.object,
            coalesce(all_refusals.record_id, heirs.golden_id, all_refusals.golden_id),
            all_refusals.field
        ) as place
    from all_refusals
    left join records
        on record_key(all_refusals.source_system, all_refusals.object, all_refusals.record_id) = records.record_key
    left join heirs
        on all_refusals.operation = 'create' and all_refusals.golden_id = heirs.golden_id_before
    where all_refusals.operation = 'create' or records.golden_id is not null

),

created as (

    select
        concat_ws('/', answers.source_system, answers.object, coalesce(heirs.golden_id, answers.golden_id), '(record)') as place,
        answers.answered_at
    from answers
    left join heirs
        on answers.golden_id = heirs.golden_id_before
    where answers.status = 'accepted' and answers.operation = 'create'

),

known_until as (

    select
        place,
        max(last_refused_at) as known_until
    from refusals_today
    where is_known
    group by place

),

places as (

    select distinct place, source_system, object, operation, record_id, field from refusals_today

),

accepted_at as (

    select
        places.place,
        max(answers.answered_at) as accepted_at
    from places
    inner join answers
        on
            places.source_system = answers.source_system
            and places.object = answers.object
            and places.record_id = answers.record_id
            and places.field = answers.field
    where places.operation <> 'create' and answers.status = 'accepted'
    group by places.place
    union all
    select
        places.place,
        max(created.answered_at) as accepted_at
    from places
    inner join created
        on places.place = created.place
    where places.operation = 'create'
    group by places.place

),

refused_records as (

    select distinct source_system, object, record_id from places where operation <> 'create'

),

own_writes as (

    select
        refused_records.source_system,
        refused_records.object,
        refused_records.record_id,
        max(answers.answered_at) as written_at
    from refused_records
    inner join answers
        on
            refused_records.source_system = answers.source_system
            and refused_records.object = answers.object
            and refused_records.record_id = answers.record_id
    where answers.status = 'accepted'
    group by refused_records.source_system, refused_records.object, refused_records.record_id

),

-- What state has counted is not counted again, and what was accepted since is over.
final as (

    select
        refusals_today.golden_id,
        refusals_today.place,
        refusals_today.field,
        refusals_today.source_system,
        refusals_today.object,
        refusals_today.operation,
        refusals_today.record_id,
        refusals_today.target_field,
        refusals_today.named_field,
        refusals_today.sent,
        refusals_today.code,
        refusals_today.message,
        refusals_today.write_id,
        refusals_today.n_together,
        refusals_today.n_refusals,
        refusals_today.first_refused_at,
        refusals_today.last_refused_at,
        own_writes.written_at as own_written_at
    from refusals_today
    left join known_until
        on refusals_today.place = known_until.place
    left join accepted_at
        on refusals_today.place = accepted_at.place
    left join own_writes
        on
            refusals_today.source_system = own_writes.source_system
            and refusals_today.object = own_writes.object
            and refusals_today.record_id = own_writes.record_id
    where
        (refusals_today.is_known or known_until.place is null or refusals_today.last_refused_at > known_until.known_until)
        and (accepted_at.place is null or refusals_today.last_refused_at > accepted_at.accepted_at)

)

select * from final
